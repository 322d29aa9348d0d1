"""Faults injected for real, counted: what was tried, what survived, what was lost.

Processes are killed with SIGKILL or stopped with SIGSTOP, bits of stored files are flipped, files cut short, losses made
infinite. `--repeats N` tries each fault at most N times; without it the full counts are taken, which is a matter of hours.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.measuring import ROOT, Result
from ddnmf_core import engine, tasks
from ddnmf_core.config import RunConfig
from ddnmf_core.entries import CLUSTERS, CODES, CONFIG, ENDED, MANIFEST, MODEL, SCORES, STATE, Entry
from ddnmf_core.files import CorruptFile
from ddnmf_core.runs import Store

REPEATS = 200
LONG = RunConfig(dataset="digits", layers=(64, 32, 8), n_parts=5, epochs=40, batch_size=64)
SHORT = LONG.replace(epochs=2, batch_size=256)
PATIENCE = 120.0                                                    # seconds, after which a try counts as lost
WRITER = """
import sys
import numpy as np
from ddnmf_core.entries import Entry
from ddnmf_core.runs import Store
entry, weights, n = Entry(Store(sys.argv[1]), "runs", sys.argv[2]), np.ones((1500, 1500), np.float32), 0
while True:
    n += 1
    entry.write_tensors(f"checkpoint-{n % 2:09d}.safetensors", {"weights": weights, "n": np.array([n])})
    print(n, flush=True)
"""
POISON = """
import importlib.util, os, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "ddnmf_core.trainer":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def loaded(module):
            load(module)
            train = module.Trainer.train
            module.Trainer.train = lambda own, *a, **k: os._exit(9) if own.config.epochs == 666 else train(own, *a, **k)
        spec.loader.exec_module = loaded
        return spec

sys.meta_path.insert(0, Finder())
"""                                                                 # read by every process that the engine starts
UNDISTURBED = "import sys; from ddnmf_core import tasks; tasks.perform(*sys.argv[1:])"


@dataclass
class Count:
    """How often a fault was tried and what became of it."""

    fault: str
    what: str
    full: int                                                       # tries of the full round
    tries: int = 0
    lost: list[str] = field(default_factory=list)                   # a sentence for each try that did not survive
    seconds: list[float] = field(default_factory=list)              # that the recovery took

    def add(self, lost: str = "", seconds: float | None = None) -> None:
        self.tries += 1
        self.lost += [lost] if lost else []
        self.seconds += [] if seconds is None else [seconds]

    def row(self) -> dict[str, object]:
        p50, p99 = (float(np.percentile(self.seconds, share)) if self.seconds else None for share in (50, 99))
        return {"fault": self.fault, "what": self.what, "tries": self.tries, "survived": self.tries - len(self.lost),
                "lost": len(self.lost), "p50, s": p50, "p99, s": p99, "why": "; ".join(sorted(set(self.lost)))[:200] or None}


def measure(repeats: int) -> Result:
    counts = [fault(repeats) for fault in FAULTS.values()]
    lost = sum(len(count.lost) for count in counts)
    figures = {"tries": sum(count.tries for count in counts), "lost": lost}
    return Result("faults", [count.row() for count in counts], figures, repeats)


# ------------------------------------------------------------------------------------ the faults

def killed_worker(most: int) -> Count:
    """F1: kill -9 of a run's worker at a random batch; it resumes and ends with the undisturbed run's bits."""
    count, chance = Count("F1", "worker killed at a random batch: same final weights", 200), random.Random(1)
    with running_engine() as store:
        for attempt in range(min(most, count.full)):
            config = LONG.replace(epochs=100, seed=1000 + attempt)
            entry = engine.submit(store, config)
            n_rows = chance.randint(1, 20)
            wait(lambda entry=entry, n_rows=n_rows: len(entry.history()) > n_rows or ended(entry))
            pid = holder_of(entry)
            if pid is None:
                count.add("it had ended before it could be killed")
                continue
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            resumed = wait(lambda entry=entry: ended(entry))
            count.add("" if resumed and entry.finished and same_weights(entry, config) else f"ended as {entry.state.status}",
                      time.monotonic() - began)
            store.delete(entry)
    return count


def killed_writer(most: int) -> Count:
    """F2: kill -9 while a checkpoint is written; the newest whole one can be read, and what is beside it is cleared."""
    count, chance = Count("F2", "killed while a checkpoint is written: one can be read", 200), random.Random(2)
    with folder() as home:
        store = Store(home)
        entry = store.create(LONG)
        for _ in range(min(most, count.full)):
            writer = subprocess.Popen([sys.executable, "-c", WRITER, str(home), entry.id], cwd=ROOT, stdout=subprocess.PIPE)
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.25))
            writer.kill()
            writer.wait()
            began = time.monotonic()
            store.clear_litter()
            try:
                names = entry.names("checkpoint-")
                readable = [entry.read_tensors(name) for name in names]
                litter = list(Path(home).rglob(".*.tmp"))
                count.add("" if readable and not litter else f"{len(readable)} readable, {len(litter)} left over",
                          time.monotonic() - began)
            except CorruptFile as error:
                count.add(str(error))
    return count


def killed_tree(most: int) -> Count:
    """F3: kill -9 of the engine with all its workers; unfinished runs go on within seconds of the restart."""
    count = Count("F3", "engine and workers killed: runs go on after a restart", 50)
    with folder() as home:
        store = Store(home)
        for attempt in range(min(most, count.full)):
            pid = engine.start(store).pid
            entries = [engine.submit(store, LONG.replace(epochs=100, seed=2000 + 2 * attempt + k)) for k in (0, 1)]
            wait(lambda entries=entries: all(len(entry.history()) > 2 for entry in entries))
            os.killpg(pid, signal.SIGKILL)
            wait(lambda: engine.info(store) is None)
            before = [last_step(entry) for entry in entries]
            engine.start(store)
            began = time.monotonic()
            on = wait(lambda entries=entries, before=before: all(
                last_step(entry) > step or entry.finished for entry, step in zip(entries, before, strict=True)))
            count.add("" if on else ", ".join(entry.state.status for entry in entries), time.monotonic() - began)
            stop(*entries)
        engine.stop(store)
    return count


def cancelled(most: int) -> Count:
    """F5: Stop while it trains; p50 under 100 ms, p99 under 1 s, and it can be resumed."""
    count = Count("F5", "cancelled: stopped, with a checkpoint", 100)
    with running_engine() as store:
        for attempt in range(min(most, count.full)):
            entry = engine.submit(store, LONG.replace(epochs=2000, seed=3000 + attempt))
            wait(lambda entry=entry: len(entry.history()) > 1)
            began = time.monotonic()
            entry.request_stop()
            stopped = wait(lambda entry=entry: ended(entry), every=0.002)
            count.add("" if stopped and entry.names("checkpoint-") else entry.state.status, time.monotonic() - began)
            store.delete(entry)
    return count


def stopped_worker(most: int) -> Count:
    """F6: a run's worker hangs (SIGSTOP); its run goes on elsewhere, and when it wakes nothing of it is written."""
    count = Count("F6", "worker hangs: its run goes on elsewhere", 20)
    with running_engine() as store:
        for attempt in range(min(most, count.full)):
            entry = engine.submit(store, LONG.replace(epochs=3000, seed=6000 + attempt))
            wait(lambda entry=entry: len(entry.history()) > 2 and holder_of(entry))
            pid, step, began = holder_of(entry), last_step(entry), time.monotonic()
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            on = wait(lambda entry=entry, step=step: last_step(entry) > step + 100)
            count.add("" if on and holder_of(entry) != pid and not entry.problems() else "it did not go on",
                      time.monotonic() - began)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            stop(entry)
    return count


