"""Stores, engines and waits that the faults share."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.common.harness import ROOT
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.store.entry import ENDED_STATUSES, MODEL_FILE, Entry
from ddnmf_core.store.run_store import Store

LONG = RunConfig(dataset="digits", layers=(64, 32, 8), n_parts=5, epochs=40, batch_size=64)
SHORT = LONG.replace(epochs=2, batch_size=256)
PATIENCE = 120.0  # seconds, after which a try counts as lost
Weights = Mapping[str, np.ndarray]
UNDISTURBED = """
import sys
from ddnmf_core.engine.worker import tasks
for run_id in sys.argv[2:]:
    tasks.perform(sys.argv[1], "runs", run_id, "cpu")
"""


@contextmanager
def folder() -> Iterator[str]:
    home = tempfile.mkdtemp()
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def running_engine() -> Iterator[Store]:
    with folder() as home:
        store = Store(home)
        engine.start(store)
        try:
            yield store
        finally:
            engine.stop(store)


def wait(condition: Callable[..., object], *arguments: object, seconds: float | None = None, every: float = 0.02) -> bool:
    """Poll until condition(*arguments) is true; return False after `seconds`, or else PATIENCE."""
    deadline = time.monotonic() + (PATIENCE if seconds is None else seconds)
    while time.monotonic() < deadline:
        if condition(*arguments):
            return True
        time.sleep(every)
    return False


def ended(*entries: Entry) -> bool:
    return all(entry.state.status in ENDED_STATUSES for entry in entries)


def has_rows(entry: Entry, n: int) -> bool:
    """Return whether its history has at least n rows."""
    return len(entry.history()) >= n


def is_past(entry: Entry, step: int) -> bool:
    return last_step(entry) > step


def stop(*entries: Entry) -> None:
    """Stop runs, so that the next try has all workers."""
    for entry in entries:
        entry.request_stop()
    wait(ended, *entries)


def holder_of(entry: Entry) -> int | None:
    """Return the id of the process that holds the entry's lock, from the kernel's list."""
    inode = os.stat(entry.folder / "lock").st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[3] == "WRITE" and int(fields[5].split(":")[-1]) == inode:
            return int(fields[4])
    return None


def last_step(entry: Entry) -> int:
    rows = entry.history()
    return int(rows[-1]["step"]) if rows else 0


def run_python(script: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script in a process with the engine's number of threads, which float sums depend on."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": str(engine.threads_per_run())},
    )


def undisturbed_weights(configs: Sequence[RunConfig]) -> dict[RunConfig, Weights]:
    """Return the weights of undisturbed runs, trained one after the other by one process."""
    with folder() as home:
        entries = [Store(home).create(config) for config in configs]
        run_python(UNDISTURBED, home, *(entry.id for entry in entries)).check_returncode()
        return {entry.config: entry.read_tensors(MODEL_FILE) for entry in entries}


def equal(some: Weights, others: Weights) -> bool:
    return some.keys() == others.keys() and all(np.array_equal(some[name], others[name]) for name in some)
