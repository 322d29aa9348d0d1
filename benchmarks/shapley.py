"""Milliseconds for the exact Shapley pictures of one 28x28 sample on one core, against a plain batch of as many decodes.

    python benchmarks/shapley.py

The default model, untrained: its speed does not depend on its weights. Median of REPEATS.
"""

import time
from collections.abc import Callable
from statistics import median

import torch

from ddnmf_core.config import RunConfig
from ddnmf_core.interpret.shapley import shapley
from ddnmf_core.models import build

REPEATS = 20


def milliseconds(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return median(times)


def row(n_parts: int) -> str:
    student = build(RunConfig(n_parts=n_parts), 784).student
    H, baseline, rows = torch.rand(n_parts), torch.full((n_parts,), 0.5), torch.rand(2**n_parts, n_parts)
    with torch.no_grad():
        ours, plain = milliseconds(lambda: shapley(student.decode, H, baseline)), milliseconds(lambda: student.decode(rows))
    error = shapley(student.decode, H, baseline).completeness_error
    return f"| {n_parts} | {2**n_parts:,} | {ours:.1f} | {plain:.1f} | {ours / plain:.2f} | {error:.1e} |"


def main() -> None:
    torch.set_num_threads(1)
    print("| parts | coalitions | Shapley, ms | plain decodes, ms | ratio | completeness error |\n|---|---|---|---|---|---|")
    for n_parts in (8, 10, 12):
        print(row(n_parts), flush=True)


if __name__ == "__main__":
    main()
