"""Verification: check every stored file for damage, find stale files and, with `repair`, repair what is possible.

Without `repair` nothing changes. Entries held by a worker are checked but never repaired.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data.user import user_sets
from ddnmf_core.files.atomic import (
    ODD_NAME,
    CorruptFile,
    KeptFile,
    NewerFile,
    is_plain_file,
    is_stale,
    make_folder,
    read_document,
    remove_file,
)
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
    ENTRY_ID,
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
)
from ddnmf_core.store.repair import Remedy, apply_repair, plan_repair
from ddnmf_core.store.run_store import Store, reason_path

Grade = Literal["damaged", "unreadable", "litter", "foreign", "newer", "set aside", "deleted"]

REQUIRED_FILES: dict[Kind, tuple[str, ...]] = {  # of finished entries
    "runs": (MODEL_FILE, CODES_FILE, CLUSTERS_FILE, SCORES_FILE, PROVENANCE_FILE, HISTORY_FILE),
    "embeddings": (POINTS_FILE,),
    "clusterings": (CLUSTERS_FILE, SCORES_FILE),
    "interpretations": (INTERPRETATION_FILE, PARTS_FILE, SCORES_FILE),
    "pixel-nmf": (FACTORS_FILE,),
}
UNRECORDED_FILES = {CONFIG_FILE, STATE_FILE, MANIFEST_FILE, HISTORY_FILE, LOCK_FILE, STOP_FILE}
SET_ASIDE_NAME = re.compile(rf"({'|'.join(CONFIG_TYPES)})-({ENTRY_ID.pattern}|)-\d+")
STORE_FILES = {LAYOUT_FILE, "tour-ended", "engine.json", "engine.lock", "engine.log", "engine-trouble.json"}
LEFT_ALONE = "unchanged"
WORKED_ON = "in use by a worker: stop it, then verify again"


@dataclass(frozen=True)
class Finding:
    """A problem of the store."""

    place: str  # path in the store
    grade: Grade
    problem: str
    remedy: str  # repair, planned or done
    left: bool = True  # not repaired


@dataclass(frozen=True)
class VerifyResult:
    """Outcome of a verification."""

    n_entries: int
    findings: list[Finding]

    @property
    def whole(self) -> bool:
        """Whether no damage is left and all could be read. Stale files are harmless."""
        return not any(finding.grade in ("damaged", "unreadable") and finding.left for finding in self.findings)


def verify(store: Store, *, repair: bool = False, report: Progress = ignore_progress) -> VerifyResult:
    """Check all entries, user data sets, requests, set-aside and deleted entries.

    Parameters
    ----------
    store
        Store to check; a store that does not exist has no findings.
    repair
        Repair or remove what is found; raises ReadOnlyError in read-only mode.
    report
        Callback for progress.

    Returns
    -------
    VerifyResult
    """
    if repair:
        require_writable()
    entries = [entry for kind in CONFIG_TYPES for entry in store.folders(kind)]
    findings = [*_layout(store, repair), *_stale_files(store, repair), *_foreign(store)]
    for number, entry in enumerate(entries):
        report(number / len(entries), f"Reading {entry.kind}.")
        findings += [*_damaged(entry, repair), *_strays(entry, repair)]
    findings += [*_requests(store, repair), *_set_aside(store, repair), *_deleted(store), *_user_data(store, report)]
    return VerifyResult(len(entries), findings)


def damage_of(entry: Entry) -> dict[str, str]:
    """Map file names to problems; for a finished entry this includes missing files."""
    damage = entry.damage()
    if not {STATE_FILE, MANIFEST_FILE, CONFIG_FILE} & set(damage) and entry.finished:
        damage |= {
            name: f"{name} is missing" for name in REQUIRED_FILES[entry.kind] if not entry.has(name) and name not in damage
        }
    return damage


def _damage_or_reason(entry: Entry) -> dict[str, str]:
    """Map file names to problems; of an entry that cannot be read here, the file that is the reason."""
    try:
        return damage_of(entry)
    except KeptFile as error:
        return {error.path.name: str(error)}


def _deleted(store: Store) -> Iterator[Finding]:
    """Find damaged entries in the trash. They are reported, but do not make the store invalid."""
    for entry in (entry for deletion in trash.deletions(store) for entry in deletion.entries):
        if damage := _damage_or_reason(entry):
            yield Finding(
                _place(store, entry.folder),
                "deleted",
                "; ".join(damage.values()),
                "restore it, then repair; or ddnmf runs deleted --empty",
            )


def _user_data(store: Store, report: Progress) -> Iterator[Finding]:
    """Find damaged user data sets. Only the user has the original files, so they are never repaired."""
    if store.root != default_root():
        return
    for name in user_sets.names():
        report(0.99, f"Reading {name}.")
        if problem := user_sets.find_problem(name):
            yield Finding(
                _place(store, user_sets.folder(name)),
                "damaged",
                problem,
                f"{LEFT_ALONE}: remove it with ddnmf data remove {name}, then add it again",
            )


def _damaged(entry: Entry, repair: bool) -> Iterator[Finding]:
    try:
        damage = damage_of(entry)
    except KeptFile as error:
        grade: Grade = "newer" if isinstance(error, NewerFile) else "unreadable"
        yield Finding(_place(Store(entry.root), entry.folder), grade, str(error), LEFT_ALONE)
        return
    if damage and entry.locked:  # the worker may have written meanwhile
        damage = {name: problem for name, problem in damage_of(entry).items() if name in damage}
    if not damage or not entry.folder.exists():
        return
    remedy, problem = plan_repair(entry, damage), "; ".join(damage.values())
    finding = Finding(_place(Store(entry.root), entry.folder), "damaged", problem, remedy.sentence)
    yield _repaired(entry, remedy, finding) if repair else finding


def _repaired(entry: Entry, remedy: Remedy, finding: Finding) -> Finding:
    try:
        with entry.lock(patience=0.0):
            if remedy.set_aside_entry:
                Store(entry.root).set_aside(entry, finding.problem)
            else:
                apply_repair(entry, remedy, finding.problem)
    except Busy:
        return replace(finding, remedy=WORKED_ON)
    if remedy.requeue:
        Store(entry.root).request(entry.config)
    return replace(finding, left=False)


def _foreign(store: Store) -> Iterator[Finding]:
    """Find what lies among the entries and is none."""
    known: dict[str, re.Pattern[str]] = {
        **dict.fromkeys(CONFIG_TYPES, ENTRY_ID),
        trash.DELETED: trash.FOLDER_NAME,
        "set-aside": SET_ASIDE_NAME,
        "data": USER_DATASET,
    }
    for parent, pattern in known.items():
        for path in sorted((store.root / parent).glob("[!.]*")):
            if not (pattern.fullmatch(path.name) and path.is_dir()):
                yield Finding(_place(store, path), "foreign", "not an entry", LEFT_ALONE)
    for path in sorted(store.root.glob("[!.]*")):
        if ODD_NAME.fullmatch(path.name) or (path.name in {*known, "queue"} and not path.is_dir()):
            yield Finding(_place(store, path), "foreign", "not a file of the store", LEFT_ALONE)
        elif path.name in STORE_FILES and not path.is_file():
            yield Finding(_place(store, path), "foreign", "not a file", f"{LEFT_ALONE}; moved beside when it is needed")


def _strays(entry: Entry, repair: bool) -> Iterator[Finding]:
    """Find files that were written but not recorded before a kill, and files that do not belong to the store."""
    try:
        recorded = {*entry.names(""), *UNRECORDED_FILES}
    except CorruptFile:
        return
    if entry.locked:  # the worker may be about to record it
        return
    for path in sorted(entry.folder.rglob("*")):
        name = path.relative_to(entry.folder).as_posix()
        if (name == "snapshots" and path.is_dir()) or name in recorded or path.name.endswith(".tmp"):
            if name in (LOCK_FILE, STOP_FILE) and not is_plain_file(path):
                yield _removed(Store(entry.root), path, "not a file", repair)
            continue
        if RECORDED_NAMES.fullmatch(name):
            yield _removed(Store(entry.root), path, "written but not recorded in the manifest", repair)
        else:
            yield Finding(_place(Store(entry.root), path), "foreign", "not a file of the store", LEFT_ALONE)


def _stale_files(store: Store, repair: bool) -> list[Finding]:
    """Find temporary files of killed processes."""
    findings = [
        Finding(_place(store, path), "litter", "temporary file of a killed process", "removed", left=not repair)
        for path in sorted(store.root.rglob(".*.tmp"))
        if is_stale(path)
    ]
    if repair:
        store.remove_stale_files()
    return findings


def _requests(store: Store, repair: bool) -> Iterator[Finding]:
    """Find requests of missing entries, and unreadable ones; an entry's own state still says that it is queued."""
    for path in sorted(store.queue.glob("[!.]*")):
        kind, _, entry_id = path.name.partition(".")
        if not (kind in CONFIG_TYPES and ENTRY_ID.fullmatch(entry_id)):
            yield Finding(_place(store, path), "foreign", "not a request", LEFT_ALONE)
            continue
        if not Entry(store.root, kind, entry_id).exists:
            yield _removed(store, path, "request of a missing entry", repair)
            continue
        try:
            read_document(path)
        except CorruptFile as error:
            yield _removed(store, path, str(error), repair)


