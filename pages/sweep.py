"""Sweep: response of a measure to alpha, beta, gamma, noise and the number of parts over seeds; a cell opens its runs."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.saving import show_chart, show_title
from dashboard.frame.glossary import terms
from dashboard.session.links import linked_tabs
from dashboard.session.queue_progress import offer_resume, show_sweep_progress
from dashboard.session.run_data import HASH_FUNCS
from dashboard.session.store import store
from dashboard.sweep import charts
from dashboard.sweep.cells import CHART_KEY, chosen_cell, keep_click, show_cell
from dashboard.sweep.charts import SHORT_TITLES
from dashboard.sweep.choice import how_to_choose, show_choice
from dashboard.sweep.form import sweep_form
from dashboard.sweep.view import MEASURE_TITLES, SweepView, pick_sweep, pick_view, sweep_title
from ddnmf_core.analysis.metrics import SCORE_NAMES, SILHOUETTE
from ddnmf_core.experiment import sweeps
from ddnmf_core.experiment.model_selection import within_deviations
from ddnmf_core.experiment.sweeps import Sweep
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import FinishedRun

MEANINGS = {
    "code_rms": "RMS of the code in the last epoch; near 0 means collapse",
    "constant_units": "Units of the code with (nearly) the same value for every image, in the last epoch",
    "seconds": "Training time in seconds, without clustering",
    "L_in": "L_in in the last epoch: the weighted sum of the losses",
}
TABS = {"cells": "Cells", "runs": "All runs"}
PIXELS_BESIDE, PIXELS_A_CELL, PIXELS_A_POINT, PIXELS_AN_AXIS = 90, 62, 34, 75  # smallest readable sizes
MAX_COLUMNS_BESIDE = 6  # columns of a grid with room for the cell's runs beside it


@st.cache_resource(max_entries=2000, show_spinner="Reading runs …", hash_funcs=HASH_FUNCS)
def _results(run: RunEntry, updated: float) -> dict[str, float]:
    return FinishedRun(run).results()


def results(run: RunEntry) -> dict[str, float]:
    """Return the results of a finished run, cached until it is trained again."""
    return _results(run, run.state.updated)


def warn_of_failures(runs: pd.DataFrame) -> None:
    failures = runs[runs["status"].isin(["failed", "diverged"])]
    if len(failures):
        counts = failures["status"].value_counts()
        st.warning(
            " and ".join(f"{count} run{'s' if count > 1 else ''} {status}" for status, count in counts.items())
            + ". They are marked in their cells and excluded from the means. Select a cell to see why.",
            icon=":material/warning:",
        )


def room_for(width: int, name: str) -> DeltaGenerator:
    """Return a container that scrolls sideways instead of squeezing its figure on a narrow screen."""
    name = f"sweep-{name}"
    # Plotly draws the axes of parallel coordinates in black, invisible on a dark background.
    st.html(
        f"<style>.st-key-{name} {{ overflow-x: auto; }} .st-key-{name} > div {{ min-width: {width}px; }}"
        ".parcoords .domain { stroke: gray !important; stroke-opacity: 0.7 !important; }</style>"
    )
    return st.container(key=name)


def show_surface(cells: pd.DataFrame, view: SweepView) -> None:
    """Show the chart and the chosen cell."""
    if len(cells) < 2:
        st.info("One cell only: choose other axes or other fixed values.")
    cell = chosen_cell(cells, view)
    point = [cell[name] for name in view.axes] if cell else None
    figure = (
        charts.surface_map(cells, view.x, view.y, view.title, point, view.is_score)
        if view.y
        else charts.surface_line(cells, view.runs, view.x, view.column, view.title, point, view.is_score)
    )
    n_columns = cells[view.x].nunique()
    beside = not view.y or n_columns <= MAX_COLUMNS_BESIDE
    left, right = st.columns([3, 2], gap="large") if beside else (st.container(), st.container())
    with left, room_for(PIXELS_BESIDE + n_columns * (PIXELS_A_CELL if view.y else PIXELS_A_POINT), "surface"):
        show_chart(
            figure,
            CHART_KEY,
            how_to_read(view),
            title=f"{view.title} over the sweep",
            on_select=keep_click,
            selection_mode="points",
            alt=f"{view.title} by {' and '.join(view.axes)}; same values in the table below.",
        )
    if within_deviations(cells["mean"], cells["std"]):
        left.caption(f"{view.title}: all cells lie within two SDs over seeds; differences may be chance.")
    with right:
        if cell:
            show_cell(cell, view)
        else:
            st.info("Click a cell (tap twice on a touch screen) or tick a row of the table below to list its runs here.")


def how_to_read(view: SweepView) -> str:
    meaning = {
        **MEANINGS,
        "error": f"Mean squared error of the reconstructions of the {view.input_title} against the clean images",
        SILHOUETTE: f"Silhouette of {view.clustering_title}: {terms()['Silhouette'].rstrip('.')}",
        **dict.fromkeys(SCORE_NAMES, f"{view.title} of {view.clustering_title} v. the classes"),
    }.get(view.measure, f"{view.title} in the last epoch, before weighting")
    how = (
        "Cell: mean ± SD over its seeds; the colours span at least two SDs to each side."
        if view.y
        else "Line: mean over seeds. Band: ± 1 SD. Dots: single seeds."
    )
    return f"{meaning}. {how} Differences below 1 SD may be chance. Axis values are in order, not to scale."


def show_parallel(family: Sweep, runs: pd.DataFrame, view: SweepView) -> None:
    """Show every finished run of the sweep, not only of the slice."""
    finished = runs[runs["status"] == "finished"]
    if len(finished) < 2:
        st.info("This chart needs at least two finished runs.")
        return
    measures = [*view.scores, "error", *(name for name in ("L_sym", "L_ap", "L_nc", "L_in") if name in finished), view.measure]
    dimensions = {
        **{name: SHORT_TITLES[name] for name in family.axes},
        "seed": "seed",
        **{view.column_of(name): "error" if name == "error" else MEASURE_TITLES[name] for name in measures},
    }
    with room_for(PIXELS_AN_AXIS * len(dimensions), "parallel"):
        show_chart(
            charts.parallel(finished, dimensions, view.column, view.title),
            "sweep.parallel",
            f"Line: one of the {len(finished)} finished runs of the sweep, coloured by {view.title}. Drag along an axis to "
            "filter runs; drag a heading to move its axis. Lines of one colour that run together: settings with good or poor "
            "results. Needs WebGL; the table below has the same values.",
            title="All runs of the sweep",
            alt="A line per run; same values in the table below.",
        )
    table = finished[list(dimensions)].set_axis(list(dimensions.values()), axis=1)
    st.dataframe(table.loc[:, ~table.columns.duplicated()], hide_index=True, key="sweep.runs")


def downloads(cells: pd.DataFrame, runs: pd.DataFrame, family: Sweep) -> None:
    left, right, _ = st.columns([1, 1, 2])
    left.download_button(
        "Download cells (CSV)",
        lambda: cells.drop(columns=["measured"]).to_csv(index=False),
        f"sweep-{family.id}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="sweep.csv.cells",
    )
    right.download_button(
        "Download runs (CSV)",
        lambda: runs.to_csv(index=False),
        f"sweep-{family.id}-runs.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="sweep.csv.runs",
        help="All scores and losses.",
    )


st.title("Sweep")
st.markdown(
    "Response of a measure to the weights α, β and γ, the noise level and the number of parts, over a grid of runs and seeds."
)
families = sweeps.find_sweeps(store().entries())
with st.expander("Start a sweep", expanded=not families, icon=":material/grid_on:"):
    if read_only():
        st.info("Read-only: training is disabled. Existing sweeps are shown below.")
    else:
        sweep_form()
for family in families:
    show_sweep_progress(family, sweep_title(family))
if not families:
    st.info("No sweeps yet." + ("" if read_only() else " Start one above; it continues when this page is closed."))
    st.stop()
family = pick_sweep(families)
runs = sweeps.run_table(family.entries, results)
view = pick_view(family, runs)
warn_of_failures(runs)
offer_resume(family)
cells = view.cells()
tab, place = linked_tabs(TABS, "sweep_tab")
with place:
    if tab == "cells":
        show_surface(cells, view)
        show_title("Model selection", how_to_choose(view))
        criteria = show_choice(cells, view)
        downloads(criteria, runs, family)
    else:
        show_parallel(family, runs, view)
