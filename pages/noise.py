"""Noise (Figure 3): clustering scores against noise, reconstructions at a noise level, and train/test mismatch."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.saving import show_chart, show_title
from dashboard.noise import charts
from dashboard.noise.samples import show_samples
from dashboard.session.links import linked_choice, linked_number, linked_tabs, set_choice
from dashboard.session.reproduction import (
    NUMBERS_TITLES,
    DisplayedResults,
    by_family,
    choose_numbers,
    fewer_images,
    offer_to_compute,
    protocol_panel,
    store_results,
)
from dashboard.session.results import report_damage
from dashboard.session.selections import explain_absence
from dashboard.session.store import store
from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.labels import SCORE_TITLES
from ddnmf_core.reproduce import claims
from ddnmf_core.reproduce.cells import target_cells
from ddnmf_core.reproduce.matching_runs import MatchingRun, find_matching_runs
from ddnmf_core.reproduce.protocol import Protocol
from ddnmf_core.reproduce.results import summarise
from ddnmf_core.reproduce.tables import seeds_of

STEP, HIGHEST = 5, 80  # percent
TABS = {"level": "One noise level", "curves": "All curves", "mismatch": "Training/test mismatch"}


def choose_results() -> DisplayedResults:
    """Return Figure 3, or Table 3 where Figure 3 was not published: the same curves without the mismatch."""
    shown = {results.results.target: results for results in choose_numbers(("figure3", "table3"))}
    return shown.get("figure3") or shown["table3"]


def summarised(shown: DisplayedResults, protocol: Protocol, runs: Sequence[MatchingRun]) -> pd.DataFrame:
    """Summarise the results; for this store also at levels outside the protocol."""
    records = shown.results.cells
    if not shown.published:
        between = {run.config.noise_level for run in runs if run.own} - set(protocol.noise_levels)
        extended = replace(protocol, noise_levels=tuple(between))
        records = [*records, *store_results("table3", extended, shown.results.seeds).results.cells]
    return summarise(records)


def show_panels(
    panels: dict[tuple[str, str], go.Figure], family: str, dataset: str, level: float, places: Sequence[DeltaGenerator]
) -> None:
    """Show a panel for each score of one data set."""
    for place, score in zip(places, SCORE_NAMES, strict=True):
        show_chart(charts.mark_level(panels[dataset, score], level), f"noise.{family}.{score}", None, place=place)


def headline(rows: pd.DataFrame, protocol: Protocol) -> str:
    """List how often DDNMF leads and how much ACC it loses to noise: ours at the protocol's levels, and the paper's."""
    ours = rows if rows.empty else rows[rows["noise_level"].isin(protocol.noise_levels)]
    return "\n".join(f"- {sentence}" for sentence in claims.sentences(ours, charts.dataset_title))


def offer_level(shown: DisplayedResults, protocol: Protocol, level: float) -> None:
    """Offer to compute missing cells at one level, inside or outside the protocol, or at all of its levels."""
    if shown.published:
        _offer_this_store(protocol, level)
        return
    left, right = st.columns(2)
    with left:
        scope = linked_choice(
            st.segmented_control,
            "Compute",
            ["level", "all"],
            "scope",
            required=True,
            wrap=True,
            format_func={"level": f"{level:.0%} noise", "all": "all levels"}.get,
        )
    sets = by_family(protocol)
    with right:
        on = linked_choice(
            st.segmented_control,
            "Data",
            ["both", *sets],
            "on",
            required=True,
            wrap=True,
            format_func={
                "both": "both data sets",
                **{family: charts.dataset_title(dataset) for family, dataset in sets.items()},
            }.get,
        )
    levels = (level,) if scope == "level" else protocol.noise_levels
    wanted = [
        cell
        for cell in target_cells("table3", replace(protocol, noise_levels=levels), shown.results.seeds)
        if on == "both" or cell.dataset == sets[on]
    ]
    what = f"{level:.0%} noise" if scope == "level" else "all levels"
    if WorkBatch(store(), wanted).configs:
        names = dict.fromkeys(charts.dataset_title(cell.dataset) for cell in wanted)
        offer_to_compute(wanted, "noise.level", f"{what}, {' and '.join(names)}")
    else:
        st.caption(f"{what.capitalize()}: all models trained and scored.")


def _offer_this_store(protocol: Protocol, level: float) -> None:
    published = ", ".join(f"{noise:.0%}" for noise in protocol.noise_levels)
    absence = "" if level in protocol.noise_levels else f"No published result at {level:.0%}. "
    st.caption(f"{absence}Published levels: {published}. To compute any level on this machine, switch to:")
    left, right = st.columns(2)
    for column, name in ((left, "quick"), (right, "full")):
        if column.button(
            NUMBERS_TITLES[name],
            key=f"noise.{name}",
            icon=":material/swap_horiz:",
            width="stretch",
            on_click=set_choice,
            args=("numbers", name),
        ):
            st.rerun(scope="app")  # the choice of results is outside this fragment


def show_heat_maps(shown: DisplayedResults, protocol: Protocol, rows: pd.DataFrame) -> None:
    """Show the scores of one model by training and test noise."""
    left, right = st.columns(2)
    with left:
        model = linked_choice(st.segmented_control, "Model", list(protocol.noise_models), "model", required=True, wrap=True)
    with right:
        score = linked_choice(
            st.segmented_control, "Score", list(SCORE_NAMES), "score", required=True, wrap=True, format_func=SCORE_TITLES.get
        )
    tested_at, sets = (0.0, *protocol.noise_levels), by_family(protocol)
    of_model = rows if rows.empty else rows[(rows["method"] == model) & rows["noise_level"].isin(protocol.noise_levels)]
    show_title("Scores by training and test noise", how_to_read_mismatch(shown, protocol, of_model))
    for column, (family, dataset) in zip(st.columns(2), sets.items(), strict=True):
        with column:
            what, key = f"{model} on {charts.dataset_title(dataset)}", f"noise.heat.{family}"
            title = f"{what}: {SCORE_TITLES[score]}"
            of_set = rows if rows.empty else of_model[of_model["dataset"] == dataset]
            show_chart(charts.noise_heat_map(of_set, score, protocol.noise_levels, tested_at, title), key, None, title=title)
            if not shown.published:
                wanted = [cell for cell in shown.cells if (cell.dataset, cell.method) == (dataset, model)]
                offer_to_compute(wanted, key, what)


def how_to_read_mismatch(shown: DisplayedResults, protocol: Protocol, of_model: pd.DataFrame) -> str:
    """Explain the heat maps of one model's rows, and their blank cells."""
    n_cells = len(by_family(protocol)) * len(protocol.noise_levels) * (len(protocol.noise_levels) + 1)
    absence = "not published; choose this store above to compute them" if shown.published else "not computed yet"
    return (
        "Row: noise in training. Column: noise in the clustered images. Means over "
        f"{'seeds' if of_model.empty else f'{seeds_of(of_model)} (hover for n)'}. The diagonal is the curve of Figure 3. Rows "
        f"that stay dark generalise to stronger noise.{'' if len(of_model) == n_cells else f' Blank: {absence}.'}"
    )


