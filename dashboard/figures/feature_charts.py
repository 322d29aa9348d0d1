"""Figures of a table's rows: bars and lines with the names of the features. No streamlit here."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.figures.palette import ADDED_COLOUR, REMOVED_COLOUR

DASHES = ("solid", "dot", "dash", "dashdot", "longdash")
MAX_BARS, MAX_NAMED_FEATURES, MAX_DRAWN_FEATURES = 20, 60, 2000  # features with a bar; with a name; in a line at all
BAR_HEIGHT, FEATURE_MARGIN = 22, {"l": 10, "r": 10, "t": 34, "b": 10}  # pixels


def strongest_features(values: NDArray[np.floating], most: int = MAX_BARS) -> NDArray[np.intp]:
    """The features with the largest absolute values, the largest first."""
    return np.argsort(-np.abs(values), kind="stable")[:most]


def feature_bars(values: NDArray[np.floating], names: Sequence[str], title: str) -> go.Figure:
    """A bar for each of the strongest features, red to the right and blue to the left, the strongest on top."""
    order = strongest_features(np.asarray(values))
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
    left_out = f", the strongest {len(order)} of {len(names)}" if len(order) < len(names) else ""
    figure.update_layout(
        title={"text": title + left_out, "font_size": 13},
        height=90 + BAR_HEIGHT * len(order),
        margin=FEATURE_MARGIN,
        xaxis_title="change of the feature, of its range",
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
    """Rows of a table as lines over its features, in the table's order; of very many those in which the rows differ most."""
    figure = go.Figure()
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
    figure.update_layout(
        height=390,
        margin=FEATURE_MARGIN,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        yaxis={"title": "value, 0 to 1 over the set", "zeroline": False},
    )
    if len(names) <= MAX_NAMED_FEATURES:
        figure.update_xaxes(tickvals=places, ticktext=list(names), tickangle=-40, automargin=True)
    else:
        figure.update_xaxes(title_text="feature, in the table's order")
    return figure
