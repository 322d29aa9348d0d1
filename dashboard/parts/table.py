"""Show a run's parts and their measures as a table to sort, search and select from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.figures.saving import show_title
from dashboard.parts.overview import open_part
from dashboard.session.run_data import cached_part_effects, images
from dashboard.session.store import table_key
from ddnmf_core.export.csv import escape_formulas
from ddnmf_core.interpret.stability import MIN_REAPPEARANCE_COSINE, reappearances
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names

COLUMN_HELP = {
    "importance": "Fraction of the Shapley mass, over 300 samples.",
    "purity": "Largest fraction of the part's activation mass in one class (Kim and Park 2007).",
    "entropy": "Entropy of its mass over the classes: 0 a single class, 1 uniform.",
    "hoyer": "Hoyer sparsity of its swing: 1 a single pixel, 0 uniform (Hoyer 2004).",
    "saturation": "Fraction of the samples with a coefficient near 0 or 1.",
    "survival": "Correlation over images of the coefficient at 40 % noise with that without noise.",
    "effect": "Largest fraction of a cluster that switches when the part is set to its mean.",
    "seeds": f"Other seeds of this configuration with a matching part (cosine >= {MIN_REAPPEARANCE_COSINE:g}).",
}
MAX_PARTS_HEIGHT = 283  # pixels: seven rows and a half, as a sign that there are more
CLASS_COLUMNS = ("Class", "Purity", "Entropy")  # columns that need labels


def show_part_list(
    run: FinishedRun, measured: pd.DataFrame, clusters: Mapping[int, str], others: Sequence[FinishedRun]
) -> None:
    """Show the table; a ticked row opens its part."""
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
        **({"Saturated": measured["saturation"]} if "saturation" in measured else {}),  # at the pixels H has no upper limit
        "Most correlated": [
            f"{partner + 1} ({correlation:+.2f})"
            for partner, correlation in measured[["partner", "correlation"]].itertuples(index=False)
        ],
        "Largest effect": [
            f"{clusters[cluster]}: {effect:.0%}" for cluster, effect in measured[["cluster", "effect"]].itertuples(index=False)
        ],
        "Robustness, 40 %": measured["survival"],
    }
    if others:
        table["In other seeds"] = [f"{count} of {len(others)}" for count in count_reappearances(run, others)]
    if not images(run).labelled:
        table = {name: column for name, column in table.items() if name not in CLASS_COLUMNS}
    show_title(
        "Measures of the parts",
        "Click a heading to sort; tick a row to open that part. Importance, effect and robustness come from interventions "
        "(removing the part, adding noise), not from correlations.",
    )
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
                ("Robustness, 40 %", "survival", plain),
            )
            if name in frame
        },
        "Largest effect": st.column_config.TextColumn(help=COLUMN_HELP["effect"]),
        "In other seeds": st.column_config.TextColumn(help=COLUMN_HELP["seeds"]),
    }
    st.dataframe(
        escape_formulas(frame),  # the table's own download writes cells as they are
        hide_index=True,
        column_config=columns,
        key=(key := table_key("parts.list", map(str, frame["Part"]))),
        selection_mode="single-row",
        on_select=lambda: _choose(frame, key),
        height=min(35 * (len(frame) + 1) + 3, MAX_PARTS_HEIGHT),
    )


def filter_parts(frame: pd.DataFrame) -> pd.DataFrame:
    text = st.text_input("Find a part", key="parts.find", placeholder="name, class or cluster", persist_state="session")
    if not text:
        return frame
    texts = frame[[name for name in ("Name", "Class", "Largest effect") if name in frame]].astype(str).agg(" ".join, axis=1)
    return frame[texts.str.contains(text, case=False, regex=False)].reset_index(drop=True)


def _choose(frame: pd.DataFrame, key: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows and rows[0] < len(frame):
        open_part(int(frame["Part"].iloc[rows[0]]) - 1)


def count_reappearances(run: FinishedRun, others: Sequence[FinishedRun]) -> np.ndarray:
    """Count the other seeds in which each part reappears."""
    return reappearances(cached_part_effects(run), [cached_part_effects(other) for other in others])
