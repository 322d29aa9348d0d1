"""A reproduction that was stopped, interrupted or failed goes on with what is missing."""

from dataclasses import replace

import pytest
from tiny import TINY, reproduce

from ddnmf_core.cli import reproduce as command
from ddnmf_core.engine.worker import tasks, train
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.reproduce import results
from ddnmf_core.reproduce.cells import target_cells
from ddnmf_core.store.entry import CODES_FILE
from ddnmf_core.store.run_store import Store


def test_what_is_there_is_not_done_again(two_seeds):
    store, made_of = two_seeds
    work = WorkBatch(store, made_of)
    assert work.configs == []
    assert work.done
    assert work.advance() == (0.0, "All results are stored.")


def test_an_interrupted_reproduction_goes_on_with_the_cells_that_are_missing(tmp_path):
    store = Store(tmp_path / "store")
    made_of = target_cells("table3", replace(TINY, datasets=("digits", "digits")), [1])
    asked = WorkBatch(store, made_of)
    asked.submit()
    done = asked.configs[:2] + [config for config in asked.configs if getattr(config, "run", "") == asked.configs[0].id]
    for config in done:
        entry = store.create(config)
        tasks.perform(str(store.root), entry.kind, entry.id, "cpu")
    asked.stop()
    left = WorkBatch(store, made_of)
    assert {config.id for config in left.configs} == {config.id for config in asked.configs} - {config.id for config in done}
    left.submit()
    assert not any(store.entry(config).stop_requested for config in left.configs)


def test_work_is_done_while_runs_still_wait_for_scores_that_it_does_not_need(tmp_path):
    store = Store(tmp_path / "store")
    made_of = [cell for cell in target_cells("table1", TINY, [1]) if cell.method == "AE2+K-means"]
    work = WorkBatch(store, made_of)
    work.submit()
    run, clustering = (store.entry(config) for config in work.configs)
    work.advance()
    assert not work.done
    run.write_tensors(CODES_FILE, {})
    clustering.end("finished", "")
    store.close_request(next(request for request in store.requests() if request.entry == clustering))
    assert work.advance()[1] == "1 of 1 models trained, 1 of 1 clusterings"
    assert work.done
    assert not work.failures()


def test_work_that_failed_is_said(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    made_of = [cell for cell in target_cells("table1", TINY, [1]) if cell.method == "AE2+K-means"]
    work = WorkBatch(store, made_of)
    work.submit()
    monkeypatch.setattr(train, "score_codes", lambda *_: 1 / 0)
    for config in work.configs:
        entry = store.entry(config)
        tasks.perform(str(store.root), entry.kind, entry.id, "cpu")
    for request in store.requests():
        store.close_request(request)
    share, _ = work.advance()
    assert work.done
    assert share == pytest.approx(1.0)
    run, clustering = work.failures()
    assert "ZeroDivisionError" in run
    assert "is not finished" in clustering


def test_a_command_that_is_interrupted_writes_what_is_there_and_goes_on(tmp_path, monkeypatch):
    """Ctrl-C after some of the cells; the same command then does the others alone."""
    store, performed = Store(tmp_path / "store"), []

    def steps(work, most):
        for config in work.configs[:most]:
            entry = store.create(config)
            assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished"
            store.request_path(entry).unlink(missing_ok=True)
            performed.append(config.id)
            yield work.advance()
        if most:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "QUICK_PROTOCOL", replace(TINY, datasets=("digits", "digits"), models=TINY.models))
    monkeypatch.setattr(
        command,
        "target_cells",
        lambda target, protocol, seeds: [
            cell
            for cell in target_cells(target, protocol, seeds)
            if cell.method in ("K-means", "NMF+K-means", "AE1+K-means", "AE1+GMM")
        ],
    )
    again = ("table1", "--quick", "--seeds", 1, "--out", tmp_path / "out", "--home", store.root)
    monkeypatch.setattr(WorkBatch, "steps", lambda work: steps(work, 3))
    first = reproduce(*again)
    assert (first.exit_code, "Run the same command again to resume" in first.output) == (130, True)
    written = results.read_results(tmp_path / "out", "table1")
    assert (len(written.cells), written.n_missing, len(performed)) == (2, 2, 3)
    monkeypatch.setattr(WorkBatch, "steps", lambda work: steps(work, None))
    second = reproduce(*again)
    assert second.exit_code == 0, second.output
    assert len(performed) == len(set(performed)) == 5  # a training and four clusterings, none twice
    assert results.read_results(tmp_path / "out", "table1").n_missing == 0
