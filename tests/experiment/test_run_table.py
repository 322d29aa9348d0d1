"""The table of runs: settings, state, scores, error."""

import pytest
from stored import finish, trained

from ddnmf_core.config import RunConfig
from ddnmf_core.experiment.run_table import SCORE_COLUMNS, table_of_runs
from ddnmf_core.store.entry import SCORES_FILE
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_names import rename_run
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4, epochs=2)


def test_a_row_has_what_the_run_s_own_files_say(home):
    store = Store(home)
    entry = trained(store, RUN)
    rename_run(entry, "mine")
    waiting = store.create(RUN.replace(seed=2))
    rows = {row["run"]: row for row in table_of_runs(store.entries())}
    run, row = FinishedRun(entry), rows[entry.id]
    for column, (score, clusterer) in SCORE_COLUMNS.items():
        assert row["scores"][column] == run.score(score, "z", clusterer)
    assert row["error"] == run.epochs()[-1]["error_student"]
    assert row["seconds"] == pytest.approx(run.provenance()["training_seconds"])
    assert (row["name"], row["model"], row["seed"], row["state"]) == ("mine", "DDNMF", 1, "finished")
    assert rows[waiting.id]["state"] == "new"
    assert rows[waiting.id]["error"] is None
    assert set(rows[waiting.id]["scores"].values()) == {None}


def test_a_damaged_run_leaves_the_others_in_the_table(tmp_path):
    store = Store(tmp_path / "store")
    runs = [finish(store, RUN.replace(seed=seed)) for seed in (1, 2)]
    (runs[0].folder / SCORES_FILE).write_text("[")
    states = {row["run"]: row["state"] for row in table_of_runs(store.entries())}
    assert states == {runs[0].id: "damaged", runs[1].id: "finished"}
