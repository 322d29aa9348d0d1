"""Figures shared by pages: frames and arrays in, Plotly figures out. No Streamlit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from dashboard.figures.palette import (
    ADDED_COLOUR,
    CLASS_COLOURS,
    GRAY,
    HIGH_COLOUR,
    LEGEND_ABOVE,
    LOSS_COLOURS,
    LOW_COLOUR,
    MARGIN,
    REMOVED_COLOUR,
)
from ddnmf_core.display.text import in_plotly

FEW_DECADES = 30  # highest over lowest value, up to which a log axis is labelled at 1, 2 and 5
MAX_EPOCHS_LABELLED = 8  # one by one
RIGHT_LEGEND = {**LEGEND_ABOVE, "x": 1, "xanchor": "right"}
HistoryRows = Sequence[Mapping[str, Any]]


def loss_curves(history: HistoryRows, weighted: bool = False) -> go.Figure:
    """Plot each term of eq 7 against epoch: raw in separate panels, or weighted on a common scale."""
    rows = rows_to_draw(history)
    names = [name for name in LOSS_COLOURS if rows and name in rows[-1] and not (weighted and name == "L_in")]
    if len(names) == 2 and "L_sym" in names:  # an autoencoder's L_in is its L_sym
        names = ["L_sym"]
    if weighted:
        return _on_one_scale(rows, "weighted", names, "weight × loss")
    figure = make_subplots(1, max(1, len(names)), subplot_titles=names, horizontal_spacing=0.09)
    for column, name in enumerate(names, 1):
        figure.add_scatter(
            x=_column(rows, "epoch"),
            y=_column(rows, name),
            name=name,
            mode="lines+markers",
            line_color=LOSS_COLOURS[name],
            marker_size=4,
            showlegend=False,
            row=1,
            col=column,
        )
    figure.update_yaxes(type="log", tickformat="~g", nticks=3, tickfont_size=11)
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    figure.update_annotations(font_size=12)
    return _framed(figure, 240)


def relative_losses(epochs: HistoryRows) -> go.Figure:
    """Plot each term of eq 7 relative to the variance of its target, against epoch, on a common scale."""
    names = [name for name in LOSS_COLOURS if name in epochs[-1]["relative"]]
    return _on_one_scale(epochs, "relative", names, "loss / variance")


def _on_one_scale(rows: HistoryRows, column: str, names: list[str], title: str) -> go.Figure:
    """Plot the terms that a column of the history holds by name."""
    figure = go.Figure()
    for name in names:
        figure.add_scatter(
            x=_column(rows, "epoch"),
            y=[row[column][name] for row in rows],
            name=name,
            mode="lines+markers",
            line_color=LOSS_COLOURS[name],
            marker_size=4,
        )
    figure.update_layout(xaxis=_epoch_axis(rows), yaxis_title=title, legend=RIGHT_LEGEND)
    figure.update_yaxes(**log_axis(row[column][name] for row in rows for name in names))
    return _framed(figure, 200)


def _epoch_axis(rows: HistoryRows) -> dict[str, Any]:
    """Return the settings of an axis of epochs, labelled with whole ones."""
    few = bool(rows) and rows[-1]["epoch"] <= MAX_EPOCHS_LABELLED
    return {"title": {"text": "epoch", "standoff": 6}} | ({"dtick": 1} if few else {})


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """Return the settings of a log axis, labelled with whole numbers that do not run into each other."""
    positive = [value for value in values if value > 0] or [1.0]
    return {"type": "log", "tickformat": "~g", "dtick": "D2" if max(positive) < FEW_DECADES * min(positive) else 1}


def rows_to_draw(history: HistoryRows) -> list[Mapping[str, Any]]:
    """Select the rows to plot: finished epochs, and batches of the first and the current epoch."""
    epochs = [row for row in history if row["kind"] == "epoch"]
    done = epochs[-1]["epoch"] if epochs else 0.0
    steps = [row for row in history if row["kind"] == "batch" and (row["epoch"] < 1 or row["epoch"] > done)]
    return sorted([*epochs, *steps], key=lambda row: row["epoch"])


def layer_shares(history: HistoryRows, n_encoder: int | None = None) -> go.Figure:
    """Plot the fraction of L_ap by layer against epoch, stacked to 1: encoder layers blue, decoder layers orange."""
    rows = [row for row in history if row["kind"] == "epoch" and "layer_shares" in row]
    figure = go.Figure()
    n_layers = len(rows[-1]["layer_shares"]) if rows else 0
    n_encoder = n_layers // 2 if n_encoder is None else n_encoder
    for layer in range(n_layers):
        shade = 35 + 45 * layer / max(1, n_layers - 1)
        side = "encoder" if layer < n_encoder else "decoder"
        figure.add_scatter(
            x=_column(rows, "epoch"),
            y=[row["layer_shares"][layer] for row in rows],
            stackgroup="one",
            name=f"{layer + 1} {side}",
            mode="lines",
            line_width=0.5,
            line_color=f"hsl({205 if side == 'encoder' else 25}, 60%, {shade:.0f}%)",
        )
    figure.update_layout(
        xaxis_title="epoch", yaxis={"title": "fraction of L_ap", "range": [0, 1], "tickformat": ".0%"}, legend_title="layer"
    )
    return _framed(figure, 260)


def line_chart(history: HistoryRows, series: Mapping[str, str], title: str, log: bool = False) -> go.Figure:
    """Plot columns of the epoch rows against epoch; `series` maps a column to its legend."""
    rows = [row for row in history if row["kind"] == "epoch"]
    figure = go.Figure()
    for column, name in series.items():
        if rows and column in rows[-1]:
            figure.add_scatter(
                x=_column(rows, "epoch"), y=_column(rows, column), name=name, mode="lines+markers", marker_size=4
            )
    figure.update_layout(
        title={"text": title, "font_size": 13},
        xaxis=_epoch_axis(rows),
        showlegend=len(series) > 1,
        legend=RIGHT_LEGEND,
        yaxis=log_axis(row[column] for row in rows for column in series if column in row) if log else {"rangemode": "tozero"},
    )
    return _framed(figure, 200)


def histogram(values: NDArray[np.floating], largest: float, title: str) -> go.Figure:
    """Draw a histogram of coefficients from 0 to the largest, counted here rather than in the browser."""
    counts, edges = np.histogram(values, bins=50, range=(0, largest))
    figure = go.Figure(go.Bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, width=largest / 50, marker_line_width=0))
    figure.update_layout(title={"text": title, "font_size": 13}, xaxis_title="coefficient", yaxis_title="samples", bargap=0)
    return _framed(figure, 240)


def heat_map(
    matrix: NDArray[np.floating],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    diverging: bool = False,
    height: int = 320,
) -> go.Figure:
    """Draw a matrix as coloured cells; a diverging scale is centred at 0."""
    limit = float(np.abs(matrix).max()) or 1.0
    scale = {"colorscale": "RdBu_r", "zmin": -limit, "zmax": limit} if diverging else {"colorscale": "Viridis"}
    figure = go.Figure(
        go.Heatmap(
            z=matrix,
            x=list(map(in_plotly, columns)),
            y=list(map(in_plotly, rows)),
            **scale,
            hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>",
        )
    )
    figure.update_layout(
        title={"text": title, "font_size": 13}, yaxis={"autorange": "reversed", "type": "category"}, xaxis={"type": "category"}
    )
    return _framed(figure, height)


def bar_chart(values: Sequence[float], names: Sequence[str], title: str, percent: bool = False) -> go.Figure:
    """Draw one bar per name."""
    figure = go.Figure(go.Bar(x=list(map(in_plotly, names)), y=list(values)))
    figure.update_layout(
        title={"text": title, "font_size": 13},
        xaxis_type="category",
        yaxis={"tickformat": ".0%" if percent else None, "rangemode": "tozero"},
    )
    return _framed(figure, 240)


def survival_curves(correlations: NDArray[np.floating], part: int, levels: Sequence[float]) -> go.Figure:
    """Plot the robustness of each part to noise: (n_levels, r); one part in colour, the others gray."""
    figure = go.Figure()
    for other in [k for k in range(correlations.shape[1]) if k != part] + [part]:
        highlighted = other == part
        figure.add_scatter(
            x=list(levels),
            y=correlations[:, other],
            mode="lines+markers" if highlighted else "lines",
            showlegend=False,
            line_width=3 if highlighted else 1,
            line_color=LOSS_COLOURS["L_nc"] if highlighted else "rgba(128, 128, 128, 0.4)",
            hovertemplate=f"part {other + 1} at %{{x:.0%}}: %{{y:.2f}}<extra></extra>",
        )
    figure.update_layout(
        title={"text": "Robustness to noise", "font_size": 13},
        xaxis={"title": "noise level", "tickformat": ".0%"},
        yaxis={"title": "correlation", "range": [min(0.0, float(correlations.min())), 1.02]},
    )
    return _framed(figure, 240)


def deletion_curves(arrays: Mapping[str, NDArray[np.floating]]) -> go.Figure:
    """Plot deletion and insertion by importance, and in random order (gray): arrays (r + 1,) by name."""
    figure = go.Figure()
    n_parts = len(arrays["deletion"]) - 1
    for name, title, colour in (
        ("deletion_random", "deletion, random order", "rgba(128, 128, 128, 0.8)"),
        ("insertion_random", "insertion, random order", "rgba(128, 128, 128, 0.5)"),
        ("deletion", "deletion", LOSS_COLOURS["L_nc"]),
        ("insertion", "insertion", LOSS_COLOURS["L_ap"]),
    ):
        figure.add_scatter(
            x=list(range(n_parts + 1)),
            y=arrays[name],
            name=title,
            mode="lines+markers",
            line_color=colour,
            hovertemplate=f"{title}, %{{x}} parts: %{{y:.0%}}<extra></extra>",
        )
    figure.update_layout(
        xaxis_title="parts removed or added",
        yaxis={"title": "fraction of the picture", "tickformat": ".0%"},
        legend=LEGEND_ABOVE,
    )
    return _framed(figure, 300)


def waterfall(start: float, steps: Sequence[float], names: Sequence[str], rest: float = 0.0) -> go.Figure:
    """Draw signed steps from a baseline to their sum; `rest` is the sum of the steps not shown."""
    extra = [rest] if abs(rest) > 1e-6 else []
    figure = go.Figure(
        go.Waterfall(
            x=["baseline", *names, *["others"] * len(extra), "reconstruction"],
            y=[start, *steps, *extra, 0],
            measure=["absolute", *["relative"] * (len(steps) + len(extra)), "total"],
            increasing_marker_color=ADDED_COLOUR,
            decreasing_marker_color=REMOVED_COLOUR,
            totals_marker_color=GRAY,
            connector_line={"width": 1, "color": GRAY},
            hovertemplate="%{x}: %{delta:+.1f}<extra></extra>",
        )
    )
    figure.update_layout(xaxis_type="category", yaxis_title="ink", showlegend=False)
    return _framed(figure, 260)


def categorical_colours(categories: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Colour points by category, repeating after ten: (n,) -> (n, 3) RGB."""
    palette = np.array([_rgb(colour) for colour in CLASS_COLOURS], dtype=np.uint8)
    return palette[np.asarray(categories) % len(palette)]


def colour_ends(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return the values with the colours at the ends of the scale: the 2 % and the 98 % quantile."""
    low, high = np.quantile(values, [0.02, 0.98])
    return float(low), float(high)


def continuous_colours(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colour points from blue (lowest 2 %) over gray to red (highest 2 %): (n,) -> (n, 3) RGB."""
    low, high = colour_ends(values)
    t = np.clip((values - low) / max(high - low, 1e-9), 0, 1)[:, None]
    blue, gray, red = np.array(_rgb(LOW_COLOUR)), np.array([190, 190, 190]), np.array(_rgb(HIGH_COLOUR))
    mixed = np.where(t < 0.5, blue + 2 * t * (gray - blue), gray + (2 * t - 1) * (red - gray))
    return mixed.round().astype(np.uint8)


def _rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _column(rows: HistoryRows, name: str) -> list[float]:
    return [row[name] for row in rows]


def _framed(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(height=height, margin=MARGIN)
    return figure
