"""Scores reported in the paper (single runs, no standard deviations): Tables 1, 2 and 3, from `paper.json`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

TABLE_NAMES = {"mnist": "table1", "fashion-mnist": "table2"}
DATASET_TITLES = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}


@cache
def paper_results() -> dict[str, Any]:
    """Read all of the paper's tables."""
    return json.loads((Path(__file__).parent / "paper.json").read_text())


def paper_scores(dataset: str, method: str, noise_level: float | None = None) -> dict[str, float] | None:
    """Look up acc, nmi and ari in Tables 1 and 2, or for a noise level in Table 3; None if the paper does not report them.

    A 10,000-image subset is compared with the paper's full data set.
    """
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
    """Look up a model's scores in Table 3, one value per noise level; None if the paper does not report them."""
    name = dataset.removesuffix("-10k")
    return paper_results()["table3"]["scores"][DATASET_TITLES[name]].get(model) if name in DATASET_TITLES else None


def noise_levels() -> list[float]:
    """Return the noise levels of the paper's Table 3."""
    return paper_results()["table3"]["noise_level"]
