"""Images a second of a training with a browser on the Train page, against the same one without.

One run of the default model goes on all the while; windows with the page open and without it alternate. With one thread a run
the page has a core left on a machine with two; both are measured. Target: 3 % of the speed at most.
"""

import os
import tempfile
import time
from statistics import median

from benchmarks.common.browser import address, chromium, serve, settled
from benchmarks.common.harness import Result, Row, threads_of_a_run
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.store.entry import Entry
from ddnmf_core.store.run_store import Store

REPEATS, WINDOW, SETTLE = 3, 30.0, 3.0  # windows of each kind; seconds of one, and before it
RUN = RunConfig(epochs=10_000)


def measure(repeats: int) -> Result:
    rows = [_with_threads(threads, repeats) for threads in sorted({1, min(2, os.cpu_count() or 1)})]
    return Result("watching", rows, {"ratio": max(row["speed lost"] for row in rows)}, repeats)


def _with_threads(threads: int, repeats: int) -> Row:
    with threads_of_a_run(threads), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        alone, watched = _windows(Store(home), repeats)
    return {
        "threads of the run": threads,
        "alone, images/s": alone,
        "watched, images/s": watched,
        "speed lost": 1 - watched / alone,
        "target": 0.03,
    }


def _windows(store: Store, repeats: int) -> tuple[float, float]:
    server = serve(store)
    alone, watched = [], []
    try:
        entry = engine.submit(store, RUN)
        while len(entry.history()) < 5:
            time.sleep(0.5)
        with chromium() as browser:
            for _ in range(repeats):
                alone.append(_speed(entry))
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                page.goto(f"{address()}/train?run={entry.id}")
                settled(page)
                watched.append(_speed(entry, page))
                page.close()
    finally:
        server.terminate()
        engine.stop(store)
    return median(alone), median(watched)


def _speed(entry: Entry, page: object = None) -> float:
    """Images a second of one window, by the run's own count of steps."""
    wait = page.wait_for_timeout if page else lambda ms: time.sleep(ms / 1000)  # type: ignore[attr-defined]
    wait(1000 * SETTLE)
    began, first = time.monotonic(), _step(entry)
    wait(1000 * WINDOW)
    return (_step(entry) - first) * RUN.batch_size / (time.monotonic() - began)


def _step(entry: Entry) -> int:
    return int(entry.history()[-1]["step"])
