"""Request work from the engine; show its result, progress and expected time."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from itertools import islice
from typing import Any

import streamlit as st

from dashboard.components.action_button import action_button
from dashboard.session.errors import show_damage, unusable_store, warn_of_engine
from dashboard.session.run_data import HASH_FUNCS
from dashboard.session.store import store
from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import is_known
from ddnmf_core.data.dataset import DataError
from ddnmf_core.display.text import in_markdown
from ddnmf_core.engine import client as engine
from ddnmf_core.engine import estimate
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import ENDED_STATUSES, Entry
from ddnmf_core.store.run_store import AnyConfig

MAX_SIMILAR_RUNS = 5  # whose speeds predict a run's


def result_of(
    config: AnyConfig, title: str, early: Callable[[Entry[AnyConfig]], None] = lambda entry: None
) -> Entry[AnyConfig] | None:
    """Return the finished entry of a config, or request it, show its progress and `early` results, and return None."""
    entry = store().entry(config)
    if entry.available:
        return entry
    if read_only():
        st.info(f"{title} has not been computed yet. This dashboard is read-only.")
        return None
    status = entry.state.status if entry.exists else "new"
    if status in ("failed", "stopped") and not store().is_requested(entry):
        st.warning(f"{title}: {in_markdown(entry.state.message)}")
        action_button("Try again", f"again.{entry.id}", engine.submit, store(), config)
        return None
    if not store().is_requested(entry):
        try:
            engine.submit(store(), config)
        except OSError as error:
            st.warning(f"{title}: {unusable_store(error)}")
            return None
    _progress(entry, title, early)
    return None


def submit_all(configs: Iterable[RunConfig]) -> None:
    for config in configs:
        engine.submit(store(), config)


def report_damage(body: Callable[..., None]) -> Callable[..., None]:
    """Report damaged or missing data inside a fragment, whose exceptions never reach main.py."""

    @wraps(body)
    def guarded(*arguments: Any) -> None:
        try:
            body(*arguments)
        except CorruptFile as error:
            show_damage(error)
        except DataError as error:
            st.error(str(error))

    return guarded


@st.fragment(run_every="1s")
@report_damage
def _progress(entry: Entry[AnyConfig], title: str, early: Callable[[Entry[AnyConfig]], None]) -> None:
    state = entry.state
    if state.status in ENDED_STATUSES and not store().is_requested(entry):
        st.rerun(scope="app")
    st.progress(state.progress, f"{title}: {in_markdown(state.message)}")
    warn_of_engine()
    action_button("Cancel", f"cancel.{entry.id}", entry.request_stop, icon=":material/cancel:")
    early(entry)


def expected_time(config: RunConfig, n_runs: int = 1) -> str:
    """Return a sentence with the expected training time on this machine."""
    seconds = estimate.run_seconds(config, measured_speeds(config))
    if seconds is None:
        return "Estimating training time …"
    return f"Expected time: about **{estimate.format_duration(seconds * n_runs)}** on this machine."


def measured_speeds(config: RunConfig) -> list[Mapping[str, float]]:
    """Return the engine's measured speed, then the median of the newest similar runs."""
    running = engine.info(store())
    speeds: list[Mapping[str, float]] = (
        [{"weights": running.weights, "images_per_second": running.images_per_second}] if running else []
    )
    of_runs = (
        _speed_of(entry, entry.state.updated)
        for entry in store().entries()[:20]
        if entry.config.precision == config.precision
        and is_known(entry.config.dataset)
        and estimate.same_speed_class(entry.config, config)
    )
    measured = list(islice((speed for speed in of_runs if speed is not None), MAX_SIMILAR_RUNS))
    return [*speeds, estimate.median_speed(measured)] if measured else speeds


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs=HASH_FUNCS)
def _speed_of(entry: Entry[RunConfig], updated: float) -> Mapping[str, float] | None:
    """Return a run's speed as of its state's last change: pages ask each second, and a history has thousands of rows."""
    return estimate.measured_speed(entry.config, entry.history())
