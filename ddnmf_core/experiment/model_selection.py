"""Model selection without labels: the best grid cell of a sweep by criteria that need no labels."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ddnmf_core.experiment.sweeps import WEIGHTS, summarise_cells

if TYPE_CHECKING:
    import pandas as pd

LOWEST, HIGHEST = "lowest", "highest"
# Criteria of `score_criteria`, and whether low or high values are better; none needs labels.
CRITERIA = {"error": LOWEST, "L_in": LOWEST, "stability": HIGHEST}


def score_criteria(
    frame: "pd.DataFrame", cells: "pd.DataFrame", x: str, y: str | None, stability_of: Callable[[Sequence[str]], float]
) -> "pd.DataFrame":
    """Add the mean of each criterion to the cells: error on noisy images, L_in, stability over seeds; and the SDs over seeds of
    the first two.

    L_in is omitted if a weight varies: it is a sum with these weights, so the smallest weight would win.
    """
    measures = {"error": "error/noisy"}
    if all(frame[name].nunique() == 1 for name in WEIGHTS):
        measures["L_in"] = "L_in"
    columns: dict[str, pd.Series[float]] = {}
    for name, column in measures.items():
        of_cells = summarise_cells(frame, x, y, column)
        columns |= {name: of_cells["mean"], f"{name}_std": of_cells["std"]}
    agreement = [stability_of(runs) if len(runs) > 1 else math.nan for runs in cells["measured"]]
    return cells.assign(**columns, stability=agreement)


def pooled_deviation(deviations: "pd.Series[float]") -> float:
    """Compute the root mean square of the cells' SDs over seeds; NaN if no cell has two seeds."""
    return float((deviations**2).mean() ** 0.5)


def within_deviations(means: "pd.Series[float]", deviations: "pd.Series[float]") -> bool:
    """Return whether all cells lie within two SDs over seeds, so that none of them is better beyond chance."""
    deviation = pooled_deviation(deviations)
    return deviation > 0 and bool(means.max() - means.min() <= 2 * deviation)


def best_cells(cells: "pd.DataFrame", column: str, wanted: str) -> list[int]:
    """List the positions of all cells with the best value; empty if there are no values."""
    numbers = cells[column]
    best = numbers.min() if wanted == LOWEST else numbers.max()
    return [position for position, number in enumerate(numbers) if number == best]
