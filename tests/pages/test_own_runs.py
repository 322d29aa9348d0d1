"""Compare, My runs: filter, name, and compare the runs of the store; the settings of a run in the form."""

import pytest
from opening import open_page, text_of

from ddnmf_core.config import PRESETS, RunConfig
from ddnmf_core.store.run_names import run_name
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=2)
OTHER = RUN.replace(model="ae1", epochs=3)


@pytest.fixture
def store(copy_of):
    return copy_of(RUN, OTHER)


def tick(monkeypatch, *configs):
    """AppTest cannot tick rows of a table."""
    from dashboard.compare import own_runs

    shown = own_runs.show_run_list
    monkeypatch.setattr(
        own_runs, "show_run_list", lambda entries, *rest: shown(entries, *rest) or [Store().entry(config) for config in configs]
    )


def test_it_opens_first_where_there_are_runs_and_lists_them_with_scores(store):
    app = open_page("compare")
    assert not app.exception
    shown = app.dataframe[0].value
    assert set(shown["Model"]) == {"DDNMF", "AE1"}
    assert shown["ACC K-means"].between(0, 1).all()
    app.text_input(key="compare.runs.text").set_value("ae1").run()
    assert list(app.dataframe[0].value["Model"]) == ["AE1"]
    app.text_input(key="compare.runs.text").set_value("no such run").run()
    assert "No matching runs" in text_of(app)


def test_a_link_to_a_table_opens_the_tables_and_an_empty_store_has_no_runs_tab(store, home):
    assert not any(field.key == "compare.runs.text" for field in open_page("compare", table="table1").text_input)
    for entry in store.entries():
        import shutil

        shutil.rmtree(entry.folder)
    assert not any(field.key == "compare.runs.text" for field in open_page("compare").text_input)


def test_two_runs_are_compared_in_scores_curves_pictures_and_settings(store, monkeypatch):
    tick(monkeypatch, RUN, OTHER)
    app = open_page("compare")
    assert not app.exception
    scores = next(frame.value for frame in app.dataframe if "Error" in frame.value and frame.value.index.name == "Run")
    assert len(scores) == 2
    settings = next(frame.value for frame in app.dataframe if frame.value.index.name == "Setting")
    assert set(settings.index) >= {"model", "epochs"}
    assert "seed" not in settings.index
    app.selectbox(key="reference").set_value(RUN.id).run()
    assert not app.exception
    values = [store.entry(config) for config in (RUN, OTHER)]
    from ddnmf_core.store.finished_run import FinishedRun

    ours, theirs = (FinishedRun(each).score("acc") for each in values)
    shown = next(frame.value for frame in app.dataframe if "Error" in frame.value and frame.value.index.name == "Run")
    assert f"({100 * (theirs - ours):+.1f})" in shown["ACC K-means"].iloc[1]
    assert "(" not in shown["ACC K-means"].iloc[0]


def test_one_run_is_named_and_the_name_is_everywhere(store, monkeypatch):
    tick(monkeypatch, RUN)
    app = open_page("compare")
    app.text_input(key=f"compare.name.{RUN.id}").set_value("first try").run()
    assert not app.exception
    assert run_name(store.entry(RUN)) == "first try"
    assert "first try" in set(app.dataframe[0].value["Name"])
    assert any("first try" in option for option in open_page("parts", run=RUN.id).selectbox(key="run").options)


def test_the_settings_of_a_run_are_put_into_the_form_and_the_preset_is_marked(store):
    app = open_page("train", run=OTHER.id)
    app.button(key="train.use").click().run()
    assert not app.exception
    assert app.number_input(key="train.epochs").value == 3
    assert app.button_group(key="train.model").value == "ae1"
    assert app.text_input(key="train.layers").value == "32, 16, 6"
    app.button_group(key="train.preset").set_value("published").run()
    assert app.number_input(key="train.epochs").value == PRESETS["published"]["epochs"]
    assert app.button_group(key="train.preset").value == "published"
    app.number_input(key="train.epochs").set_value(44).run()
    assert app.button_group(key="train.preset").value is None
    app.number_input(key="train.epochs").set_value(45).run()
    assert app.button_group(key="train.preset").value == "published"
