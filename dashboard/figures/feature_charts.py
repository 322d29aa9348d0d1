"""Figures of a table's rows: bars and lines by feature. No Streamlit."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.figures.palette import ADDED_COLOUR, LEGEND_ABOVE, MARGIN, REMOVED_COLOUR
from ddnmf_core.display.parts import strongest_features
from ddnmf_core.display.text import in_plotly

DASHES = ("solid", "dot", "dash", "dashdot", "longdash")
MAX_BARS, MAX_NAMED_FEATURES, MAX_DRAWN_FEATURES = 20, 60, 2000  # features with a bar; with a name; drawn at all
BAR_HEIGHT = 22  # pixels


def feature_bars(values: NDArray[np.floating], names: Sequence[str], title: str) -> go.Figure:
    """Draw a bar for each of the strongest features, red to the right and blue to the left, strongest on top."""
    order, names = strongest_features(np.asarray(values), MAX_BARS), list(map(in_plotly, names))
    shown = np.asarray(values)[order]
    figure = go.Figure(
        go.Bar(
            x=shown,
            y=[str(place) for place in range(len(order))],
            orientation="h",
            marker_color=[ADDED_COLOUR if value > 0 else REMOVED_COLOUR for value in shown],
            customdata=[names[feature] for feature in order],
            hovertemplate="%{customdata}: %{x:+.3f}<extra></extra>",
        )
    )
    left_out = f", strongest {len(order)} of {len(names)}" if len(order) < len(names) else ""
    figure.update_layout(
        title={"text": title + left_out, "font_size": 13},
        height=90 + BAR_HEIGHT * len(order),
        margin=MARGIN,
        xaxis_title="change, as a fraction of the feature's range",
    )
    figure.update_yaxes(
        autorange="reversed",
        tickvals=[str(place) for place in range(len(order))],
        ticktext=[names[feature] for feature in order],
        automargin=True,
        type="category",
    )
    return figure


def feature_profiles(rows: Mapping[str, NDArray[np.floating]], names: Sequence[str]) -> go.Figure:
    """Draw rows of a table as lines over its features; of very many, only those in which the rows differ most."""
    figure, names = go.Figure(), list(map(in_plotly, names))
    rows = {in_plotly(row): values for row, values in rows.items()}
    if len(names) > MAX_DRAWN_FEATURES:
        drawn = np.sort(strongest_features(np.ptp(np.stack(list(rows.values())), axis=0), MAX_DRAWN_FEATURES))
        rows, names = {row: np.asarray(values)[drawn] for row, values in rows.items()}, [names[feature] for feature in drawn]
    places = list(range(len(names)))
    for number, (row, values) in enumerate(rows.items()):
        figure.add_scatter(
            x=places,
            y=np.asarray(values),
            name=row,
            mode="lines+markers",
            marker_size=5,
            line_dash=DASHES[number % len(DASHES)],
            customdata=list(names),
            hovertemplate=f"{row}, %{{customdata}}: %{{y:.3f}}<extra></extra>",
        )
    figure.update_layout(height=390, margin=MARGIN, legend=LEGEND_ABOVE, yaxis={"title": "scaled value", "zeroline": False})
    if len(names) <= MAX_NAMED_FEATURES:
        figure.update_xaxes(tickvals=places, ticktext=list(names), tickangle=-40, automargin=True)
    else:
        figure.update_xaxes(title_text="feature, in table order")
    return figure
