"""How many parts a model should have: runs like the shown one with other ranks, over seeds, and what speaks for each."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from dashboard.figures.palette import BAND_COLOUR, CHOSEN_COLOUR, LINE_COLOUR
from dashboard.figures.saving import show_chart
from dashboard.session.queue_progress import show_sweep_progress
from dashboard.session.results import measured_speeds
from dashboard.session.run_data import HASH_FUNCS
from dashboard.session.store import store
from ddnmf_core.engine import client as engine
from ddnmf_core.engine import estimate
from ddnmf_core.experiment import sweeps
from ddnmf_core.experiment.sweeps import Sweep
from ddnmf_core.files.read_only import read_only
from ddnmf_core.interpret.rank_survey import N_COMPARED
from ddnmf_core.interpret.rank_survey import survey_ranks as of_runs
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import FinishedRun

RANKS, N_SEEDS = "2, 4, 8, 10, 16, 32, 64", 3
PANEL_TITLES = {
    "error": "Error, noisy images",
    "stability": "Stability of the parts",
    "dispersion": "Dispersion",
    "cophenetic": "Cophenetic correlation",
    "acc": "ACC (needs labels)",
}
HEIGHT = 250  # pixels


def show_survey(run: FinishedRun) -> None:
    st.header("How many parts?")
    relatives = _relatives(run)
    ranks = sorted({entry.config.n_parts for entry in relatives})
    show_sweep_progress(Sweep(f"ranks.{run.id}", run.config, {"n_parts": [*ranks]}, relatives), "Runs with other ranks")
    finished = [entry for entry in relatives if entry.finished]
    if len({entry.config.n_parts for entry in finished}) > 1:
        found = cached_survey(sorted(finished, key=lambda entry: entry.id))
        show_chart(
            survey_panels(found, run.config.n_parts),
            "parts.survey",
            title="The rank",
            how=(
                "Against the number of parts r: the student's error on noisy images; how alike the parts of different seeds "
                f"are (matched cosine); how well the seeds agree on which of {N_COMPARED} samples have the same strongest "
                "part (dispersion of the consensus, and how much of a tree it is: cophenetic correlation, Brunet et al. "
                "2004). Look for a rank from which the error falls slowly and after which the others fall. What compares "
                "seeds takes two of them. Bands: one standard deviation; the orange line: this run's rank."
            ),
        )
    if not read_only():
        _form(run)


def _relatives(run: FinishedRun) -> list[RunEntry]:
    """Runs that differ from this one in the rank and the seed alone, itself among them."""
    alike = run.config.replace(n_parts=1, seed=1)
    return [
        entry
        for entry in store().entries()
        if entry.config.model == "ddnmf" and entry.config.replace(n_parts=1, seed=1) == alike
    ]


@st.cache_resource(max_entries=20, show_spinner="Comparing the seeds of each rank.", hash_funcs=HASH_FUNCS)
def cached_survey(runs: list[RunEntry]) -> pd.DataFrame:
    """A row for each rank, kept: the pictures of many runs take seconds to decode."""
    return of_runs([FinishedRun(run) for run in runs])


def survey_panels(found: pd.DataFrame, own: int) -> go.Figure:
    """Each measure against the rank, which stands in steps."""
    shown = {name: title for name, title in PANEL_TITLES.items() if name != "acc" or found["acc"].notna().any()}
    figure = make_subplots(1, len(shown), subplot_titles=list(shown.values()), horizontal_spacing=0.05)
    places = [str(n_parts) for n_parts in found["n_parts"]]
    for column, name in enumerate(shown, 1):
        spread = found[f"{name}_std"].fillna(0)
        figure.add_scatter(
            x=places + places[::-1],
            y=[*(found[name] + spread), *(found[name] - spread)[::-1]],
            fill="toself",
            fillcolor=BAND_COLOUR,
            line_width=0,
            mode="lines",
            hoverinfo="skip",
            row=1,
            col=column,
        )
        figure.add_scatter(
            x=places,
            y=found[name],
            mode="lines+markers",
            line_color=LINE_COLOUR,
            customdata=found["n_seeds"],
            hovertemplate="r = %{x}: %{y:.3g}, %{customdata} seeds<extra></extra>",
            row=1,
            col=column,
        )
        if str(own) in places:
            figure.add_vline(
                x=places.index(str(own)), line={"color": CHOSEN_COLOUR, "width": 1.5, "dash": "dot"}, row=1, col=column
            )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=places, title_text="r")
    figure.update_annotations(font_size=12)
    figure.update_layout(showlegend=False, height=HEIGHT, margin={"l": 10, "r": 10, "t": 34, "b": 10})
    return figure


def _form(run: FinishedRun) -> None:
    """Train what is missing."""
    left, middle, right = st.columns([3, 1, 2], vertical_alignment="bottom")
    text = left.text_input("Ranks to train", RANKS, key="survey.ranks", help="Numbers of parts with commas between them.")
    n_seeds = middle.number_input("Seeds", 1, 20, N_SEEDS, key="survey.seeds")
    try:
        configs = sweeps.make_grid(run.config, {"n_parts": sweeps.parse_values("n_parts", text)}, range(1, int(n_seeds) + 1))
    except ValueError as error:
        st.error(str(error))
        return
    missing = [config for config in configs if not store().entry(config).available]
    if not missing:
        st.caption("All of these are there.")
        return
    each = estimate.run_seconds(missing[0], measured_speeds(missing[0]))
    wait = f", about {estimate.format_duration(each * len(missing))}" if each else ""
    if right.button(
        f"Train {len(missing)} run{'s' if len(missing) > 1 else ''}{wait}",
        key="survey.start",
        width="stretch",
        icon=":material/play_arrow:",
    ):
        for config in missing:
            engine.submit(store(), config)
        st.rerun()
