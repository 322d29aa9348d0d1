"""Cancel runs, request one from several clients at once, make a loss infinite."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np

from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import LONG, SHORT, ended, folder, has_rows, running_engine, wait
from ddnmf_core.engine import client as engine
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store import trash
from ddnmf_core.store.run_store import Store


def cancelled(most: int) -> Count:
    """F5: Stop while it trains; p50 under 100 ms, p99 under 1 s, and it can be resumed."""
    count = Count("F5", "cancelled: stopped, with a checkpoint", 100)
    with running_engine() as store:
        for attempt in count.attempts(most):
            entry = engine.submit(store, LONG.replace(epochs=2000, seed=3000 + attempt))
            wait(has_rows, entry, 2)
            began = time.monotonic()
            entry.request_stop()
            stopped = wait(ended, entry, every=0.002)
            count.add("" if stopped and entry.names("checkpoint-") else entry.state.status, time.monotonic() - began)
            trash.delete_entry(entry)
    return count


def asked_at_once(most: int) -> Count:
    """F9: four clients ask for one configuration at the same moment; it is trained once."""
    count = Count("F9", "four clients ask at once: trained once", 200)
    with running_engine() as store:
        for attempt in count.attempts(most):
            config = SHORT.replace(seed=4000 + attempt)
            with ThreadPoolExecutor(4) as pool:
                entry = [*pool.map(engine.submit, repeat(store, 4), repeat(config))].pop()
            done = wait(ended, entry)
            epochs = [row["epoch"] for row in entry.epochs()]
            count.add("" if done and entry.finished and epochs == [1, 2] else f"epochs {epochs}, {entry.state.status}")
    return count


def infinite_loss(most: int) -> Count:
    """F12: a loss becomes infinite; the run stops as diverged and every checkpoint that is kept is finite."""
    count = Count("F12", "loss infinite: diverged, last finite checkpoint kept", 20)
    with folder() as home:
        for attempt in count.attempts(most):
            store = Store(home)
            entry = store.create(LONG.replace(optimizer="sgd", learning_rate=2.0, loss_reduction="sum", seed=attempt))
            tasks.perform(str(home), "runs", entry.id, "cpu")
            kept = [entry.read_tensors(name) for name in entry.names("checkpoint-")]
            finite = all(np.isfinite(array).all() for tensors in kept for array in tensors.values())
            count.add("" if entry.state.status == "diverged" and finite else f"{entry.state.status}, finite: {finite}")
    return count