@st.fragment
@report_damage
def explore(
    shown: DisplayedResults,
    protocol: Protocol,
    rows: pd.DataFrame,
    panels: dict[tuple[str, str], go.Figure],
    runs: Sequence[MatchingRun],
) -> None:
    """Redraw the parts of the page that depend on the slider, without gathering the results again."""
    level = linked_number(st.slider, "Noise level", 0, HIGHEST, 40, STEP, format="%d%%", key="level") / 100
    tab, place = linked_tabs(TABS, "noise_tab")
    with place:
        if tab == "level":
            show_one_level(shown, protocol, rows, panels, runs, level)
        elif tab == "curves":
            show_all_curves(protocol, rows, panels, level)
        else:
            show_heat_maps(shown, protocol, rows)


def show_one_level(
    shown: DisplayedResults,
    protocol: Protocol,
    rows: pd.DataFrame,
    panels: dict[tuple[str, str], go.Figure],
    runs: Sequence[MatchingRun],
    level: float,
) -> None:
    """Show pictures and scores of one data set at a noise level, and offer to compute what is missing there."""
    sets = by_family(protocol)
    first, *places = st.columns([3, 3, 3, 2], vertical_alignment="bottom")
    with first:
        family = linked_choice(
            st.segmented_control,
            "Data set",
            list(sets),
            "dataset",
            required=True,
            wrap=True,
            format_func={name: charts.dataset_title(dataset) for name, dataset in sets.items()}.get,
        )
    left, right = st.columns([5, 3], gap="medium")
    with right:
        show_title("Scores", how_to_read_curves(protocol))
        show_legend(rows)
        show_panels(panels, family, sets[family], level, [right] * len(SCORE_NAMES))
    with left:
        show_samples(runs, list(protocol.noise_models), sets[family], level, places)
    offer_level(shown, protocol, level)


def show_all_curves(protocol: Protocol, rows: pd.DataFrame, panels: dict[tuple[str, str], go.Figure], level: float) -> None:
    """Show all panels of Figure 3, and what they say in numbers."""
    show_title("Scores against noise (Figure 3)", how_to_read_curves(protocol))
    show_legend(rows)
    for family, dataset in by_family(protocol).items():
        show_panels(panels, family, dataset, level, st.columns(len(SCORE_NAMES)))
    st.markdown(headline(rows, protocol))
    if not rows.empty:
        st.download_button(
            "Download results (CSV)",
            lambda: rows.to_csv(index=False),
            "noise.csv",
            "text/csv",
            key="noise.csv",
            icon=":material/download:",
            on_click="ignore",
            help="All means and SDs on this page, with the paper's scores.",
        )


def show_legend(rows: pd.DataFrame) -> None:
    st.html(charts.legend_html([] if rows.empty else list(rows["method"].unique())))


def how_to_read_curves(protocol: Protocol) -> str:
    return (
        "Point: a model trained at this noise level, K-means on its codes of images at the same level, mean over seeds. "
        "Band: ± 1 SD (two seeds or more). Dashed: the paper's single runs. Vertical line: the slider. Higher is better."
        + fewer_images(protocol)
    )


st.title("Noise")
entries = store().entries()
explain_absence("run", {entry.id for entry in entries if entry.finished}, {entry.id: entry for entry in entries})
shown = choose_results()
protocol = Protocol.described(shown.results.protocol)
runs = find_matching_runs(entries, protocol)
rows = summarised(shown, protocol, runs)
if rows.empty:
    st.info(
        "No results in this store yet; dashed lines are the paper's. Compute one noise level or all with the button below "
        "the pictures; the work continues when this page is closed."
    )
panels = {(dataset, score): charts.score_panel(rows, dataset, score) for dataset in protocol.datasets for score in SCORE_NAMES}
explore(shown, protocol, rows, panels, runs)
protocol_panel(shown)
