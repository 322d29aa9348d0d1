"""Links with values that do not exist: each is said in one line, once, and the page shows something that exists."""

import pytest
from opening import open_page

from ddnmf_core.config import RunConfig
from ddnmf_core.files.atomic import write_document
from ddnmf_core.store.entry import STATE_FILE
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", n_samples=400, layers=(32, 6), n_parts=4, epochs=1)


@pytest.fixture
def store(copy_of):
    return copy_of(RUN)


@pytest.mark.parametrize(
    ("page", "name", "value", "said"),
    [
        ("explain", "sample", "999999", "Sample “999999” in the link does not exist here (0 to 399); showing 0."),
        ("explain", "sample", "seven", "Sample “seven” in the link does not exist here (0 to 399); showing 0."),
        ("explain", "noise", "7", "(0.0 to 1.0); showing 0.4."),
        ("explain", "baseline", "median", "Baseline “median” in the link does not exist here; showing mean of H."),
        ("explain", "explain", "all", "Tab “all” in the link does not exist here; showing Parts of the image."),
        ("parts", "part", "99", "Part “99” in the link does not exist here (1 to 4); showing 1."),
        ("parts", "tab", "everything", "Tab “everything” in the link does not exist here; showing All parts."),
        ("latent", "method", "pacmap", "Map “pacmap” in the link does not exist here; showing t-SNE."),
        ("latent", "colour", "column", "Colour “column” in the link does not exist here; showing Class."),
        ("noise", "level", "300", "Noise level “300” in the link does not exist here (0 to 80); showing 40."),
        ("compare", "compare", "[x](y)", "Tab “\\[x\\](y)” in the link does not exist here; showing My runs."),
    ],
)
def test_what_a_link_asks_for_and_does_not_exist_is_said_once(store, page, name, value, said):
    app = open_page(page, run=RUN.id, **{name: value})
    assert not app.exception
    (toast,) = app.toast
    assert toast.value.endswith(said)
    app.run()
    assert not app.toast


def test_a_link_to_what_exists_says_nothing(store):
    app = open_page("explain", run=RUN.id, sample="42", noise="0.2", explain="steps", image="set")
    assert not app.toast


def test_an_unknown_run_is_explained_by_the_page_alone(store):
    app = open_page("explain", run="0123456789abcdef")
    assert "not in this store" in app.warning[0].value
    assert not app.toast


@pytest.mark.parametrize("page", ["home", "parts", "compare", "train"])
def test_a_run_of_a_newer_version_is_named_on_every_page(home, page):
    store = Store(home)
    entry = store.create(RunConfig(dataset="digits", epochs=1))
    write_document(entry.folder / STATE_FILE, {"status": "finished", "mood": "good"})
    app = open_page(page, run=entry.id)
    assert not app.exception
    assert any(entry.id in warning.value and "newer version" in warning.value for warning in app.sidebar.warning)
    in_page = [warning.value for warning in app.main.warning if "newer version" in warning.value]
    assert page in ("compare", "train") or any(entry.id in warning for warning in in_page)
