"""The same sweep on a dask cluster that dask's own commands started (scheduler and workers as processes of their own, TLS), by
the number of its training workers; what a run costs beside its training; and from that, what 10,000 runs take on many GPUs.

Workers have one thread each, so that as many as there are cores do not get in each other's way. Costs: a store's queue is
made of tickets, the coordinator and the scheduler are asked for the processor time that they took for runs which train for
next to nothing. A run's scoring (codes, K-means, mixtures) is timed on one thread after one epoch of 70,000 images.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from benchmarks.common.harness import ROOT, NotHere, Result, Row, free_port
from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import find
from ddnmf_core.engine import client as engine
from ddnmf_core.files.atomic import write_document
from ddnmf_core.store.entry import ENDED_STATUSES
from ddnmf_core.store.run_store import Store

REPEATS, PATIENCE, IDLE = 1, 900.0, 10.0  # seconds
N_WORKERS = (1, 2)
N_RUNS, N_EMPTY, N_TICKETS = 8, 60, (100, 1_000, 10_000)
SWEEP = RunConfig(dataset="mnist-10k", n_samples=5000, epochs=4)
EMPTY = RunConfig(dataset="digits", n_samples=100, layers=(8, 4), n_parts=2, epochs=1)
N_IN_ALL, GPUS, TRAININGS = 10_000, (8, 64, 512), (60.0, 10.0, 2.0)  # runs; machines; seconds of one GPU for each run
SCORING = """
import sys, time
from ddnmf_core.engine.worker import tasks; from ddnmf_core.engine.worker import train as train_task
began, encode = [], train_task.encode_run  # with which the scoring begins
train_task.encode_run = lambda *a: (began.append(time.perf_counter()), encode(*a))[1]
assert tasks.perform(*sys.argv[1:]) == "finished"
print(time.perf_counter() - began[0])
"""


def measure(repeats: int) -> Result:
    if not find("mnist"):
        raise NotHere("MNIST's 70,000 images are not here. Set DDNMF_DATA (`ddnmf data` says how to get them).")
    sweeps = list(_sweeps(repeats))
    costs = list(_costs())
    of = {row["what"]: row["measured"] for row in costs}
    return Result("cluster", [*sweeps, *costs, *ahead(of)], {"ratio": sweeps[-1]["efficiency"]}, repeats)


# ------------------------------------------------------------------------------------------- the sweep


def _sweeps(repeats: int) -> Iterator[Row]:
    alone = None
    for n in N_WORKERS:
        with cluster(n) as (store, _):
            seconds_of(store, [SWEEP.replace(seed=1000 + k) for k in range(n)])  # each worker has loaded what it needs
            seconds = median(
                seconds_of(store, [SWEEP.replace(seed=100 * number + seed) for seed in range(N_RUNS)])
                for number in range(1, repeats + 1)
            )
        alone = alone or seconds
        yield {
            "curve": "One sweep on dask's workers",
            "training workers": n,
            "runs": N_RUNS,
            "seconds": seconds,
            "runs an hour": 3600 * N_RUNS / seconds,
            "efficiency": alone / seconds / n,
        }


def seconds_of(store: Store, configs: Sequence[RunConfig]) -> float:
    """Time from the request of these runs until all are finished."""
    began = time.monotonic()
    entries = [engine.submit(store, config) for config in configs]
    while not all(entry.state.status in ENDED_STATUSES for entry in entries):
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"not done after {PATIENCE:.0f} s: {[entry.state for entry in entries]}")
        time.sleep(0.05)
    seconds = time.monotonic() - began
    if lost := [entry.state for entry in entries if not entry.finished]:
        raise RuntimeError(f"without a result: {lost}")
    return seconds


@contextmanager
def cluster(n_trainers: int) -> Iterator[tuple[Store, "subprocess.Popen[bytes]"]]:
    """Provide a store whose engine works on a cluster of `dask scheduler` and `dask worker`, as in docs/scaling.md, and the
    scheduler's process."""
    from distributed import Client
    from distributed.security import Security

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        keys, home = Security.temporary(), Path(folder)
        files = {name: home / f"{name}.pem" for name in ("ca", "cert", "key")}
        for name, content in zip(files, (keys.tls_ca_file, keys.tls_client_cert, keys.tls_client_key), strict=True):
            files[name].write_text(content)
        tls = "DASK_DISTRIBUTED__COMM__TLS__"
        named = {f"{tls}CA_FILE": files["ca"]} | {
            f"{tls}{role}__{kind.upper()}": files[kind]
            for kind in ("cert", "key")
            for role in ("SCHEDULER", "WORKER", "CLIENT")
        }
        environment = {
            **os.environ,
            **{name: str(path) for name, path in named.items()},
            "OMP_NUM_THREADS": "1",
            "DDNMF_HOME": str(home / "store"),
            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false",
        }
        before = dict(os.environ)
        address = f"tls://127.0.0.1:{free_port()}"
        dask = [str(Path(sys.executable).with_name("dask"))]

        def quiet_process(command: list[str]) -> "subprocess.Popen[bytes]":
            quiet = subprocess.DEVNULL
            return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=quiet, stderr=quiet)

        scheduler = quiet_process(
            [
                *dask,
                "scheduler",
                "--protocol",
                "tls",
                "--host",
                "127.0.0.1",
                "--port",
                address.rpartition(":")[2],
                "--no-dashboard",
            ]
        )
        worker = [
            *dask,
            "worker",
            address,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--memory-limit",
            "0",
            "--local-directory",
            str(home),
            "--resources",
        ]
        workers = [quiet_process([*worker, what]) for what in (*["train=1"] * n_trainers, "analyse=1")]
        store = Store(home / "store")
        try:
            os.environ.update({**environment, "DDNMF_SCHEDULER": address})
            with Client(address, security=keys, timeout="60s") as client:
                client.wait_for_workers(len(workers), timeout=120)
            engine.start(store)
            yield store, scheduler
        finally:
            engine.stop(store)
            os.environ.clear()
            os.environ.update(before)
            for process in (*workers, scheduler):
                process.terminate()
            for process in (*workers, scheduler):
                process.wait(30)


