"""The coordinator: what it hands to which of dask's workers, and when. Dask itself is stood in for."""

import math
import shutil
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import torch
from threadpoolctl import threadpool_info

from ddnmf_core.config import ClusteringConfig, RunConfig
from ddnmf_core.engine import coordinator, placement
from ddnmf_core.engine.coordinator import MAX_STACKED_RUNS, Coordinator
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.entry import MODEL_FILE, State
from ddnmf_core.store.run_store import Store

CONFIG = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4, epochs=3, batch_size=64, precision="highest")
CONFIGS = [CONFIG, CONFIG.replace(seed=2, noise_level=0.1), CONFIG.replace(seed=3, gamma=0.2)]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


class Task(Future):
    """As dask's future: it says how it is."""

    @property
    def status(self):
        return "pending" if not self.done() else "error" if self.exception() else "finished"


class Client:
    """Keeps what it is given to do."""

    cluster = "its own"

    def __init__(self, n_trainers):
        self.submitted, self.places, self.warm_up = [], [], None
        self.workers = {f"train-{k}": {"resources": {"train": 1}} for k in range(n_trainers)} | {
            "analyse-0": {"resources": {"analyse": 1}}
        }
        self.scheduler = SimpleNamespace(address="tcp://nowhere")

    def scheduler_info(self, n_workers):
        return {"workers": self.workers}

    def submit(self, work, *arguments, **how):
        future = Task()
        if work in (tasks.perform, tasks.perform_together, tasks.score):
            self.submitted.append((work, arguments, future))
            self.places.append("".join(how.get("resources", {})))
        else:
            self.warm_up = future
        return future


@pytest.fixture
def with_gpus(monkeypatch):
    for module in (coordinator, placement):
        monkeypatch.setattr(module, "available_gpus", lambda: ["0", "1"])
    monkeypatch.setattr(coordinator, "GATHER_NS", 0)


@pytest.fixture
def without_gpus(monkeypatch):
    for module in (coordinator, placement):
        monkeypatch.setattr(module, "available_gpus", list)


def coordinate(store):
    store.prepare()
    client = Client(max(1, len(coordinator.available_gpus())))
    made = Coordinator(store, client, len(client.workers))
    made._tick()
    made.queue.duty_cycle.rests_until = made.stop_poll.rests_until = 0.0  # however long the first look took
    return made, client


def test_runs_that_fit_share_a_stack_and_the_stacks_share_the_gpus(store, with_gpus):
    for config in (*CONFIGS, CONFIG.replace(seed=4), CONFIG.replace(n_parts=7)):
        store.request(config)
    _, client = coordinate(store)
    stacks = [arguments[1] for work, arguments, _ in client.submitted if work is tasks.perform_together]
    assert sorted(map(len, stacks)) == [1, 2, 2]  # four that fit on two GPUs, and one by itself
    assert [CONFIG.replace(n_parts=7).id] in stacks


def test_what_a_gpu_has_trained_is_scored_by_the_other_workers(store, with_gpus):
    trained, ended = (store.request(config) for config in CONFIGS[:2])
    made, client = coordinate(store)
    outcomes = {trained.id: "trained", ended.id: "diverged"}
    for _, arguments, future in client.submitted:
        future.set_result({run_id: outcomes[run_id] for run_id in arguments[1]})
    made._tick()
    assert [request.entry for request in store.requests()] == [trained]
    made._tick()
    work, arguments, future = client.submitted[-1]
    assert (work, arguments[1], client.places[-1]) == (tasks.score, trained.id, "analyse")
    future.set_result("finished")
    made._tick()
    assert not store.requests()


def test_clusterings_of_a_trained_run_do_not_wait_for_its_scores(store, with_gpus):
    runs = [store.request(config) for config in CONFIGS[:2]]
    wanted = [store.request(ClusteringConfig.of(run.config, seed=9)) for run in runs]
    made, client = coordinate(store)
    assert client.places == ["train", "train"]
    client.submitted[0][2].set_result({runs[0].id: "trained"})
    made._tick()
    made._tick()
    given = [(work, arguments[-2]) for work, arguments, _ in client.submitted[2:]]
    assert given == [(tasks.score, runs[0].id), (tasks.perform, wanted[0].id)]


