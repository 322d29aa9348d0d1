"""Kill or stop processes during their work."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.common.harness import ROOT
from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import (
    LONG,
    ended,
    environment,
    equal,
    folder,
    has_rows,
    holder_of,
    is_past,
    last_step,
    running_engine,
    stop,
    undisturbed_weights,
    wait,
)
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.store import trash
from ddnmf_core.store.entry import MODEL_FILE, Entry
from ddnmf_core.store.run_store import Store

WRITER = """
import sys
from pathlib import Path
import numpy as np
from ddnmf_core.store.entry import Entry
from ddnmf_core.store.run_store import Store
entry, weights, n = Entry(Path(sys.argv[1]), "runs", sys.argv[2]), np.ones((1500, 1500), np.float32), 0
while True:
    n += 1
    entry.write_tensors(f"checkpoint-{n % 2:09d}.safetensors", {"weights": weights, "n": np.array([n])})
    print(n, flush=True)
"""
N_SEEDS = 10  # undisturbed runs that F1 compares with
POISON = """
import importlib.util, os, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "ddnmf_core.model.trainer":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def loaded(module):
            load(module)
            train = module.Trainer.train
            module.Trainer.train = lambda self, *a, **k: os._exit(9) if self.config.epochs == 666 else train(self, *a, **k)
        spec.loader.exec_module = loaded
        return spec

sys.meta_path.insert(0, Finder())
"""  # read by every process that the engine starts


def killed_worker(most: int) -> Count:
    """F1: kill -9 of a run's worker at a random batch, two runs side by side; each resumes and ends with the bits of an
    undisturbed run. The seconds are those from the kill to the end of the run."""
    count, chance = Count("F1", "worker killed at a random batch: same final weights", 200), random.Random(1)
    attempts = count.attempts(most)
    configs = [LONG.replace(epochs=100, seed=1000 + k) for k in range(min(N_SEEDS, len(attempts)))]
    undisturbed = undisturbed_weights(configs)
    with running_engine() as store:
        for pair in (attempts[k : k + 2] for k in range(0, len(attempts), 2)):
            entries = [engine.submit(store, configs[attempt % N_SEEDS]) for attempt in pair]
            killed = [_kill_at(entry, chance.randint(1, 60)) for entry in entries]
            took = [
                wait(ended, entry) and time.monotonic() - (began or 0.0) for entry, began in zip(entries, killed, strict=True)
            ]
            for entry, began, seconds in zip(entries, killed, took, strict=True):
                if began is None:
                    count.add("it had ended before it could be killed")
                elif not entry.finished:
                    count.add(f"ended as {entry.state.status}", seconds)
                else:
                    same = equal(entry.read_tensors(MODEL_FILE), undisturbed[entry.config])
                    count.add("" if same else "other weights", seconds)
            for entry in entries:
                trash.delete_entry(entry)
    return count


def _kill_at(entry: Entry, n_rows: int) -> float | None:
    """Kill its worker after n_rows rows; return the time, or None if the run had ended."""
    wait(lambda: has_rows(entry, n_rows + 1) or ended(entry))
    pid = holder_of(entry)
    if pid is None:
        return None
    os.kill(pid, signal.SIGKILL)
    return time.monotonic()


def killed_writer(most: int) -> Count:
    """F2: kill -9 while a checkpoint is written; the newest whole one can be read, and what is beside it is cleared."""
    count, chance = Count("F2", "killed while a checkpoint is written: one can be read", 200), random.Random(2)
    with folder() as home:
        store = Store(home)
        entry = store.create(LONG)
        for _ in count.attempts(most):
            writer = subprocess.Popen([sys.executable, "-c", WRITER, str(home), entry.id], cwd=ROOT, stdout=subprocess.PIPE)
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.25))
            writer.kill()
            writer.wait()
            began = time.monotonic()
            store.remove_stale_files()
            try:
                names = entry.names("checkpoint-")
                readable = [entry.read_tensors(name) for name in names]
                litter = list(Path(home).rglob(".*.tmp"))
                count.add(
                    "" if readable and not litter else f"{len(readable)} readable, {len(litter)} left over",
                    time.monotonic() - began,
                )
            except CorruptFile as error:
                count.add(str(error))
    return count


def killed_tree(most: int) -> Count:
    """F3: kill -9 of the engine with all its workers; unfinished runs go on within seconds of the restart."""
    count = Count("F3", "engine and workers killed: runs go on after a restart", 50)
    with folder() as home:
        store = Store(home)
        for attempt in count.attempts(most):
            entries = _left_behind(store, [LONG.replace(epochs=100, seed=2000 + 2 * attempt + k) for k in (0, 1)], os.killpg)
            before = [last_step(entry) for entry in entries]
            engine.start(store)
            began = time.monotonic()
            on = wait(_all_went_on, entries, before)
            count.add("" if on else ", ".join(entry.state.status for entry in entries), time.monotonic() - began)
            stop(*entries)
        engine.stop(store)
    return count


def _all_went_on(entries: list[Entry], before: list[int]) -> bool:
    """Return whether each run is past its earlier step or finished."""
    return all(is_past(entry, step) or entry.finished for entry, step in zip(entries, before, strict=True))


def stopped_worker(most: int) -> Count:
    """F6: a run's worker hangs (SIGSTOP); its run goes on elsewhere, and when it wakes nothing of it is written."""
    count = Count("F6", "worker hangs: its run goes on elsewhere", 20)
    with running_engine() as store:
        for attempt in count.attempts(most):
            entry = engine.submit(store, LONG.replace(epochs=3000, seed=6000 + attempt))
            wait(_is_training, entry)
            pid, step, began = holder_of(entry), last_step(entry), time.monotonic()
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            on = wait(is_past, entry, step + 100)
            count.add(
                "" if on and holder_of(entry) != pid and not entry.problems() else "it did not go on", time.monotonic() - began
            )
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            stop(entry)
    return count


