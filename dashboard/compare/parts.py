"""What the parts of each model are worth, beside the scores of their coefficients' clusters: one table and a Pareto plot."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.pareto import pareto_chart
from dashboard.compare.rows import as_text, chosen_methods, filter_rows, show_downloads, show_runs
from dashboard.components.gallery import gallery
from dashboard.figures.saving import show_chart
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
    everything = summarise(shown.results.cells)
    dataset = linked_choice(
        st.segmented_control,
        "Images",
        list(everything["dataset"].unique()),
        "images",
        required=True,
        format_func=lambda name: DATASETS[name].title,
    )
    visible = filter_rows(everything[everything["dataset"] == dataset])
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
    """The table; returns the methods of the chosen rows, or else all of them."""
    table = {"Method": rows["method"], "Row": rows["origin"], "Seeds": rows["n_seeds"]}
    for score, title in SCORE_TITLES.items():
        table[title] = [as_text(*pair) for pair in zip(rows[f"{score}_mean"], rows[f"{score}_std"], strict=True)]
    for name, measure in MEASURES.items():
        table[measure.title] = [
            measure.text(row[f"{name}_mean"], row[f"{name}_std"]) + fewer_seeds(row, name) for row in rows.to_dict("records")
        ]
    columns = {measure.title: st.column_config.TextColumn(help=measure.meaning) for measure in MEASURES.values()}
    chosen = st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        on_select="rerun",
        column_config=columns,
        key=table_key("compare.parts", rows["method"]),
        selection_mode="multi-row",
        placeholder="–",
    )
    st.caption(
        "Means ± standard deviations over seeds. ACC, NMI and ARI are those of a Gaussian mixture on the coefficients. "
        "Hover over a heading to read what it measures; tick rows to narrow what is below to them."
    )
    return chosen_methods(rows, chosen.selection.rows)


def _show_pareto(rows: pd.DataFrame, records: list[Record]) -> None:
    st.header("Interpretable against clustered well")
    left, right = st.columns(2)
    with left:
        measure = linked_choice(
            st.selectbox,
            "Measure of the parts",
            list(PLOTTED_MEASURES),
            "measure",
            "hoyer_parts",
            format_func=PLOTTED_MEASURES.get,
            help="What each measures stands below.",
        )
    with right:
        score = linked_choice(
            st.segmented_control, "Score", list(SCORE_NAMES), "score", format_func=SCORE_TITLES.get, required=True
        )
    known = rows.dropna(subset=[f"{measure}_mean", f"{score}_mean"])
    if known.empty:
        st.info(f"{PLOTTED_MEASURES[measure]} is not known for these rows: it needs at least two seeds.")
        return
    better = {"high": "right", "low": "left"}[MEASURES[measure].better]
    show_chart(
        pareto_chart(known, records, MEASURES[measure], score),
        "compare.pareto",
        title="Parts against clusters",
        how=(
            f"{MEASURES[measure].meaning} Better is further {better} and further up. Small dots are seeds, large ones their "
            "means; the line joins the rows that no other row beats in both."
        ),
    )


def _show_pictures(methods: list[str], records: list[Record], dataset: str) -> None:
    """The parts themselves, the first seed of each row, where this store has them."""
    first = {record["method"]: record for record in reversed(records)}
    entries: dict[str, Entry] = {method: Entry(store().root, "interpretations", first[method]["id"]) for method in methods}
    here = {method: entry for method, entry in entries.items() if entry.available}
    st.header("The parts themselves")
    if not here:
        st.caption("The pictures of these parts are where the table was made. Compute it here with “This store” above.")
        return
    for method, entry in here.items():
        swings = entry.read_tensors(INTERPRETATION_FILE)["swings"].reshape(-1, *DATASETS[dataset].image_shape)
        st.caption(f"**{method}**, seed {first[method]['seed']}")
        gallery(
            list(pictures.differences(np.asarray(swings))),
            ["" for _ in swings],
            key=f"compare.swings.{method}",
            size=PART_TILE_WIDTH,
        )
    st.caption(
        "Each picture is a part's swing: red is ink that it adds, blue ink that it takes away when its coefficient goes "
        "from its 5 % to its 95 % quantile, the others at their mean."
    )
