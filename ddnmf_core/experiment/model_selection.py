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
    """Add the mean of each criterion to the cells: error on noisy images, L_in, stability over seeds.

    L_in is omitted if a weight varies: it is a sum with these weights, so the smallest weight would win.
    """
    columns = {"error": summarise_cells(frame, x, y, "error/noisy")["mean"]}
    if all(frame[name].nunique() == 1 for name in WEIGHTS):
        columns["L_in"] = summarise_cells(frame, x, y, "L_in")["mean"]
    agreement = [stability_of(runs) if len(runs) > 1 else math.nan for runs in cells["measured"]]
    return cells.assign(**columns, stability=agreement)


def best_cells(cells: "pd.DataFrame", column: str, wanted: str) -> list[int]:
    """List the positions of all cells with the best value; empty if there are no values."""
    numbers = cells[column]
    best = numbers.min() if wanted == LOWEST else numbers.max()
    return [position for position, number in enumerate(numbers) if number == best]
