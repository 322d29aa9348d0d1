"""Whether the default model scores the same when its layers compute in bfloat16: all images of both sets, seed by seed.

The same seed begins with the same weights, order and noise under both precisions; the difference is bfloat16's score less
that of "medium", its deviation (n - 1) is over seeds. `--repeats` is their number. The step's own time is in `threads`.
"""

from statistics import fmean, stdev
from typing import Any, Literal

from benchmarks.common.harness import Result, Row
from benchmarks.common.scored_runs import train_and_score
from ddnmf_core.config import PUBLISHED, RunConfig

REPEATS = 3
SETS = ("mnist", "fashion-mnist")
PRECISIONS: tuple[Literal["medium", "bfloat16"], ...] = ("medium", "bfloat16")
NAMES = ("ACC, K-means on z", "ACC, GMM on z", "NMI, GMM on z", "L_sym")


def measure(repeats: int, datasets: tuple[str, ...] = SETS, **settings: Any) -> Result:
    """`settings`: of every run, beside its data, seed and precision."""
    runs = {
        (dataset, precision, seed): RunConfig(
            **PUBLISHED | settings | {"dataset": dataset, "precision": precision, "seed": seed}
        )
        for dataset in datasets
        for seed in range(1, repeats + 1)
        for precision in PRECISIONS
    }
    scores = dict(zip(runs, train_and_score(list(runs.values())), strict=True))
    rows: list[Row] = []
    for dataset in datasets:
        for name in NAMES:
            medium, bfloat16 = (
                [scores[dataset, precision, seed][name] for seed in range(1, repeats + 1)] for precision in PRECISIONS
            )
            apart = [b - a for a, b in zip(medium, bfloat16, strict=True)]
            rows.append(
                {
                    "data": dataset,
                    "score": name,
                    "seeds": repeats,
                    "medium": fmean(medium),
                    "bfloat16": fmean(bfloat16),
                    "difference": fmean(apart),
                    "deviation": stdev(apart) if repeats > 1 else None,
                }
            )
    return Result(
        "precision", rows, {"ratio": max(row["bfloat16"] / row["medium"] for row in rows if row["score"] == "L_sym")}, repeats
    )
