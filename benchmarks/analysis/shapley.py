"""Milliseconds for the exact Shapley pictures of one 28x28 sample on one core, against a plain batch of as many decodes.

The default model, untrained: its speed does not depend on its weights.
"""

from statistics import median

import torch

from benchmarks.common.harness import Result, Row, milliseconds
from ddnmf_core.config import RunConfig
from ddnmf_core.interpret.shapley import shapley
from ddnmf_core.model.networks import DDNMFNetwork, build_model

REPEATS = 20


def measure(repeats: int) -> Result:
    torch.set_num_threads(1)
    rows = [_row(n_parts, repeats) for n_parts in (8, 10, 12)]
    return Result(
        "shapley",
        rows,
        {"ratio": rows[1]["ratio"], "ours": rows[1]["Shapley, ms"], "reference": rows[1]["plain decodes, ms"]},
        repeats,
    )


def _row(n_parts: int, repeats: int) -> Row:
    model = build_model(RunConfig(n_parts=n_parts), 784)
    assert isinstance(model, DDNMFNetwork)
    student = model.student
    H, baseline, rows = torch.rand(n_parts), torch.full((n_parts,), 0.5), torch.rand(2**n_parts, n_parts)
    with torch.no_grad():
        ours = median(milliseconds(lambda: shapley(student.decode, H, baseline), repeats))
        plain = median(milliseconds(lambda: student.decode(rows), repeats))
    return {
        "parts": n_parts,
        "coalitions": 2**n_parts,
        "Shapley, ms": ours,
        "plain decodes, ms": plain,
        "ratio": ours / plain,
        "completeness error": f"{shapley(student.decode, H, baseline).completeness_error:.1e}",
    }
