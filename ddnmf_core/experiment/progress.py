"""Progress of a sweep, derived from the store's queue: the same after a reload, in another browser, with a new engine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ddnmf_core.store.entry import ENDED_STATUSES, Entry
from ddnmf_core.store.run_store import Store


@dataclass(frozen=True)
class SweepProgress:
    """Number of runs requested together, how many have ended and how, and the remaining time."""

    n_runs: int
    n_finished: int
    n_lost: int  # failed, diverged or stopped
    share: float
    seconds_left: float | None  # None: no speed known yet


def sweep_progress(
    store: Store, entries: Sequence[Entry], seconds_each: float | None, now: float | None = None
) -> SweepProgress | None:
    """Measure the progress of a sweep; None if no run is queued or running.

    Counts the runs requested and those ended since the oldest open request. The remaining time is extrapolated from the pace
    since that request, or from `seconds_each` until the first run has ended.
    """
    members = set(entries)
    asked = {request.entry: request.asked / 1e9 for request in store.requests() if request.entry in members}
    if not asked:
        return None
    since = min(asked.values())
    states = {entry: entry.state for entry in entries}
    ended = [
        states[entry].status
        for entry in entries
        if entry not in asked and states[entry].status in ENDED_STATUSES and states[entry].updated >= since
    ]
    n_runs = len(ended) + len(asked)
    done = len(ended) + sum(states[entry].progress for entry in asked)
    pace = (max((now or time.time()) - since, 0.0) / done) if ended else seconds_each
    return SweepProgress(
        n_runs,
        ended.count("finished"),
        len(ended) - ended.count("finished"),
        done / n_runs,
        None if pace is None else pace * (n_runs - done),
    )
