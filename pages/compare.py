"""Compare: the store's own runs; Tables 1 and 2 and part quality of every method over seeds, with the paper's numbers."""

from typing import Any, cast

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare import charts
from dashboard.compare.own_runs import show_own_runs
from dashboard.compare.parts import show_part_table
from dashboard.compare.rows import as_text, filter_rows, show_downloads, show_runs
from dashboard.figures.saving import show_chart, show_title
from dashboard.frame.glossary import terms
from dashboard.session.links import from_link, linked_choice, linked_tabs
from dashboard.session.reproduction import DisplayedResults, choose_numbers, fewer_images, offer_to_compute, protocol_panel
from dashboard.session.store import store, table_key
from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.labels import SCORE_TITLES
from ddnmf_core.reproduce.cells import Target
from ddnmf_core.reproduce.protocol import Protocol
from ddnmf_core.reproduce.results import Record, summarise

TABS = {"runs": "My runs", "tables": "Paper's tables", "quality": "Part quality"}
TABLES: dict[Target, str] = {"table1": "Table 1, MNIST", "table2": "Table 2, Fashion-MNIST"}
TABLE_VIEWS = {"table": "Table", "seeds": "Scores by seed", "confusion": "Confusion matrix"}
TICKED_KEY = "compare.ticked"  # session key: methods of the ticked rows, for the views without the table
MAX_TABLE_HEIGHT = 458  # pixels: 12 rows and a half, as a sign that there are more
TITLES: dict[Target, str] = {**TABLES, "parts": "Part quality"}


def choose_table() -> tuple[DisplayedResults, str]:
    """Return the results of the chosen table, and the chosen view of them."""
    shown = {results.results.target: results for results in choose_numbers(tuple(TABLES))}
    left, right = st.columns(2)
    with left:
        target = linked_choice(st.segmented_control, "Table", list(shown), "table", format_func=TABLES.get, required=True)
    with right:
        view = linked_choice(
            st.segmented_control, "View", list(TABLE_VIEWS), "scores", format_func=TABLE_VIEWS.get, required=True, wrap=True
        )
    return shown[cast(Target, target)], view


def show_results(shown: DisplayedResults, view: str = "table") -> None:
    """Show a target's results, or offer to compute them."""
    target = shown.results.target
    if not shown.published:
        offer_to_compute(shown.cells, "compare", TITLES[target])
    if shown.results.cells and target == "parts":
        show_part_table(shown)
    elif shown.results.cells:
        show_scores(shown, view)
    else:
        st.info(
            "No results in this store yet. Compute them with the button above; the work continues when this page is closed."
        )
    protocol_panel(shown)