def test_while_clusterings_are_requested_half_of_the_workers_are_kept_for_them(store, with_gpus):
    runs = [store.request(config) for config in CONFIGS]
    clustering = store.request(ClusteringConfig.of(CONFIG, seed=9))
    made, client = coordinate(store)
    made.placement.advertised["analyse"] = 4
    for _, arguments, future in client.submitted[:]:
        future.set_result(dict.fromkeys(arguments[1], "trained"))
    made._tick()
    made._tick()
    assert sum(work is tasks.score for work, _, _ in client.submitted) == 2
    next(future for work, arguments, future in client.submitted if arguments[-2] == clustering.id).set_result("finished")
    made._tick()
    made.queue.changed_ns, made.queue.duty_cycle.rests_until = -1, 0.0
    made._tick()
    assert {arguments[1] for work, arguments, _ in client.submitted if work is tasks.score} == {run.id for run in runs}


def test_a_run_that_waits_to_be_scored_can_be_stopped(store, with_gpus):
    entry = store.request(CONFIG)
    entry.write_tensors(MODEL_FILE, {})
    made, client = coordinate(store)
    client.submitted[0][2].set_result({entry.id: "trained"})
    made._tick()
    made._tick()
    entry.request_stop()
    made._cancel_stopped()
    assert entry.state.status == "stopped"
    assert entry.state.message.startswith("Trained, not scored")
    assert not store.requests()


def test_requests_for_what_is_gone_or_damaged_hold_up_nobody(store, monkeypatch):
    monkeypatch.setattr(coordinator, "available_gpus", list)
    gone, damaged, whole = (store.request(config) for config in CONFIGS)
    shutil.rmtree(gone.folder)
    (damaged.folder / "config.json").write_text("{}")
    _, client = coordinate(store)
    assert [arguments[2] for _, arguments, _ in client.submitted] == [whole.id]
    assert [request.entry for request in store.requests()] == [whole]


def test_without_a_gpu_each_run_is_a_task_of_its_own(store, monkeypatch):
    monkeypatch.setattr(coordinator, "available_gpus", list)
    for config in CONFIGS:
        store.request(config)
    _, client = coordinate(store)
    assert [work for work, _, _ in client.submitted] == [tasks.perform] * 3
    assert MAX_STACKED_RUNS > 1


def test_the_workers_say_whether_they_gain_from_stacks(store, monkeypatch):
    """A laptop without a GPU, at the head of a cluster of machines that have one; more of them come. Nothing starts before
    they have said what they are."""
    monkeypatch.setattr(coordinator, "available_gpus", list)
    monkeypatch.setattr(coordinator, "GATHER_NS", 0)
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
    monkeypatch.setattr(coordinator, "available_gpus", list)
    entry = store.request(CONFIG)
    made, client = coordinate(store)
    made.queue.duty_cycle.rests_until = math.inf  # as after a long queue was read
    entry.set_state(State("failed"))
    client.submitted[0][2].set_result("failed")
    made._tick()
    made._tick()
    assert len(client.submitted) == 1
    store.request(CONFIG, "cpu")
    made._tick()
    assert len(client.submitted) == 1  # what it still has in hand is not what is asked for now
    made.queue.duty_cycle.rests_until = 0.0
    made._tick()
    assert [arguments[3] for _, arguments, _ in client.submitted] == ["auto", "cpu"]


