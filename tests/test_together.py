"""Runs of one architecture as one task: trained together, kept apart, each ending as it would alone."""

import gc
import math
import shutil
import weakref
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import torch

from ddnmf_core import coordinator, stack, tasks, train_task, trainer
from ddnmf_core.config import RunConfig
from ddnmf_core.coordinator import MOST_TOGETHER, Coordinator
from ddnmf_core.data import load
from ddnmf_core.entries import MODEL, PROVENANCE, SCORES, State
from ddnmf_core.runs import Store

CONFIG = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4, epochs=3, batch_size=64, precision="highest")
CONFIGS = [CONFIG, CONFIG.replace(seed=2, noise_level=0.1), CONFIG.replace(seed=3, gamma=0.2)]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def as_stack(store, configs):
    """Trained by the code for a GPU, on this CPU."""
    entries = [store.create(config) for config in configs]
    states = {entry: State("running") for entry in entries}
    return entries, train_task._train_stacks(entries, states, load("digits", 300), torch.device("cpu"))


def close(one, other):
    return all(torch.allclose(torch.from_numpy(a), torch.from_numpy(other[name]), atol=2e-4, rtol=2e-3)
               for name, a in one.items())


def test_each_run_of_a_stack_is_kept_as_if_it_had_been_alone(store, tmp_path):
    entries, ended = as_stack(store, CONFIGS)
    assert ended == {}                                              # all have a model and wait to be scored
    alone = Store(tmp_path / "alone")
    for entry, config in zip(entries, CONFIGS, strict=True):
        assert tasks.perform(str(alone.root), "runs", config.id, "cpu") == "stopped"        # not there yet
        single = alone.create(config)
        assert tasks.perform(str(alone.root), "runs", config.id, "cpu") == "finished"
        assert close(entry.read_tensors(MODEL), single.read_tensors(MODEL))
        assert [row["epoch"] for row in entry.epochs()] == [1, 2, 3]
        assert entry.names("snapshots/") == single.names("snapshots/")
        assert entry.names("checkpoint-") == []
        assert entry.read_json(PROVENANCE)["stacked"] == 3
        assert "stacked" not in single.read_json(PROVENANCE)


def test_a_stopped_stack_is_taken_up_from_its_checkpoints(store, tmp_path, monkeypatch):
    entries = [store.create(config) for config in CONFIGS]
    monkeypatch.setattr(stack, "LOOK_EVERY", 0.0)

    def stop_after_an_epoch(recorder, row):
        kept(recorder, row)
        if row["kind"] == "epoch" and row["epoch"] == 1:
            recorder.entry.request_stop()
    kept = train_task._Recorder.record
    monkeypatch.setattr(train_task._Recorder, "record", stop_after_an_epoch)
    _, ended = as_stack(store, CONFIGS)
    assert set(ended.values()) == {"stopped"}
    monkeypatch.setattr(train_task._Recorder, "record", kept)
    for entry in entries:
        entry.clear_stop()
    as_stack(store, CONFIGS)
    undisturbed, _ = as_stack(Store(tmp_path / "other"), CONFIGS)
    for entry, other in zip(entries, undisturbed, strict=True):
        assert close(entry.read_tensors(MODEL), other.read_tensors(MODEL))
        assert [row["epoch"] for row in entry.epochs()] == [1, 2, 3]


def test_a_stack_that_does_not_fit_is_taken_in_halves(store, monkeypatch):
    sizes = []

    class Small(stack.Stack):
        def __init__(self, trainers):
            sizes.append(len(trainers))
            if len(trainers) > 1:
                raise torch.OutOfMemoryError("too many")
            super().__init__(trainers)
    monkeypatch.setattr(stack, "Stack", Small)
    entries, ended = as_stack(store, CONFIGS)
    assert ended == {}
    assert sizes == [3, 1, 2, 1, 1]
    assert all(entry.has(MODEL) for entry in entries)


def test_what_did_not_fit_has_left_the_memory_when_the_halves_are_tried(store, monkeypatch):
    alive, seen = [], []

    class Small(stack.Stack):
        def __init__(self, trainers):
            gc.collect()
            seen.append(sum(each() is not None for each in alive))
            alive.extend(map(weakref.ref, trainers))
            if len(trainers) > 1:
                raise torch.OutOfMemoryError("too many")
            super().__init__(trainers)
    monkeypatch.setattr(stack, "Stack", Small)
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
    assert all(entry.has(MODEL) for entry in entries)


