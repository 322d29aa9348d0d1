"""A sweep that is worked on: how far it is and how to stop it, read from the store's queue."""

import streamlit as st

from dashboard.session.results import measured_speeds, whole_or_set_aside
from dashboard.session.store import store
from ddnmf_core.engine import client as engine
from ddnmf_core.engine import estimate
from ddnmf_core.experiment.progress import Progress, progress
from ddnmf_core.experiment.sweeps import Family
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import Entry


def show_progress(family: Family, title: str) -> None:
    """Live, while anything of the family is asked for."""
    if waiting := len(_waiting(family)):
        _live(family, title, waiting)


def _waiting(family: Family) -> list[Entry]:
    return [entry for entry in family.entries if store().is_requested(entry)]


@st.fragment(run_every="1s")
@whole_or_set_aside
def _live(family: Family, title: str, waiting: int) -> None:
    """Until another run has ended: then the whole page is drawn again, with its number in its cell."""
    now = progress(store(), family.entries, estimate.run_seconds(family.base, measured_speeds(family.base)))
    if now is None or len(_waiting(family)) != waiting:
        st.rerun(scope="app")
    engine.ensure_started(store())
    left, right = st.columns([5, 1], vertical_alignment="center")
    stopping = all(entry.stop_requested for entry in _waiting(family))
    left.progress(min(now.share, 1.0), f"**{title}** · {'Stopping.' if stopping else _words(now, len(family.entries))}")
    if right.button(
        "Stop",
        key=f"sweep.stop.{family.id}",
        icon=":material/stop:",
        disabled=stopping or read_only(),
        help="What is finished is kept; the rest can be resumed.",
    ):
        for entry in reversed(_waiting(family)):
            entry.request_stop()


def _words(now: Progress, n_all: int) -> str:
    """Of those that were asked for since, which the family may have more of."""
    new = "new " if now.n_runs < n_all else ""
    lost = f", {now.n_lost} ended without a result" if now.n_lost else ""
    left = "" if now.seconds_left is None else f", about {estimate.in_words(now.seconds_left)} left"
    return f"{now.n_finished} of {now.n_runs} {new}runs finished{lost}{left}"


def offer_the_rest(family: Family) -> None:
    """A way to take up what was stopped."""
    stopped = [entry for entry in family.entries if entry.state.status == "stopped" and not store().is_requested(entry)]
    if (
        stopped
        and not read_only()
        and st.button(
            f"Resume {len(stopped)} stopped run{'s' if len(stopped) > 1 else ''}",
            icon=":material/play_arrow:",
            key="sweep.resume",
        )
    ):
        for entry in reversed(stopped):
            engine.submit(store(), entry.config)
        st.rerun()
