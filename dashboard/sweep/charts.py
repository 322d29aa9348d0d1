"""Figures of the Sweep page: response over one or two settings, and parallel coordinates. No Streamlit."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from dashboard.figures.palette import (
    BAND_COLOUR,
    CHOSEN_COLOUR,
    GRAY,
    HIGH_COLOUR,
    LEGEND_ABOVE,
    LINE_COLOUR,
    LOW_COLOUR,
    MARGIN,
    SURFACE_SCALE,
)
from ddnmf_core.experiment.model_selection import pooled_deviation

if TYPE_CHECKING:
    import pandas as pd

AXIS_TITLES = {
    "alpha": "α, weight of L_sym",
    "beta": "β, weight of L_ap",
    "gamma": "γ, weight of L_nc",
    "noise_level": "Noise level",
    "n_parts": "Parts r",
}
SHORT_TITLES = {"alpha": "α", "beta": "β", "gamma": "γ", "noise_level": "noise", "n_parts": "r"}
PARALLEL_SCALE = [[0, LOW_COLOUR], [0.5, GRAY], [1, HIGH_COLOUR]]  # visible as thin lines on light and dark backgrounds
LIGHT_FROM = 0.55  # of the scale; black text above
ABOVE_AND_BELOW = 80, 60  # pixels for title and colour bar; for the axis and its title
GRID_ROW_HEIGHT = 84
NARROWEST = 0.01  # of a value, to each side of it: the scale of cells that are all equal

Point = Sequence[float | int]


def format_setting(value: float) -> str:
    """Format a setting's value as typed; it names a place on an axis."""
    return f"{value:.10g}"


def cell_name(cell: Mapping[Any, Any], axes: Sequence[str]) -> str:
    """Name a cell in clicks and links: 'gamma=0.1,beta=1'."""
    return ",".join(f"{name}={format_setting(cell[name])}" for name in axes)


def _names(cells: "pd.DataFrame", *axes: str) -> list[str]:
    return [cell_name(cell, axes) for cell in cells.to_dict("records")]


def format_measure(value: float, score: bool) -> str:
    """Format a measure: scores with three decimals, others with three digits or more."""
    return f"{value:.3f}" if score else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def state_text(states: Mapping[str, int], between: str = ", ") -> str:
    """Count a cell's runs without a result: '1 diverged, 2 queued'."""
    return between.join(f"{count} {status}" for status, count in states.items() if status != "finished")


def colour_range(cells: "pd.DataFrame") -> tuple[float, float]:
    """Return the ends of the colour scale: the means, but never less than two SDs over seeds to each side of their middle."""
    low, high = float(cells["mean"].min()), float(cells["mean"].max())
    deviation = pooled_deviation(cells["std"])
    middle, half = (low + high) / 2, (high - low) / 2
    half = max(half, 2 * deviation if deviation == deviation else 0.0) or NARROWEST * (abs(middle) or 1.0)
    return middle - half, middle + half


def surface_map(cells: "pd.DataFrame", x: str, y: str, title: str, chosen: Point | None, score: bool) -> go.Figure:
    """Draw a cell per pair of settings with mean, SD and number of seeds; customdata is the cell's name.

    Plotly's heat maps report no clicks, so invisible markers over the cells do.
    """
    columns, rows = (sorted(cells[name].unique()) for name in (x, y))
    grid = cells.pivot(index=y, columns=x, values="mean").to_numpy(dtype=float)
    height = sum(ABOVE_AND_BELOW) + GRID_ROW_HEIGHT * len(rows)
    low, high = colour_range(cells)
    figure = go.Figure(
        go.Heatmap(
            z=grid,
            x=[format_setting(value) for value in columns],
            y=[format_setting(value) for value in rows],
            colorscale=SURFACE_SCALE,
            zmin=low,
            zmax=high,
            hoverinfo="skip",
            xgap=2,
            ygap=2,
            showscale=bool(cells["mean"].notna().any()),
            # Placed relative to the figure: next to the axes it would push them away from their titles.
            colorbar={
                "orientation": "h",
                "thickness": 10,
                "nticks": 5,
                "yref": "container",
                "y": 1 - 26 / height,
                "yanchor": "top",
            },
        )
    )
    _write_in(figure, cells, x, y, score)
    if chosen is not None:
        _frame(figure, columns.index(chosen[0]), rows.index(chosen[1]))
    figure.update_xaxes(title=AXIS_TITLES[x], range=[-0.5, len(columns) - 0.5])
    figure.update_yaxes(title=AXIS_TITLES[y], range=[-0.5, len(rows) - 0.5])
    figure.for_each_xaxis(_of_categories).for_each_yaxis(_of_categories)
    figure.update_layout(title={"text": title, "font_size": 13, "y": 1, "yanchor": "top", "pad": {"t": 6}})
    return _clickable(figure, height).update_layout(margin_t=ABOVE_AND_BELOW[0], margin_b=ABOVE_AND_BELOW[1])


