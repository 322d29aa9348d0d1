"""Choose a cell of a sweep by click, row or link, and show its runs."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.session.links import from_link, to_link
from dashboard.session.store import EXPLAIN_PAGE, PARTS_PAGE, TRAIN_PAGE, table_key
from dashboard.sweep.charts import SHORT_TITLES, cell_name, format_measure, format_setting
from dashboard.sweep.view import MEASURE_TITLES, SweepView
from ddnmf_core.display.text import in_markdown

CELL_KEY, CHART_KEY, CLICKS_KEY = "cell", "sweep.surface", "sweep.clicks"


def cell_title(cell: dict[Any, Any], view: SweepView) -> str:
    return ", ".join(f"{SHORT_TITLES[name]} {format_setting(cell[name])}" for name in view.axes)


def keep_click() -> None:
    """Keep a click on the chart, which Streamlit drops when the figure changes; clear the tick in the table."""
    points = st.session_state[CHART_KEY].selection.points
    if points:
        st.session_state[CELL_KEY] = points[0]["customdata"]
        st.session_state[CLICKS_KEY] = st.session_state.get(CLICKS_KEY, 0) + 1


def cells_key(cells: pd.DataFrame, view: SweepView) -> str:
    """Return a new key after each click on the chart and for other cells, to drop stale ticks."""
    return table_key(
        f"sweep.table.{st.session_state.get(CLICKS_KEY, 0)}", (cell_name(cell, view.axes) for cell in cells.to_dict("records"))
    )


def keep_tick(cells: pd.DataFrame, view: SweepView) -> None:
    """Keep the cell of a ticked row."""
    rows = st.session_state[cells_key(cells, view)].selection.rows
    if rows:
        st.session_state[CELL_KEY] = cell_name(cells.iloc[rows[0]].to_dict(), view.axes)


def chosen_cell(cells: pd.DataFrame, view: SweepView) -> dict[Any, Any] | None:
    """Return the cell chosen by click or link, if it is among these."""
    wanted = from_link(CELL_KEY)
    cell = next((cell for cell in cells.to_dict("records") if cell_name(cell, view.axes) == wanted), None)
    if cell:
        st.session_state[CELL_KEY] = wanted
        to_link(CELL_KEY, str(wanted))
    return cell


def show_cell(cell: dict[Any, Any], view: SweepView) -> None:
    """Show the runs of a cell with links to their pages."""
    st.header(cell_title(cell, view))
    for run in view.runs[view.runs["run"].isin(cell["runs"])].to_dict("records"):
        with st.container(border=True):
            st.markdown(_run_text(run, view))
            with st.container(horizontal=True):
                if run["status"] == "finished":
                    st.page_link(EXPLAIN_PAGE, label="Explain", icon=":material/search:", query_params={"run": run["run"]})
                    st.page_link(PARTS_PAGE, label="Parts", icon=":material/extension:", query_params={"run": run["run"]})
                st.page_link(TRAIN_PAGE, label="Curves", icon=":material/monitoring:", query_params={"run": run["run"]})


def _run_text(run: dict[Any, Any], view: SweepView) -> str:
    head = f"**Seed {run['seed']}** · `{run['run'][:6]}` · "
    if run["status"] != "finished":
        return head + f"{run['status']}. {in_markdown(run['message'])}"
    scores = [f"{MEASURE_TITLES[score]} {run[view.column_of(score)]:.3f}" for score in view.scores]
    value = [] if view.is_score else [f"{view.title} {format_measure(run[view.column], False)}"]
    return head + " · ".join([*value, *scores])
