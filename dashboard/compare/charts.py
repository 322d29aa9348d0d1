"""Figures of the Compare page: scores by seed, and the confusion matrix. No Streamlit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.figures.palette import GRAY, LEGEND_ABOVE, MARGIN, ORIGIN_COLOURS, PALE_BLUE, SKY_BLUE, TEXT_ON_LIGHT
from ddnmf_core.analysis.metrics import best_matching
from ddnmf_core.display.text import in_plotly

if TYPE_CHECKING:
    import pandas as pd

MIN_COLOURED_SHARE = 0.1  # smaller shares have no background colour
NO_COLOUR = "rgba(0, 0, 0, 0)"
SHARE_SCALE = [[0, NO_COLOUR], [MIN_COLOURED_SHARE, NO_COLOUR], [MIN_COLOURED_SHARE, PALE_BLUE], [1, SKY_BLUE]]
METHOD_HEIGHT = 26  # pixels


def seed_dots(rows: "pd.DataFrame", records: Sequence[dict[str, Any]], score: str) -> go.Figure:
    """Plot a line per method, the first on top: a dot per seed, mean ± SD, and the paper's score."""
    figure = go.Figure()
    for origin, of_origin in rows.groupby("origin", sort=False):
        methods, colour = list(of_origin["method"]), ORIGIN_COLOURS[str(origin)]
        dots = [record for record in records if record["method"] in methods]
        figure.add_scatter(
            x=[record[score] for record in dots],
            y=[record["method"] for record in dots],
            mode="markers",
            name=f"seeds, {origin} rows",
            marker={"color": colour, "size": 7, "opacity": 0.45},
            customdata=[record["seed"] for record in dots],
            hovertemplate="%{y}<br>seed %{customdata}: %{x:.4f}<extra></extra>",
        )
        figure.add_scatter(
            x=of_origin[f"{score}_mean"],
            y=methods,
            mode="markers",
            showlegend=False,
            marker={"color": colour, "size": 13, "symbol": "line-ns", "line": {"width": 3, "color": colour}},
            error_x={"array": of_origin[f"{score}_std"].fillna(0), "thickness": 1.5, "width": 0, "color": colour},
            hovertemplate="%{y}<br>mean %{x:.4f}<extra></extra>",
        )
    reported = rows.dropna(subset=f"{score}_paper")
    figure.add_scatter(
        x=reported[f"{score}_paper"],
        y=reported["method"],
        mode="markers",
        name="the paper's single run",
        marker={"symbol": "diamond-open", "size": 10, "color": GRAY, "line": {"width": 2}},
        hovertemplate="%{y}<br>paper: %{x:.4f}<extra></extra>",
    )
    figure.update_yaxes(categoryorder="array", categoryarray=list(rows["method"]), autorange="reversed", automargin=True)
    figure.update_layout(
        height=110 + METHOD_HEIGHT * len(rows), margin={**MARGIN, "t": 60}, xaxis={"title": score.upper()}, legend=LEGEND_ABOVE
    )
    return figure


def confusion(counts: NDArray[np.int64], class_names: Sequence[str], title: str) -> go.Figure:
    """Draw the fraction of each class in each cluster, clusters in the order of their matched classes (eq 17)."""
    class_names = list(map(in_plotly, class_names))
    classes, clusters = best_matching(counts)
    rest = [cluster for cluster in range(counts.shape[1]) if cluster not in clusters]
    ordered = counts[:, [*clusters[np.argsort(classes)], *rest]]
    shares = ordered / np.maximum(ordered.sum(axis=1, keepdims=True), 1)
    names = [f"{number + 1}" for number in range(ordered.shape[1])]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=names,
            y=class_names,
            customdata=ordered,
            zmin=0,
            zmax=1,
            colorscale=SHARE_SCALE,
            xgap=1,
            ygap=1,
            showscale=False,
            hovertemplate="%{y} in cluster %{x}: %{customdata:,} (%{z:.1%})<extra></extra>",
        )
    )
    for cells, colour in (
        (shares >= MIN_COLOURED_SHARE, TEXT_ON_LIGHT),
        (shares < MIN_COLOURED_SHARE, None),  # None: the page's text colour
    ):
        rows, columns = cells.nonzero()
        figure.add_scatter(
            x=[names[column] for column in columns],
            y=[class_names[row] for row in rows],
            mode="text",
            text=[f"{share:.0%}" for share in shares[cells]],
            textfont={"size": 11, "color": colour},
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_layout(
        title={"text": title, "font_size": 13},
        height=430,
        margin=MARGIN,
        xaxis={"type": "category", "title": "matched cluster", "showgrid": False},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
    )
    return figure