def _of_categories(axis: "go.layout.XAxis | go.layout.YAxis") -> None:
    axis.update(type="category", showgrid=False, ticks="", title_standoff=12)


def _write_in(figure: go.Figure, cells: "pd.DataFrame", x: str, y: str, score: bool) -> None:
    """Write into each cell, in black or white on a colour, else in the page's text colour."""
    low, high = colour_range(cells)
    light = (cells["mean"] - low) > LIGHT_FROM * (high - low)
    for mask, colour in ((light, "black"), (~light & cells["mean"].notna(), "white"), (cells["mean"].isna(), None)):
        some = cells[mask]
        figure.add_scatter(
            x=[format_setting(value) for value in some[x]],
            y=[format_setting(value) for value in some[y]],
            mode="markers+text",
            text=[_cell_text(cell, score) for cell in some.to_dict("records")],
            textfont={"size": 11, "color": colour},
            marker={"symbol": "square", "size": 40, "opacity": 0},
            customdata=_names(some, x, y),
            showlegend=False,
            selected={"marker": {"opacity": 0}},
            unselected={"marker": {"opacity": 0}, "textfont": {"color": colour}},
            hovertemplate=f"{SHORT_TITLES[x]} %{{x}}, {SHORT_TITLES[y]} %{{y}}<br>%{{text}}<extra></extra>",
        )


def _cell_text(cell: Mapping[Any, Any], score: bool) -> str:
    """Write three short lines, to fit a cell on a narrow screen."""
    failures = state_text(cell["states"], "<br>")
    if not cell["n"]:
        return failures
    lines = [
        format_measure(cell["mean"], score),
        *([f"± {format_measure(cell['std'], score)}"] if cell["n"] > 1 else []),
        f"{cell['n']} seed{'s' if cell['n'] > 1 else ''}",
    ]
    return "<br>".join([*lines, *([failures] if failures else [])])


def _frame(figure: go.Figure, column: int, row: int) -> None:
    """Frame the chosen cell; on a categorical axis a cell extends half a unit to each side."""
    figure.add_shape(
        type="rect", x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5, line={"color": CHOSEN_COLOUR, "width": 4}
    )


