"""Images a second and peak memory of the default training on an array that stays on the disk, against the same in memory.

Digits repeated with noise, in files of two sizes. Each side is a process of its own that makes the same steps of the first
epoch; they alternate, and their weights at the end are compared bit by bit. "Cold": the file has been dropped from the
system's cache, as in the first epoch on a file larger than memory. Target: at most a tenth slower, and memory that does not
grow with the file.
"""

import os
from pathlib import Path
from statistics import median

from benchmarks.common import synthetic_images, training_process
from benchmarks.common.harness import Result, Row

REPEATS, SIZE = 3, 1_000_000
SMALLER, STEPS = 10, 300  # the other file is so much smaller
SIDES = {"memory": "memory", "map": "mapped", "cold": "mapped, cold"}


def measure(repeats: int, size: int = SIZE, steps: int = STEPS) -> Result:
    rows: list[Row] = []
    for n in (size // SMALLER, size):
        with synthetic_images.images(n) as path:
            rows += of_one_file(path, n, repeats, steps)
    slowest = min(row["ratio"] for row in rows if row["source"] == SIDES["map"])
    return Result(
        "mapped",
        rows,
        {"ratio": slowest, "ours": rows[-2]["images/s"], "reference": rows[-3]["images/s"], "steps": steps},
        repeats,
        size,
    )


def of_one_file(path: Path, n: int, repeats: int, steps: int) -> list[Row]:
    threads = min(2, os.cpu_count() or 1)
    found = [
        {side: training_process.result(training_process.start(path, side, steps, threads)) for side in SIDES}
        for _ in range(repeats)
    ]
    return [
        {
            "images": n,
            "file, MB": path.stat().st_size / 1e6,
            "source": title,
            "images/s": median(one[side]["images_per_second"] for one in found),
            "ratio": median(one[side]["images_per_second"] / one["memory"]["images_per_second"] for one in found),
            "peak memory, MB": median(one[side]["peak_bytes"] for one in found) / 1e6,
            "same weights": all(one[side]["weights"] == one["memory"]["weights"] for one in found),
        }
        for side, title in SIDES.items()
    ]
