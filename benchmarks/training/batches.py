"""Whether larger batches, which are faster per image, keep the scores: the default model on all of MNIST, by batch size,
learning rate and precision.

`--repeats` is the number of seeds. The speed is the median of a run's own epochs: runs that shared the machine with other
work are slower than they could be.
"""

from statistics import fmean, median
from typing import Any

from benchmarks.common.harness import Result, Row
from benchmarks.common.scored_runs import train_and_score
from ddnmf_core.config import PUBLISHED, RunConfig

REPEATS = 1
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"batch_size": 1024, "learning_rate": 1e-3, "precision": "bfloat16"},
    {"batch_size": 1024, "learning_rate": 2e-3, "precision": "bfloat16"},
    {"batch_size": 1024, "learning_rate": 4e-3, "precision": "bfloat16"},
    {"batch_size": 2048, "learning_rate": 2e-3, "precision": "bfloat16"},
)
MEANS = ("ACC, K-means on z", "ACC, GMM on z", "L_sym")


def measure(repeats: int) -> Result:
    runs = [
        RunConfig(**PUBLISHED | settings | {"dataset": "mnist", "seed": seed})
        for settings in SETTINGS
        for seed in range(1, repeats + 1)
    ]
    scores = train_and_score(runs)
    rows: list[Row] = []
    for i, settings in enumerate(SETTINGS):
        of_setting, first = scores[i * repeats : (i + 1) * repeats], RunConfig(**PUBLISHED | settings)
        rows.append(
            {
                "batch": first.batch_size,
                "learning rate": first.learning_rate,
                "precision": first.precision,
                "seeds": repeats,
                **{name: fmean(score[name] for score in of_setting) for name in MEANS},
                "images/s": median(score["images/s"] for score in of_setting),
            }
        )
    best = max(row["ACC, GMM on z"] for row in rows)
    return Result("batches", rows, {"ratio": rows[0]["ACC, GMM on z"] / best}, repeats)
