"""The engine for real: a process of its own, workers that are killed, work that is found again."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from benchmarks.faults.fixtures import holder_of
from benchmarks.scale.cluster import cluster
from ddnmf_core.cli.main import main_app
from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.engine import coordinator
from ddnmf_core.engine.worker import tasks
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.files.read_only import ReadOnlyError
from ddnmf_core.store import trash
from ddnmf_core.store.entry import ENDED_STATUSES, MODEL_FILE
from ddnmf_core.store.run_store import Store

LONG = RunConfig(dataset="digits", layers=(64, 32, 8), n_parts=5, epochs=400, batch_size=32)
SHORT = LONG.replace(epochs=2, batch_size=256)


def wait_for(condition, seconds=180.0):  # not a speed: a busy machine is slow
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def rows(entry):
    return len(entry.history())


def last_epoch(entry):
    return entry.history()[-1]["epoch"] if entry.history() else 0.0


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One engine for the whole module; it must survive what the tests do to it."""
    os.environ["DDNMF_THREADS"] = "1"
    store = Store(tmp_path_factory.mktemp("engine"))
    engine.start(store)
    wait_for(lambda: engine.info(store).device)
    yield store
    engine.stop(store)
    del os.environ["DDNMF_THREADS"]


def finish_quickly(store, entry):
    entry.request_stop()
    wait_for(lambda: entry.state.status in ENDED_STATUSES)
    trash.delete_entry(entry)


def test_the_engine_says_what_it_is(store):
    running = engine.info(store)
    assert running.scheduler.startswith("tls://127.0.0.1:")
    assert running.images_per_second > 0


@pytest.mark.parametrize("credentials", ["none", "of another cluster"])
def test_who_lacks_the_engine_s_own_keys_can_neither_submit_nor_read(store, credentials):
    from distributed import Client
    from distributed.security import Security

    address = engine.info(store).scheduler
    assert address.startswith("tls://127.0.0.1:")
    security = None if credentials == "none" else Security.temporary()
    with pytest.raises((OSError, TypeError, RuntimeError)):  # a handshake that is refused, or none
        Client(address if security else address.replace("tls", "tcp"), security=security, timeout="3s")
    entry = engine.submit(store, SHORT.replace(seed=len(credentials)))  # and it still works
    wait_for(lambda: entry.state.status == "finished")


