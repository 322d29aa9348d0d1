"""How far a sweep is, from the store's queue alone: a reload, another browser or a new engine sees the same."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ddnmf_core.store.entry import ENDED_STATUSES, Entry
from ddnmf_core.store.run_store import Store


@dataclass(frozen=True)
class SweepProgress:
    """Of the runs that were asked for together: how many, how many have ended and how, and how long the rest takes."""

    n_runs: int
    n_finished: int
    n_lost: int  # failed, diverged or stopped
    share: float
    seconds_left: float | None  # None where no speed is known yet


def sweep_progress(
    store: Store, entries: Sequence[Entry], seconds_each: float | None, now: float | None = None
) -> SweepProgress | None:
    """None when nothing of it waits or is worked on. Runs that ended since the oldest request belong to it.

    The time left goes by the pace since then, until the first run has ended by `seconds_each`.
    """
    ours = set(entries)
    asked = {request.entry: request.asked / 1e9 for request in store.requests() if request.entry in ours}
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
    each = (max((now or time.time()) - since, 0.0) / done) if ended else seconds_each
    return SweepProgress(
        n_runs,
        ended.count("finished"),
        len(ended) - ended.count("finished"),
        done / n_runs,
        None if each is None else each * (n_runs - done),
    )
