"""The store: atomic, checked, found again."""

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stored import empty, flip, shorten

from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, RunConfig
from ddnmf_core.files import checked_folder
from ddnmf_core.files.atomic import CorruptFile, read_document, temporary_name, write_bytes, write_document
from ddnmf_core.store import entry as entry_module
from ddnmf_core.store import trash
from ddnmf_core.store.entry import Busy, State, UnknownEntry
from ddnmf_core.store.run_store import Store

CONFIG = RunConfig(dataset="digits", layers=(16, 4), epochs=1)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def entry(store):
    return store.create(CONFIG)


def hold_lock(root, ready, release):
    with Store(root).create(CONFIG).lock():
        ready.set()
        release.wait(10)


def create_in_process(root):
    return Store(root).create(CONFIG).id


def test_an_entry_is_named_by_its_configuration(entry):
    assert entry.folder.name == CONFIG.id
    assert entry.config == CONFIG
    assert entry.state == State("new", updated=entry.state.updated)


def test_creating_twice_gives_the_same_entry_and_keeps_its_state(store, entry):
    entry.set_state(State("finished", 1.0))
    assert store.create(CONFIG).finished


def test_many_processes_create_one_whole_entry(store):
    with multiprocessing.get_context("fork").Pool(8) as pool:
        ids = pool.map(create_in_process, [store.root] * 40)
    assert set(ids) == {CONFIG.id}
    assert [path.name for path in (store.root / "runs").iterdir()] == [CONFIG.id]
    assert store.create(CONFIG).problems() == []


def test_what_is_written_is_read_again(entry):
    entry.write_tensors("a.safetensors", {"x": np.arange(6.0).reshape(2, 3)})
    entry.write_table("t.parquet", pd.DataFrame({"a": [1, 2]}))
    entry.write_json("s.json", [{"acc": 0.5}])
    assert np.array_equal(entry.read_tensors("a.safetensors")["x"], np.arange(6.0).reshape(2, 3))
    assert entry.read_table("t.parquet")["a"].tolist() == [1, 2]
    assert entry.read_json("s.json") == [{"acc": 0.5}]


def test_history_leaves_out_a_line_that_a_kill_cut_short(entry):
    entry.append_history({"step": 1})
    with (entry.folder / "history.jsonl").open("a") as file:
        file.write('{"step": 2, "L_')
    assert entry.history() == [{"step": 1}]


def test_history_is_rewound_to_the_checkpoint(entry):
    for step in range(5):
        entry.append_history({"step": step})
    entry.rewind_history(2)
    assert [row["step"] for row in entry.history()] == [0, 1, 2]


def test_a_sealed_history_can_be_taken_up_again(entry):
    for step in range(3):
        entry.append_history({"step": step})
    entry.seal_history()
    entry.rewind_history(1)
    entry.append_history({"step": 2})
    assert [row["step"] for row in entry.history()] == [0, 1, 2]


@pytest.mark.parametrize("damage", [flip, shorten, empty, os.unlink])
@pytest.mark.parametrize(
    "name", ["config.json", "state.json", "manifest.json", "history.jsonl", "x.safetensors", "t.parquet", "s.json"]
)
def test_every_damage_to_every_stored_kind_is_detected(entry, name, damage):
    entry.write_tensors("x.safetensors", {"x": np.ones(4)})
    entry.write_table("t.parquet", pd.DataFrame({"a": [1]}))
    entry.write_json("s.json", {"a": 1})
    entry.append_history({"step": 1})
    entry.seal_history()
    assert entry.problems() == []
    damage(entry.folder / name)
    assert name in " ".join(entry.problems())


@pytest.mark.parametrize("name", ["config.json", "state.json", "manifest.json"])
def test_a_damaged_entry_is_set_aside_and_said_so(store, entry, name):
    flip(entry.folder / name)
    assert store.entries() == []
    assert not entry.folder.exists()
    (notice,) = store.notices()
    assert entry.id in notice
    assert name in notice


def test_one_lock_at_a_time_and_it_goes_with_its_process(store, entry):
    context = multiprocessing.get_context("fork")
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=hold_lock, args=(store.root, ready, release))
    holder.start()
    ready.wait(10)
    entry.set_state(State("running"))
    assert entry.locked
    assert entry.state.status == "running"
    with pytest.raises(Busy), entry.lock(patience=0.1):
        pass
    with pytest.raises(Busy):
        trash.delete_entry(entry)
    holder.kill()
    holder.join()
    assert not entry.locked
    assert entry.state.status == "interrupted"


