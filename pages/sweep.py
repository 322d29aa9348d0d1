"""How a measure responds to alpha, beta, gamma, the noise and the number of parts, over seeds; a cell opens its runs."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.figures.saving import show_chart
from dashboard.session.queue_progress import offer_resume, show_sweep_progress
from dashboard.session.run_data import HASH_FUNCS
from dashboard.session.store import store
from dashboard.sweep import charts
from dashboard.sweep.cells import CHART_KEY, chosen_cell, keep_click, show_cell
from dashboard.sweep.charts import SHORT_TITLES
from dashboard.sweep.choice import show_choice
from dashboard.sweep.form import sweep_form
from dashboard.sweep.view import MEASURE_TITLES, SweepView, pick_sweep, pick_view, sweep_title
from ddnmf_core.analysis.metrics import SCORE_NAMES, SILHOUETTE
from ddnmf_core.experiment import sweeps
from ddnmf_core.experiment.sweeps import Sweep
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import FinishedRun

MEANINGS = {
    "code_rms": "Root mean square of the code in the last epoch: near 0 it has collapsed",
    "constant_units": "Units of the code that hardly change from image to image, in the last epoch",
    "seconds": "Seconds of training, without the clustering",
    "L_in": "L_in in the last epoch: the sum of the losses, each times its weight",
}
PIXELS_BESIDE, PIXELS_A_CELL, PIXELS_A_POINT, PIXELS_AN_AXIS = 90, 62, 34, 75  # at least, for a figure that can be read
MAX_COLUMNS_BESIDE = 6  # columns of a grid that leaves room for the cell's runs


@st.cache_resource(max_entries=2000, show_spinner="Reading the runs.", hash_funcs=HASH_FUNCS)
def _results(run: RunEntry, updated: float) -> dict[str, float]:
    return FinishedRun(run).results()


def results(run: RunEntry) -> dict[str, float]:
    """Results of a finished run, read once for as long as it is not trained again."""
    return _results(run, run.state.updated)


def warn_of_failures(runs: pd.DataFrame) -> None:
    lost = runs[runs["status"].isin(["failed", "diverged"])]
    if len(lost):
        counts = lost["status"].value_counts()
        st.warning(
            " and ".join(f"{count} run{'s' if count > 1 else ''} {status}" for status, count in counts.items())
            + ". They are named in their cells and do not enter the means. Choose such a cell to see why.",
            icon=":material/warning:",
        )


def room_for(width: int, name: str) -> Any:
    """A place for a figure that is scrolled sideways, not squeezed, where the screen is narrower."""
    name = f"sweep-{name}"
    # Plotly draws the axes of parallel coordinates in black: unseen on dark ground.
    st.html(
        f"<style>.st-key-{name} {{ overflow-x: auto; }} .st-key-{name} > div {{ min-width: {width}px; }}"
        ".parcoords .domain { stroke: gray !important; stroke-opacity: 0.7 !important; }</style>"
    )
    return st.container(key=name)


def show_surface(cells: pd.DataFrame, view: SweepView) -> None:
    """The chart, and the chosen cell beside it."""
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
            None,
            title=f"{view.title} over the sweep",
            on_select=keep_click,
            selection_mode="points",
            alt=f"{view.title} for each value of {' and '.join(view.axes)}; the table below has the same numbers.",
        )
    left.caption(how_to_read(view))
    with right:
        if cell:
            show_cell(cell, view)
        else:
            st.info(
                "Click a cell (on a touch screen tap it twice), or tick a row of the table below: its runs appear here, "
                "seed by seed, to be opened."
            )


def how_to_read(view: SweepView) -> str:
    what = {
        **MEANINGS,
        "error": f"Mean squared error of the reconstructions of the {view.seen}, against the clean images",
        SILHOUETTE: f"Silhouette of {view.words}, -1 to 1: how much nearer samples lie to their own cluster than to others",
        **dict.fromkeys(SCORE_NAMES, f"{view.title} of {view.words}, against the classes"),
    }.get(view.measure, f"{view.title} in the last epoch, before its weight")
    how = (
        "Each cell: the mean over its seeds, ± one standard deviation."
        if view.y
        else "Line: the mean over the seeds. Band: one standard deviation to each side. Dots: single seeds."
    )
    return (
        f"{what}. {how} Cells that lie nearer to each other than their deviations may differ by luck alone. Values stand "
        "side by side in their order, not to scale."
    )


def show_parallel(family: Sweep, runs: pd.DataFrame, view: SweepView) -> None:
    """Every finished run of the sweep, not of the slice alone."""
    finished = runs[runs["status"] == "finished"]
    if len(finished) < 2:
        st.info("This chart needs two finished runs.")
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
            None,
            title="Every run of the sweep",
            alt="A line for each run; the CSV of the runs has the same numbers.",
        )
    st.caption(
        f"A line is one of the {len(finished)} finished runs of the whole sweep, coloured by {view.title}. Drag along "
        "an axis to keep only the runs that pass there; drag a heading to move its axis. Lines of one colour that run "
        "together show settings that go with good or with bad results."
    )


def downloads(cells: pd.DataFrame, runs: pd.DataFrame, family: Sweep) -> None:
    left, right, _ = st.columns([1, 1, 2])
    left.download_button(
        "Cells as CSV",
        lambda: cells.drop(columns=["measured"]).to_csv(index=False),
        f"sweep-{family.id}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="sweep.csv.cells",
    )
    right.download_button(
        "Runs as CSV",
        lambda: runs.to_csv(index=False),
        f"sweep-{family.id}-runs.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="sweep.csv.runs",
        help="Every score and loss.",
    )


st.title("Sweep")
st.markdown(
    "How a measure responds to the weights α, β and γ, the noise and the number of parts: a grid of runs, several seeds each."
)
found = sweeps.find_sweeps(store().entries())
with st.expander("Start a sweep", expanded=not found, icon=":material/grid_on:"):
    if read_only():
        st.info("Here nothing is trained: sweeps that are in the store can be looked at.")
    else:
        sweep_form()
for each in found:
    show_sweep_progress(each, sweep_title(each))
if not found:
    st.info(
        "There is no sweep yet: no two runs of this store differ in these settings alone. Start one above; it goes on "
        "when this page is closed."
    )
    st.stop()
family = pick_sweep(found)
runs = sweeps.run_table(family.entries, results)
view = pick_view(family, runs)
warn_of_failures(runs)
offer_resume(family)
cells = view.cells()
show_surface(cells, view)
st.header("Every cell, and which one to choose without labels")
judged = show_choice(cells, view)
downloads(judged, runs, family)
st.header("All runs side by side")
show_parallel(family, runs, view)