def test_together_each_run_ends_as_it_would_alone(store):
    entries = [store.create(config) for config in CONFIGS]
    entries[1].request_stop()
    with entries[2].lock():
        found = tasks.perform_together(str(store.root), [*(config.id for config in CONFIGS), "0" * 16], "cpu")
    assert found == {CONFIGS[0].id: "finished", CONFIGS[1].id: "stopped", CONFIGS[2].id: "busy", "0" * 16: "stopped"}
    assert entries[0].has(SCORES)


def test_what_goes_wrong_together_is_tried_alone(store, monkeypatch):
    def no(entries, device):
        raise RuntimeError("the stack does not work")
    for config in CONFIGS[:2]:
        store.create(config)
    monkeypatch.setattr(tasks, "train_together", no)
    found = tasks.perform_together(str(store.root), [config.id for config in CONFIGS[:2]], "cpu")
    assert set(found.values()) == {"finished"}


# ------------------------------------------------------------------------------------ the coordinator

class Task(Future):
    """As dask's future: it says how it is."""

    @property
    def status(self):
        return "pending" if not self.done() else "error" if self.exception() else "finished"


class Client:
    """Keeps what it is given to do."""

    cluster = "its own"

    def __init__(self, n_trainers):
        self.submitted, self.warm_up = [], None
        self.workers = {f"train-{k}": {"resources": {"train": 1}} for k in range(n_trainers)} | {
            "analyse-0": {"resources": {"analyse": 1}}}
        self.scheduler = SimpleNamespace(address="tcp://nowhere")

    def scheduler_info(self, n_workers):
        return {"workers": self.workers}

    def submit(self, work, *arguments, **how):
        future = Task()
        if work in (tasks.perform, tasks.perform_together):
            self.submitted.append((work, arguments, future))
        else:
            self.warm_up = future
        return future


@pytest.fixture
def with_gpus(monkeypatch):
    monkeypatch.setattr(coordinator, "gpus", lambda: ["0", "1"])
    monkeypatch.setattr(coordinator, "GATHERED", 0)


def coordinate(store):
    store.prepare()
    client = Client(max(1, len(coordinator.gpus())))
    made = Coordinator(store, client, len(client.workers))
    made._tick()
    return made, client


def test_runs_that_fit_share_a_stack_and_the_stacks_share_the_gpus(store, with_gpus):
    for config in (*CONFIGS, CONFIG.replace(seed=4), CONFIG.replace(n_parts=7)):
        store.request(config)
    _, client = coordinate(store)
    stacks = [arguments[1] for work, arguments, _ in client.submitted if work is tasks.perform_together]
    assert sorted(map(len, stacks)) == [1, 2, 2]                    # four that fit on two GPUs, and one by itself
    assert [CONFIG.replace(n_parts=7).id] in stacks


def test_requests_for_what_is_gone_or_damaged_hold_up_nobody(store, monkeypatch):
    monkeypatch.setattr(coordinator, "gpus", list)
    gone, damaged, whole = (store.request(config) for config in CONFIGS)
    shutil.rmtree(gone.folder)
    (damaged.folder / "config.json").write_text("{}")
    _, client = coordinate(store)
    assert [arguments[2] for _, arguments, _ in client.submitted] == [whole.id]
    assert [request.entry for request in store.requests()] == [whole]


def test_without_a_gpu_each_run_is_a_task_of_its_own(store, monkeypatch):
    monkeypatch.setattr(coordinator, "gpus", list)
    for config in CONFIGS:
        store.request(config)
    _, client = coordinate(store)
    assert [work for work, _, _ in client.submitted] == [tasks.perform] * 3
    assert MOST_TOGETHER > 1