def table_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Format the summary as texts that sort like their numbers, scores first."""
    table: dict[str, Any] = {"Method": rows["method"]}
    for score, title in SCORE_TITLES.items():
        table[title] = [as_text(*pair) for pair in zip(rows[f"{score}_mean"], rows[f"{score}_std"], strict=True)]
    for score, title in SCORE_TITLES.items():
        table[f"{title}, paper"] = rows[f"{score}_paper"]
        table[f"{title}, Δ"] = 100 * rows[f"{score}_difference"]
    table["Silhouette"] = rows["silhouette_mean"]
    table["Seeds"] = rows["n_seeds"]
    table["Run time, s"] = rows["training_seconds_mean"].fillna(0) + rows["seconds_mean"]
    table["Row"] = rows["origin"]
    return pd.DataFrame(table)


def show_table(rows: pd.DataFrame, protocol: Protocol) -> None:
    """Show the table; keep the methods of the ticked rows for the charts."""
    number = st.column_config.NumberColumn
    formats: dict[str, Any] = {
        f"{title}, paper": number(format="%.3f", help="Single run; no seeds published.") for title in SCORE_TITLES.values()
    }
    formats |= {
        f"{title}, Δ": number(format="%+.1f", help="Our mean minus the paper's score, in points (hundredths).")
        for title in SCORE_TITLES.values()
    }
    formats["Silhouette"] = number(
        format="%.2f",
        help=f"{terms()['Silhouette']} Compare clusterings of one representation with it, not two representations.",
    )
    formats["Method"] = st.column_config.TextColumn(width=165)
    formats["Run time, s"] = number(format="%.0f", help="Training and clustering of one seed; mean.")
    show_title(
        "Scores by method",
        "Mean ± SD over seeds; Δ: points above or below the paper's single run. Click a heading to sort; tick rows to filter "
        "the other views. Seeds of rows without a model differ only in the clusterer's initialisation."
        + fewer_images(protocol),
    )
    key = table_key("compare.table", rows["method"])
    if key not in st.session_state:  # drawn again after another view: with the ticks it had
        ticked = st.session_state.get(TICKED_KEY, [])
        st.session_state["compare.ticks"] = [row for row, method in enumerate(rows["method"]) if method in ticked]
    chosen = st.dataframe(
        table_of(rows),
        hide_index=True,
        column_config=formats,
        on_select="rerun",
        key=key,
        selection_default={"selection": {"rows": st.session_state["compare.ticks"]}},
        selection_mode="multi-row",
        placeholder="–",
        height=min(35 * (len(rows) + 1) + 3, MAX_TABLE_HEIGHT),
    )
    methods = list(rows["method"])
    st.session_state[TICKED_KEY] = [methods[row] for row in chosen.selection.rows if row < len(methods)]


def headline(rows: pd.DataFrame) -> str:
    """Compare like with like: for each clustering of a code DDNMF's row of the paper's table, a better one of its extensions,
    and the best row of the other models."""
    clusterings = rows["method"].str.partition("+")[2]
    is_ddnmf, is_paper, lines = rows["method"].str.startswith("DDNMF"), rows["origin"] == "paper", []
    for clustering in dict.fromkeys(clusterings[is_ddnmf]):
        of_it = clusterings == clustering
        found = [_best(rows[of_it & mask]) for mask in (is_ddnmf & is_paper, is_ddnmf & ~is_paper, ~is_ddnmf)]
        own, extension, other = found
        if own is not None and extension is not None and extension["acc_mean"] <= own["acc_mean"]:
            extension = None
        words = [_as_words(row) for row in (own, extension) if row is not None]
        if other is not None:
            words.append(f"best other model: {_as_words(other)}")
        lines.append(f"{clustering.replace('+', ' + ')}: {' · '.join(words)}")
    return "  \n".join(lines)


def _best(rows: pd.DataFrame) -> "pd.Series[Any] | None":
    return None if rows.empty else rows.loc[rows["acc_mean"].idxmax()]


def _as_words(row: "pd.Series[Any]") -> str:
    reported = f" (paper {row['acc_paper']:.3f})" if row["acc_paper"] == row["acc_paper"] else ""
    return f"**{row['method'].partition('+')[0]}** ACC {as_text(row['acc_mean'], row['acc_std'])}{reported}"


def show_confusion(records: list[Record], dataset: str) -> None:
    left, right = st.columns([2, 1])
    method = left.selectbox("Method", list(dict.fromkeys(record["method"] for record in records)), key="compare.method")
    of_method = {record["seed"]: record for record in records if record["method"] == method}
    seed = right.selectbox("Seed", list(of_method), key="compare.seed")
    record = of_method[seed]
    names = DATASETS[dataset].class_names
    figure = charts.confusion(np.array(record["contingency"]), names, f"{method}, seed {seed}: ACC {record['acc']:.4f}")
    show_chart(
        figure,
        "compare.confusion",
        "Row: a class; cell: the fraction of its images in a cluster. Clusters are ordered by the class matched to them, "
        "so ACC counts the diagonal.",
        title=f"Confusion matrix of {method}, seed {seed}",
    )


def show_scores(shown: DisplayedResults, view: str) -> None:
    """Show one view of Table 1 or 2."""
    rows = summarise(shown.results.cells)
    if view == "table":
        st.markdown(headline(rows))
    visible = filter_rows(rows)
    if visible.empty:
        return
    if view == "table":
        show_table(visible, Protocol.described(shown.results.protocol))
        show_downloads(visible, shown)
    ticked = [method for method in visible["method"] if method in st.session_state.get(TICKED_KEY, [])]
    chosen = visible[visible["method"].isin(ticked or visible["method"])]
    records = [record for record in shown.results.cells if record["method"] in list(chosen["method"])]
    if ticked and view != "table":
        st.caption(f"{len(ticked)} row{'s' if len(ticked) > 1 else ''} ticked in the table.")
    if view == "seeds":
        show_dots(chosen, records)
    elif view == "confusion":
        show_confusion(records, shown.cells[0].dataset)
    show_runs(records)


def show_dots(rows: pd.DataFrame, records: list[Record]) -> None:
    """Show one score of every seed."""
    score = linked_choice(
        st.segmented_control, "Score", list(SCORE_NAMES), "score", format_func=SCORE_TITLES.get, required=True
    )
    show_chart(
        charts.seed_dots(rows, records, score),
        "compare.dots",
        title="Scores by seed",
        how=(
            "Dot: one seed. Bar: mean ± 1 SD. Diamond: the paper's single run. Rows whose dots overlap cannot be ranked "
            "from one run."
        ),
    )


st.title("Compare")
tabs = TABS if store().entries() else {name: title for name, title in TABS.items() if name != "runs"}
linked_table = from_link("table")  # of a link to a table, older than the tabs
first = "quality" if linked_table == "parts" else "tables" if linked_table in TABLES else None
tab, place = linked_tabs(tabs, "compare", first)
with place:
    if tab == "runs":
        show_own_runs()
    elif tab == "tables":
        show_results(*choose_table())
    else:
        show_results(choose_numbers(("parts",))[0])
