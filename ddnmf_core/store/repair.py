"""Repair of damaged entries: a run is resumed from its undamaged files, any other entry is set aside."""

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

SCORING_FILES = (CODES_FILE, CLUSTERS_FILE, SCORES_FILE)  # recomputed from a trained model within minutes


@dataclass(frozen=True)
class Remedy:
    """Repair of a damaged entry."""

    sentence: str
    set_aside_entry: bool = False  # no file is usable
    dropped: tuple[str, ...] = ()  # files to delete: recomputable or not needed
    status: Status | None = None  # status to record; None: unchanged
    requeue: bool = False  # request the entry again, because it was finished


SET_ASIDE = Remedy("set aside; can be recomputed", set_aside_entry=True)


def plan_repair(entry: Entry, damaged: Collection[str]) -> Remedy:
    """Choose the repair of an entry with these damaged files. Only runs are worth repairing; others recompute quickly."""
    if entry.kind != "runs" or {CONFIG_FILE, MANIFEST_FILE} & set(damaged):
        return SET_ASIDE
    recorded = entry.names("")
    if MODEL_FILE in recorded:
        return (
            SET_ASIDE
            if {MODEL_FILE, HISTORY_FILE, PROVENANCE_FILE} & set(damaged)
            else _plan_trained_run(entry, recorded, damaged)
        )
    return _plan_unfinished_run(entry, recorded, damaged)


def _plan_trained_run(entry: Entry, recorded: list[str], damaged: Collection[str]) -> Remedy:
    """Plan for an undamaged model, history and provenance; snapshots and part names are not needed."""
    dropped = tuple(name for name in recorded if name in damaged)
    scored = all(name in recorded and name not in damaged for name in SCORING_FILES)
    if scored:
        return Remedy(
            "damaged files deleted; the run does not need them" if dropped else "state rewritten as finished",
            dropped=dropped,
            status="finished" if STATE_FILE in damaged else None,
        )
    return Remedy(
        "damaged files deleted; the model is intact, so the run is scored again",
        dropped=dropped,
        status="stopped",
        requeue=True,
    )


def _plan_unfinished_run(entry: Entry, recorded: list[str], damaged: Collection[str]) -> Remedy:
    """Plan to resume from an undamaged checkpoint, or to restart if there is none or the history is damaged."""
    restarts = HISTORY_FILE in damaged
    dropped = tuple(name for name in recorded if name in damaged or (restarts and name.startswith("checkpoint-")))
    dropped += (HISTORY_FILE,) if restarts and HISTORY_FILE not in dropped else ()
    checkpoints = [name for name in recorded if name.startswith("checkpoint-") and name not in dropped]
    start = "from its checkpoint" if checkpoints else "from the beginning"
    finished = STATE_FILE not in damaged and entry.state.status == "finished"
    return Remedy(
        f"{'damaged files deleted' if dropped else 'state rewritten'}; the run resumes {start}",
        dropped=dropped,
        status="stopped" if STATE_FILE in damaged or finished else None,
    )


def apply_repair(entry: Entry, chosen: Remedy, reason: str) -> None:
    """Carry out a repair under the entry's lock. The state is written first, so that a half-repaired run is never finished."""
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
