"""The tour and the glossary in the sidebar of every page."""

import ast
import re
from pathlib import Path

import pytest
from opening import open_page, text_of

from dashboard.frame.tour import READ_ONLY_STEPS, TOUR_ENDED_FILE, TOUR_STEPS
from ddnmf_core.store.run_store import Store


@pytest.mark.parametrize("page", ["home", "train", "noise"])
def test_a_new_user_is_told_what_to_do_on_each_page(home, page):
    app = open_page(page)
    assert not app.exception
    assert TOUR_STEPS["" if page == "home" else page][1] in text_of(app)


@pytest.mark.parametrize("page", sorted(READ_ONLY_STEPS))
def test_in_read_only_mode_it_speaks_of_no_work(home, monkeypatch, page):
    monkeypatch.setenv("DDNMF_READ_ONLY", "1")
    shown = text_of(open_page(page or "home").sidebar)
    assert READ_ONLY_STEPS[page] in shown
    assert "Start" not in shown
    assert "Train your first model" not in shown


def test_a_tour_that_was_ended_stays_ended(home):
    app = open_page("home")
    app.button(key="tour.end").click().run()
    assert (Store(home).root / TOUR_ENDED_FILE).exists()
    assert "Tour, " not in text_of(open_page("compare"))


def test_a_word_is_found_in_the_glossary(home):
    app = open_page("home")
    app.text_input(key="glossary.find").set_value("zebra").run()
    assert "No matching term." in text_of(app)
    app.text_input(key="glossary.find").set_value("adjusted rand").run()
    assert "**ARI**" in text_of(app)
    assert "**NMI**" not in text_of(app)


TEXTS = [*((page, text) for page, (_, text) in TOUR_STEPS.items()), *READ_ONLY_STEPS.items()]
QUOTED = [(page or "home", label) for page, text in TEXTS for label in re.findall(r"\*\*(.+?)\*\*", text)]
ROOT = Path(__file__).parents[2]
WIDGETS = ("button", "slider", "selectbox", "segmented_control", "text_input", "number_input", "toggle", "download_button")


def labels_of(app):
    """The labels of every widget outside the sidebar."""
    return {label for element in app.main if (label := getattr(element, "label", None))}


def labels_in_source(page):
    """Labels of widgets and buttons in the source of a page, its folder and the components: some controls need a run."""
    folders = (ROOT / "dashboard" / page, ROOT / "dashboard" / "components")
    texts = set()
    for path in [ROOT / "pages" / f"{page}.py", *(path for folder in folders for path in folder.glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                place = 1 if name == "linked_choice" else 0 if name in WIDGETS else len(node.args)
                texts |= {argument.value for argument in node.args[place : place + 1] if isinstance(argument, ast.Constant)}
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TABS":
                texts |= set(ast.literal_eval(node.value).values())
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts |= set(re.findall(r"<button[^>]*>([^<]+)</button>", node.value))
    return texts


def missing(page, label, app):
    return label not in labels_of(app) | labels_in_source(page)


def test_the_tour_quotes_a_control_on_each_page():
    assert {page for page, _ in QUOTED} == {page or "home" for page in TOUR_STEPS}


@pytest.mark.parametrize(("page", "label"), QUOTED)
def test_a_control_quoted_by_the_tour_is_on_its_page(home, page, label):
    app = open_page(page)
    assert not missing(page, label, app)
    assert missing(page, f"{label}s", app)


def test_the_tour_has_the_order_of_the_menu():
    menu = re.findall(r'url_path="(\w+)"', (ROOT / "dashboard" / "main.py").read_text("utf-8"))
    assert list(TOUR_STEPS)[1:] == [page for page in menu if page in TOUR_STEPS]
