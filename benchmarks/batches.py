"""Whether larger batches, which are faster per image, keep the scores: the default model on all of MNIST, by batch size,
learning rate and precision.

Runs are asked for from the engine of the store (DDNMF_HOME), which skips what it has; `--repeats` is the number of seeds. The
speed is the median of a run's own epochs: runs that shared the machine with other work are slower than they could be.
"""

import time
from statistics import fmean, median
from typing import Any

from benchmarks.measuring import NotHere, Result, Row
from ddnmf_core.config import ClusteringConfig, RunConfig
from ddnmf_core.data import find
from ddnmf_core.entries import SCORES
from ddnmf_core.reproduce.cells import Cell
from ddnmf_core.reproduce.work import Work
from ddnmf_core.runs import Store

REPEATS = 1
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"batch_size": 1024, "learning_rate": 1e-3, "precision": "bfloat16"},
    {"batch_size": 1024, "learning_rate": 2e-3, "precision": "bfloat16"},
    {"batch_size": 1024, "learning_rate": 4e-3, "precision": "bfloat16"},
    {"batch_size": 2048, "learning_rate": 2e-3, "precision": "bfloat16"})


def measure(repeats: int) -> Result:
    if not find("mnist"):
        raise NotHere("MNIST's 70,000 images are not here. Set DDNMF_DATA (`ddnmf data` says how to get them).")
    store = Store()
    runs = [[RunConfig(dataset="mnist", seed=seed, **settings) for seed in range(1, repeats + 1)] for settings in SETTINGS]
    work = Work(store, [Cell(run.dataset, "DDNMF", run.seed, run, ClusteringConfig.of(run)) for row in runs for run in row])
    work.submit()
    while not work.done:
        time.sleep(5)
        work.advance()
    rows = [_row(store, row) for row in runs]
    best = max(range(len(rows)), key=lambda i: rows[i]["ACC, GMM on z"])
    return Result("batches", rows, {"ratio": rows[0]["ACC, GMM on z"] / rows[best]["ACC, GMM on z"]}, repeats)


def _row(store: Store, runs: list[RunConfig]) -> Row:
    entries = [store.entry(run) for run in runs]
    tables = [[score for score in entry.read_json(SCORES) if score["input"] == "clean" and score["representation"] == "z"]
              for entry in entries]
    of = {clusterer: fmean(next(score["acc"] for score in table if score["clusterer"] == clusterer) for table in tables)
          for clusterer in ("kmeans", "gmm")}
    speeds = [median(epoch["images_per_second"] for epoch in entry.epochs()) for entry in entries]
    first = runs[0]
    return {"batch": first.batch_size, "learning rate": first.learning_rate, "precision": first.precision, "seeds": len(runs),
            "ACC, K-means on z": of["kmeans"], "ACC, GMM on z": of["gmm"],
            "L_sym": fmean(entry.epochs()[-1]["L_sym"] for entry in entries), "images/s": median(speeds)}