def test_the_workers_say_whether_they_gain_from_stacks(store, monkeypatch):
    """A laptop without a GPU, at the head of a cluster of machines that have one; more of them come. Nothing starts before
    they have said what they are."""
    monkeypatch.setattr(coordinator, "gpus", list)
    monkeypatch.setattr(coordinator, "GATHERED", 0)
    for seed in range(6):
        store.request(CONFIG.replace(seed=seed))
    monkeypatch.setattr(Client, "cluster", None)
    made, client = coordinate(store)
    assert client.submitted == []
    client.warm_up.set_result({"device": "NVIDIA", "stacks": True, "images_per_second": 1.0, "weights": 1})
    client.workers["train-1"] = {"resources": {"train": 1}}
    made._tick()
    made._tick()
    assert [work for work, _, _ in client.submitted] == [tasks.perform_together] * 2
    assert [len(arguments[1]) for _, arguments, _ in client.submitted] == [3, 3]


def test_what_is_settled_is_not_taken_up_again_before_the_queue_is_read_anew(store, monkeypatch):
    monkeypatch.setattr(coordinator, "gpus", list)
    entry = store.request(CONFIG)
    made, client = coordinate(store)
    made.reading.rests_until = math.inf                             # as after a long queue was read
    entry.set_state(State("failed"))
    client.submitted[0][2].set_result("failed")
    made._tick()
    made._tick()
    assert len(client.submitted) == 1
    store.request(CONFIG, "cpu")
    made._tick()
    assert len(client.submitted) == 1                               # what it still has in hand is not what is asked for now
    made.reading.rests_until = 0.0
    made._tick()
    assert [arguments[3] for _, arguments, _ in client.submitted] == ["auto", "cpu"]


def test_what_takes_long_rests_for_nine_times_as_long(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(coordinator.time, "monotonic", lambda: now[0])
    tenth = coordinator.Tenth()
    assert tenth.due
    with tenth:
        now[0] += 2
    assert not tenth.due
    now[0] += 17.9
    assert not tenth.due
    now[0] += 0.2
    assert tenth.due


def test_each_run_of_a_stack_is_settled_by_its_own_outcome(store, with_gpus):
    for config in CONFIGS[:2]:
        store.request(config)
    made, client = coordinate(store)
    for _, arguments, future in client.submitted:
        future.set_result({run_id: "busy" if run_id == CONFIG.id else "finished" for run_id in arguments[1]})
    made._tick()
    assert store.is_requested(store.entry(CONFIG))                  # its old worker may still be alive
    assert not store.is_requested(store.entry(CONFIGS[1]))


def test_taking_one_run_back_leaves_its_stack(store, with_gpus, monkeypatch):
    monkeypatch.setattr(coordinator, "gpus", lambda: ["0"])
    for config in CONFIGS:
        store.request(config)
    made, client = coordinate(store)
    (_, _, future), = client.submitted
    entry = store.entry(CONFIGS[1])
    entry.request_stop()
    made.looking.rests_until = 0.0
    made._tick()
    assert entry.state.status == "stopped"
    assert not future.cancelled()
    assert len(made.futures) == 2


class KilledWorker(Exception):
    """Named as dask's."""


def test_a_run_that_waited_behind_one_that_kills_its_worker_is_asked_for_again(store, monkeypatch):
    monkeypatch.setattr(coordinator, "gpus", list)
    waits, at_work = (store.entry(store.request(config).config) for config in CONFIGS[:2])
    made, client = coordinate(store)
    at_work.set_state(State("running"))
    for _, _, future in client.submitted:
        future.set_exception(KilledWorker())
    made._tick()
    assert "worker died" in at_work.state.message
    assert at_work.state.status == "failed"
    assert store.is_requested(waits)
    assert waits.state.status == "queued"
    made.busy_until.clear()
    made._tick()
    assert client.submitted[-1][1][2] == waits.id


def test_but_not_without_end(store, monkeypatch):
    monkeypatch.setattr(coordinator, "gpus", list)
    entry = store.entry(store.request(CONFIG).config)
    made, client = coordinate(store)
    for _ in range(coordinator.MOST_BEREAVED):
        client.submitted[-1][2].set_exception(KilledWorker())
        made._tick()
        made.busy_until.clear()
        made._tick()
    assert entry.state.status == "failed"
    assert len(client.submitted) == coordinator.MOST_BEREAVED
    store.request(CONFIG)
    made._tick()
    client.submitted[-1][2].set_exception(KilledWorker())
    made._tick()
    assert store.is_requested(entry)                                # asked for again it has as many chances as before
