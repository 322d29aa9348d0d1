"""The list of a run's parts: a row each with what was measured of it, to be sorted, searched and chosen from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.session.run_data import cached_part_effects, images
from dashboard.session.store import table_key
from ddnmf_core.interpret.stability import reappearances
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names

COLUMN_HELP = {
    "importance": "Share of the Shapley mass: how much of all pictures the part accounts for, over 300 samples.",
    "purity": "The largest share of its activation mass in one class (Kim and Park 2007).",
    "entropy": "Of its mass over the classes: 0 one class alone, 1 all alike.",
    "hoyer": "Sparsity of its picture, the swing: 1 one pixel, 0 all alike (Hoyer 2004).",
    "saturation": "Share of the samples for which its sigmoid is as good as 0 or 1. It never gives exactly 0.",
    "survival": "Correlation, over images, of its coefficient on the noisy image (40 %) with that on the clean one.",
    "effect": "The largest share of a cluster's samples that change their cluster when the part is set to its mean.",
    "seeds": "In how many other seeds of this configuration a part with nearly the same picture is found (cosine >= 0.7).",
}
CLASS_COLUMNS = ("Class", "Purity", "Entropy")  # columns that say nothing without labels


def show_part_list(
    run: FinishedRun, measured: pd.DataFrame, clusters: Mapping[int, str], others: Sequence[FinishedRun]
) -> None:
    """A row that is ticked becomes the part of every page."""
    names, classes = part_names(run.entry), images(run).class_names
    table: dict[str, Any] = {
        "Part": measured["part"] + 1,
        "Name": [names.get(part, "") for part in measured["part"]],
        "Importance": measured["importance"],
        "Class": [classes[label] for label in measured["class"]],
        "Purity": measured["purity"],
        "Entropy": measured["entropy"],
        "Sparsity": measured["hoyer"],
        "Coefficient": [
            f"{mean:.2f} ± {deviation:.2f}" for mean, deviation in measured[["mean", "deviation"]].itertuples(index=False)
        ],
        "Saturated": measured["saturation"],
        "Goes with": [
            f"{partner + 1} ({correlation:+.2f})"
            for partner, correlation in measured[["partner", "correlation"]].itertuples(index=False)
        ],
        "Makes": [
            f"{clusters[cluster]}: {effect:.0%}" for cluster, effect in measured[["cluster", "effect"]].itertuples(index=False)
        ],
        "Survives 40 %": measured["survival"],
    }
    if others:
        table["In other seeds"] = [f"{found} of {len(others)}" for found in count_reappearances(run, others)]
    if not images(run).labelled:
        table = {name: column for name, column in table.items() if name not in CLASS_COLUMNS}
    frame = filter_parts(pd.DataFrame(table))
    percent, plain = (st.column_config.NumberColumn(format=form) for form in ("percent", "%.2f"))
    columns: Any = {
        "Importance": st.column_config.ProgressColumn(
            format="percent", min_value=0.0, help=COLUMN_HELP["importance"], max_value=float(measured["importance"].max())
        ),
        **{
            name: {**kind, "help": COLUMN_HELP[key]}
            for name, key, kind in (
                ("Purity", "purity", percent),
                ("Entropy", "entropy", plain),
                ("Sparsity", "hoyer", plain),
                ("Saturated", "saturation", percent),
                ("Survives 40 %", "survival", plain),
            )
        },
        "Makes": st.column_config.TextColumn(help=COLUMN_HELP["effect"]),
        "In other seeds": st.column_config.TextColumn(help=COLUMN_HELP["seeds"]),
    }
    st.dataframe(
        frame,
        hide_index=True,
        column_config=columns,
        key=(key := table_key("parts.list", map(str, frame["Part"]))),
        selection_mode="single-row",
        on_select=lambda: _choose(frame, key),
        height=min(35 * (len(frame) + 1) + 3, 420),
    )
    st.caption(
        "Click a heading to sort, tick a row to look at that part. Importance, Makes and Survives were measured by "
        "taking the part out and by adding noise, not read off from correlations."
    )


def filter_parts(frame: pd.DataFrame) -> pd.DataFrame:
    text = st.text_input("Find a part", key="parts.find", placeholder="a name, a class or a cluster", persist_state="session")
    if not text:
        return frame
    told = frame[[name for name in ("Name", "Class", "Makes") if name in frame]].astype(str).agg(" ".join, axis=1)
    return frame[told.str.contains(text, case=False, regex=False)].reset_index(drop=True)


def _choose(frame: pd.DataFrame, key: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows and rows[0] < len(frame):
        st.session_state["part"] = int(frame["Part"].iloc[rows[0]])


def count_reappearances(run: FinishedRun, others: Sequence[FinishedRun]) -> np.ndarray:
    """In how many of the other seeds each part is found again."""
    return reappearances(cached_part_effects(run), [cached_part_effects(other) for other in others])
