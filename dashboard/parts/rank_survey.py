"""Choose the number of parts: compare runs of other ranks over seeds, and train missing ones."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from dashboard.components.action_button import action_button
from dashboard.figures.palette import BAND_COLOUR, CHOSEN_COLOUR, LINE_COLOUR, MARGIN
from dashboard.figures.saving import show_chart
from dashboard.session.queue_progress import show_sweep_progress
from dashboard.session.results import measured_speeds, submit_all
from dashboard.session.run_data import HASH_FUNCS
from dashboard.session.store import store
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
    "stability": "Stability over seeds",
    "dispersion": "Dispersion",
    "cophenetic": "Cophenetic correlation",
    "acc": "ACC (needs labels)",
}
HEIGHT = 250  # pixels


def show_survey(run: FinishedRun) -> None:
    relatives = _relatives(run)
    ranks = sorted({entry.config.n_parts for entry in relatives})
    show_sweep_progress(Sweep(f"ranks.{run.id}", run.config, {"n_parts": [*ranks]}, relatives), "Runs of other ranks")
    finished = [entry for entry in relatives if entry.finished]
    if len({entry.config.n_parts for entry in finished}) > 1:
        survey = cached_survey(sorted(finished, key=lambda entry: entry.id))
        show_chart(
            survey_panels(survey, run.config.n_parts),
            "parts.survey",
            title="Number of parts",
            how=(
                "Error: the student's, on noisy images. Stability: matched cosine of the parts of two seeds. "
                f"Dispersion and cophenetic correlation: consensus of the seeds on which of {N_COMPARED} samples share their "
                "strongest part (Brunet et al. 2004). Look for a rank beyond which the error falls slowly and the others drop. "
                "All but the error need two seeds. Band: ± 1 SD; orange: this run's rank."
            ),
        )
    if not read_only():
        _form(run)


def _relatives(run: FinishedRun) -> list[RunEntry]:
    """Return the runs that differ from this one only in rank and seed, including itself."""
    base = run.config.replace(n_parts=1, seed=1)
    return [
        entry
        for entry in store().entries()
        if entry.config.model == "ddnmf" and entry.config.replace(n_parts=1, seed=1) == base
    ]


@st.cache_resource(max_entries=20, show_spinner="Comparing seeds …", hash_funcs=HASH_FUNCS)
def cached_survey(runs: list[RunEntry]) -> pd.DataFrame:
    """Return a row per rank; cached, since decoding the parts of many runs takes seconds."""
    return of_runs([FinishedRun(run) for run in runs])


def survey_panels(survey: pd.DataFrame, rank: int) -> go.Figure:
    """Plot each measure against the rank, on a categorical axis."""
    shown = {name: title for name, title in PANEL_TITLES.items() if name != "acc" or survey["acc"].notna().any()}
    figure = make_subplots(1, len(shown), subplot_titles=list(shown.values()), horizontal_spacing=0.05)
    places = [str(n_parts) for n_parts in survey["n_parts"]]
    for column, name in enumerate(shown, 1):
        spread = survey[f"{name}_std"].fillna(0)
        figure.add_scatter(
            x=places + places[::-1],
            y=[*(survey[name] + spread), *(survey[name] - spread)[::-1]],
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
            y=survey[name],
            mode="lines+markers",
            line_color=LINE_COLOUR,
            customdata=survey["n_seeds"],
            hovertemplate="r = %{x}: %{y:.3g}, %{customdata} seeds<extra></extra>",
            row=1,
            col=column,
        )
        if str(rank) in places:
            figure.add_vline(
                x=places.index(str(rank)), line={"color": CHOSEN_COLOUR, "width": 1.5, "dash": "dot"}, row=1, col=column
            )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=places, title_text="r")
    figure.update_annotations(font_size=12)
    figure.update_layout(showlegend=False, height=HEIGHT, margin=MARGIN)
    return figure


def _form(run: FinishedRun) -> None:
    """Offer to train missing ranks and seeds."""
    left, middle, right = st.columns([3, 1, 2], vertical_alignment="bottom")
    text = left.text_input("Ranks to train", RANKS, key="survey.ranks", help="Numbers of parts, separated by commas.")
    n_seeds = middle.number_input("Seeds", 1, 20, N_SEEDS, key="survey.seeds")
    try:
        configs = sweeps.make_grid(run.config, {"n_parts": sweeps.parse_values("n_parts", text)}, range(1, int(n_seeds) + 1))
    except ValueError as error:
        st.error(str(error))
        return
    missing = [config for config in configs if not store().entry(config).available]
    if not missing:
        st.caption("All these runs exist.")
        return
    seconds = estimate.run_seconds(missing[0], measured_speeds(missing[0]))
    wait = f", about {estimate.format_duration(seconds * len(missing))}" if seconds else ""
    action_button(
        f"Train {len(missing)} run{'s' if len(missing) > 1 else ''}{wait}",
        "survey.start",
        submit_all,
        missing,
        place=right,
        width="stretch",
        icon=":material/play_arrow:",
    )
