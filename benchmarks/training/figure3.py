"""Seconds from the request to the last score of Figure 3's cells for one seed, by the engine on a GPU, its start included.

2 sets x 8 noise levels x DDNMF, AE1 and DAE, 20 epochs, all images, K-means on the codes at the level of the training. Aim on
an H100: 120 s. Without a GPU it says so.
"""

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from benchmarks.common.harness import NotHere, Result
from ddnmf_core.data.catalogue import find
from ddnmf_core.engine import client as engine
from ddnmf_core.experiment.batch import POLL_INTERVAL_S, WorkBatch
from ddnmf_core.reproduce.cells import TargetCell, target_cells
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL
from ddnmf_core.store.run_store import Store

REPEATS, TARGET_S = 1, 120.0
MODELS = ("DDNMF", "AE1", "DAE")


def measure(repeats: int) -> Result:
    if not torch.cuda.is_available():
        raise NotHere("no GPU, so it is not measured. `python -m benchmarks figure3 --keep` on a machine with one measures it.")
    if not all(find(name) for name in FULL_PROTOCOL.datasets):
        raise NotHere("the full sets are not here. Set DDNMF_DATA (`ddnmf data` says how to get them).")
    cells = [cell for cell in target_cells("table3", FULL_PROTOCOL, [1]) if cell.method in MODELS]
    seconds = [_reproduced(cells) for _ in range(repeats)]
    row = {
        "trainings": len({cell.run for cell in cells}),
        "clusterings": len(cells),
        "seconds": median(seconds),
        "target, s": TARGET_S,
        "repeats": repeats,
    }
    return Result("figure3", [row], {"ours": row["seconds"]}, repeats)


def _reproduced(cells: list[TargetCell]) -> float:
    """Compute the cells in a new store; return the seconds."""
    with TemporaryDirectory() as folder:
        store, began = Store(Path(folder)), time.perf_counter()
        work = WorkBatch(store, cells)
        work.submit("cuda")
        while not work.done:
            work.advance()
            time.sleep(POLL_INTERVAL_S)
        seconds, failures = time.perf_counter() - began, work.failures()
        engine.stop(store)
    if failures:
        raise RuntimeError("; ".join(failures))
    return seconds