def surface_line(
    cells: "pd.DataFrame", runs: "pd.DataFrame", x: str, measure: str, title: str, chosen: Point | None, score: bool
) -> go.Figure:
    """Plot mean ± SD against one setting, with a dot per seed; customdata is the cell's name."""
    complete = cells[cells["n"] > 0]
    places, spread = [format_setting(value) for value in complete[x]], complete["std"].fillna(0)
    figure = go.Figure()
    figure.add_scatter(
        x=places + places[::-1],
        y=[*(complete["mean"] + spread), *(complete["mean"] - spread)[::-1]],
        fill="toself",
        fillcolor=BAND_COLOUR,
        line_width=0,
        mode="lines",
        hoverinfo="skip",
        name="± 1 SD",
    )
    dots = runs[runs[measure].notna()] if measure in runs else runs.iloc[:0]
    figure.add_scatter(
        x=[format_setting(value) for value in dots[x]],
        y=dots[measure] if len(dots) else [],
        mode="markers",
        marker={"color": LINE_COLOUR, "size": 6, "opacity": 0.45},
        name="seeds",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=places,
        y=complete["mean"],
        mode="lines+markers",
        line_color=LINE_COLOUR,
        name="mean over seeds",
        marker={"symbol": "square", "size": 12},
        customdata=_names(complete, x),
        unselected={"marker": {"opacity": 1}},
        text=[_cell_text(cell, score) for cell in complete.to_dict("records")],
        hovertemplate=f"{SHORT_TITLES[x]} %{{x}}<br>%{{text}}<extra></extra>",
    )
    _mark_failures(figure, cells, x, float((complete["mean"] - spread).min()) if len(complete) else 0.0)
    if chosen is not None:
        _mark_column(figure, sorted(cells[x]).index(chosen[0]))
    figure.update_xaxes(
        type="category",
        title=AXIS_TITLES[x],
        categoryorder="array",
        range=[-0.5, len(cells) - 0.5],
        categoryarray=[format_setting(value) for value in sorted(cells[x])],
    )
    figure.update_layout(yaxis_title=title, legend=LEGEND_ABOVE)
    return _clickable(figure, 380)


def _mark_failures(figure: go.Figure, cells: "pd.DataFrame", x: str, height: float) -> None:
    """Mark cells without a result at the bottom, with the states of their runs."""
    empty = cells[cells["n"] == 0]
    if len(empty):
        figure.add_scatter(
            x=[format_setting(value) for value in empty[x]],
            y=[height] * len(empty),
            mode="markers+text",
            marker={"symbol": "x", "size": 11, "color": CHOSEN_COLOUR},
            customdata=_names(empty, x),
            text=[state_text(states, "<br>") for states in empty["states"]],
            textposition="top center",
            cliponaxis=False,
            unselected={"marker": {"opacity": 1}},
            name="no result",
            hoverinfo="x+text",
        )


def _mark_column(figure: go.Figure, column: int) -> None:
    figure.add_shape(
        type="rect",
        x0=column - 0.4,
        x1=column + 0.4,
        y0=0,
        y1=1,
        yref="paper",
        layer="below",
        line={"color": CHOSEN_COLOUR, "width": 2},
    )


def _clickable(figure: go.Figure, height: int) -> go.Figure:
    """Let a click anywhere pick the nearest point."""
    figure.update_layout(height=height, margin=MARGIN, hovermode="closest", hoverdistance=-1, dragmode=False)
    return figure


def parallel(runs: "pd.DataFrame", dimensions: Mapping[str, str], colour: str, title: str) -> go.Figure:
    """Draw a line per run through its settings and measures; `dimensions` maps columns to headings.

    Settings are spaced evenly: 0.01, 0.1 and 1 would overlap on a linear scale.
    """
    axes = [
        _steps(runs[name], heading)
        if name in AXIS_TITLES or name == "seed"
        else {"label": heading, "values": runs[name], "tickformat": ".3~g"}
        for name, heading in dimensions.items()
    ]
    figure = go.Figure(
        go.Parcoords(
            dimensions=axes,
            labelfont_size=12,
            tickfont_size=11,
            line={
                "color": runs[colour],
                "colorscale": PARALLEL_SCALE,
                "showscale": True,
                "colorbar": {"title": {"text": title, "side": "right"}, "thickness": 12},
            },
        )
    )
    figure.update_layout(height=380, margin={"l": 50, "r": 20, "t": 60, "b": 20})
    return figure


def _steps(column: "pd.Series[Any]", heading: str) -> dict[str, Any]:
    steps = sorted(column.unique())
    return {
        "label": heading,
        "values": [steps.index(value) for value in column],
        "tickvals": list(range(len(steps))),
        "ticktext": [format_setting(value) for value in steps],
        "range": [-0.2, len(steps) - 0.8],
    }
