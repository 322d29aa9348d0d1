"""Runs of one architecture as one task: trained together, kept apart, each ending as it would alone."""

import gc
import weakref
from types import SimpleNamespace

import pytest
import torch

from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import load
from ddnmf_core.engine.worker import recorder, tasks, train
from ddnmf_core.model import batched_trainer, trainer
from ddnmf_core.store.entry import MODEL_FILE, PROVENANCE_FILE, SCORES_FILE, State
from ddnmf_core.store.run_store import Store

CONFIG = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4, epochs=3, batch_size=64, precision="highest")
CONFIGS = [CONFIG, CONFIG.replace(seed=2, noise_level=0.1), CONFIG.replace(seed=3, gamma=0.2)]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def as_stack(store, configs):
    """Trained by the code for a GPU, on this CPU."""
    entries = [store.create(config) for config in configs]
    states = {entry: State("running") for entry in entries}
    return entries, train._train_stacks(entries, states, load("digits", 300), torch.device("cpu"))


def close(one, other):
    return all(
        torch.allclose(torch.from_numpy(a), torch.from_numpy(other[name]), atol=2e-4, rtol=2e-3) for name, a in one.items()
    )


def test_each_run_of_a_stack_is_kept_as_if_it_had_been_alone(store, tmp_path):
    entries, ended = as_stack(store, CONFIGS)
    assert ended == {}  # all have a model and wait to be scored
    alone = Store(tmp_path / "alone")
    for entry, config in zip(entries, CONFIGS, strict=True):
        assert tasks.perform(str(alone.root), "runs", config.id, "cpu") == "stopped"  # not there yet
        single = alone.create(config)
        assert tasks.perform(str(alone.root), "runs", config.id, "cpu") == "finished"
        assert close(entry.read_tensors(MODEL_FILE), single.read_tensors(MODEL_FILE))
        assert [row["epoch"] for row in entry.epochs()] == [1, 2, 3]
        assert entry.names("snapshots/") == single.names("snapshots/")
        assert entry.names("checkpoint-") == []
        assert entry.read_json(PROVENANCE_FILE)["stacked"] == 3
        assert "stacked" not in single.read_json(PROVENANCE_FILE)


