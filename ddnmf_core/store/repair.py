"""What becomes of a damaged entry: a run goes on from what of it is whole, anything else is set aside."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.store.entry import (
    CLUSTERS_FILE,
    CODES_FILE,
    CONFIG_FILE,
    ENDED_STATUSES,
    HISTORY_FILE,
    MODEL_FILE,
    PROVENANCE_FILE,
    SCORES_FILE,
    STATE_FILE,
    Entry,
    State,
    Status,
)

SCORING_FILES = (CODES_FILE, CLUSTERS_FILE, SCORES_FILE)  # made of a trained model, at any time, in minutes


@dataclass(frozen=True)
class Remedy:
    """What is done about a damaged entry."""

    sentence: str
    set_aside_entry: bool = False  # nothing of it can be used
    dropped: tuple[str, ...] = ()  # files that can be made again, or done without
    status: Status | None = None  # None: as it is
    requeue: bool = False  # it was finished, so that the engine is asked once more


SET_ASIDE = Remedy("set aside; it can be computed again", set_aside_entry=True)


def plan_repair(entry: Entry, damaged: Collection[str]) -> Remedy:
    """What of an entry with these damaged files can be kept. Only runs take long enough to be worth it."""
    if entry.kind != "runs" or {CONFIG_FILE, MANIFEST_FILE} & set(damaged):
        return SET_ASIDE
    recorded = entry.names("")
    if MODEL_FILE in recorded:
        return (
            SET_ASIDE
            if {MODEL_FILE, HISTORY_FILE, PROVENANCE_FILE} & set(damaged)
            else _of_a_trained_run(entry, recorded, damaged)
        )
    return _of_an_unfinished_run(entry, recorded, damaged)


def _of_a_trained_run(entry: Entry, recorded: list[str], damaged: Collection[str]) -> Remedy:
    """Its model, history and provenance are whole. Pictures of its training and names of parts can be done without."""
    dropped = tuple(name for name in recorded if name in damaged)
    scored = all(name in recorded and name not in damaged for name in SCORING_FILES)
    if scored:
        return Remedy(
            "dropped; the run needs none of it" if dropped else "its state is written again: it is finished",
            dropped=dropped,
            status="finished" if STATE_FILE in damaged else None,
        )
    return Remedy(
        "dropped; the trained model is whole, so the run is scored again", dropped=dropped, status="stopped", requeue=True
    )


def _of_an_unfinished_run(entry: Entry, recorded: list[str], damaged: Collection[str]) -> Remedy:
    """It goes on from a whole checkpoint, or begins anew; without its history there is nothing to go on from."""
    begins_anew = HISTORY_FILE in damaged
    dropped = tuple(name for name in recorded if name in damaged or (begins_anew and name.startswith("checkpoint-")))
    dropped += (HISTORY_FILE,) if begins_anew and HISTORY_FILE not in dropped else ()
    left = [name for name in recorded if name.startswith("checkpoint-") and name not in dropped]
    start = "from its checkpoint" if left else "from the beginning"
    finished = STATE_FILE not in damaged and entry.state.status == "finished"
    return Remedy(
        f"{'dropped' if dropped else 'its state is written again'}; the run goes on {start}",
        dropped=dropped,
        status="stopped" if STATE_FILE in damaged or finished else None,
    )


def apply_repair(entry: Entry, chosen: Remedy, reason: str) -> None:
    """Do what was chosen; the caller holds the entry's lock. The state comes first: nobody takes half a run for a whole one."""
    try:
        state = entry.state
    except CorruptFile:
        state = State()
    if chosen.status:
        progress = 1.0 if chosen.status == "finished" else state.progress
        message = "" if chosen.status == "finished" else f"Repaired ({reason}); it can be resumed."
        entry.set_state(replace(state, status=chosen.status, progress=progress, message=message))
    elif state.status in ENDED_STATUSES and chosen.dropped and state.status != "finished":
        entry.set_state(replace(state, message=f"{state.message} Repaired ({reason})."))
    for name in chosen.dropped:
        entry.remove(name)