def poisoned(most: int) -> Count:
    """F10: a run that crashes its worker each time; it fails with the reason, the others go on."""
    count = Count("F10", "a run crashes its worker each time: fails with the reason, others go on", 10)
    with folder() as patch:
        (Path(patch) / "sitecustomize.py").write_text(POISON)
        with environment(PYTHONPATH=patch), running_engine() as store:
            for attempt in range(min(most, count.full)):
                bad = engine.submit(store, LONG.replace(epochs=666, seed=attempt))
                good = engine.submit(store, LONG.replace(seed=7000 + attempt))
                began = time.monotonic()
                done = wait(lambda bad=bad, good=good: ended(bad, good))
                fine = done and bad.state.status == "failed" and "worker died" in bad.state.message and good.finished
                count.add("" if fine else f"{bad.state.status} ({bad.state.message}), {good.state.status}",
                          time.monotonic() - began)
    return count


def killed_scheduler(most: int) -> Count:
    """F11: kill -9 of the scheduler's process alone; after a restart its runs go on, each on one worker."""
    count = Count("F11", "scheduler killed, workers left: runs go on after a restart", 20)
    with folder() as home:
        store = Store(home)
        for attempt in range(min(most, count.full)):
            pid = engine.start(store).pid
            entry = engine.submit(store, LONG.replace(epochs=3000, seed=8000 + attempt))
            wait(lambda entry=entry: len(entry.history()) > 2)
            os.kill(pid, signal.SIGKILL)
            wait(lambda: engine.info(store) is None)
            engine.start(store)
            began, old = time.monotonic(), holder_of(entry)
            on = wait(lambda entry=entry, old=old: entry.state.status == "running" and holder_of(entry) not in (None, old), 60)
            step = last_step(entry)
            on = on and wait(lambda entry=entry, step=step: last_step(entry) > step)
            count.add("" if on else entry.state.status, time.monotonic() - began)
            stop(entry)
        engine.stop(store)
    return count


