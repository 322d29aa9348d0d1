"""Every stored file looked at: what is damaged and why, what was left lying about, and with `repair` what is done about it.

`verify` alone changes nothing. What a worker holds is read, too, but never repaired.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ddnmf_core.data.user import user_sets
from ddnmf_core.files.atomic import CorruptFile, is_stale, read_document
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.files.home import LAYOUT_FILE, LAYOUT_VERSION, default_root, layout_version, mark_layout
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.store import trash
from ddnmf_core.store.entry import (
    CLUSTERS_FILE,
    CODES_FILE,
    CONFIG_FILE,
    CONFIG_TYPES,
    FACTORS_FILE,
    HISTORY_FILE,
    INTERPRETATION_FILE,
    LOCK_FILE,
    MODEL_FILE,
    PARTS_FILE,
    POINTS_FILE,
    PROVENANCE_FILE,
    RECORDED_NAMES,
    SCORES_FILE,
    STATE_FILE,
    STOP_FILE,
    Busy,
    Entry,
    Kind,
    RunEntry,
)
from ddnmf_core.store.repair import Remedy, apply_repair, plan_repair
from ddnmf_core.store.run_store import Store

Grade = Literal["damaged", "litter", "foreign", "set aside", "deleted"]

REQUIRED_FILES: dict[Kind, tuple[str, ...]] = {  # of what is finished
    "runs": (MODEL_FILE, CODES_FILE, CLUSTERS_FILE, SCORES_FILE, PROVENANCE_FILE, HISTORY_FILE),
    "embeddings": (POINTS_FILE,),
    "clusterings": (CLUSTERS_FILE, SCORES_FILE),
    "interpretations": (INTERPRETATION_FILE, PARTS_FILE, SCORES_FILE),
    "pixel-nmf": (FACTORS_FILE,),
}
UNRECORDED_FILES = {CONFIG_FILE, STATE_FILE, MANIFEST_FILE, HISTORY_FILE, LOCK_FILE, STOP_FILE}
SET_ASIDE_NAME = re.compile(rf"({'|'.join(CONFIG_TYPES)})-(\w+)-\d+")
LEFT_ALONE = "left as it is"
WORKED_ON = "a worker holds it: stop it, and verify again"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    place: str  # in the store
    grade: Grade
    problem: str
    remedy: str  # what a repair does, or did
    left: bool = True  # it is still so


@dataclass(frozen=True)
class VerifyResult:
    """What was looked at and what was found."""

    n_entries: int
    findings: list[Finding]

    @property
    def whole(self) -> bool:
        """Nothing is damaged, or nothing any more. Litter harms nobody."""
        return not any(finding.grade == "damaged" and finding.left for finding in self.findings)


def verify(store: Store, *, repair: bool = False, report: Progress = ignore_progress) -> VerifyResult:
    """Look at every entry of every kind, the user's own data, the queue and what was set aside; `report` hears of (share,
    message)."""
    if repair:
        require_writable()
    entries = [entry for kind in CONFIG_TYPES for entry in store.folders(kind)]
    findings = [*_layout(store, repair), *_stale_files(store, repair)]
    for number, entry in enumerate(entries):
        report(number / len(entries), f"Reading {entry.kind}.")
        findings += [*_damaged(entry, repair), *_strays(entry, repair)]
    findings += [*_requests(store, repair), *_set_aside(store, repair), *_deleted(store), *_own_data(store, report)]
    return VerifyResult(len(entries), findings)


def damage_of(entry: Entry) -> dict[str, str]:
    """Names of files to what is wrong with them; of a finished entry also what it lacks."""
    damage = entry.damage()
    if not {STATE_FILE, MANIFEST_FILE, CONFIG_FILE} & set(damage) and entry.finished:
        damage |= {
            name: f"{name} is missing" for name in REQUIRED_FILES[entry.kind] if not entry.has(name) and name not in damage
        }
    return damage


def _deleted(store: Store) -> Iterator[Finding]:
    """What would come back damaged. Nobody reads it while it is deleted, so it is no damage of the store."""
    for entry in (entry for deletion in trash.deletions(store) for entry in deletion.entries):
        if damage := damage_of(entry):
            yield Finding(
                _place(store, entry.folder),
                "deleted",
                "; ".join(damage.values()),
                "bring it back, then repair; or ddnmf runs deleted --empty",
            )


def _own_data(store: Store, report: Progress) -> Iterator[Finding]:
    """The user's own data sets. Only the user has what they were made from, so nothing is done about them."""
    if store.root != default_root():
        return
    for name in user_sets.names():
        report(0.99, f"Reading {name}.")
        if problem := user_sets.find_problem(name):
            yield Finding(
                _place(store, user_sets.folder(name)),
                "damaged",
                problem,
                f"{LEFT_ALONE}: yours to do, with ddnmf data remove {name}",
            )