def test_a_request_waits_in_the_queue_until_it_is_settled(store):
    entry = store.request(CONFIG, "cpu")
    (request,) = store.requests()
    assert (request.entry, request.device) == (entry, "cpu")
    assert entry.state.status == "queued"
    store.close_request(request)
    assert store.requests() == []


def test_a_ticket_is_read_again_when_it_has_changed(store):
    entry = store.request(CONFIG, "cpu")
    os.utime(store.request_path(entry), (1, 1))  # long ago: what is read now is kept
    (first,) = store.requests()
    assert (first.device, store.requests()) == ("cpu", [first])
    store.request(CONFIG, "auto")
    (second,) = store.requests()
    assert second.device == "auto"
    store.request_path(entry).write_text("damaged")
    assert store.requests() == []
    assert not store.is_requested(entry)


def test_asking_again_while_it_ends_is_not_lost(store):
    store.request(CONFIG)
    (first,) = store.requests()
    store.request(CONFIG)
    store.close_request(first)
    assert len(store.requests()) == 1


def test_asking_again_for_what_then_is_finished_keeps_nobody_waiting(store):
    entry = store.request(CONFIG)
    (first,) = store.requests()
    store.request(CONFIG)
    entry.set_state(State("finished", 1.0))
    store.close_request(first)
    assert store.requests() == []


def test_a_finished_entry_is_found_and_not_asked_for_again(store, entry):
    entry.set_state(State("finished", 1.0))
    store.request(CONFIG)
    assert store.requests() == []


def test_deleting_a_run_takes_its_maps_along(store, entry):
    embedding = store.create(EmbeddingConfig(run=entry.id))
    trash.delete_entry(entry)
    assert not entry.exists
    assert not embedding.exists


def test_a_map_that_is_worked_on_keeps_its_run_from_being_deleted(store, entry):
    embedding = store.create(EmbeddingConfig(run=entry.id))
    with embedding.lock(), pytest.raises(Busy):
        trash.delete_entry(entry)
    assert entry.exists


def test_a_runs_maps_and_clusters_are_deleted_with_it(store, entry):
    made_of_it = [store.create(EmbeddingConfig(run=entry.id)), store.create(ClusteringConfig.of(entry.config))]
    others = [store.create(ClusteringConfig()), store.create(ClusteringConfig.of(entry.config.replace(seed=9)))]
    trash.delete_entry(entry)
    assert not any(each.exists for each in [entry, *made_of_it])
    assert all(each.exists for each in others)


def test_the_list_keeps_its_order_while_states_change(store):
    first, second = (store.create(CONFIG.replace(seed=seed)) for seed in (1, 2))
    before = store.entries()
    for entry in (first, second, first):
        entry.set_state(State("running", 0.1))
    assert store.entries() == before


def test_a_configuration_of_an_older_version_stays_readable(store, entry, monkeypatch):
    class LaterConfig(RunConfig):
        one_more_setting: int = 1

    monkeypatch.setitem(entry_module.CONFIG_TYPES, "runs", LaterConfig)
    assert entry.config.one_more_setting == 1


def test_asking_again_keeps_the_device_that_was_asked_for(store):
    entry = store.request(CONFIG, "cpu")
    entry.set_state(replace(entry.state, status="stopped"))
    store.request(CONFIG)
    assert store.requests()[0].device == "cpu"


@pytest.mark.parametrize("name", ["0123456789abcdef", "..", "../../etc", ""])
def test_an_unknown_run_is_named_in_a_sentence(store, name):
    with pytest.raises(UnknownEntry, match="No run"):
        store.get("runs", name)


def test_litter_of_dead_writers_is_cleared_and_live_ones_are_left(store, entry):
    live = temporary_name(entry.folder / "model.safetensors")
    dead = live.with_name(live.name.replace(f"@{os.getpid()}", "@999999999"))
    elsewhere = live.with_name(".model.safetensors.1.2.another-host@999999999.tmp")
    for path in (live, dead, elsewhere):
        path.touch()
    assert store.remove_stale_files() == 1
    assert live.exists()
    assert elsewhere.exists()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_document_carries_its_own_seal(tmp_path):
    path = tmp_path / "d.json"
    write_document(path, {"status": "running"})
    assert read_document(path) == {"status": "running"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "status": "finished"}))
    with pytest.raises(CorruptFile, match="not what was written"):
        read_document(path)


