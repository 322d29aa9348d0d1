"""Claims about noise, counted from Table 3 and Figure 3, for our means and the paper's numbers alike.

All functions take rows with the columns of `results.summarise`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.reproduce import paper
from ddnmf_core.reproduce.protocol import AE1_LINEAR_TITLE

if TYPE_CHECKING:
    import pandas as pd

MEANS = [f"{score}_mean" for score in SCORE_NAMES]
DEVIATIONS = [f"{score}_std" for score in SCORE_NAMES]
OWN_RIVALS = (AE1_LINEAR_TITLE, "DAE")  # of DDNMF in Table 3; not in the paper
RIVALS = ("AE1", *OWN_RIVALS)


class Tally(NamedTuple):
    """Number of cells (noise level, data set, score) that a model wins against another.

    Attributes
    ----------
    won
        Cells with the higher mean.
    cells
        Cells compared.
    clear
        Cells won by more than either standard deviation over seeds; 0 for a single seed.
    """

    won: int
    cells: int
    clear: int = 0


class NoiseLoss(NamedTuple):
    """Loss of a score, in points (hundredths), from the lowest to the highest noise level."""

    lowest: float
    highest: float
    points: float


def paper_rows() -> "pd.DataFrame":
    """Return the paper's Table 3 as rows, its single runs as means."""
    import pandas as pd

    levels = paper.noise_levels()
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "dataset": dataset,
                    "method": method,
                    "noise_level": levels,
                    "test_level": levels,
                    **{f"{score}_mean": curve[score] for score in SCORE_NAMES},
                }
            )
            for dataset, title in paper.DATASET_TITLES.items()
            for method, curve in paper.paper_results()["table3"]["scores"][title].items()
        ],
        ignore_index=True,
    )