def _damaged(entry: Entry, repair: bool) -> Iterator[Finding]:
    damage = damage_of(entry)
    if damage and entry.locked:  # a worker may have written while we read
        damage = {name: problem for name, problem in damage_of(entry).items() if name in damage}
    if not damage or not entry.folder.exists():
        return
    chosen, problem = plan_repair(entry, damage), "; ".join(damage.values())
    finding = Finding(_place(Store(entry.root), entry.folder), "damaged", problem, chosen.sentence)
    yield _repaired(entry, chosen, finding) if repair else finding


def _repaired(entry: Entry, chosen: Remedy, finding: Finding) -> Finding:
    try:
        with entry.lock(patience=0.0):
            if chosen.set_aside_entry:
                Store(entry.root).set_aside(entry, finding.problem)
            else:
                apply_repair(entry, chosen, finding.problem)
    except Busy:
        return replace(finding, remedy=WORKED_ON)
    if chosen.requeue:
        Store(entry.root).request(entry.config)
    return replace(finding, left=False)


def _strays(entry: Entry, repair: bool) -> Iterator[Finding]:
    """Files that were written but not recorded before a kill, and files that are none of ours."""
    try:
        recorded = {*entry.names(""), *UNRECORDED_FILES}
    except CorruptFile:
        return
    if entry.locked:  # its worker may be about to record it
        return
    for path in sorted(entry.folder.rglob("*")):
        name = path.relative_to(entry.folder).as_posix()
        if path.is_dir() or name in recorded or path.name.endswith(".tmp"):
            continue
        if RECORDED_NAMES.fullmatch(name):
            yield _removed(Store(entry.root), path, "was written but never recorded", repair)
        else:
            yield Finding(_place(Store(entry.root), path), "foreign", "is no file of the store", LEFT_ALONE)


def _stale_files(store: Store, repair: bool) -> list[Finding]:
    """What killed writers left beside their files."""
    found = [
        Finding(_place(store, path), "litter", "its writer was killed", "removed", left=not repair)
        for path in sorted(store.root.rglob(".*.tmp"))
        if is_stale(path)
    ]
    if repair:
        store.remove_stale_files()
    return found


def _requests(store: Store, repair: bool) -> Iterator[Finding]:
    """Requests for what is not there, or that cannot be read: what they asked for says itself that it waits."""
    for path in sorted(store.queue.glob("[!.]*")):
        kind, _, entry_id = path.name.partition(".")
        if kind not in CONFIG_TYPES or not Entry(store.root, kind, entry_id).exists:
            yield _removed(store, path, "asks for what is not there", repair)
            continue
        try:
            read_document(path)
        except CorruptFile as error:
            yield _removed(store, path, str(error), repair)


def _removed(store: Store, path: Path, problem: str, repair: bool) -> Finding:
    if repair:
        path.unlink(missing_ok=True)
    return Finding(_place(store, path), "litter", problem, "removed", left=not repair)


def _layout(store: Store, repair: bool) -> Iterator[Finding]:
    try:
        layout_version(store.root)
    except CorruptFile as error:
        if repair:
            error.path.unlink()
            mark_layout(store.root)
        yield Finding(LAYOUT_FILE, "damaged", str(error), f"written again, as version {LAYOUT_VERSION}", left=not repair)


def _set_aside(store: Store, repair: bool) -> Iterator[Finding]:
    """Runs that were set aside for a file that can be made again, where no other has taken their place since."""
    for folder in sorted((store.root / "set-aside").glob("*")):
        match = SET_ASIDE_NAME.fullmatch(folder.name)
        if not match or match[1] != "runs" or Entry(store.root, "runs", match[2]).exists:
            continue
        entry: RunEntry = Entry(store.root, "runs", match[2], folder)
        damage = damage_of(entry)
        chosen = plan_repair(entry, damage)
        if chosen.set_aside_entry:
            continue
        finding = Finding(
            _place(store, folder),
            "set aside",
            "; ".join(damage.values()) or "nothing of it is damaged",
            "taken back" + (f"; {chosen.sentence}" if damage else ""),
        )
        yield _brought_back(entry, chosen, finding) if repair else finding


def _brought_back(aside: Entry, chosen: Remedy, finding: Finding) -> Finding:
    apply_repair(aside, chosen, finding.problem)
    (aside.folder / "why.txt").unlink(missing_ok=True)
    entry: Entry = Entry(aside.root, aside.kind, aside.id)
    try:
        aside.folder.rename(entry.folder)
    except OSError:
        if entry.folder.exists():  # computed again just now
            return finding
        raise
    if chosen.requeue:
        Store(entry.root).request(entry.config)
    return replace(finding, left=False)


def _place(store: Store, path: Path) -> str:
    return path.relative_to(store.root).as_posix()
