"""Milliseconds of a training step by threads and by how long a waiting thread spins, alone and under load.

    python benchmarks/threads.py

Each row is a process of its own, since both settings are read when torch is loaded. "loaded" runs a busy
loop beside it. The engine's choice (two threads, GOMP_SPINCOUNT=10000) is the fastest alone that does not
fall apart beside another process.
"""

import os
import subprocess
import sys

STEP = """
import sys, time, torch
from ddnmf_core.compute import matmul_precision
from ddnmf_core.config import RunConfig
from ddnmf_core.data import load
from ddnmf_core.trainer import Trainer
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
MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}      # as the engine's workers
WAITING = {"spin without end (default)": MEMORY, "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000", **MEMORY},
           "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE", **MEMORY},
           "GOMP_SPINCOUNT=10000, dask's MALLOC_TRIM_THRESHOLD_": {"GOMP_SPINCOUNT": "10000",
                                                                  "MALLOC_TRIM_THRESHOLD_": "65536"}}


def measure(threads: int, precision: str, waiting: str, loaded: bool) -> float:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if loaded else None
    try:
        result = subprocess.run([sys.executable, "-c", STEP, str(threads), precision], capture_output=True, text=True,
                                env={**os.environ, **WAITING[waiting]}, check=True)
        return float(result.stdout)
    finally:
        if busy:
            busy.kill()


def main() -> None:
    print("| threads | matrix precision | waiting | alone, ms | loaded, ms |\n|---|---|---|---|---|")
    for threads, precision, waiting in [(1, "highest", "GOMP_SPINCOUNT=10000"), (2, "highest", "GOMP_SPINCOUNT=10000"),
                                        (1, "medium", "GOMP_SPINCOUNT=10000"), *((2, "medium", name) for name in WAITING)]:
        alone, loaded = (measure(threads, precision, waiting, loaded) for loaded in (False, True))
        print(f"| {threads} | {precision} | {waiting} | {alone:.1f} | {loaded:.1f} |", flush=True)


if __name__ == "__main__":
    main()