def curve_points(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Select the points of Figure 3: tested at the noise level of the training."""
    return rows if rows.empty else rows[rows["noise_level"] == rows["test_level"]]


def curve(rows: "pd.DataFrame", dataset: str, method: str) -> "pd.DataFrame":
    """Select one model's points on one data set, by noise level."""
    points = curve_points(rows)
    if points.empty:
        return points
    return points[(points["dataset"] == dataset) & (points["method"] == method)].sort_values("noise_level")


def count_wins(rows: "pd.DataFrame", method: str, other: str) -> Tally:
    """Count the cells where the method's mean is above the other's, among those that both have."""
    if rows.empty:
        return Tally(0, 0)
    of_method = {name: points.set_index(["dataset", "noise_level"]) for name, points in curve_points(rows).groupby("method")}
    if method not in of_method or other not in of_method:
        return Tally(0, 0)
    ours, theirs = of_method[method].align(of_method[other], join="inner", axis=0)
    difference = (ours[MEANS] - theirs[MEANS]).to_numpy()
    spread = np.maximum(*(side.reindex(columns=DEVIATIONS).to_numpy(float) for side in (ours, theirs)))
    return Tally(int((difference > 0).sum()), int((difference == difference).sum()), int((difference > spread).sum()))


def noise_loss(rows: "pd.DataFrame", method: str, score: str = "acc") -> dict[str, NoiseLoss]:
    """Compute, by data set, the loss of a method's mean from lowest to highest level; data sets with one level are omitted."""
    losses = {}
    for dataset in () if rows.empty else rows["dataset"].unique():
        points = curve(rows, dataset, method).dropna(subset=f"{score}_mean")
        if len(points) > 1:
            levels, means = points["noise_level"].tolist(), points[f"{score}_mean"].tolist()
            losses[str(dataset)] = NoiseLoss(levels[0], levels[-1], 100 * (means[0] - means[-1]))
    return losses


def count_lower_errors(rows: "pd.DataFrame", method: str, other: str) -> Tally:
    """Count the settings (noise level, data set) where the method has the smaller reconstruction error."""
    if rows.empty or "error_mean" not in rows:
        return Tally(0, 0)
    errors = curve_points(rows).pivot_table("error_mean", ["dataset", "noise_level"], "method")
    if not {method, other} <= set(errors):
        return Tally(0, 0)
    difference = errors[method] - errors[other]
    return Tally(int((difference < 0).sum()), int(difference.notna().sum()))


def sentences(rows: "pd.DataFrame", title: Callable[[str], str] = str) -> list[str]:
    """State the claims in Markdown sentences, ours beside the paper's; `title` formats a data set's name."""
    import pandas as pd

    theirs, several = paper_rows(), not rows.empty and bool((rows["n_seeds"] > 1).all())
    ours, reported = (count_wins(table, "DDNMF", "AE1") for table in (rows, theirs))
    of_all = "cells (noise level, data set, score)"
    if not ours.cells:
        lines = [
            f"In the paper DDNMF scores above AE1 in **{reported.won} of {reported.cells}** {of_all}; here none of the "
            "levels has both yet."
        ]
    else:
        lines = [
            f"DDNMF scores above AE1{_fewer_seeds(rows, 'AE1')} in **{ours.won} of {ours.cells}** "
            f"{of_all}{_clear(ours, several)}; in the paper in **{reported.won} of {reported.cells}**."
        ]
    against = {other: tally for other in OWN_RIVALS if (tally := count_wins(rows, "DDNMF", other)).cells}
    if against:
        counts = (
            f"above {other}{_fewer_seeds(rows, other)} in **{tally.won} of {tally.cells}**{_clear(tally, several)}"
            for other, tally in against.items()
        )
        lines[0] += f" Rivals that the paper does not have: {'; '.join(counts)}."
    if not rows.empty:
        both = pd.concat(
            [table[table["method"] == "DDNMF"].assign(method=name) for name, table in (("ours", rows), ("paper", theirs))]
        )
        if (compared_with_paper := count_wins(both, "ours", "paper")).cells:
            lines[0] += f" Our DDNMF is above the paper's in **{compared_with_paper.won} of {compared_with_paper.cells}**."
    for method in ("DDNMF", *RIVALS):
        lost, reported_loss = (noise_loss(table, method) for table in (rows, theirs))
        spans = {f"{loss.lowest:.0%} to {loss.highest:.0%}" for loss in (*lost.values(), *reported_loss.values())}
        if spans:
            of = f" of {min(spans)}" if len(spans) == 1 else ""
            lines.append(
                f"Loss of ACC of {method} under noise{of}, in points: **{_losses(lost, title, not of) or 'not known yet'}**"
                + (f"; in the paper {_losses(reported_loss, title, not of)}." if reported_loss else ".")
            )
    errors = {other: count_lower_errors(rows, "DDNMF", other) for other in RIVALS}
    if compared := [f"than {other}'s in **{tally.won} of {tally.cells}**" for other, tally in errors.items() if tally.cells]:
        lines.append(
            f"The reconstruction error of DDNMF is smaller {', '.join(compared)} settings (noise level, data "
            "set). All errors are measured against the clean images, although AE1, with either code, is not trained to denoise."
        )
    return lines


def _fewer_seeds(rows: "pd.DataFrame", method: str) -> str:
    """Note if a method has fewer seeds than DDNMF: ' (1 seed, DDNMF 3)'."""
    seeds = curve_points(rows).groupby("method")["n_seeds"].min()
    if seeds[method] >= seeds["DDNMF"]:
        return ""
    return f" ({seeds[method]} seed{'s' if seeds[method] > 1 else ''}, DDNMF {seeds['DDNMF']})"


def _clear(tally: Tally, several: bool) -> str:
    return f", in **{tally.clear}** by more than either SD over seeds" if several else ""


def _losses(losses: dict[str, NoiseLoss], title: Callable[[str], str], with_span: bool) -> str:
    span = " ({0.lowest:.0%} to {0.highest:.0%})" if with_span else ""
    return ", ".join(f"{lost.points:.1f} on {title(dataset)}{span.format(lost)}" for dataset, lost in losses.items())