def _is_training(entry: Entry) -> bool:
    return has_rows(entry, 3) and holder_of(entry) is not None


def poisoned(most: int) -> Count:
    """F10: a run that crashes its worker each time; it fails with the reason, the others, which wait behind it, go on."""
    count = Count("F10", "a run crashes its worker each time: fails with the reason, others go on", 10)
    with folder() as patch:
        (Path(patch) / "sitecustomize.py").write_text(POISON)
        with environment(PYTHONPATH=patch), running_engine() as store:
            for attempt in count.attempts(most):
                bad = engine.submit(store, LONG.replace(epochs=666, seed=attempt))
                good = [engine.submit(store, LONG.replace(n_samples=300, seed=7000 + 4 * attempt + k)) for k in range(4)]
                began = time.monotonic()
                done = wait(ended, bad, *good)
                fine = done and bad.state.status == "failed" and "worker died" in bad.state.message
                others = [entry.state.status for entry in good]
                count.add(
                    ""
                    if fine and all(entry.finished for entry in good)
                    else f"{bad.state.status} ({bad.state.message}), {', '.join(others)}",
                    time.monotonic() - began,
                )
    return count


def killed_scheduler(most: int) -> Count:
    """F11: kill -9 of the scheduler's process alone; after a restart its runs go on, each on one worker."""
    count = Count("F11", "scheduler killed, workers left: runs go on after a restart", 20)
    with folder() as home:
        store = Store(home)
        for attempt in count.attempts(most):
            (entry,) = _left_behind(store, [LONG.replace(epochs=3000, seed=8000 + attempt)], os.kill)
            engine.start(store)
            began, old = time.monotonic(), holder_of(entry)
            on = wait(_has_another_holder, entry, old)
            step = last_step(entry)
            on = on and wait(is_past, entry, step)
            count.add("" if on else entry.state.status, time.monotonic() - began)
            stop(entry)
        engine.stop(store)
    return count


def _has_another_holder(entry: Entry, old: int | None) -> bool:
    return entry.state.status == "running" and holder_of(entry) not in (None, old)


def _left_behind(store: Store, configs: list[RunConfig], kill: Callable[[int, int], object]) -> list[Entry]:
    """Start runs, kill their engine's process or its group during training, and return them."""
    pid = engine.start(store).pid
    entries = [engine.submit(store, config) for config in configs]
    wait(lambda: all(has_rows(entry, 3) for entry in entries))
    kill(pid, signal.SIGKILL)
    wait(lambda: engine.info(store) is None)
    return entries
