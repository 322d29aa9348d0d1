"""Show the progress of a running sweep from the store's queue; stop and resume it."""

import streamlit as st

from dashboard.components.action_button import action_button
from dashboard.session.results import measured_speeds, report_damage, submit_all
from dashboard.session.store import store
from ddnmf_core.engine import client as engine
from ddnmf_core.engine import estimate
from ddnmf_core.experiment.progress import SweepProgress, sweep_progress
from ddnmf_core.experiment.sweeps import Sweep
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import Entry


def show_sweep_progress(family: Sweep, title: str) -> None:
    """Show live progress while any run of the sweep is requested."""
    if waiting := len(_waiting(family)):
        _live(family, title, waiting)


def _waiting(family: Sweep) -> list[Entry]:
    return [entry for entry in family.entries if store().is_requested(entry)]


@st.fragment(run_every="1s")
@report_damage
def _live(family: Sweep, title: str, waiting: int) -> None:
    """Update every second; rerun the whole page when a run has ended, to show its result."""
    now = sweep_progress(store(), family.entries, estimate.run_seconds(family.base, measured_speeds(family.base)))
    if now is None or len(_waiting(family)) != waiting:
        st.rerun(scope="app")
    engine.ensure_started(store())
    left, right = st.columns([5, 1], vertical_alignment="center")
    stopping = all(entry.stop_requested for entry in _waiting(family))
    left.progress(min(now.share, 1.0), f"**{title}** · {'Stopping …' if stopping else _words(now, len(family.entries))}")
    action_button(
        "Stop",
        f"sweep.stop.{family.id}",
        _stop,
        family,
        place=right,
        icon=":material/stop:",
        disabled=stopping or read_only(),
        help="Finished runs are kept; the rest can be resumed.",
    )


def _stop(family: Sweep) -> None:
    for entry in reversed(_waiting(family)):
        entry.request_stop()


def _words(now: SweepProgress, n_all: int) -> str:
    """Describe the progress, counting only runs requested since the oldest open request."""
    new = "new " if now.n_runs < n_all else ""
    lost = f", {now.n_lost} failed" if now.n_lost else ""
    left = "" if now.seconds_left is None else f", about {estimate.format_duration(now.seconds_left)} left"
    return f"{now.n_finished} of {now.n_runs} {new}runs finished{lost}{left}"


def offer_resume(family: Sweep) -> None:
    """Offer to resume stopped runs."""
    stopped = [entry for entry in family.entries if entry.state.status == "stopped" and not store().is_requested(entry)]
    if stopped and not read_only():
        action_button(
            f"Resume {len(stopped)} stopped run{'s' if len(stopped) > 1 else ''}",
            "sweep.resume",
            submit_all,
            [entry.config for entry in reversed(stopped)],
            icon=":material/play_arrow:",
        )
