"""Deletion and restore: deleted entries stay in the store for some days.

    deleted/<when>.<kind>.<id>/     a deleted entry; <when> in nanoseconds since 1970, the same for entries deleted together

Every step is one rename, so a kill between two steps leaves each entry either in place or deleted, never half of it.
"""

import re
import shutil
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from ddnmf_core.files.atomic import CorruptFile, make_folder, remove_file, temporary_name
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.store.entry import CONFIG_TYPES, DERIVED_KINDS, ENDED_STATUSES, ENTRY_ID, Busy, Entry, UnknownEntry
from ddnmf_core.store.run_store import Store

DELETED = "deleted"
KEPT_DAYS = 7
KEPT_BYTES = 5 * 2**30  # of all deleted entries; the newest deletion is always kept
DAY_NS = 86_400_000_000_000
FOLDER_NAME = re.compile(rf"(\d{{1,20}})\.({'|'.join(CONFIG_TYPES)})\.({ENTRY_ID.pattern})")


@dataclass(frozen=True)
class Deletion:
    """Entries deleted together; the first is the one that was chosen, the others are derived from it."""

    at: int  # nanoseconds since 1970
    entries: tuple[Entry, ...]

    @property
    def id(self) -> str:
        """Id of the chosen entry."""
        return self.entries[0].id

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(entry.size for entry in self.entries)

    @property
    def days_left(self) -> float:
        """Days until the permanent deletion; negative if overdue."""
        return KEPT_DAYS - (time.time_ns() - self.at) / DAY_NS


def delete_entry(entry: Entry) -> None:
    """Delete an entry and the entries derived from it; raise Busy and delete nothing if a worker holds one of them."""
    require_writable()
    together = [*derived_entries(entry), entry]
    at, store = time.time_ns(), Store(entry.root)
    make_folder(store.root / DELETED)
    with ExitStack() as held:
        asked = [member for member in together if not member.stop_requested]
        try:
            for member in together:
                member.request_stop()
                held.enter_context(member.lock(patience=5.0))
        except Busy:
            for member in asked:  # nothing is deleted, so nothing is stopped either
                member.clear_stop()
            raise
        for member in together:
            member.clear_stop()
            remove_file(store.request_path(member))
            member.folder.rename(store.root / DELETED / f"{at}.{member.kind}.{member.id}")
    empty_expired(store)


def derived_entries(entry: Entry) -> list[Entry]:
    """List the maps, clusterings and interpretations derived from a run."""
    return [other for kind in DERIVED_KINDS for other in Store(entry.root).entries(kind) if other.run == entry]


def deletions(store: Store) -> list[Deletion]:
    """List the deletions that can be restored, newest first."""
    entries: dict[int, list[Entry]] = {}
    for folder in (store.root / DELETED).glob("*"):
        if (match := FOLDER_NAME.fullmatch(folder.name)) and folder.is_dir():
            at, kind, entry_id = match.groups()
            entries.setdefault(int(at), []).append(Entry(store.root, kind, entry_id, folder))  # type: ignore[arg-type]
    return [
        Deletion(at, tuple(sorted(entries[at], key=lambda entry: (entry.kind != "runs", entry.kind, entry.id))))
        for at in sorted(entries, reverse=True)
    ]


def latest_deletion(store: Store, entry_id: str) -> Deletion:
    """Find the latest deletion that contains an entry; raise UnknownEntry if there is none."""
    for deletion in deletions(store):
        if entry_id in [entry.id for entry in deletion.entries]:
            return deletion
    raise UnknownEntry(
        f"No deleted entry {entry_id!r} in {store.root}. Deleted entries are kept for {KEPT_DAYS} days; "
        "`ddnmf runs deleted` lists them."
    )


def restore_deletion(deletion: Deletion) -> list[Entry]:
    """Restore all entries of a deletion; return the restored ones.

    An entry recomputed meanwhile stays, and the deleted one is not restored.
    """
    require_writable()
    return [restored for deleted in deletion.entries if (restored := _restore(deleted))]


def _restore(deleted: Entry) -> Entry | None:
    entry: Entry = Entry(deleted.root, deleted.kind, deleted.id)
    make_folder(entry.folder.parent)
    try:
        deleted.folder.rename(entry.folder)
    except OSError:
        if entry.folder.exists():
            return None
        raise
    with suppress(CorruptFile):  # a damaged state is set aside when the entry is listed
        if (state := entry.state).status not in (*ENDED_STATUSES, "new"):
            entry.set_state(replace(state, status="stopped", message="Restored after deletion; it can be resumed."))
    return entry


def empty_expired(store: Store, most_bytes: int = KEPT_BYTES) -> int:
    """Permanently delete what is overdue or exceeds `most_bytes`; return the number of deletions."""
    kept, removed = 0, 0
    for number, deletion in enumerate(deletions(store)):
        kept += deletion.size
        if deletion.days_left < 0 or (number > 0 and kept > most_bytes):
            remove_deletion(deletion)
            removed += 1
    return removed


def remove_deletion(deletion: Deletion) -> None:
    """Delete permanently. Each folder is renamed first, so that half of an entry is never restored."""
    require_writable()
    for entry in deletion.entries:
        tmp = temporary_name(entry.folder)
        with suppress(FileNotFoundError):  # restored or removed by another process
            entry.folder.rename(tmp)
            shutil.rmtree(tmp, ignore_errors=True)