def _removed(store: Store, path: Path, problem: str, repair: bool) -> Finding:
    if repair:
        remove_file(path)
    return Finding(_place(store, path), "litter", problem, "removed", left=not repair)


def _layout(store: Store, repair: bool) -> Iterator[Finding]:
    try:
        layout_version(store.root)
    except CorruptFile as error:
        if repair:
            remove_file(error.path)
            mark_layout(store.root)
        yield Finding(LAYOUT_FILE, "damaged", str(error), f"rewritten as version {LAYOUT_VERSION}", left=not repair)


def _set_aside(store: Store, repair: bool) -> Iterator[Finding]:
    """Find entries that were set aside but are whole or can be repaired, unless they were recomputed since."""
    for kind, entry_id, folder in _entries_set_aside(store):
        if Entry(store.root, kind, entry_id).exists:
            continue
        entry: Entry = Entry(store.root, kind, entry_id, folder)
        damage = _damage_or_reason(entry)
        remedy = plan_repair(entry, damage) if damage or kind == "runs" else Remedy("restored")
        if reason := entry.why_kept():
            yield Finding(_place(store, folder), "set aside", reason, LEFT_ALONE)
        if reason or remedy.set_aside_entry:  # `notices` tells it
            continue
        finding = Finding(
            _place(store, folder),
            "set aside",
            "; ".join(damage.values()) or "undamaged",
            "restored" + (f"; {remedy.sentence}" if damage else ""),
        )
        yield _restored(entry, remedy, finding) if repair else finding


def _entries_set_aside(store: Store) -> Iterator[tuple[Kind, str, Path]]:
    """List the entries in set-aside/: kind, id and folder. An older version could move a kind's whole folder there."""
    for folder in sorted((store.root / "set-aside").glob("*")):
        if match := SET_ASIDE_NAME.fullmatch(folder.name):
            if match[2]:
                yield match[1], match[2], folder  # type: ignore[misc]
            else:
                children = [child for child in sorted(folder.glob("*")) if ENTRY_ID.fullmatch(child.name) and child.is_dir()]
                yield from ((match[1], child.name, child) for child in children)  # type: ignore[misc]


def _restored(aside: Entry, remedy: Remedy, finding: Finding) -> Finding:
    apply_repair(aside, remedy, finding.problem)
    remove_file(reason_path(aside.folder))
    entry: Entry = Entry(aside.root, aside.kind, aside.id)
    make_folder(entry.folder.parent)
    try:
        aside.folder.rename(entry.folder)
    except OSError:
        if entry.folder.exists():  # recomputed meanwhile
            return finding
        raise
    if remedy.requeue:
        Store(entry.root).request(entry.config)
    return replace(finding, left=False)


def _place(store: Store, path: Path) -> str:
    return path.relative_to(store.root).as_posix()