def test_what_takes_long_rests_for_nine_times_as_long(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(coordinator.time, "monotonic", lambda: now[0])
    tenth = coordinator.DutyCycle()
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
    assert store.is_requested(store.entry(CONFIG))  # its old worker may still be alive
    assert not store.is_requested(store.entry(CONFIGS[1]))


def test_taking_one_run_back_leaves_its_stack(store, with_gpus, monkeypatch):
    monkeypatch.setattr(coordinator, "available_gpus", lambda: ["0"])
    for config in CONFIGS:
        store.request(config)
    made, client = coordinate(store)
    ((_, _, future),) = client.submitted
    entry = store.entry(CONFIGS[1])
    entry.request_stop()
    made.stop_poll.rests_until = 0.0
    made._tick()
    assert entry.state.status == "stopped"
    assert not future.cancelled()
    assert len(made._submitted()) == 2


def retry_now(made):
    """End the wait before retries."""
    for job in made.jobs.values():
        job.retry_at = 0.0


class KilledWorker(Exception):
    """Named as dask's."""


def test_a_run_that_waited_behind_one_that_kills_its_worker_is_asked_for_again(store, monkeypatch):
    monkeypatch.setattr(coordinator, "available_gpus", list)
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
    retry_now(made)
    made._tick()
    assert client.submitted[-1][1][2] == waits.id


def test_but_not_without_end(store, monkeypatch):
    monkeypatch.setattr(coordinator, "available_gpus", list)
    entry = store.entry(store.request(CONFIG).config)
    made, client = coordinate(store)
    for _ in range(coordinator.MAX_LOST_BEFORE_START):
        client.submitted[-1][2].set_exception(KilledWorker())
        made._tick()
        retry_now(made)
        made._tick()
    assert entry.state.status == "failed"
    assert len(client.submitted) == coordinator.MAX_LOST_BEFORE_START
    store.request(CONFIG)
    made.queue.duty_cycle.rests_until = 0.0  # however long the last look took
    made._tick()
    client.submitted[-1][2].set_exception(KilledWorker())
    made._tick()
    assert store.is_requested(entry)  # asked for again it has as many chances as before


# --------------------------------------------------------------------------------- clusterings, hundreds of them


def clusterings_of_digits(store, n):
    """Asked for, the newest last."""
    for seed in range(n):
        store.request(ClusteringConfig(dataset="digits", seed=seed))


def seeds_of(client, place):
    return [
        Store(root).get(kind, entry_id).config.seed
        for (_, (root, kind, entry_id, _), _), where in zip(client.submitted, client.places, strict=True)
        if where == place
    ]


def test_training_workers_help_with_clusterings_while_there_is_no_training(store, without_gpus):
    clusterings_of_digits(store, 6)
    made, client = coordinate(store)
    assert (seeds_of(client, "analyse"), seeds_of(client, "train")) == ([5, 4], [3])  # one more than there are workers waits
    client.submitted[2][2].set_result("finished")
    store.request(CONFIG)
    made._tick()  # the training comes before the next clustering
    made._tick()
    assert [arguments[1] for _, arguments, _ in client.submitted[3:]] == ["runs"]
    assert client.places[3:] == ["train"]


def test_the_clustering_that_was_asked_for_last_comes_next_and_one_that_waits_can_be_stopped(store, without_gpus):
    clusterings_of_digits(store, 5)
    made, client = coordinate(store)
    looked_at = store.request(ClusteringConfig(dataset="digits", seed=99))
    waiting = store.entry(ClusteringConfig(dataset="digits", seed=0))
    waiting.request_stop()
    made.stop_poll.rests_until = 0.0
    made._tick()
    assert waiting.state.status == "stopped"
    client.submitted[0][2].set_result("finished")
    made._tick()  # takes down that there is room
    made._tick()
    assert client.submitted[-1][1][2] == looked_at.id
    assert not store.is_requested(waiting)


def test_on_a_gpu_and_on_somebody_else_s_cluster_clusterings_stay_with_the_workers_for_maps(store, with_gpus, monkeypatch):
    clusterings_of_digits(store, 6)
    _, client = coordinate(store)
    assert client.places == ["analyse"] * 6
    monkeypatch.setattr(placement, "available_gpus", list)
    monkeypatch.setattr(Client, "cluster", None)
    _, client = coordinate(store)
    assert client.places == ["analyse"] * 6


def test_a_clustering_has_one_thread_whoever_does_it(store, monkeypatch):
    """A worker for trainings has more, and sums would come out otherwise."""
    seen = []
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setitem(
        tasks.TASKS,
        "clusterings",
        lambda entry, device: seen.append({torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())}),
    )
    tasks.perform(str(store.root), "clusterings", store.create(ClusteringConfig(dataset="digits")).id)
    assert seen == [{1}]
    assert torch.get_num_threads() == 2
