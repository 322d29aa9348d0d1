"""Compare part quality of the models with the clustering of their coefficients: a table and a Pareto plot."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.pareto import pareto_chart
from dashboard.compare.rows import as_text, chosen_methods, filter_rows, show_downloads, show_runs
from dashboard.components.gallery import gallery
from dashboard.figures.saving import show_chart, show_title
from dashboard.session.links import linked_choice
from dashboard.session.reproduction import DisplayedResults
from dashboard.session.store import store, table_key
from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.data import pictures
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.interpret.measures import MEASURES
from ddnmf_core.labels import SCORE_TITLES
from ddnmf_core.reproduce.results import Record, summarise
from ddnmf_core.reproduce.tables import fewer_seeds
from ddnmf_core.store.entry import INTERPRETATION_FILE, Entry

PLOTTED_MEASURES = {name: measure.title for name, measure in MEASURES.items() if measure.better}
PART_TILE_WIDTH = 56  # pixels


def show_part_table(shown: DisplayedResults) -> None:
    """Show table, Pareto plot and pictures of the parts of all methods."""
    rows = summarise(shown.results.cells)
    dataset = linked_choice(
        st.segmented_control,
        "Data set",
        list(rows["dataset"].unique()),
        "images",
        required=True,
        format_func=lambda name: DATASETS[name].title,
    )
    visible = filter_rows(rows[rows["dataset"] == dataset])
    if visible.empty:
        return
    methods = _show_table(visible)
    show_downloads(visible, shown)
    chosen = visible[visible["method"].isin(methods)]
    records = [record for record in shown.results.cells if record["dataset"] == dataset and record["method"] in methods]
    _show_pareto(chosen, records)
    _show_pictures(methods, records, dataset)
    show_runs(records)


def _show_table(rows: pd.DataFrame) -> list[str]:
    """Show the table; return the methods of the ticked rows, or all of them."""
    table = {"Method": rows["method"], "Row": rows["origin"], "Seeds": rows["n_seeds"]}
    for score, title in SCORE_TITLES.items():
        table[title] = [as_text(*pair) for pair in zip(rows[f"{score}_mean"], rows[f"{score}_std"], strict=True)]
    for name, measure in MEASURES.items():
        table[measure.title] = [
            measure.text(row[f"{name}_mean"], row[f"{name}_std"]) + fewer_seeds(row, name) for row in rows.to_dict("records")
        ]
    columns = {measure.title: st.column_config.TextColumn(help=measure.meaning) for measure in MEASURES.values()}
    show_title(
        "Part quality by method",
        "Mean ± SD over seeds. ACC, NMI and ARI: GMM on the coefficients. Hover over a heading for its definition; tick "
        "rows to filter the charts below.",
    )
    chosen = st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        on_select="rerun",
        column_config=columns,
        key=table_key("compare.parts", rows["method"]),
        selection_mode="multi-row",
        placeholder="–",
    )
    return chosen_methods(rows, chosen.selection.rows)


def _show_pareto(rows: pd.DataFrame, records: list[Record]) -> None:
    left, right = st.columns(2)
    with left:
        measure = linked_choice(
            st.selectbox,
            "Part quality measure",
            list(PLOTTED_MEASURES),
            "measure",
            "hoyer_parts",
            format_func=PLOTTED_MEASURES.get,
            help="Defined at the chart's title.",
        )
    with right:
        score = linked_choice(
            st.segmented_control, "Score", list(SCORE_NAMES), "score", format_func=SCORE_TITLES.get, required=True
        )
    complete = rows.dropna(subset=[f"{measure}_mean", f"{score}_mean"])
    if complete.empty:
        st.info(f"{PLOTTED_MEASURES[measure]} is not available for these rows: it needs at least two seeds.")
        return
    better = {"high": "right", "low": "left"}[MEASURES[measure].better]
    show_chart(
        pareto_chart(complete, records, MEASURES[measure], score),
        "compare.pareto",
        title="Interpretability v. clustering",
        how=(
            f"{MEASURES[measure].meaning} Better: further {better} and further up. Small dots: seeds; large dots: means; line: "
            "Pareto front."
        ),
    )


def _show_pictures(methods: list[str], records: list[Record], dataset: str) -> None:
    """Show the parts of each row's first seed, where this store has them."""
    first = {record["method"]: record for record in reversed(records)}
    entries: dict[str, Entry] = {method: Entry(store().root, "interpretations", first[method]["id"]) for method in methods}
    available = {method: entry for method, entry in entries.items() if entry.available}
    show_title(
        "Pictures of the parts",
        "Swing of each part: red is ink added, blue ink removed from the 5 % to the 95 % quantile of its coefficient, others "
        "at their mean.",
    )
    if not available:
        st.caption("Pictures of these parts are not included. Compute them with “This store” above.")
        return
    for method, entry in available.items():
        swings = entry.read_tensors(INTERPRETATION_FILE)["swings"].reshape(-1, *DATASETS[dataset].image_shape)
        st.caption(f"**{method}**, seed {first[method]['seed']}")
        gallery(
            list(pictures.differences(np.asarray(swings))),
            ["" for _ in swings],
            key=f"compare.swings.{method}",
            size=PART_TILE_WIDTH,
        )
