"""What the paper reports (single runs, no deviations), as `paper.json` has it from its Tables 1, 2 and 3."""

import json
from functools import cache
from pathlib import Path
from typing import Any

TABLE_NAMES = {"mnist": "table1", "fashion-mnist": "table2"}
DATASET_TITLES = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}


@cache
def paper_results() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "paper.json").read_text())


def paper_scores(dataset: str, method: str, noise_level: float | None = None) -> dict[str, float] | None:
    """acc, nmi and ari of a row of Tables 1 and 2, or with a noise level of a column of Table 3; None where the paper
    has no such number. A 10,000-image subset is held against the paper's row of the whole set."""
    name = dataset.removesuffix("-10k")
    if name not in TABLE_NAMES:
        return None
    if noise_level is None:
        return paper_results()[TABLE_NAMES[name]]["rows"].get(method)
    curve, levels = noise_curve(dataset, method), noise_levels()
    if not curve or noise_level not in levels:
        return None
    return {score: values[levels.index(noise_level)] for score, values in curve.items()}


def noise_curve(dataset: str, model: str) -> dict[str, list[float]] | None:
    """Table 3's rows of a model, a value for each noise level; None where it has none."""
    name = dataset.removesuffix("-10k")
    return paper_results()["table3"]["scores"][DATASET_TITLES[name]].get(model) if name in DATASET_TITLES else None


def noise_levels() -> list[float]:
    return paper_results()["table3"]["noise_level"]
