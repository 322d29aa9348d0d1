"""Figures of the Sweep page: the response over a grid or a line of settings, and all runs side by side. No streamlit here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from dashboard.figures.palette import BAND_COLOUR, CHOSEN_COLOUR, LINE_COLOUR, SURFACE_SCALE

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
PARALLEL_SCALE = [[0, "#3b6cc4"], [0.5, "#a0a0a0"], [1, "#d63636"]]  # thin lines that show on light and dark ground
LIGHT_FROM = 0.55  # of the scale; beyond, black is easier to read
ABOVE_AND_BELOW = 80, 60  # title and colours; the axis and its title
GRID_ROW_HEIGHT, SWEEP_MARGIN = 84, {"l": 10, "r": 10, "t": 36, "b": 10}

Point = Sequence[float | int]


def format_setting(value: float) -> str:
    """A setting's value, as somebody would type it; it names a place on an axis."""
    return f"{value:.10g}"


def cell_name(cell: Mapping[Any, Any], axes: Sequence[str]) -> str:
    """What a click on a cell and a link call it: 'gamma=0.1,beta=1'."""
    return ",".join(f"{name}={format_setting(cell[name])}" for name in axes)


def _names(cells: "pd.DataFrame", *axes: str) -> list[str]:
    return [cell_name(cell, axes) for cell in cells.to_dict("records")]


def format_measure(value: float, score: bool) -> str:
    """A measure: scores with three decimals, others with three digits or more."""
    return f"{value:.3f}" if score else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def state_text(states: Mapping[str, int], between: str = ", ") -> str:
    """What became of a cell's runs that gave no number: '1 diverged, 2 queued'."""
    return between.join(f"{count} {status}" for status, count in states.items() if status != "finished")


def surface_map(cells: "pd.DataFrame", x: str, y: str, title: str, chosen: Point | None, score: bool) -> go.Figure:
    """A coloured cell for each pair of settings: mean, deviation and number of seeds; customdata is the cell's name.

    Heat maps tell no clicks, so unseen markers lie over the cells and take them.
    """
    columns, rows = (sorted(cells[name].unique()) for name in (x, y))
    grid = cells.pivot(index=y, columns=x, values="mean").to_numpy(dtype=float)
    height = sum(ABOVE_AND_BELOW) + GRID_ROW_HEIGHT * len(rows)
    figure = go.Figure(
        go.Heatmap(
            z=grid,
            x=[format_setting(value) for value in columns],
            y=[format_setting(value) for value in rows],
            colorscale=SURFACE_SCALE,
            hoverinfo="skip",
            xgap=2,
            ygap=2,
            showscale=bool(cells["mean"].notna().any()),
            # Placed in the whole figure: beside the axes it would push them away from their titles.
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


def _of_categories(axis: Any) -> None:
    axis.update(type="category", showgrid=False, ticks="", title_standoff=12)


def _write_in(figure: go.Figure, cells: "pd.DataFrame", x: str, y: str, score: bool) -> None:
    """The text of each cell, in black or white on a colour, in the page's own colour on none."""
    low, high = cells["mean"].min(), cells["mean"].max()
    light = (cells["mean"] - low) > LIGHT_FROM * (high - low)
    for there, colour in ((light, "black"), (~light & cells["mean"].notna(), "white"), (cells["mean"].isna(), None)):
        some = cells[there]
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
    """Three short lines, so that they fit into a cell on a narrow screen."""
    lost = state_text(cell["states"], "<br>")
    if not cell["n"]:
        return lost
    lines = [
        format_measure(cell["mean"], score),
        *([f"± {format_measure(cell['std'], score)}"] if cell["n"] > 1 else []),
        f"{cell['n']} seed{'s' if cell['n'] > 1 else ''}",
    ]
    return "<br>".join([*lines, *([lost] if lost else [])])


def _frame(figure: go.Figure, column: int, row: int) -> None:
    """Around the chosen cell; on an axis of categories a cell reaches half a unit to each side."""
    figure.add_shape(
        type="rect", x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5, line={"color": CHOSEN_COLOUR, "width": 4}
    )


def surface_line(
    cells: "pd.DataFrame", runs: "pd.DataFrame", x: str, measure: str, title: str, chosen: Point | None, score: bool
) -> go.Figure:
    """Mean and deviation against one setting, a dot for each seed; customdata is the cell's name."""
    known = cells[cells["n"] > 0]
    places, spread = [format_setting(value) for value in known[x]], known["std"].fillna(0)
    figure = go.Figure()
    figure.add_scatter(
        x=places + places[::-1],
        y=[*(known["mean"] + spread), *(known["mean"] - spread)[::-1]],
        fill="toself",
        fillcolor=BAND_COLOUR,
        line_width=0,
        mode="lines",
        hoverinfo="skip",
        name="± one deviation",
    )
    dots = runs[runs[measure].notna()] if measure in runs else runs.iloc[:0]
    figure.add_scatter(
        x=[format_setting(value) for value in dots[x]],
        y=dots[measure] if len(dots) else [],
        mode="markers",
        marker={"color": LINE_COLOUR, "size": 6, "opacity": 0.45},
        name="each seed",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=places,
        y=known["mean"],
        mode="lines+markers",
        line_color=LINE_COLOUR,
        name="mean of the seeds",
        marker={"symbol": "square", "size": 12},
        customdata=_names(known, x),
        unselected={"marker": {"opacity": 1}},
        text=[_cell_text(cell, score) for cell in known.to_dict("records")],
        hovertemplate=f"{SHORT_TITLES[x]} %{{x}}<br>%{{text}}<extra></extra>",
    )
    _mark_failures(figure, cells, x, float((known["mean"] - spread).min()) if len(known) else 0.0)
    if chosen is not None:
        _mark_column(figure, sorted(cells[x]).index(chosen[0]))
    figure.update_xaxes(
        type="category",
        title=AXIS_TITLES[x],
        categoryorder="array",
        range=[-0.5, len(cells) - 0.5],
        categoryarray=[format_setting(value) for value in sorted(cells[x])],
    )
    figure.update_layout(yaxis_title=title, legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"})
    return _clickable(figure, 380)


def _mark_failures(figure: go.Figure, cells: "pd.DataFrame", x: str, height: float) -> None:
    """Cells without any number stand at the bottom, with what became of their runs."""
    lost = cells[cells["n"] == 0]
    if len(lost):
        figure.add_scatter(
            x=[format_setting(value) for value in lost[x]],
            y=[height] * len(lost),
            mode="markers+text",
            marker={"symbol": "x", "size": 11, "color": CHOSEN_COLOUR},
            customdata=_names(lost, x),
            text=[state_text(states, "<br>") for states in lost["states"]],
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
    """A click anywhere takes the nearest point."""
    figure.update_layout(height=height, margin=SWEEP_MARGIN, hovermode="closest", hoverdistance=-1, dragmode=False)
    return figure


def parallel(runs: "pd.DataFrame", dimensions: Mapping[str, str], colour: str, title: str) -> go.Figure:
    """A line for each run through all its settings and measures; `dimensions` maps columns to headings.

    Settings stand in steps, one for each value, because 0.01, 0.1 and 1 would not come apart on a common scale.
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
