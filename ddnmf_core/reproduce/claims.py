"""What Table 3 and Figure 3 are held to say of noise, counted: one function for our means and for the paper's numbers.

Each takes rows with the columns of `results.summary`.
"""

from typing import TYPE_CHECKING, NamedTuple

from ddnmf_core.metrics import SCORE_NAMES
from ddnmf_core.reproduce import paper

if TYPE_CHECKING:
    import pandas as pd

MEANS = [f"{score}_mean" for score in SCORE_NAMES]


class Tally(NamedTuple):
    """In how many cells (noise level, data set, score) one model scores higher than another, and how many there are."""

    won: int
    cells: int


class Loss(NamedTuple):
    """How many points (hundredths) a score falls between the lowest and the highest noise level."""

    lowest: float
    highest: float
    points: float


def of_paper() -> "pd.DataFrame":
    """The paper's Table 3 as rows; its single runs stand as means."""
    import pandas as pd
    levels = paper.noise_levels()
    return pd.concat([
        pd.DataFrame({"dataset": dataset, "method": method, "noise_level": levels, "test_level": levels,
                      **{f"{score}_mean": curve[score] for score in SCORE_NAMES}})
        for dataset, title in paper.TITLES.items()
        for method, curve in paper.results()["table3"]["scores"][title].items()], ignore_index=True)


def curves(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The points of Figure 3: clustered with the noise that the model was trained with."""
    return rows if rows.empty else rows[rows["noise_level"] == rows["test_level"]]


def curve(rows: "pd.DataFrame", dataset: str, method: str) -> "pd.DataFrame":
    """One model's points on one data set, by noise level."""
    points = curves(rows)
    if points.empty:
        return points
    return points[(points["dataset"] == dataset) & (points["method"] == method)].sort_values("noise_level")


def tally(rows: "pd.DataFrame", method: str, other: str) -> Tally:
    """Where the method's mean is above the other's; cells that one of them lacks do not count."""
    if rows.empty:
        return Tally(0, 0)
    of_method = {name: points.set_index(["dataset", "noise_level"])[MEANS] for name, points in curves(rows).groupby("method")}
    if method not in of_method or other not in of_method:
        return Tally(0, 0)
    difference = of_method[method].sub(of_method[other]).to_numpy()  # a cell of one alone is not a number
    return Tally(int((difference > 0).sum()), int((difference == difference).sum()))


def loss(rows: "pd.DataFrame", method: str, score: str = "acc") -> dict[str, Loss]:
    """By data set, what the method's mean loses from its lowest noise level to its highest; one level alone says nothing."""
    found = {}
    for dataset in () if rows.empty else rows["dataset"].unique():
        points = curve(rows, dataset, method).dropna(subset=f"{score}_mean")
        if len(points) > 1:
            levels, means = points["noise_level"].tolist(), points[f"{score}_mean"].tolist()
            found[str(dataset)] = Loss(levels[0], levels[-1], 100 * (means[0] - means[-1]))
    return found
