"""Shared by the tables of the Compare page: filter, number format, links to runs, downloads."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.figures.palette import ORIGIN_COLOURS
from dashboard.session.reproduction import DisplayedResults
from dashboard.session.store import EXPLAIN_PAGE, PARTS_PAGE, store
from ddnmf_core.reproduce.results import Record
from ddnmf_core.store.entry import Entry


def filter_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Filter rows by origin and method; report an empty result."""
    left, right = st.columns(2)
    origins = left.pills(
        "Rows",
        list(ORIGIN_COLOURS),
        selection_mode="multi",
        default=list(ORIGIN_COLOURS),
        key="compare.origins",
        persist_state="session",
        help="paper: a row of the paper's table. baseline: a stronger baseline. extension: adds to the paper's methods.",
    )
    text = right.text_input("Method contains", key="compare.text", placeholder="e.g. GMM", persist_state="session")
    filtered = rows[rows["origin"].isin(origins) & rows["method"].str.contains(text, case=False, regex=False)]
    if filtered.empty:
        st.info("No matching rows. Choose other rows or clear the text.")
    return filtered


def as_text(mean: float, deviation: float) -> str:
    return f"{mean:.3f}" if np.isnan(deviation) else f"{mean:.3f} ± {deviation:.3f}"


def chosen_methods(rows: pd.DataFrame, ticked: Sequence[int]) -> list[str]:
    """Return the methods of the ticked rows, or of all; a stale tick may lie beyond a filtered table."""
    return [rows["method"].iloc[row] for row in ticked if row < len(rows)] or list(rows["method"])


def show_runs(records: list[Record]) -> None:
    """Link to each run of the store, folded; count the others."""
    runs = {record["run"]: record for record in records if record["run"]}
    available = {run: record for run, record in runs.items() if Entry(store().root, "runs", run).available}
    folded = st.expander(f"Runs in this store ({len(available)} of {len(runs)})") if runs else st.container()
    for run, record in available.items():
        left, middle, right = folded.columns([3, 1, 1], vertical_alignment="center")
        left.markdown(f"{record['method']}, seed {record['seed']} · `{run[:6]}`")
        middle.page_link(EXPLAIN_PAGE, label="Explain", icon=":material/search:", query_params={"run": run})
        right.page_link(PARTS_PAGE, label="Parts", icon=":material/extension:", query_params={"run": run})
    if absent := len(runs) - len(available):
        folded.caption(f"{absent} of these runs are not in this store. Compute them with “This store” above.")
    if not runs:
        folded.caption("These rows cluster the pixels, without a model.")


def show_downloads(rows: pd.DataFrame, shown: DisplayedResults) -> None:
    from ddnmf_core.reproduce import tables

    target = shown.results.target
    columns = st.columns(3)
    columns[0].download_button(
        "CSV", lambda: rows.to_csv(index=False), f"{target}.csv", "text/csv", icon=":material/download:", width="stretch"
    )
    columns[1].download_button(
        "LaTeX",
        lambda: tables.table_latex(shown.results),
        f"{target}.tex",
        "text/plain",
        icon=":material/download:",
        width="stretch",
    )
    columns[2].download_button(
        "JSON (all seeds)",
        lambda: shown.results.text,
        f"{target}.json",
        "application/json",
        icon=":material/download:",
        width="stretch",
    )
