"""Names from data are text on every page: no markup of a class, feature, data set or part is ever interpreted."""

import json

import pytest
from opening import TABS_OF_EXPLAIN, TABS_OF_PARTS, open_page

from benchmarks.common.hostile_names import KNOWN, store_of_names
from ddnmf_core.display.text import in_markdown
from ddnmf_core.export.csv import FORMULA_STARTS

PAGES = ("home", "train", "latent", *TABS_OF_PARTS, *TABS_OF_EXPLAIN, "noise", "sweep", "compare")
IN_MARKUP = [name for name in KNOWN.all if "<" in name]
READ_AS_MARKDOWN = ("markdown", "caption", "info", "warning", "error", "success", "header", "subheader", "title", "toast")


@pytest.fixture(scope="module")
def home_of_names(tmp_path_factory):
    """A run on a table of such names with all that pages show, its parts named, one run more for a sweep."""
    folder = tmp_path_factory.mktemp("names")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDNMF_HOME", str(folder / "home"))
        yield store_of_names(folder)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("nmf_at", ["code", "pixels"])
def test_no_page_reads_a_name_as_markup(page, nmf_at, home_of_names, monkeypatch):
    store, run = home_of_names
    monkeypatch.setenv("DDNMF_HOME", str(store.root))
    app = open_page(page, run=run.replace(nmf_at=nmf_at).id, sample="3")
    assert not app.exception
    wrong = sorted({(place, name) for place, text, names in texts(app) for name in names if name in text})
    assert wrong == []
    assert formulas(app) == []
    headings = [each for kind in ("header", "subheader", "title") for each in getattr(app, kind)]
    anchored = [each.value for each in headings if not each.proto.hide_anchor]
    assert not [text for text in anchored if any(in_markdown(name) in text for name in KNOWN.all)]


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
    assert formulas(app) == []
    app.text_input(key="train.own.path").set_value(str(tmp_path / "<b>no</b> *such* $file$.csv")).run()
    assert not [text for _, text, _ in texts(app) if "<b>no</b>" in text]


def texts(app):
    """What is read as markup: where it stands, the text, and the names that must not stand in it as they are."""
    for kind in READ_AS_MARKDOWN:
        for element in getattr(app, kind, ()):
            yield f"{kind}: {str(element.value)[:60]}", str(element.value), KNOWN.all
    for kind in ("button", "metric", "checkbox", "toggle", "slider", "selectbox", "multiselect", "number_input", "text_input"):
        for element in getattr(app, kind, ()):
            yield f"label of {kind}", element.label or "", KNOWN.all
            yield f"help of {kind}", getattr(element, "help", "") or "", KNOWN.all
    for element in app.button_group:
        yield "options of segmented control", "\n".join(map(str, element.options)), KNOWN.all
    for element in app.get("html"):
        yield "html", element.proto.body, IN_MARKUP
    for element in app.get("plotly_chart"):
        for text in strings(json.loads(element.proto.spec)):
            yield f"figure: {text[:60]}", text, IN_MARKUP


def formulas(app):
    """Texts of tables that begin like a formula; Streamlit's own download of a table writes them as they are."""
    frames = [element.value for element in app.dataframe]
    cells = {str(cell) for frame in frames for cell in (*frame.columns, *frame.index, *frame.to_numpy().flat)}
    return [cell for cell in cells if cell.startswith(FORMULA_STARTS) and not cell[1:2].isdigit()]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from strings(child)
