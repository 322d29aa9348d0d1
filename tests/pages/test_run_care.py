"""Home: deleting asks first and can be undone, and runs go into a file and come out of one."""

import numpy as np
import pytest
from opening import open_page, text_of
from stored import CONFIG, flip, made_of, trained
from streamlit.testing.v1 import AppTest

from dashboard.home import run_management
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.store import archive_export, examples, trash
from ddnmf_core.store.entry import MODEL_FILE
from ddnmf_core.store.run_store import Store


@pytest.fixture
def run(home):
    return trained(Store(home), CONFIG)


def test_what_was_deleted_is_offered_back_and_comes_back(run):
    together = [run, *made_of(Store(run.root), run)]
    trash.delete_entry(run)
    app = open_page("home")
    assert "with 3 results" in text_of(app)
    (restore,) = (button for button in app.button if button.label == "Restore")
    restore.click().run()
    assert not app.exception
    assert all(entry.exists for entry in together)
    assert "home.restore" not in " ".join(str(button.key) for button in app.button)


def test_undo_stands_there_until_it_is_pressed(run):
    trash.delete_entry(run)
    app = open_page("home")
    assert not any(button.key == "home.undo" for button in app.button)  # somebody else's deletion
    app.session_state["home.deleted"] = run.id
    app.run().button(key="home.undo").click().run()
    assert run.exists
    assert not any(button.key == "home.undo" for button in app.button)


QUESTION = """
from dashboard.home.run_management import delete_with_confirmation
from dashboard.session.store import store
for entry in store().entries():
    delete_with_confirmation(entry)
"""


def test_a_run_that_is_deleted_is_no_longer_the_chosen_one(run):
    other = trained(Store(run.root), CONFIG.replace(seed=2))
    app = AppTest.from_string(QUESTION)
    app.query_params["run"] = run.id
    app.session_state["run"], app.session_state["other"] = run.id, other.id
    app.run().button(key=f"home.delete.{run.id}").click().run()
    assert not app.exception
    assert not run.exists
    assert "run" not in app.session_state
    assert "run" not in app.query_params
    assert app.session_state["other"] == other.id


def test_a_choice_by_code_wins_over_an_address_that_names_what_is_gone(run):
    app = AppTest.from_string("""
import streamlit as st
from dashboard.session.links import from_link, set_choice
st.button("choose", on_click=set_choice, args=("run", "b"))
st.write(from_link("run"))
""")
    app.query_params["run"] = "a"
    assert app.run().markdown[0].value == "a"
    app.button[0].click().run()
    assert app.markdown[0].value == "b"
    assert app.run().markdown[0].value == "b"


def test_a_damaged_one_among_the_deleted_does_not_hide_the_others(run):
    trash.delete_entry(run)
    flip(Store(run.root).root / "deleted" / next((Store(run.root).root / "deleted").iterdir()).name / "config.json")
    app = open_page("home")
    assert not app.exception
    assert "(damaged)" in text_of(app)


def test_runs_are_offered_as_one_file_that_can_be_taken_in(run, tmp_path):
    app = open_page("home")
    app.session_state["home.archive"] = True
    app.run()
    assert not app.exception
    content = run_management._pack(archive_export.with_derived([run]), with_data=False)
    (tmp_path / "a.zip").write_bytes(content)
    before = (run.folder / MODEL_FILE).read_bytes()
    trash.delete_entry(run)
    app.file_uploader(key="home.archive.file").upload("a.zip", content, "application/zip").run()
    app.button(key="home.archive.import").click().run()
    assert "Imported: runs 1." in text_of(app)
    assert (run.folder / MODEL_FILE).read_bytes() == before


def test_own_data_is_offered_with_its_runs(home, tmp_path):
    np.save(tmp_path / "mine.npy", np.arange(30 * 20, dtype=np.float32).reshape(30, 4, 5))
    name = user_sets.add(tmp_path / "mine.npy", "mine.npy", ImportOptions(title="Mine"))
    trained(Store(home), CONFIG.replace(dataset=name, n_samples=None))
    app = open_page("home")
    app.session_state["home.archive"] = True
    box = app.run().checkbox(key="home.archive.data")
    assert "Mine" in box.label
    assert not box.check().run().exception


def test_a_file_that_is_no_archive_is_refused_in_a_sentence(home):
    app = open_page("home")
    app.session_state["home.archive"] = True
    app.run().file_uploader(key="home.archive.file").upload("a.zip", b"GIF89a", "application/zip").run()
    app.button(key="home.archive.import").click().run()
    assert "Import failed: not a readable zip file" in app.error[0].value


def test_a_newer_store_is_not_touched_and_the_page_says_so(home):
    from ddnmf_core.files.atomic import write_document

    home.mkdir()
    write_document(home / "layout.json", {"version": 99})
    app = open_page("home")
    assert "newer DDNMF Studio" in app.error[0].value
    assert [path.name for path in home.iterdir()] == ["layout.json"]


def test_a_new_store_opens_with_examples_until_they_are_removed(home, monkeypatch):
    monkeypatch.setenv(examples.SWITCH, "1")
    app = open_page("home")
    assert not app.exception
    assert {entry.config.dataset for entry in Store(home).entries()} == {"mnist-10k", "fashion-mnist-10k"}
    assert app.session_state["run"] == next(e.id for e in Store(home).entries() if e.config.dataset == "mnist-10k")
    assert "An image as a sum of parts" in text_of(app)
    assert any(button.key == "home.first" for button in app.button)  # a first model of one's own is still offered
    shown = open_page("explain")
    assert not shown.exception
    assert "supervisor's reconstruction" not in str([gallery.proto.json for gallery in shown.get("bidi_component")])
    app.button(key="home.examples").click().run()
    assert not app.exception
    assert Store(home).entries() == []
    assert "No runs yet" in text_of(app)
    open_page("home")
    assert Store(home).entries() == []
