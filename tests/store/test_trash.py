"""Deleting can be undone for a while."""

from pathlib import Path

import pytest
from stored import CONFIG, content, finish, made_of, train_a_little

from ddnmf_core.store import trash
from ddnmf_core.store.entry import Busy, State, UnknownEntry
from ddnmf_core.store.run_store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_deleted_run_comes_back_as_it_was_with_all_that_went_with_it(store):
    run = finish(store)
    together = [run, *made_of(store, run)]
    before = [content(entry) for entry in together]
    trash.delete_entry(run)
    assert not any(entry.exists for entry in together)
    back = trash.restore_deletion(trash.latest_deletion(store, run.id))
    assert set(back) == set(together)
    assert [content(entry) for entry in together] == before
    assert trash.deletions(store) == []


def test_a_map_s_id_brings_back_its_run_too(store):
    run = finish(store)
    embedding, *_ = made_of(store, run)
    trash.delete_entry(run)
    assert run in trash.restore_deletion(trash.latest_deletion(store, embedding.id))


def test_while_a_map_is_worked_on_nothing_is_deleted(store):
    run = finish(store)
    first, second, third = made_of(store, run)
    with third.lock(), pytest.raises(Busy):
        trash.delete_entry(run)
    assert all(entry.exists for entry in (run, first, second, third))
    assert not any(entry.stop_requested for entry in (run, first, second, third))  # a training would end for nothing
    assert trash.deletions(store) == []


def test_what_was_computed_again_keeps_its_place(store):
    run = finish(store)
    trash.delete_entry(run)
    again = train_a_little(store)
    assert trash.restore_deletion(trash.latest_deletion(store, run.id)) == []
    assert again.state.status == "stopped"
    assert trash.latest_deletion(store, run.id).entries[0].finished


def test_the_last_deletion_is_undone_first(store):
    first = train_a_little(store)
    trash.delete_entry(first)
    finish(store)
    trash.delete_entry(first)
    trash.restore_deletion(trash.latest_deletion(store, first.id))
    assert first.finished


def test_what_waited_when_it_was_deleted_does_not_start_by_itself_when_it_comes_back(store):
    run = store.request(CONFIG)
    trash.delete_entry(run)
    assert store.requests() == []
    trash.restore_deletion(trash.latest_deletion(store, run.id))
    assert run.state.status == "stopped"
    assert not run.stop_requested


def test_a_running_one_that_lost_its_worker_comes_back_stopped(store):
    run = store.create(CONFIG)
    run.set_state(State("running", 0.5))
    trash.delete_entry(run)
    trash.restore_deletion(trash.latest_deletion(store, run.id))
    assert run.state.status == "stopped"


def test_after_a_week_it_is_gone_and_before_that_it_is_not(store, monkeypatch):
    trash.delete_entry(finish(store))
    now = trash.time.time_ns()
    monkeypatch.setattr(trash.time, "time_ns", lambda: now + 6 * trash.DAY_NS)
    assert trash.empty_expired(store) == 0
    monkeypatch.setattr(trash.time, "time_ns", lambda: now + 8 * trash.DAY_NS)
    assert trash.empty_expired(store) == 1
    assert list((store.root / "deleted").iterdir()) == []


def test_of_too_much_the_oldest_goes_and_the_newest_stays(store):
    runs = [finish(store, CONFIG.replace(seed=seed)) for seed in (1, 2, 3)]
    for run in runs:
        trash.delete_entry(run)
    size = trash.deletions(store)[0].size
    assert size > 0
    trash.empty_expired(store, most_bytes=2 * size + size // 2)
    assert [deletion.id for deletion in trash.deletions(store)] == [runs[2].id, runs[1].id]
    trash.empty_expired(store, most_bytes=0)
    assert [deletion.id for deletion in trash.deletions(store)] == [runs[2].id]


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_kill_in_the_middle_of_a_deletion_loses_nothing(store, monkeypatch, renames):
    run = finish(store)
    together = [run, *made_of(store, run)]
    rename, done = Path.rename, []

    def killed(path, target):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(target)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        trash.delete_entry(run)
    monkeypatch.undo()
    for deletion in trash.deletions(store):
        trash.restore_deletion(deletion)
    assert all(entry.problems() == [] and entry.finished for entry in together)


def test_what_was_never_deleted_is_named_in_a_sentence(store):
    with pytest.raises(UnknownEntry, match="No deleted entry"):
        trash.latest_deletion(store, CONFIG.id)
