"""The cells of a sweep's grid: choose one by click, by row or by link, and see its runs, seed by seed."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.session.links import from_link, to_link
from dashboard.session.store import EXPLAIN, PARTS, TRAIN, table_key
from dashboard.sweep.charts import SHORT_TITLES, amount, cell_name, setting
from dashboard.sweep.view import MEASURES, View

CELL, CHART, CLICKS = "cell", "sweep.surface", "sweep.clicks"


def cell_title(cell: dict[Any, Any], view: View) -> str:
    return ", ".join(f"{SHORT_TITLES[name]} {setting(cell[name])}" for name in view.axes)


def clicked() -> None:
    """The chart's pick is lost when the figure changes, so it is taken here; a tick in the table then goes."""
    points = st.session_state[CHART].selection.points
    if points:
        st.session_state[CELL] = points[0]["customdata"]
        st.session_state[CLICKS] = st.session_state.get(CLICKS, 0) + 1


def cells_key(cells: pd.DataFrame, view: View) -> str:
    """A fresh table after each click on the chart, and for other cells: a tick of before would name another cell."""
    return table_key(
        f"sweep.table.{st.session_state.get(CLICKS, 0)}", (cell_name(cell, view.axes) for cell in cells.to_dict("records"))
    )


def ticked(cells: pd.DataFrame, view: View) -> None:
    """A row of the table was ticked."""
    rows = st.session_state[cells_key(cells, view)].selection.rows
    if rows:
        st.session_state[CELL] = cell_name(cells.iloc[rows[0]].to_dict(), view.axes)


def chosen_cell(cells: pd.DataFrame, view: View) -> dict[Any, Any] | None:
    """The cell that somebody has chosen, here or by a link, if it is among these."""
    wanted = from_link(CELL)
    cell = next((cell for cell in cells.to_dict("records") if cell_name(cell, view.axes) == wanted), None)
    if cell:
        st.session_state[CELL] = wanted
        to_link(CELL, str(wanted))
    return cell


def show_cell(cell: dict[Any, Any], view: View) -> None:
    """Its runs, each with the ways into it."""
    st.header(cell_title(cell, view))
    for run in view.runs[view.runs["run"].isin(cell["runs"])].to_dict("records"):
        with st.container(border=True):
            st.markdown(_run_text(run, view))
            with st.container(horizontal=True):
                if run["status"] == "finished":
                    st.page_link(EXPLAIN, label="Explain", icon=":material/search:", query_params={"run": run["run"]})
                    st.page_link(PARTS, label="Parts", icon=":material/extension:", query_params={"run": run["run"]})
                st.page_link(TRAIN, label="Curves", icon=":material/monitoring:", query_params={"run": run["run"]})


def _run_text(run: dict[Any, Any], view: View) -> str:
    head = f"**Seed {run['seed']}** · `{run['run'][:6]}` · "
    if run["status"] != "finished":
        return head + f"{run['status']}. {run['message']}"
    scores = [f"{MEASURES[score]} {run[view.column_of(score)]:.3f}" for score in view.scores]
    own = [] if view.is_score else [f"{view.title} {amount(run[view.column], False)}"]
    return head + " · ".join([*own, *scores])
