"""Plot part quality against clustering scores, with the Pareto front. No Streamlit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.palette import GRAY, LEGEND_ABOVE, MARGIN, ORIGIN_COLOURS
from ddnmf_core.interpret.measures import Measure

if TYPE_CHECKING:
    import pandas as pd


def pareto_front(x: Sequence[float], y: Sequence[float], better: str) -> list[int]:
    """Return the points not dominated by any other, by x; higher y is better."""
    sign = -1.0 if better == "low" else 1.0
    points = np.column_stack([sign * np.asarray(x, float), np.asarray(y, float)])
    return [
        index
        for index in np.argsort(x, kind="stable").tolist()
        if not any((other >= points[index]).all() and (other > points[index]).any() for other in points)
    ]


def pareto_chart(rows: "pd.DataFrame", records: Sequence[dict[str, Any]], measure: Measure, score: str) -> go.Figure:
    """Plot a score against a measure of the parts: a point per method, a small one per seed."""
    x, y = rows[f"{measure.name}_mean"].to_list(), rows[f"{score}_mean"].to_list()
    front = pareto_front(x, y, measure.better)
    figure = go.Figure(
        go.Scatter(
            x=[x[i] for i in front],
            y=[y[i] for i in front],
            mode="lines",
            name="Pareto front",
            line={"color": GRAY, "dash": "dot", "width": 1.5},
            hoverinfo="skip",
        )
    )
    for origin, of_origin in rows.groupby("origin", sort=False):
        methods, colour = list(of_origin["method"]), ORIGIN_COLOURS[str(origin)]
        seeds = [record for record in records if record["method"] in methods and record.get(measure.name) is not None]
        figure.add_scatter(
            x=[record[measure.name] for record in seeds],
            y=[record[score] for record in seeds],
            mode="markers",
            showlegend=False,
            marker={"color": colour, "size": 6, "opacity": 0.4},
            customdata=[[record["method"], record["seed"]] for record in seeds],
            hovertemplate="%{customdata[0]}, seed %{customdata[1]}<extra></extra>",
        )
        figure.add_scatter(
            x=of_origin[f"{measure.name}_mean"],
            y=of_origin[f"{score}_mean"],
            mode="markers+text",
            text=methods,
            textposition="top center",
            name=str(origin),
            cliponaxis=False,
            marker={"color": colour, "size": 12, "line": {"width": 1, "color": "white"}},
            hovertemplate="%{text}: %{x:.3f}, %{y:.3f}<extra></extra>",
        )
    figure.update_layout(
        height=420,
        margin={**MARGIN, "r": 30},
        xaxis={"title": measure.title},
        yaxis={"title": score.upper()},
        legend=LEGEND_ABOVE,
    )
    return figure
