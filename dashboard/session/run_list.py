"""The runs of the store as a table to sort, filter and tick."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard.session.store import table_key
from ddnmf_core.data.catalogue import short_name
from ddnmf_core.experiment.run_table import HELD_OUT_COLUMNS, SCORE_COLUMNS, table_of_runs
from ddnmf_core.export.csv import escape_formulas
from ddnmf_core.store.entry import RunEntry

MAX_HEIGHT, ROW_HEIGHT = 420, 35  # pixels
MAX_ROWS = 500  # reading the results of a run takes about a millisecond
SCORE_HELP = "Clusters of the code z of the clean images against the classes."
HELD_OUT_HELP = "Images that took no part in training or clustering, assigned to the clusters of the others."
ERROR_HELP = "Mean squared error per pixel of reconstructions of noisy images, against the clean images."


def run_frame(entries: Sequence[RunEntry]) -> pd.DataFrame:
    """Return a row for each run, with the columns as they are titled."""
    rows = []
    for row in table_of_runs(entries):
        progress = f" {row['progress']:.0%}" if row["state"] == "running" else ""
        finished = row["finished"] and datetime.fromtimestamp(row["finished"]).replace(second=0, microsecond=0)
        rows.append(
            {
                "Name": row["name"] or row["settings"] or "default",
                "Model": row["model"],
                "Data": short_name(row["data"]),
                "Seed": row["seed"],
                **row["scores"],
                **row["held_out_scores"],
                "Error": row["error"],
                "State": row["state"] + progress,
                "Finished": finished,
                "Training, s": row["seconds"],
                "Run": row["run"][:6],
            }
        )
    return pd.DataFrame(rows)


def show_run_list(
    entries: Sequence[RunEntry], key: str, mode: Literal["single-row", "multi-row"], columns: Sequence[str] | None = None
) -> list[RunEntry]:
    """Show the newest MAX_ROWS runs; return the ticked ones. `columns`: those shown at first, others can be added."""
    if len(entries) > MAX_ROWS:
        st.caption(
            f"The newest {MAX_ROWS} of {len(entries):,} runs. Page Compare, My runs, finds the others by name or setting."
        )
        entries = entries[:MAX_ROWS]
    frame = run_frame(entries)
    titles = {**dict.fromkeys(SCORE_COLUMNS, SCORE_HELP), **dict.fromkeys(HELD_OUT_COLUMNS, HELD_OUT_HELP)}
    scored = [name for name in titles if frame[name].notna().any()]
    frame = frame.drop(columns=[name for name in titles if name not in scored])
    number = st.column_config.NumberColumn
    formats: dict[str, Any] = {name: number(format="%.3f", help=titles[name]) for name in scored}
    formats |= {
        "Name": st.column_config.TextColumn(width=260, help="The run's name, or what differs from the defaults."),
        "Error": number(format="%.4f", help=ERROR_HELP),
        "Training, s": number(format="%.0f"),
        "Finished": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
    }
    ticked = st.dataframe(
        escape_formulas(frame),  # the table's own download writes cells as they are
        hide_index=True,
        column_config=formats,
        column_order=[name for name in columns if name in frame] if columns else None,
        on_select="rerun",
        selection_mode=mode,
        key=table_key(key, [entry.id for entry in entries]),
        placeholder="–",
        height=min(ROW_HEIGHT * (len(frame) + 1) + 3, MAX_HEIGHT),
    ).selection.rows
    return [entries[row] for row in ticked if row < len(entries)]
