"""What was deleted: kept in the store for a while, so that a deletion can be undone.

    deleted/<when>.<kind>.<id>/     an entry as it was; <when> in nanoseconds since 1970, the same for all that went together

Every step is one rename: a kill between two of them leaves each entry in its place or in here, never half of it.
"""

import re
import shutil
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from ddnmf_core.files.atomic import CorruptFile, temporary_name
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.store.entry import CONFIG_TYPES, DERIVED_KINDS, ENDED_STATUSES, Busy, Entry, UnknownEntry
from ddnmf_core.store.run_store import Store

DELETED = "deleted"
KEPT_DAYS = 7
KEPT_BYTES = 5 * 2**30  # of all that was deleted; the newest stays in any case
DAY_NS = 86_400_000_000_000  # nanoseconds
FOLDER_NAME = re.compile(rf"(\d{{1,20}})\.({'|'.join(CONFIG_TYPES)})\.(\w+)")


@dataclass(frozen=True)
class Deletion:
    """Entries that were deleted together, the one that somebody deleted first."""

    at: int  # nanoseconds since 1970
    entries: tuple[Entry, ...]

    @property
    def id(self) -> str:
        return self.entries[0].id

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(entry.size for entry in self.entries)

    @property
    def days_left(self) -> float:
        return KEPT_DAYS - (time.time_ns() - self.at) / DAY_NS


def delete_entry(entry: Entry) -> None:
    """Take an entry, and what is made of it, out of its store; raises Busy, with all in its place, while one is worked on."""
    require_writable()
    together = [*derived_entries(entry), entry]
    at, store = time.time_ns(), Store(entry.root)
    (store.root / DELETED).mkdir(exist_ok=True)
    with ExitStack() as held:
        asked = [each for each in together if not each.stop_requested]
        try:
            for each in together:
                each.request_stop()
                held.enter_context(each.lock(patience=5.0))
        except Busy:
            for each in asked:  # what was not deleted is not stopped for it either
                each.clear_stop()
            raise
        for each in together:
            each.clear_stop()
            store.request_path(each).unlink(missing_ok=True)
            each.folder.rename(store.root / DELETED / f"{at}.{each.kind}.{each.id}")
    empty_expired(store)


def derived_entries(entry: Entry) -> list[Entry]:
    """The maps, clusters and interpretations that would be nothing without this run."""
    return [other for kind in DERIVED_KINDS for other in Store(entry.root).entries(kind) if other.run == entry]


def deletions(store: Store) -> list[Deletion]:
    """What can be brought back, the newest deletion first."""
    found: dict[int, list[Entry]] = {}
    for folder in (store.root / DELETED).glob("*"):
        if match := FOLDER_NAME.fullmatch(folder.name):
            at, kind, entry_id = match.groups()
            found.setdefault(int(at), []).append(Entry(store.root, kind, entry_id, folder))  # type: ignore[arg-type]
    return [
        Deletion(at, tuple(sorted(found[at], key=lambda each: (each.kind != "runs", each.kind, each.id))))
        for at in sorted(found, reverse=True)
    ]


def latest_deletion(store: Store, entry_id: str) -> Deletion:
    """The last deletion of this entry; raises UnknownEntry."""
    for deletion in deletions(store):
        if entry_id in [entry.id for entry in deletion.entries]:
            return deletion
    raise UnknownEntry(
        f"Nothing that was deleted from {store.root} is called {entry_id!r}. What was deleted is kept for "
        f"{KEPT_DAYS} days; `ddnmf runs deleted` shows it."
    )


def restore_deletion(deletion: Deletion) -> list[Entry]:
    """Bring back all that was deleted together; returns what came back.

    What has been computed again meanwhile keeps its place, and the deleted one stays where it is.
    """
    require_writable()
    return [back for gone in deletion.entries if (back := _back(gone))]


def _back(gone: Entry) -> Entry | None:
    entry: Entry = Entry(gone.root, gone.kind, gone.id)
    entry.folder.parent.mkdir(exist_ok=True)
    try:
        gone.folder.rename(entry.folder)
    except OSError:
        if entry.folder.exists():
            return None
        raise
    with suppress(CorruptFile):  # it is set aside when somebody looks at it
        if (state := entry.state).status not in (*ENDED_STATUSES, "new"):
            entry.set_state(replace(state, status="stopped", message="It was deleted and brought back; it can be resumed."))
    return entry


def empty_expired(store: Store, most_bytes: int = KEPT_BYTES) -> int:
    """Remove for good what was deleted long ago, or is too much; returns how many deletions that were."""
    kept, removed = 0, 0
    for number, deletion in enumerate(deletions(store)):
        kept += deletion.size
        if deletion.days_left < 0 or (number > 0 and kept > most_bytes):
            remove_deletion(deletion)
            removed += 1
    return removed


def remove_deletion(deletion: Deletion) -> None:
    """For good. Renamed first: nobody brings half of it back."""
    require_writable()
    for entry in deletion.entries:
        gone = temporary_name(entry.folder)
        with suppress(FileNotFoundError):  # somebody has just brought it back, or removed it
            entry.folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
