"""Time and memory against the number of images, parts, runs in the store, points on the map and workers: a table for each.

Images are digits repeated with noise; up to the limit of a set in memory they lie there, more are mapped. The time of an
epoch is that of some steps of it, times as many as an epoch has. Runs are links to the files of one small run that was
really trained, under the ids of other seeds; each listing is a process of its own. A map is made of what its worker left and
sent over the loopback as its page does it, pictures of the points with it. Workers have one thread each and begin together.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.common import synthetic_images, training_process
from benchmarks.common.harness import ROOT, Result, Row, milliseconds
from ddnmf_core.config import RunConfig
from ddnmf_core.data.user.source import MAX_SAMPLES
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.entry import CONFIG_FILE
from ddnmf_core.store.run_store import Store

REPEATS, SIZE = 1, 1_000_000
N_IMAGES = (10_000, 70_000, 300_000)  # and SIZE
N_PARTS, N_RUNS = (2, 4, 8, 16, 32, 64, 128, 256), (10, 100, 1000, 10_000)
N_POINTS, N_WORKERS = (1000, 5000, 10_000, 35_000, 70_000), (1, 2, 3, 4)
STEPS = 100
RUN = RunConfig(dataset="digits", layers=(64, 32, 8), n_parts=5, epochs=2)
FIGURE = ROOT / "docs" / "growth.png"
LISTING = """
import json, sys, time
from ddnmf_core.store.run_store import Store
from ddnmf_core.cli.runs import run_summary
from benchmarks.common.harness import peak_memory
def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
store = Store(sys.argv[1])
listing = lambda: [(entry.config, entry.state) for entry in store.entries()]
print(json.dumps([timed(listing), timed(listing), timed(lambda: run_summary(store.get("runs", sys.argv[2]))), peak_memory()]))
"""


def measure(repeats: int, size: int = SIZE, steps: int = STEPS, n_runs: tuple[int, ...] = N_RUNS) -> Result:
    sizes = [n for n in N_IMAGES if n < size] + [size]
    rows = [
        *(_images(n, steps, repeats) for n in sizes),
        *_parts(steps // 4),
        *_runs(n_runs, repeats),
        *(_points(n, repeats) for n in N_POINTS),
        *_workers(steps // 2, repeats),
    ]
    slowest = max(row["list, first, s"] for row in rows if row["curve"] == "Runs in the store")
    return Result("growth", rows, {"ratio": slowest, "steps": steps}, repeats, size)


# ------------------------------------------------------------------------------------------- images


def _images(n: int, steps: int, repeats: int) -> Row:
    source = "memory" if n <= MAX_SAMPLES else "map"
    with synthetic_images.images(n) as path:
        steps = min(steps, n // 256 - training_process.WARM)
        found = [training_process.result(training_process.start(path, source, steps, _threads())) for _ in range(repeats)]
    return {
        "curve": "Images",
        "images": n,
        "from": source,
        "epoch, s": n / median(one["images_per_second"] for one in found),
        "peak memory, MB": median(one["peak_bytes"] for one in found) / 1e6,
    }


def _threads() -> int:
    return min(2, os.cpu_count() or 1)


# -------------------------------------------------------------------------------------------- parts


def _parts(steps: int) -> Iterator[Row]:
    """Time steps of the default run with other numbers of parts, and pictures of all parts."""
    import torch

    from ddnmf_core.model.decoding import part_pictures
    from ddnmf_core.model.networks import DDNMFNetwork, build_model

    with synthetic_images.images(10_000) as path:
        for r in N_PARTS:
            found = training_process.result(training_process.start(path, "memory", steps, _threads(), n_parts=r))
            model = build_model(RunConfig(n_parts=r), 784)
            assert isinstance(model, DDNMFNetwork)
            pictures = median(milliseconds(partial(part_pictures, model, torch.ones(r)), 5))
            yield {
                "curve": "Parts",
                "parts": r,
                "step, ms": 1000 * found["seconds_per_step"],
                "pictures of all parts, ms": pictures,
                "peak memory, MB": found["peak_bytes"] / 1e6,
            }


# --------------------------------------------------------------------------------------------- runs


def _runs(counts: tuple[int, ...], repeats: int) -> Iterator[Row]:
    with TemporaryDirectory(dir=ROOT / "results", prefix=".store-") as home:
        store = Store(home)
        first = store.create(RUN)
        tasks.perform(home, "runs", first.id, "cpu")
        there = 1
        for n in counts:
            for seed in range(there + 1, n + 1):
                _linked(store, first.folder, RUN.replace(seed=seed))
            there = max(there, n)
            found = [
                json.loads(
                    subprocess.run(
                        [sys.executable, "-c", LISTING, home, first.id], cwd=ROOT, check=True, text=True, capture_output=True
                    ).stdout
                )
                for _ in range(repeats)
            ]
            listed, again, opened, peak = (median(column) for column in zip(*found, strict=True))
            yield {
                "curve": "Runs in the store",
                "runs": n,
                "list, first, s": listed,
                "list, again, s": again,
                "open one, ms": 1000 * opened,
                "peak memory, MB": peak / 1e6,
            }


def _linked(store: Store, run: Path, config: RunConfig) -> None:
    """Copy a run under another id: its own configuration, the other files as links."""
    folder = store.entry(config).folder
    shutil.copytree(run, folder, copy_function=os.link, ignore=shutil.ignore_patterns(CONFIG_FILE))
    (folder / CONFIG_FILE).write_text(json.dumps(config.model_dump(mode="json"), indent=1))


# ------------------------------------------------------------------------------------------- points


def _points(n: int, repeats: int) -> Row:
    """Time a map from its table to bytes, and from there to a browser."""
    import numpy as np

    from dashboard.components.scatter import Cloud, Thumbnails

    random = np.random.default_rng(1)
    table, labels = random.normal(size=(n, 2)), random.integers(0, 10, n).astype(np.uint16)
    pictures = random.integers(0, 256, (n, 28, 28), np.uint8)
    colours = random.integers(0, 256, (10, 3), np.uint8)

    def bare() -> Cloud:
        cloud = Cloud(
            table.astype(np.float32),
            np.full((n, 3), 128, np.uint8),
            np.arange(n, dtype=np.int32),
            thumbnails=Thumbnails.of(pictures),
        )
        _ = cloud.files
        return cloud

    cloud, names = bare(), [str(number) for number in range(10)]
    made = milliseconds(bare, 3 * repeats)
    coloured = milliseconds(lambda: cloud.recoloured(colours[labels], labels, names), 3 * repeats)
    files = [file.data for file in cloud.recoloured(colours[labels], labels, names).files.values()]
    with _served(files) as addresses:
        sent = milliseconds(lambda: [urllib.request.urlopen(address).read() for address in addresses], 3 * repeats)
    return {
        "curve": "Points on the map",
        "points": n,
        "made, ms": median(made),
        "coloured, ms": median(coloured),
        "sent, ms": median(sent),
        "sent, MB": sum(map(len, files)) / 1e6,
    }


@contextmanager
def _served(files: list[bytes]) -> Iterator[list[str]]:
    """Serve these bytes at addresses on this machine."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files[int(self.path[1:])]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *what: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield [f"http://127.0.0.1:{server.server_port}/{number}" for number in range(len(files))]
    finally:
        server.shutdown()
        server.server_close()


