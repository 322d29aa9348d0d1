"""Milliseconds of a training step by threads and by how long a waiting thread spins, alone and under load.

Each row is a process of its own, since both settings are read when torch is loaded. "loaded" runs a busy loop beside it.
The engine's choice (two threads, GOMP_SPINCOUNT=10000) is the fastest alone that does not fall apart beside another
process.
"""

import os
import subprocess
import sys
from statistics import median

from benchmarks.common.harness import ROOT, Result, Row

REPEATS = 1
STEP = """
import sys, time, torch
from ddnmf_core.model.device import matmul_precision
from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import load
from ddnmf_core.model.trainer import Trainer
torch.set_num_threads(int(sys.argv[1]))
config = RunConfig(precision=sys.argv[2])
trainer = Trainer(config, load("mnist-10k"), torch.device("cpu"))
samples = torch.randperm(10_000)[:config.batch_size]
with matmul_precision(config.precision):
    for _ in range(3):
        trainer._step(samples)
    began = time.perf_counter()
    for _ in range(20):
        trainer._step(samples)
print((time.perf_counter() - began) / 20 * 1000)
"""
MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}  # as the engine's workers
WAITING = {
    "spin without end (default)": MEMORY,
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000", **MEMORY},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE", **MEMORY},
    "GOMP_SPINCOUNT=10000, dask's MALLOC_TRIM_THRESHOLD_": {"GOMP_SPINCOUNT": "10000", "MALLOC_TRIM_THRESHOLD_": "65536"},
}
CHOICE = (2, "medium", "GOMP_SPINCOUNT=10000")


def measure(repeats: int) -> Result:
    settings = [
        *((threads, precision, CHOICE[2]) for precision in ("highest", "bfloat16") for threads in (1, 2)),
        (1, "medium", CHOICE[2]),
        *((2, "medium", waiting) for waiting in WAITING),
    ]
    rows: list[Row] = []
    for setting in settings:
        alone, loaded = (median(_step(*setting, beside) for _ in range(repeats)) for beside in (False, True))
        rows.append(
            {
                **dict(zip(("threads", "matrix precision", "waiting"), setting, strict=True)),
                "alone, ms": alone,
                "loaded, ms": loaded,
            }
        )
    ours, reference = rows[settings.index(CHOICE)]["alone, ms"], rows[1]["alone, ms"]
    return Result("threads", rows, {"ratio": reference / ours, "ours": ours, "reference": reference}, repeats)


def _step(threads: int, precision: str, waiting: str, loaded: bool) -> float:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if loaded else None
    try:
        result = subprocess.run(
            [sys.executable, "-c", STEP, str(threads), precision],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **WAITING[waiting]},
            check=True,
        )
        return float(result.stdout)
    finally:
        if busy:
            busy.kill()
