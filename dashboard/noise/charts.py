"""Figures of the Noise page: scores against noise, and training/test mismatch. No Streamlit."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.palette import GRAY, MARGIN, TEXT_ON_LIGHT
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.reproduce import paper
from ddnmf_core.reproduce.claims import curve
from ddnmf_core.reproduce.figures import METHOD_COLOURS

if TYPE_CHECKING:
    import pandas as pd

Trace = dict[str, Any]
BAND_OPACITY = 0.2
LIGHT_SCALE = ["#ffffd9", "#c7e9b4", "#7fcdbb", "#41b6c4"]  # light enough for dark numbers
AXIS_TITLE = {"font": {"size": 12}, "standoff": 8}
PANEL_HEIGHT, LEVEL_HEIGHT = 180, 30  # pixels


def dataset_title(dataset: str) -> str:
    """Return 'MNIST' for every size of the data set."""
    return DATASETS[dataset].family_title


def score_panel(rows: "pd.DataFrame", dataset: str, score: str) -> go.Figure:
    """Plot a score against the noise level: our means with a band of ± 1 SD, the paper's single runs dashed."""
    traces = []
    for method in METHOD_COLOURS:
        if reported := paper.noise_curve(dataset, method):
            traces.append(_dashed(reported[score], method))
        points = curve(rows, dataset, method)
        if len(points):
            traces += _curve(points, method, score)
    x_axis = {
        "title": {"text": "noise level", **AXIS_TITLE},
        "tickformat": ".0%",
        "dtick": 0.2,
        "tick0": 0,
        "range": [-0.02, 0.83],
        "fixedrange": True,
        "zeroline": False,
        "automargin": True,
    }
    return go.Figure(
        traces,
        {
            "title": {"text": f"{dataset_title(dataset)}: {score.upper()}", "font": {"size": 14}},
            "height": PANEL_HEIGHT,
            "margin": MARGIN,
            "showlegend": False,
            "dragmode": False,
            "xaxis": x_axis,
            "yaxis": {"tickformat": ".2f", "nticks": 6, "fixedrange": True, "automargin": True},
        },
    )


def _dashed(values: Sequence[float], method: str) -> Trace:
    return {
        "type": "scatter",
        "x": paper.noise_levels(),
        "y": values,
        "mode": "lines",
        "name": f"{method}, paper",
        "line": {"color": METHOD_COLOURS[method], "dash": "dash", "width": 1.5},
        "hovertemplate": f"{method}, paper, at %{{x:.0%}}: %{{y:.3f}}<extra></extra>",
    }


def _curve(points: "pd.DataFrame", method: str, score: str) -> list[Trace]:
    """Draw the line, over a band if there are two seeds or more."""
    levels, mean, deviation = (points[name].to_numpy() for name in ("noise_level", f"{score}_mean", f"{score}_std"))
    line = {
        "type": "scatter",
        "x": levels,
        "y": mean,
        "mode": "lines+markers",
        "name": method,
        "marker": {"size": 6},
        "line": {"color": METHOD_COLOURS[method], "width": 2},
        "customdata": _words(points, score),
        "hovertemplate": f"{method} at %{{x:.0%}}: %{{customdata}}<extra></extra>",
    }
    if (points["n_seeds"] < 2).all():
        return [line]
    deviation = np.nan_to_num(deviation)
    band = {
        "type": "scatter",
        "x": [*levels, *levels[::-1]],
        "y": [*(mean + deviation), *(mean - deviation)[::-1]],
        "fill": "toself",
        "mode": "none",
        "fillcolor": METHOD_COLOURS[method],
        "opacity": BAND_OPACITY,
        "name": f"{method}, ± 1 SD",
        "hoverinfo": "skip",
    }
    return [band, line]


def _words(points: "pd.DataFrame", score: str) -> list[str]:
    """Format each row as '0.712 ± 0.012, 3 seeds'."""
    if points.empty:
        return []
    return [
        f"{mean:.3f}" + (f" ± {deviation:.3f}, {n_seeds} seeds" if n_seeds > 1 else ", 1 seed")
        for mean, deviation, n_seeds in points[[f"{score}_mean", f"{score}_std", "n_seeds"]].itertuples(index=False)
    ]


def mark_level(figure: go.Figure, level: float) -> go.Figure:
    """Move the vertical marker to a noise level."""
    figure.layout.shapes = [
        {
            "type": "line",
            "x0": level,
            "x1": level,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"color": GRAY, "width": 2},
            "layer": "below",
        }
    ]
    return figure


def legend_html(shown: Sequence[str]) -> str:
    """Return a common legend as HTML: solid lines for the models shown, dashed ones for the paper's."""
    lines = [(method, "solid", METHOD_COLOURS[method]) for method in METHOD_COLOURS if method in shown]
    lines += [
        (f"{method}, paper", "dashed", METHOD_COLOURS[method])
        for method in METHOD_COLOURS
        if any(paper.noise_curve(dataset, method) for dataset in paper.DATASET_TITLES)
    ]
    return "".join(
        "<span style='display:inline-block;white-space:nowrap;margin-right:16px;font-size:13px'><span style='"
        f"display:inline-block;width:28px;vertical-align:middle;border-top:3px {kind} {colour};margin-right:6px'>"
        f"</span>{name}</span>"
        for name, kind, colour in lines
    )


def noise_heat_map(
    rows: "pd.DataFrame", score: str, trained_at: Sequence[float], tested_at: Sequence[float], title: str
) -> go.Figure:
    """Draw means of one model on one data set by training noise (rows) and test noise (columns)."""
    trace = {
        "type": "heatmap",
        "z": _grid(rows, rows.get(f"{score}_mean", ()), trained_at, tested_at),
        "customdata": _grid(rows, _words(rows, score), trained_at, tested_at),
        "colorscale": LIGHT_SCALE,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "texttemplate": "%{z:.2f}",
        "textfont": {"size": 11, "color": TEXT_ON_LIGHT},
        "hoverongaps": False,
        "hovertemplate": f"trained at %{{y}}, tested at %{{x}}<br>{score.upper()} %{{customdata}}<extra></extra>",
    }
    return go.Figure(
        [trace],
        {
            "title": {"text": title, "font": {"size": 14}},
            "height": 110 + LEVEL_HEIGHT * len(trained_at),
            "margin": MARGIN,
            "dragmode": False,
            "xaxis": {**_level_axis("tested at", tested_at), "range": [-0.5, len(tested_at) - 0.5]},
            "yaxis": {**_level_axis("trained at", trained_at), "range": [len(trained_at) - 0.5, -0.5]},
        },
    )


def _grid(
    rows: "pd.DataFrame", values: Iterable[Any], trained_at: Sequence[float], tested_at: Sequence[float]
) -> list[list[Any]]:
    """Arrange values in a grid; None where there is no row."""
    places = zip(rows["noise_level"], rows["test_level"], strict=True) if len(rows) else ()
    by_place = dict(zip(places, values, strict=True))
    return [[by_place.get((train, test)) for test in tested_at] for train in trained_at]


def _level_axis(title: str, levels: Sequence[float]) -> dict[str, Any]:
    """Label every level, even if all its cells are blank."""
    return {
        "title": {"text": title, **AXIS_TITLE},
        "tickvals": list(range(len(levels))),
        "ticktext": [f"{level:.0%}" for level in levels],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "automargin": True,
    }
