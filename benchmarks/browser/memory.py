"""Memory: of a worker that trains the default model on 70,000 images, of the dashboard with both sets and their maps of 70,000
points open, and of the dashboard by the number of runs in the store.

The worker's figure is the most that its process ever held (ru_maxrss), up to the end of the training and up to the end of
the scoring; one epoch is trained, since no later one needs more. The dashboard's is the resident memory of the server's
process once the pages are complete, and its unique part: the rest are files of libraries that all processes
share; what torch's libraries for CUDA take of it, with a GPU or without, is measured by loading them
alone. Targets: 1.5 GB, 1 GB, and a dashboard that does not depend on the number of runs.
"""

import json
import shutil
import subprocess
import sys
import tempfile

import psutil

from benchmarks.common.browser import address, chromium, serve, settled, two_runs_with_maps
from benchmarks.common.harness import ROOT, NotHere, Result, Row
from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import find
from ddnmf_core.engine import client as engine
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.run_store import Store

REPEATS = 1
SETS = ("mnist", "fashion-mnist")
N_RUNS = (10, 1000)
WORKER = """
import json, resource, sys
from ddnmf_core.engine.worker import tasks; from ddnmf_core.engine.worker import train as train_task
most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
trained, encode = [], train_task.encode_run  # comes after the training
train_task.encode_run = lambda *a: (trained.append(most()), encode(*a))[1]
tasks.perform(*sys.argv[1:])
print(json.dumps([trained[0], most()]))
"""
CUDA = """
import ctypes, importlib.util, json, pathlib, psutil
libraries = pathlib.Path(importlib.util.find_spec("torch").origin).parent / "lib"
def held():
    memory = psutil.Process().memory_full_info()
    return memory.rss / 1e9, memory.uss / 1e9
ctypes.CDLL(libraries / "libtorch_cpu.so", ctypes.RTLD_GLOBAL)
without = held()
if (cuda := libraries / "libtorch_cuda.so").exists():
    ctypes.CDLL(cuda, ctypes.RTLD_GLOBAL)
print(json.dumps([with_it - alone for with_it, alone in zip(held(), without)]))
"""


def measure(repeats: int) -> Result:
    if not all(find(name) for name in SETS):
        raise NotHere("the full sets are not here. Set DDNMF_DATA (`ddnmf data` says how to get them).")
    rows = [*_worker(), _dashboard(), _cuda(), *(_by_runs(n) for n in N_RUNS)]
    return Result("memory", rows, {"ratio": max(row["GB"] / row["target, GB"] for row in rows if row["target, GB"])}, repeats)


def _row(what: str, gigabytes: float, own: float | None = None, target: float | None = None) -> Row:
    return {"what": what, "GB": gigabytes, "of its own, GB": own, "target, GB": target}


def _worker() -> list[Row]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        entry = Store(home).create(RunConfig(dataset="mnist", epochs=1))
        done = subprocess.run(
            [sys.executable, "-c", WORKER, home, "runs", entry.id, "cpu"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        trained, scored = json.loads(done.stdout.splitlines()[-1])
    return [_row("worker, 70,000 images trained", trained, target=1.5), _row("worker, then scored", scored, target=1.5)]


def _dashboard() -> Row:
    """Measure the dashboard after both maps and the Explain page were opened."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        store = Store(home)
        runs = [two_runs_with_maps(store, name) for name in SETS]
        links = [f"{page}?run={run.id}&method=pca&points=70000" for run in runs for page in ("latent", "explain")]
        return _row("dashboard, both sets and maps of 70,000 open", *_resident(store, links), target=1.0)


def _cuda() -> Row:
    done = subprocess.run([sys.executable, "-c", CUDA], check=True, capture_output=True, text=True)
    return _row("... of which torch's libraries for CUDA", *json.loads(done.stdout))


def _by_runs(n: int) -> Row:
    """Measure the pages that list runs, with n copies of one small run under the ids of its seeds."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        store = Store(home)
        first = RunConfig(dataset="digits", layers=(64, 32, 8), n_parts=5, epochs=2)
        entry = store.create(first)
        tasks.perform(home, "runs", entry.id, "cpu")
        for seed in range(2, n + 1):
            other = store.create(first.replace(seed=seed))
            for path in entry.folder.iterdir():
                if path.is_file() and path.name != "config.json":
                    shutil.copy2(path, other.folder / path.name)
        return _row(f"dashboard, {n:,} runs in the store", *_resident(store, ["", f"parts?run={entry.id}"]))


def _resident(store: Store, links: list[str]) -> tuple[float, float]:
    """Return gigabytes of the server once these pages are complete, and those that no other process shares."""
    server = serve(store)
    try:
        with chromium() as browser:
            for link in links:
                page = browser.new_page()  # stays open
                page.set_default_timeout(120_000)
                page.goto(f"{address()}/{link}")
                settled(page)
            held = psutil.Process(server.pid).memory_full_info()
            return held.rss / 1e9, held.uss / 1e9
    finally:
        server.terminate()
        engine.stop(store)
