"""Which cell of a sweep's grid one would choose without labels, to be held against the best one with labels."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ddnmf_core.experiment.sweeps import WEIGHTS, summarise_cells

if TYPE_CHECKING:
    import pandas as pd

LOWEST, HIGHEST = "lowest", "highest"
# What to look for in each column of `judged`. None of them needs a label.
CRITERIA = {"error": LOWEST, "L_in": LOWEST, "stability": HIGHEST}


def score_criteria(
    frame: "pd.DataFrame", cells: "pd.DataFrame", x: str, y: str | None, stability_of: Callable[[Sequence[str]], float]
) -> "pd.DataFrame":
    """The cells with the mean of each criterion: the student's error on noisy images, L_in, the agreement of the seeds.

    L_in is left out where a weight varies: it is a sum with those weights, so the smallest weight would win.
    """
    columns = {"error": summarise_cells(frame, x, y, "error/noisy")["mean"]}
    if all(frame[name].nunique() == 1 for name in WEIGHTS):
        columns["L_in"] = summarise_cells(frame, x, y, "L_in")["mean"]
    agreement = [stability_of(runs) if len(runs) > 1 else math.nan for runs in cells["measured"]]
    return cells.assign(**columns, stability=agreement)


def best_cells(cells: "pd.DataFrame", column: str, wanted: str) -> list[int]:
    """Positions of the cells with the best value, all of them where several share it; none where there is no value."""
    numbers = cells[column]
    best = numbers.min() if wanted == LOWEST else numbers.max()
    return [position for position, number in enumerate(numbers) if number == best]
