"""Names from data are text on every page: no markup of a class, feature, data set or part is ever interpreted."""

import json
from dataclasses import replace

import numpy as np
import pytest
from opening import TABS_OF_EXPLAIN, TABS_OF_PARTS, open_page

from ddnmf_core.config import EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.part_names import rename_part
from ddnmf_core.store.run_store import Store

PAGES = ("home", "train", "latent", *TABS_OF_PARTS, *TABS_OF_EXPLAIN, "noise", "sweep", "compare")
FEATURES = ("price($)", "cost($)", "HLA-A*02:01", "B*07:02", "<unk>", "a_b_c", "[x](http://e.example)", ":red[x]", "<b>fat</b>")
CLASSES = ("<style>*{display:none}</style>", "**bold**", "$x$ or $y$", "<img src=x onerror=alert(1)>")
TITLE, PART = "Prices $1 *and* <i>more</i> $2", "*hook* <u>x</u> $a$"
SAMPLE = "a/<s>*row*</s> $1$"
NAMES = (*FEATURES, *CLASSES, TITLE, PART, SAMPLE)
IN_MARKUP = [name for name in NAMES if "<" in name]
READ_AS_MARKDOWN = ("markdown", "caption", "info", "warning", "error", "success", "header", "subheader", "title", "toast")


@pytest.fixture(scope="module")
def home_of_names(tmp_path_factory):
    """A run on a table of such names with all that pages show, its parts named, one run more for a sweep."""
    folder = tmp_path_factory.mktemp("names")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDNMF_HOME", str(folder / "home"))
        chance, path = np.random.default_rng(0), folder / "names.csv"
        rows = [
            ",".join([*map(str, chance.random(len(FEATURES)).round(3)), f'"{CLASSES[i % len(CLASSES)]}"']) for i in range(80)
        ]
        path.write_text("\n".join([",".join(f'"{name}"' for name in (*FEATURES, "kind")), *rows]) + "\n")
        store = Store()
        options = ImportOptions(title=TITLE, labels="kind")
        raw = user_sets.read_source(path, path.name, options)
        name = user_sets.add_read(replace(raw, sample_names=(SAMPLE,) * 80), path.name, options)
        run = RunConfig(dataset=name, layers=(16, 4), n_parts=3, epochs=2, batch_size=16)
        for config in (
            run,
            run.replace(gamma=0.5),
            run.replace(seed=2),
            run.replace(nmf_at="pixels"),
            PixelNMFConfig(dataset=name, n_parts=3),
            InterpretationConfig.of(run, n_pictures=10),
            InterpretationConfig.of(run, factors="readout", n_parts=3, n_pictures=10),
            EmbeddingConfig(run=run.id, n_points=5000, method="t-sne", perplexity=30),
        ):
            entry = store.create(config)
            assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
        for part in range(3):
            rename_part(store.entry(run), part, PART)
        yield store, run


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("nmf_at", ["code", "pixels"])
def test_no_page_reads_a_name_as_markup(page, nmf_at, home_of_names, monkeypatch):
    store, run = home_of_names
    monkeypatch.setenv("DDNMF_HOME", str(store.root))
    app = open_page(page, run=run.replace(nmf_at=nmf_at).id, sample="3")
    assert not app.exception
    wrong = sorted({(place, name) for place, text, names in texts(app) for name in names if name in text})
    assert wrong == []


def test_the_form_for_data_reads_no_name_as_markup(home_of_names, monkeypatch, tmp_path):
    monkeypatch.setenv("DDNMF_HOME", str(tmp_path / "home"))
    path = home_of_names[0].root.parent / "names.csv"
    app = open_page("train")
    app.button_group(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").set_value(str(path)).run()
    assert not app.exception
    labels = next(box for box in app.selectbox if (box.key or "").startswith("train.own.labels"))
    labels.set_value("kind").run()
    assert "80 rows of 9 features" in "".join(element.value for element in app.markdown)
    wrong = sorted({(place, name) for place, text, names in texts(app) for name in names if name in text})
    assert wrong == []
    app.text_input(key="train.own.path").set_value(str(tmp_path / "<b>no</b> *such* $file$.csv")).run()
    assert not [text for _, text, _ in texts(app) if "<b>no</b>" in text]


def texts(app):
    """What is read as markup: where it stands, the text, and the names that must not stand in it as they are."""
    for kind in READ_AS_MARKDOWN:
        for element in getattr(app, kind, ()):
            yield f"{kind}: {str(element.value)[:60]}", str(element.value), NAMES
    for kind in ("button", "metric", "checkbox", "toggle", "slider", "selectbox", "multiselect", "number_input", "text_input"):
        for element in getattr(app, kind, ()):
            yield f"label of {kind}", element.label or "", NAMES
            yield f"help of {kind}", getattr(element, "help", "") or "", NAMES
    for element in app.button_group:
        yield "options of segmented control", "\n".join(map(str, element.options)), NAMES
    for element in app.get("html"):
        yield "html", element.proto.body, IN_MARKUP
    for element in app.get("plotly_chart"):
        for text in strings(json.loads(element.proto.spec)):
            yield f"figure: {text[:60]}", text, IN_MARKUP


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from strings(child)