# ------------------------------------------------------------------------------------------ workers


def _workers(steps: int, repeats: int) -> Iterator[Row]:
    alone = None
    with synthetic_images.images(70_000) as path:
        for n in N_WORKERS:
            found = [_together(path, n, steps) for _ in range(repeats)]
            speed = median(sum(one["images_per_second"] for one in each) for each in found)
            alone = alone or speed
            yield {
                "curve": "Workers",
                "workers": n,
                "images/s, all": speed,
                "all / one": speed / alone,
                "peak memory of all, MB": median(sum(one["peak_bytes"] for one in each) for each in found) / 1e6,
            }


def _together(path: Path, n: int, steps: int) -> list[dict[str, Any]]:
    """Run trainings that start when all are warm."""
    processes = [training_process.start(path, "memory", steps, 1, wait=True) for _ in range(n)]
    for process in processes:
        assert process.stdout
        process.stdout.readline()
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    return [training_process.result(process) for process in processes]


# ------------------------------------------------------------------------------------------- figure


def draw(rows: list[Row], path: Path = FIGURE) -> None:
    """Draw a panel for each curve, both axes logarithmic, in the colours of Okabe and Ito with a marker for each line."""
    from matplotlib.figure import Figure

    curves: dict[str, list[Row]] = {}
    for row in rows:
        curves.setdefault(row["curve"], []).append(row)
    figure = Figure((11, 6.4), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for panel, (curve, points) in zip(panels, curves.items(), strict=False):
        _, across, *lines = [name for name, value in points[0].items() if not isinstance(value, str) or name == "curve"]
        for line, colour, mark in zip(lines, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), "osD^", strict=False):
            panel.plot(
                [point[across] for point in points], [point[line] for point in points], color=colour, marker=mark, label=line
            )
        panel.set(xscale="log", yscale="log", xlabel=across, title=curve)
        panel.set_xticks([point[across] for point in points], [f"{point[across]:,}" for point in points], fontsize=8)
        panel.minorticks_off()
        panel.grid(color="0.9")
        panel.legend(fontsize=8, frameon=False)
    for panel in panels[len(curves) :]:
        panel.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