# ------------------------------------------------------------------------- what a run costs beside its training


def _costs() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        entry = Store(home).create(RunConfig(dataset="mnist", epochs=1))
        out = subprocess.run(
            [sys.executable, "-c", SCORING, home, "runs", entry.id, "cpu"],
            cwd=ROOT,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        ).stdout
        scoring = float(out.splitlines()[-1])
        files = [path.stat().st_size for path in entry.folder.rglob("*") if path.is_file() and "checkpoint" not in path.name]
    yield _cost("scoring of 70,000 images, one thread", scoring, "s")
    yield _cost("kept of it in the store", sum(files) / 1e6, "MB")
    with cluster(1) as (store, scheduler):
        seconds_of(store, [EMPTY.replace(seed=999)])
        running = engine.info(store)
        assert running
        coordinator, of_dask = psutil.Process(running.pid), psutil.Process(scheduler.pid)
        idle = _processor((coordinator, of_dask), lambda: time.sleep(IDLE))
        busy = _processor((coordinator, of_dask), lambda: seconds_of(store, [EMPTY.replace(seed=k) for k in range(N_EMPTY)]))
    seconds = busy[0]
    took = [busy[k] - idle[k] / idle[0] * seconds for k in (1, 2)]
    yield _cost("from end to end, where nothing is trained", seconds / N_EMPTY, "s")
    yield _cost("the coordinator's processor", took[0] / N_EMPTY, "s")
    yield _cost("the scheduler's processor", took[1] / N_EMPTY, "s")
    for n in N_TICKETS:
        yield _cost(f"the queue read again, {n:,} waiting", _queue(n), "s")


def _processor(processes: Sequence[psutil.Process], work: Callable[[], object]) -> list[float]:
    """Return the seconds of the work, and each process's processor seconds meanwhile."""
    before, began = [sum(process.cpu_times()[:2]) for process in processes], time.monotonic()
    work()
    return [
        time.monotonic() - began,
        *(sum(process.cpu_times()[:2]) - already for process, already in zip(processes, before, strict=True)),
    ]


def _cost(what: str, measured: float, unit: str) -> Row:
    return {"curve": "What a run costs beside its training", "what": what, "measured": measured, "unit": unit}


def _queue(n: int) -> float:
    with tempfile.TemporaryDirectory() as home:
        store = Store(home)
        store.queue.mkdir(parents=True)
        for number in range(n):
            path = store.queue / f"runs.{number:016x}"
            write_document(path, {"device": "auto", "asked": number})
            os.utime(path, (number, number))  # long ago: it is read once
        store.requests()
        times = []
        for _ in range(5):
            began = time.perf_counter()
            assert len(store.requests()) == n
            times.append(time.perf_counter() - began)
        return median(times)


# -------------------------------------------------------------------------------------------- many GPUs


def ahead(cost: dict[str, float]) -> Iterator[Row]:
    """What N_IN_ALL runs take on that many GPUs by what one takes on one of them: without its scoring, and with scoring on the
    worker's CPU; what the coordinator's one core, the scheduler's and the store's disk must bear without it."""
    for training in TRAININGS:
        for n_gpus in GPUS:
            bare = N_IN_ALL * training / n_gpus
            scored = bare + N_IN_ALL * cost["scoring of 70,000 images, one thread"] / n_gpus
            rate = N_IN_ALL / bare
            yield {
                "curve": f"{N_IN_ALL:,} runs",
                "GPUs": n_gpus,
                "one training, s": training,
                "hours": bare / 3600,
                "hours, scored on a CPU thread": scored / 3600,
                "runs a second": rate,
                "coordinator, cores": rate * cost["the coordinator's processor"],
                "scheduler, cores": rate * cost["the scheduler's processor"],
                "store, MB/s": rate * cost["kept of it in the store"],
            }