def damaged(most: int) -> Count:
    """F7: a flipped bit, a cut, zero length or a missing file, in each stored kind: detected, never read as if whole."""
    count, chance = Count("F7", "stored file damaged: detected", 200), random.Random(7)
    readers: dict[str, Callable[[Entry], object]] = {
        CONFIG: lambda e: e.config, STATE: lambda e: e.state, MANIFEST: lambda e: e.has(MODEL),
        MODEL: lambda e: e.read_tensors(MODEL), CODES: lambda e: e.read_tensors(CODES), SCORES: lambda e: e.read_json(SCORES),
        CLUSTERS: lambda e: e.read_table(CLUSTERS)}
    with folder() as home:
        store = Store(home)
        whole = store.create(SHORT)
        tasks.perform(str(home), "runs", whole.id, "cpu")
        for attempt in range(min(most, count.full)):
            name, how = list(readers)[attempt % len(readers)], ("flip", "cut", "empty", "missing")[attempt // len(readers) % 4]
            path = whole.folder / name
            content = path.read_bytes()
            damage(path, how, chance)
            try:
                readers[name](whole)
                count.add(f"{name}, {how}: not noticed")
            except CorruptFile:
                count.add()
            path.write_bytes(content)
    return count


def asked_at_once(most: int) -> Count:
    """F9: four clients ask for one configuration at the same moment; it is trained once."""
    count = Count("F9", "four clients ask at once: trained once", 200)
    with running_engine() as store:
        for attempt in range(min(most, count.full)):
            config = SHORT.replace(seed=4000 + attempt)
            with ThreadPoolExecutor(4) as pool:
                entry = [*pool.map(lambda _, config=config: engine.submit(store, config), range(4))].pop()
            done = wait(lambda entry=entry: ended(entry))
            epochs = [row["epoch"] for row in entry.epochs()]
            count.add("" if done and entry.finished and epochs == [1, 2] else f"epochs {epochs}, {entry.state.status}")
    return count


def infinite_loss(most: int) -> Count:
    """F12: a loss becomes infinite; the run stops as diverged and every checkpoint that is kept is finite."""
    count = Count("F12", "loss infinite: diverged, last finite checkpoint kept", 20)
    with folder() as home:
        for attempt in range(min(most, count.full)):
            store = Store(home)
            entry = store.create(LONG.replace(optimizer="sgd", learning_rate=2.0, loss_reduction="sum", seed=attempt))
            tasks.perform(str(home), "runs", entry.id, "cpu")
            kept = [entry.read_tensors(name) for name in entry.names("checkpoint-")]
            finite = all(np.isfinite(array).all() for tensors in kept for array in tensors.values())
            count.add("" if entry.state.status == "diverged" and finite else f"{entry.state.status}, finite: {finite}")
    return count


FAULTS: dict[str, Callable[[int], Count]] = {
    "F1": killed_worker, "F2": killed_writer, "F3": killed_tree, "F5": cancelled, "F6": stopped_worker,
    "F7": damaged, "F9": asked_at_once, "F10": poisoned, "F11": killed_scheduler, "F12": infinite_loss}


# ------------------------------------------------------------------------------------ means

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


def wait(condition: Callable[[], object], seconds: float = PATIENCE, every: float = 0.02) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return False


def ended(*entries: Entry) -> bool:
    return all(entry.state.status in ENDED for entry in entries)


def stop(*entries: Entry) -> None:
    """End them, so that the next try has the workers for itself."""
    for entry in entries:
        entry.request_stop()
    wait(lambda: ended(*entries))


def holder_of(entry: Entry) -> int | None:
    """The process that holds the entry's lock, by the kernel's own list."""
    inode = os.stat(entry.folder / "lock").st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[3] == "WRITE" and int(fields[5].split(":")[-1]) == inode:
            return int(fields[4])
    return None


def last_step(entry: Entry) -> int:
    rows = entry.history()
    return int(rows[-1]["step"]) if rows else 0


def same_weights(entry: Entry, config: RunConfig) -> bool:
    """Whether its weights are bit for bit those of the run that nobody disturbed."""
    with folder() as home:
        undisturbed = Store(home).create(config)
        subprocess.run([sys.executable, "-c", UNDISTURBED, home, "runs", undisturbed.id, "cpu"], cwd=ROOT, check=True,
                       env={**os.environ, "OMP_NUM_THREADS": str(engine.threads_per_run())})
        expected, got = undisturbed.read_tensors(MODEL), entry.read_tensors(MODEL)
        return all(np.array_equal(expected[name], got[name]) for name in expected)


def damage(path: Path, how: str, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
        return
    if how == "flip":
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(content[:len(content) // 2] if how == "cut" else b"" if how == "empty" else content))