def test_a_listing_reads_again_only_what_has_changed(store, monkeypatch):
    several = [store.create(RunConfig(seed=seed)) for seed in range(5)]
    store.entries()
    read = []
    original = entry_module.read_document
    for module in (entry_module, checked_folder):
        monkeypatch.setattr(module, "read_document", lambda path: (read.append(path), original(path))[1])
    assert len(store.entries()) == 5
    assert read == []
    several[2].set_state(replace(several[2].state, message="something"))
    read.clear()
    assert len(store.entries()) == 5
    assert {path.parent for path in read} == {several[2].folder}
    (several[3].folder / "state.json").write_text("{}")  # damaged meanwhile
    assert len(store.entries()) == 4
    assert any(several[3].id in notice for notice in store.notices())


def test_a_finished_state_is_read_once_and_again_when_it_changed(store, monkeypatch):
    entry = store.create(RunConfig())
    entry.set_state(State("finished", 1.0))
    read = []
    original = entry_module.read_document
    monkeypatch.setattr(entry_module, "read_document", lambda path: (read.append(path), original(path))[1])
    assert (entry.state.status, entry.state.status, len(read)) == ("finished", "finished", 2)  # too young to be trusted
    os.utime(entry.folder / "state.json", ns=(1, 1))
    read.clear()
    assert (entry.state.status, entry.state.status, len(read)) == ("finished", "finished", 1)
    entry.set_state(State("queued"))
    assert entry.state.status == "queued"
    (entry.folder / "state.json").write_text("{}")
    with pytest.raises(CorruptFile):
        _ = entry.state


def test_a_check_reads_even_a_finished_state_anew(store):
    entry = store.create(RunConfig())
    entry.set_state(State("finished", 1.0))
    path = entry.folder / "state.json"
    os.utime(path, ns=(1, 1))
    assert entry.state.status == "finished"
    path.write_bytes(path.read_bytes().replace(b"finished", b"finishes"))
    os.utime(path, ns=(1, 1))  # a bit that flipped on the disk
    assert list(entry.damage()) == ["state.json"]


def test_a_file_that_is_replaced_can_be_read_at_every_moment(store, entry, monkeypatch):
    """Before and after each step of the writing, by somebody who comes then, or by whoever comes after a kill."""
    entry.write_json("names.json", {"0": "old"})
    seen = []
    for name in ("write_bytes", "write_document"):
        original = getattr(checked_folder, name)

        def watched(*arguments, original=original, **how):
            seen.append(entry.read_json("names.json")["0"])
            done = original(*arguments, **how)
            seen.append(entry.read_json("names.json")["0"])
            return done

        monkeypatch.setattr(checked_folder, name, watched)
    entry.write_json("names.json", {"0": "new"})
    assert seen == ["old", "old", "old", "new", "new", "new"]
    assert " " not in entry._manifest()["names.json"]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_kill_while_a_file_is_replaced_leaves_the_old_one_or_the_new(store, entry, monkeypatch, step):
    entry.write_json("names.json", {"0": "old"})
    calls = []
    for name in ("write_bytes", "write_document"):
        original = getattr(checked_folder, name)

        def killed(*arguments, original=original, **how):
            calls.append(1)
            if len(calls) == step:
                raise KeyboardInterrupt
            return original(*arguments, **how)

        monkeypatch.setattr(checked_folder, name, killed)
    with pytest.raises(KeyboardInterrupt):
        entry.write_json("names.json", {"0": "new"})
    monkeypatch.undo()
    assert entry.read_json("names.json")["0"] == ("new" if step == 3 else "old")
    entry.write_json("names.json", {"0": "newest"})
    assert entry.read_json("names.json")["0"] == "newest"
    assert len(entry._manifest()["names.json"]) == 64


def test_where_nothing_may_be_changed_a_damaged_run_is_only_left_out(store, monkeypatch):
    whole, damaged = store.create(RunConfig()), store.create(RunConfig(seed=2))
    (damaged.folder / "config.json").write_text("{}")
    monkeypatch.setenv("DDNMF_READ_ONLY", "1")
    assert store.entries() == [whole]
    assert damaged.folder.exists()
    monkeypatch.delenv("DDNMF_READ_ONLY")

    def refused(*arguments):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)  # somebody else's store
        assert store.entries() == [whole]
    assert store.entries() == [whole]
    assert not damaged.folder.exists()
