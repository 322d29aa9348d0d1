"""Start, query and stop the engine from pages and commands.

The engine is a separate process (`engine/coordinator.py`) that outlives the page. This module reads and writes files
and imports no heavy package.
"""

import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ddnmf_core.config import Config, check_device
from ddnmf_core.files.atomic import CorruptFile, make_way, read_document, remove_file, sha256, write_document
from ddnmf_core.files.read_only import read_only, require_writable
from ddnmf_core.store.entry import Entry, is_locked
from ddnmf_core.store.run_store import Store

START_TIMEOUT_S = 60.0
RETRY_INTERVAL_S = 60.0  # seconds before a failed start is tried again
STEADY_S, MAX_BACKOFF_S = 60.0, 300.0  # life of an engine that counts as sound; longest wait after crashes in a row


@dataclass
class _Start:
    """An engine that this process started, and the crashes in a row up to it."""

    process: "subprocess.Popen[bytes]"
    began: float
    n_crashes: int
    noticed: float | None = None  # when its crash was noticed

    def wait_left(self) -> float:
        """Return the seconds until another may be started: infinite while it runs, after crashes in a row 1, 2, 4, ... s."""
        code, now = self.process.poll(), time.monotonic()
        if code is None:
            return math.inf
        if self.noticed is None:
            self.noticed = now
            self.n_crashes = 0 if code == 0 else 1 if now - self.began > STEADY_S else self.n_crashes + 1
        pause = min(2.0 ** (self.n_crashes - 2), MAX_BACKOFF_S) if self.n_crashes > 1 else 0.0
        return self.noticed + pause - now


_STARTED: dict[Path, _Start] = {}  # by store


@dataclass(frozen=True)
class EngineInfo:
    """Process, workers and measured speed of a running engine."""

    pid: int
    scheduler: str
    threads_per_run: int
    n_workers: int
    fingerprint: str
    device: str = ""  # empty until a worker has measured it
    images_per_second: float = 0.0  # of the default model
    weights: int = 0


def info(store: Store) -> EngineInfo | None:
    """Return the engine that serves this store, or None."""
    if not is_locked(lock_path(store)):
        return None
    try:
        running = EngineInfo(**read_document(info_path(store)))
    except (CorruptFile, TypeError):
        return None
    return running if type(running.pid) is int and running.pid > 1 else None


def crash_notice(store: Store) -> str:
    """Return when an engine that crashes in a row is started again; empty if this process waits for nothing."""
    last = _STARTED.get(store.root)
    seconds = last.wait_left() if last else 0.0
    if last is None or last.n_crashes < 2 or not 0 < seconds < math.inf:
        return ""
    return f"{_crash_sentence(last.n_crashes)} It is started again in {math.ceil(seconds)} s. Log: {store.root}/engine.log"


def _crash_sentence(n_crashes: int) -> str:
    return "The engine crashed." if n_crashes == 1 else f"The engine crashed {n_crashes} times in a row."


def start_error(store: Store) -> str:
    """Return the reason why the last start of the engine failed; empty after a success or during a new try."""
    return str(_failure(store).get("message", ""))


def write_start_error(store: Store, message: str) -> None:
    """Record the reason for a failed start, and its cluster (called by the engine)."""
    write_document(start_error_path(store), {"message": message, "scheduler": os.environ.get("DDNMF_SCHEDULER", "")})


def _failure(store: Store) -> dict[str, Any]:
    try:
        return read_document(start_error_path(store))
    except CorruptFile:
        return {}


def _failed_just_now(store: Store) -> bool:
    """Whether a start on the same cluster failed less than RETRY_INTERVAL_S ago."""
    same = _failure(store).get("scheduler", "") == os.environ.get("DDNMF_SCHEDULER", "")
    return bool(start_error(store)) and same and time.time() - start_error_path(store).stat().st_mtime < RETRY_INTERVAL_S


def require_running(store: Store) -> None:
    """Start the engine for a waiting command; raise RuntimeError if its last start failed."""
    ensure_started(store)
    if failure := start_error(store):
        raise RuntimeError(failure)


def ensure_started(store: Store) -> None:
    """Start the engine unless it runs; return at once. Replace an idle engine of an older version, or one that was
    started with another DDNMF_DATA.

    After a failed start wait for RETRY_INTERVAL_S; `start_error` returns the reason. After crashes in a row wait longer each
    time.
    """
    if read_only():
        return
    if _failed_just_now(store):
        return
    if is_locked(lock_path(store)):
        running = info(store)
        if running and running.fingerprint != fingerprint() and not store.requests():
            stop(store)
        else:
            return
    last = _STARTED.get(store.root)
    if last is not None and last.wait_left() > 0:
        return
    store.prepare()
    remove_file(start_error_path(store))  # of the previous start
    make_way(store.root / "engine.log")
    with (store.root / "engine.log").open("ab") as log:
        if last and last.n_crashes:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {_crash_sentence(last.n_crashes)} It is started again.\n".encode())
            log.flush()
        process = subprocess.Popen(
            [sys.executable, "-m", "ddnmf_core", "engine", "serve", "--home", str(store.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "DDNMF_HOME": str(store.root), "OMP_NUM_THREADS": str(threads_per_run())},
        )
    _STARTED[store.root] = _Start(process, time.monotonic(), last.n_crashes if last else 0)


def start(store: Store) -> EngineInfo:
    """Start the engine and wait until it accepts requests; raise RuntimeError with the path of its log."""
    require_writable()
    deadline = time.monotonic() + START_TIMEOUT_S
    ensure_started(store)
    while time.monotonic() < deadline and not start_error(store):
        if (running := info(store)) is not None:
            return running
        time.sleep(0.05)
        ensure_started(store)
    raise RuntimeError(
        start_error(store) or f"The engine did not start within {START_TIMEOUT_S:.0f} s. See the log: {store.root}/engine.log"
    )


def stop(store: Store, patience: float = 10.0) -> bool:
    """Stop the engine; return whether it ran. Interrupted runs resume from their last checkpoint at the next start."""
    running = info(store)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while is_locked(lock_path(store)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if is_locked(lock_path(store)):
        os.killpg(running.pid, signal.SIGKILL)
    _STARTED.pop(store.root, None)
    return True


def submit(store: Store, config: Config, device: str | None = None) -> Entry:
    """Request a result and start the engine if needed; without a device, keep the one of the last request."""
    require_writable()
    entry = store.request(config, device and check_device(device))
    if not entry.finished:
        ensure_started(store)
    return entry


def threads_per_run() -> int:
    """Return the threads of one run: DDNMF_THREADS, else two. Float sums depend on it, so the number of runs must not
    change it."""
    wanted = os.environ.get("DDNMF_THREADS", "")
    return int(wanted) if wanted.isdigit() and int(wanted) > 0 else min(2, os.cpu_count() or 1)


def fingerprint() -> str:
    """Return a hash of what an engine keeps from its start: the core's source files with their times, the data folder."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    times = [(path.name, path.stat().st_mtime_ns) for path in sources]
    return sha256(repr((times, os.environ.get("DDNMF_DATA"))).encode())[:16]


def info_path(store: Store) -> Path:
    return store.root / "engine.json"


def lock_path(store: Store) -> Path:
    return store.root / "engine.lock"


def start_error_path(store: Store) -> Path:
    return store.root / "engine-trouble.json"