def test_checkpoints_of_a_stack_take_a_small_share_of_its_time(store, monkeypatch):
    """A checkpoint of 2 s for each of 8 runs: the next ones after 320 s, of which they take 5 %."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(recorder, "time", SimpleNamespace(monotonic=lambda: clock.now))
    entry = store.create(CONFIG)
    made = trainer.Trainer(CONFIG, load("digits", 300), torch.device("cpu"))
    kept = recorder.Recorder(entry, made, State("running"), n_together=8)
    monkeypatch.setattr(kept, "_snapshot", lambda: None)
    written = []

    def write(name, arrays):
        written.append(clock.now)
        clock.now += 2

    monkeypatch.setattr(entry, "write_tensors", write)
    for clock.now in (9, 11, 100, 332, 334):
        kept.record({"kind": "epoch", "epoch": 1, "L_in": 1.0})
    assert written == [11, 334]


def test_a_stopped_stack_is_taken_up_from_its_checkpoints(store, tmp_path, monkeypatch):
    entries = [store.create(config) for config in CONFIGS]
    monkeypatch.setattr(batched_trainer, "STOP_POLL_INTERVAL_S", 0.0)

    def stop_after_an_epoch(recorder, row):
        kept(recorder, row)
        if row["kind"] == "epoch" and row["epoch"] == 1:
            recorder.entry.request_stop()

    kept = train.Recorder.record
    monkeypatch.setattr(train.Recorder, "record", stop_after_an_epoch)
    _, ended = as_stack(store, CONFIGS)
    assert set(ended.values()) == {"stopped"}
    monkeypatch.setattr(train.Recorder, "record", kept)
    for entry in entries:
        entry.clear_stop()
    as_stack(store, CONFIGS)
    undisturbed, _ = as_stack(Store(tmp_path / "other"), CONFIGS)
    for entry, other in zip(entries, undisturbed, strict=True):
        assert close(entry.read_tensors(MODEL_FILE), other.read_tensors(MODEL_FILE))
        assert [row["epoch"] for row in entry.epochs()] == [1, 2, 3]


def test_a_stack_that_does_not_fit_is_taken_in_halves(store, monkeypatch):
    sizes = []

    class Small(batched_trainer.BatchedTrainer):
        def __init__(self, trainers):
            sizes.append(len(trainers))
            if len(trainers) > 1:
                raise torch.OutOfMemoryError("too many")
            super().__init__(trainers)

    monkeypatch.setattr(batched_trainer, "BatchedTrainer", Small)
    entries, ended = as_stack(store, CONFIGS)
    assert ended == {}
    assert sizes == [3, 1, 2, 1, 1]
    assert all(entry.has(MODEL_FILE) for entry in entries)


def test_what_did_not_fit_has_left_the_memory_when_the_halves_are_tried(store, monkeypatch):
    alive, seen = [], []

    class Small(batched_trainer.BatchedTrainer):
        def __init__(self, trainers):
            gc.collect()
            seen.append(sum(each() is not None for each in alive))
            alive.extend(map(weakref.ref, trainers))
            if len(trainers) > 1:
                raise torch.OutOfMemoryError("too many")
            super().__init__(trainers)

    monkeypatch.setattr(batched_trainer, "BatchedTrainer", Small)
    as_stack(store, CONFIGS)
    assert seen == [0] * 5


def test_runs_whose_models_do_not_fit_beside_each_other_are_taken_in_halves(store, monkeypatch):
    made = []

    class Large(trainer.Trainer):
        def __init__(self, *arguments):
            gc.collect()
            if any(each() is not None for each in made):
                raise torch.OutOfMemoryError("no room for a second one")
            super().__init__(*arguments)
            made.append(weakref.ref(self))

    monkeypatch.setattr(trainer, "Trainer", Large)
    entries, ended = as_stack(store, CONFIGS)
    assert ended == {}
    assert all(entry.has(MODEL_FILE) for entry in entries)


def test_memory_that_runs_out_in_a_capture_halves_the_stack(store, monkeypatch):
    """The capture that it invalidates raises another error when it is ended."""
    sizes = []

    class Small(batched_trainer.BatchedTrainer):
        def train(self, *arguments):
            sizes.append(len(self.trainers))
            if len(self.trainers) > 1:
                try:
                    raise torch.OutOfMemoryError("too many")
                finally:
                    raise RuntimeError("operation failed due to a previous error during capture")
            return super().train(*arguments)

    monkeypatch.setattr(batched_trainer, "BatchedTrainer", Small)
    entries, ended = as_stack(store, CONFIGS)
    assert ended == {}
    assert sizes == [3, 1, 2, 1, 1]
    assert all(entry.has(MODEL_FILE) for entry in entries)


def test_a_trained_run_is_left_to_be_scored_and_scored_as_one_that_was_trained_on_a_cpu(store, tmp_path):
    (entry,), _ = as_stack(store, [CONFIG])
    state = State("running", device="a GPU", wanted_device="cuda")
    assert train._leave_to_score(entry, load("digits", 300), state, torch.device("cpu")) == "trained"
    assert entry.state.status == "queued"
    assert tasks.score(str(store.root), entry.id, "cuda") == "finished"
    assert (entry.state.device, entry.state.wanted_device) == ("a GPU", "cuda")
    alone = Store(tmp_path / "alone")
    single = alone.create(CONFIG)
    tasks.perform(str(alone.root), "runs", single.id, "cpu")
    assert [list(row) for row in entry.read_json(SCORES_FILE)] == [list(row) for row in single.read_json(SCORES_FILE)]


def test_a_worker_whose_gpu_is_lost_ends_and_one_whose_run_is_at_fault_goes_on(store, monkeypatch):
    codes = []

    def no(*_):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(tasks, "train_runs", no)
    monkeypatch.setattr(tasks.os, "_exit", codes.append)
    ids = [store.create(config).id for config in CONFIGS[:1]]
    tasks.perform_together(str(store.root), ids, "cpu")
    assert codes == []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", no)
    tasks.perform_together(str(store.root), [store.create(CONFIGS[1]).id], "cpu")
    assert codes == [tasks.LOST_DEVICE_EXIT]


def test_together_each_run_ends_as_it_would_alone(store):
    entries = [store.create(config) for config in CONFIGS]
    entries[1].request_stop()
    with entries[2].lock():
        found = tasks.perform_together(str(store.root), [*(config.id for config in CONFIGS), "0" * 16], "cpu")
    assert found == {CONFIGS[0].id: "finished", CONFIGS[1].id: "stopped", CONFIGS[2].id: "busy", "0" * 16: "stopped"}
    assert entries[0].has(SCORES_FILE)


def test_what_goes_wrong_together_is_tried_alone(store, monkeypatch):
    def no(entries, device):
        raise RuntimeError("the stack does not work")

    for config in CONFIGS[:2]:
        store.create(config)
    monkeypatch.setattr(tasks, "train_runs", no)
    found = tasks.perform_together(str(store.root), [config.id for config in CONFIGS[:2]], "cpu")
    assert set(found.values()) == {"finished"}