def test_the_engine_s_processes_serve_nothing_over_http(store):
    """Dask's pages show logs, call stacks with paths and ids of runs, to any user of the machine and any Host."""
    (server,) = (each for each in psutil.process_iter(["pid"]) if each.pid == engine.info(store).pid)
    ports = {
        connection.laddr.port
        for process in (server, *server.children(recursive=True))
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports
    paths = (
        "/",
        "/status",
        "/health",
        "/metrics",
        "/info/main/workers.html",
        "/info/logs.html",
        "/json/identity.json",
        "/sitemap.json",
    )
    answers = [_http(port, path) for port in ports for path in paths]
    assert {text for status, text in answers if status not in (404, None)} <= {'{"paths": ["/sitemap.json"]}'}  # of itself


def _http(port, path):
    """Status and text of an answer; None where the port does not speak HTTP."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "evil.example"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (HTTPException, OSError):
        return None, ""
    finally:
        connection.close()


def test_the_store_is_private_to_the_user(store):
    assert store.root.stat().st_mode & 0o077 == 0
    assert Store(store.root / "another" / "home").create(SHORT).folder.exists()
    assert (store.root / "another" / "home").stat().st_mode & 0o077 == 0


def test_starting_twice_keeps_the_first(store):
    assert engine.start(store).pid == engine.info(store).pid


def test_four_clients_at_once_train_a_configuration_once(store):
    config = SHORT.replace(seed=11)
    with ThreadPoolExecutor(4) as pool:
        entries = list(pool.map(lambda _: engine.submit(store, config), range(4)))
    wait_for(lambda: entries[0].state.status in ENDED_STATUSES)
    assert entries[0].finished
    assert [row["epoch"] for row in entries[0].history() if row["kind"] == "epoch"] == [1, 2]


def test_stopping_takes_less_than_a_second_and_resuming_goes_on(store):
    entry = engine.submit(store, LONG.replace(seed=12))
    wait_for(lambda: rows(entry) > 3)
    began = time.monotonic()
    entry.request_stop()
    wait_for(lambda: entry.state.status == "stopped")
    assert time.monotonic() - began < 3.0  # the target is 1 s on an idle machine
    stopped_at = last_epoch(entry)
    engine.submit(store, entry.config)
    wait_for(lambda: last_epoch(entry) > stopped_at + 1)
    finish_quickly(store, entry)


def test_a_queued_run_is_stopped_before_its_turn(store):
    first = engine.submit(store, LONG.replace(seed=13))
    wait_for(lambda: first.state.status == "running")
    others = [engine.submit(store, LONG.replace(seed=100 + number)) for number in range(os.cpu_count() or 1)]
    last = others[-1]
    last.request_stop()
    wait_for(lambda: last.state.status == "stopped")
    assert last.history() == []
    for entry in [first, *others]:
        finish_quickly(store, entry)


def test_a_killed_worker_s_run_resumes_and_ends_with_the_same_weights(store, tmp_path, monkeypatch):
    config = LONG.replace(seed=14, epochs=40, batch_size=64)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the undisturbed run, here: as the workers
    entry = engine.submit(store, config)
    wait_for(lambda: rows(entry) > 5)
    os.kill(holder_of(entry), signal.SIGKILL)
    wait_for(lambda: entry.state.status in ENDED_STATUSES)
    assert entry.finished
    epochs = [row["epoch"] for row in entry.history() if row["kind"] == "epoch"]
    assert epochs == list(range(1, 41))
    undisturbed = Store(tmp_path).create(config)
    tasks.perform(str(tmp_path), "runs", undisturbed.id)
    expected, got = undisturbed.read_tensors(MODEL_FILE), entry.read_tensors(MODEL_FILE)
    assert all(np.array_equal(expected[name], got[name]) for name in expected)


def test_a_worker_that_comes_back_too_late_for_dask_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "1ms")  # no restart is that fast
    store = Store(tmp_path)
    engine.start(store)
    entry = engine.submit(store, LONG.replace(seed=16, epochs=40, batch_size=64))
    wait_for(lambda: rows(entry) > 3)
    os.kill(holder_of(entry), signal.SIGKILL)
    wait_for(lambda: entry.state.status in ENDED_STATUSES)
    assert entry.finished
    assert "Lost workers: 1; starting replacements" in (tmp_path / "engine.log").read_text()
    assert engine.stop(store)


def test_after_the_whole_engine_was_killed_unfinished_runs_go_on(tmp_path):
    store = Store(tmp_path)
    running = engine.start(store)
    entry = engine.submit(store, LONG.replace(seed=15))
    wait_for(lambda: rows(entry) > 3)
    os.killpg(running.pid, signal.SIGKILL)
    wait_for(lambda: entry.state.status == "interrupted")
    before = last_epoch(entry)
    engine.start(store)
    wait_for(lambda: entry.state.status == "running" and last_epoch(entry) > before)
    entry.request_stop()
    wait_for(lambda: entry.state.status == "stopped")
    assert engine.stop(store)
    assert engine.info(store) is None


def test_a_cluster_that_dask_s_own_commands_started_does_the_work_under_its_keys():
    with cluster(1) as (store, _):
        assert engine.info(store).scheduler.startswith("tls://127.0.0.1:")
        entry = engine.submit(store, SHORT.replace(seed=16))
        wait_for(lambda: entry.state.status in ENDED_STATUSES)
        assert entry.finished


def test_pages_and_commands_load_neither_torch_nor_dask_for_the_engine():
    code = (
        "import sys, ddnmf_core.engine.client, ddnmf_core.store.run_store, ddnmf_core.cli;"
        "print({'torch', 'sklearn', 'distributed', 'pandas', 'torchvision'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_a_cluster_that_does_not_answer_is_a_sentence_and_not_tried_without_end(tmp_path, monkeypatch):
    monkeypatch.setenv("DDNMF_SCHEDULER", "tcp://127.0.0.1:9")
    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="DDNMF_SCHEDULER=tcp"):
        engine.start(store)
    monkeypatch.setattr(engine.subprocess, "Popen", lambda *arguments, **options: pytest.fail("tried again at once"))
    engine.ensure_started(store)


def test_what_is_made_of_a_run_waits_until_it_is_trained(store):
    run = SHORT.replace(seed=19, epochs=20)
    made_of_it = (ClusteringConfig.of(run), EmbeddingConfig(run=run.id, method="pca"))
    waiting = [engine.submit(store, config) for config in (run, *made_of_it)]
    wait_for(lambda: all(entry.state.status in ENDED_STATUSES for entry in waiting))
    assert [entry.state.status for entry in waiting] == ["finished"] * 3


def test_what_waits_for_a_run_can_be_stopped_and_says_so_when_the_run_was(store):
    run = engine.submit(store, LONG.replace(seed=20))
    withdrawn, left = (engine.submit(store, ClusteringConfig.of(run.config, clusterer=name)) for name in ("kmeans", "gmm"))
    withdrawn.request_stop()
    wait_for(lambda: withdrawn.state.status == "stopped")
    assert left.state.status == "queued"
    run.request_stop()
    wait_for(lambda: left.state.status in ENDED_STATUSES)
    assert left.state.status == "failed"
    assert f"run {run.id} is not finished" in left.state.message


def test_one_entry_s_trouble_leaves_the_engine_alive(store, tmp_path):
    entry = engine.submit(store, LONG.replace(seed=17))
    wait_for(lambda: entry.state.status == "running")
    entry.folder.rename(tmp_path / "gone")  # its worker is still writing into it
    other = engine.submit(store, SHORT.replace(seed=18))
    wait_for(lambda: other.state.status in ENDED_STATUSES)
    assert other.finished


def test_an_engine_that_is_on_its_way_is_not_started_again(tmp_path, monkeypatch):
    started = []

    class OnItsWay:
        def __init__(self, *arguments, **details):
            started.append(self)
            self.ended = None

        def poll(self):
            return self.ended

    monkeypatch.setattr(engine.subprocess, "Popen", OnItsWay)
    for seed in range(5):
        engine.submit(Store(tmp_path), SHORT.replace(seed=seed))
    assert len(started) == 1
    started[0].ended = 1
    engine.ensure_started(Store(tmp_path))
    assert len(started) == 2


def test_engines_that_crash_in_a_row_are_started_again_later_each_time(tmp_path, monkeypatch):
    class Crashing:
        def __init__(self, *arguments, **details):
            starts.append(now[0])
            self.code = 1

        def poll(self):
            return self.code

    starts, now, store = [], [0.0], Store(tmp_path)
    monkeypatch.setattr(engine.subprocess, "Popen", Crashing)
    monkeypatch.setattr(engine.time, "monotonic", lambda: now[0])
    while now[0] < 1000:  # a page asks each second
        engine.ensure_started(store)
        now[0] += 1
    waits = np.diff(starts)
    assert waits[:8].tolist() == [1, 2, 3, 5, 9, 17, 33, 65]  # a second to notice it, and 0, 1, 2, 4, ...
    assert waits.max() <= 1 + engine.MAX_BACKOFF_S
    last = engine._STARTED[store.root]
    last.process.code, last.noticed = None, None  # one that runs
    last.began = now[0]
    now[0] += 1000
    engine.ensure_started(store)
    n = len(starts)
    last.process.code = -9  # killed after a long life: started again at once
    engine.ensure_started(store)
    assert len(starts) == n + 1


def test_a_command_that_waits_says_that_the_engine_cannot_be_started(tmp_path, monkeypatch):
    monkeypatch.setenv("DDNMF_SCHEDULER", "tcp://127.0.0.1:9")
    found = CliRunner().invoke(main_app, ["train", "--dataset", "digits", "--epochs", "1", "--home", str(tmp_path)])
    assert found.exit_code == 2
    assert "could not start its cluster at DDNMF_SCHEDULER=tcp://127.0.0.1:9" in found.output
    work = WorkBatch(Store(tmp_path), [SimpleNamespace(config=SHORT, run=None)])
    work.submit()
    with pytest.raises(RuntimeError, match="could not start its cluster"):
        list(work.steps())


def test_whatever_keeps_the_cluster_from_starting_is_said(tmp_path, monkeypatch):
    def broken():
        raise KeyError("surprise")

    monkeypatch.setattr(coordinator, "start_cluster", broken)
    with pytest.raises(KeyError):
        coordinator.serve(Store(tmp_path))
    assert "surprise" in engine.start_error(Store(tmp_path))


def test_where_nothing_may_be_changed_the_engine_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setenv("DDNMF_READ_ONLY", "1")
    with pytest.raises(ReadOnlyError):
        engine.start(Store(tmp_path))


def test_a_device_that_there_is_not_is_refused_before_anything_is_asked_for(tmp_path):
    with pytest.raises(ValueError, match="device = 'tpu': should be 'auto'"):
        engine.submit(Store(tmp_path), SHORT, "tpu")
    assert Store(tmp_path).requests() == []


def test_an_old_failure_or_one_on_another_cluster_is_not_said_again(tmp_path, monkeypatch):
    store, started = Store(tmp_path), []
    store.prepare()
    monkeypatch.setattr(engine.subprocess, "Popen", lambda *arguments, **options: started.append(arguments))
    monkeypatch.setenv("DDNMF_SCHEDULER", "tcp://127.0.0.1:9")
    engine.write_start_error(store, "It could not be reached.")
    with pytest.raises(RuntimeError, match="could not be reached"):
        engine.require_running(store)
    os.utime(engine.start_error_path(store), (1, 1))
    engine.require_running(store)  # tried again, and nobody knows yet how it ends
    engine._STARTED.pop(store.root)
    engine.write_start_error(store, "It could not be reached.")
    monkeypatch.setenv("DDNMF_SCHEDULER", "tcp://127.0.0.1:10")
    engine.require_running(store)
    engine._STARTED.pop(store.root)
    assert len(started) == 2


def test_an_engine_that_knows_another_folder_of_data_counts_as_another(monkeypatch, tmp_path):
    """It would look for the full sets where its first caller had them."""
    monkeypatch.delenv("DDNMF_DATA", raising=False)
    without = engine.fingerprint()
    assert engine.fingerprint() == without
    monkeypatch.setenv("DDNMF_DATA", str(tmp_path))
    assert engine.fingerprint() != without
