"""Export of runs to one archive: a zip of their folders, the same bytes for the same entries.

    ddnmf-archive.json              format version and list of contents
    <kind>/<id>/<file>              config.json, state.json, manifest.json and every file listed in the manifest
    data/<name>/<file>              on request: the user data sets that the runs were trained on

`archive_import.py` imports it. Nothing is compressed: weights and codes hardly shrink, and the bytes do not depend on zlib.
"""

import json
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data.user import user_sets
from ddnmf_core.files.atomic import KeptFile, document, read_file, sha256, temporary_name
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.store.entry import CONFIG_FILE, CONFIG_TYPES, DERIVED_KINDS, HISTORY_FILE, STATE_FILE, Busy, Entry, Status
from ddnmf_core.store.run_store import Store

ARCHIVE_HEADER, ARCHIVE_FORMAT = "ddnmf-archive.json", "DDNMF Studio archive"
ARCHIVE_VERSION = 2  # 2: may contain data sets
ARCHIVE_DATA: Final = "data"
EXPORTABLE_STATUSES: tuple[Status, ...] = ("finished", "stopped", "diverged")  # a failure is specific to its machine
CHUNK_BYTES = 2**20  # copied at once
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip member


@dataclass
class ExportResult:
    """Contents of an archive, and the entries left out with the reason."""

    entries: list[Entry] = field(default_factory=list)
    left_out: dict[Entry, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)  # user data sets included
    without_data: list[str] = field(default_factory=list)  # user data sets needed but not included


def exportable_entries(store: Store) -> list[Entry]:
    """List all exportable entries of every kind."""
    return [entry for kind in CONFIG_TYPES for entry in store.entries(kind) if entry.state.status in EXPORTABLE_STATUSES]


def with_derived(runs: Iterable[Entry]) -> list[Entry]:
    """List runs with their finished maps, clusterings and interpretations."""
    chosen = list(dict.fromkeys(runs))
    derived = [entry for kind in DERIVED_KINDS for entry in (Store(chosen[0].root).entries(kind) if chosen else [])]
    return [*chosen, *(entry for entry in derived if entry.run in set(chosen) and entry.finished)]


def export_archive(
    entries: Iterable[Entry], out: Path, report: Progress = ignore_progress, with_data: bool = False
) -> ExportResult:
    """Export entries to one archive; damaged and unfinished ones are left out.

    Parameters
    ----------
    entries
        Entries to export.
    out
        File to write, atomically.
    report
        Callback for progress.
    with_data
        Include the user data sets that the entries were computed from.

    Returns
    -------
    ExportResult

    Raises
    ------
    ValueError
        If the file exists, its folder does not, or no entry can be exported.
    RuntimeError
        If a worker has just started on one of the entries.
    DataError
        If a data set is missing or damaged.
    """
    if out.exists():
        raise ValueError(f"{out} already exists: choose another name, or remove it")
    if not out.parent.is_dir():
        raise ValueError(f"no folder {out.parent} for {out.name}: create it first")
    exported, tmp = ExportResult(), temporary_name(out)
    wanted = sorted(set(entries), key=lambda entry: (entry.kind, entry.id))
    try:
        with zipfile.ZipFile(tmp, "w", zipfile.ZIP_STORED) as archive:
            for number, entry in enumerate(wanted):
                report(number / len(wanted), f"Exporting {entry.kind}.")
                if reason := _reason_to_leave_out(entry):
                    exported.left_out[entry] = reason
                else:
                    _pack(archive, entry)
                    exported.entries.append(entry)
            needed = user_data_sets(exported.entries)
            exported.data, exported.without_data = (needed, []) if with_data else ([], needed)
            for name in exported.data:
                _pack_data(archive, name)
            _add(archive, ARCHIVE_HEADER, _header(exported))
        if not exported.entries:
            raise ValueError("; ".join(["nothing to export", *exported.left_out.values()]))
        tmp.replace(out)
    finally:
        tmp.unlink(missing_ok=True)
    return exported


def user_data_sets(entries: Iterable[Entry]) -> list[str]:
    """List the user data sets that entries were computed from."""
    names = {getattr(entry.config, "dataset", "") or "" for entry in entries}
    return sorted(name for name in names if USER_DATASET.fullmatch(name))


def _header(exported: ExportResult) -> bytes:
    """Describe the archive: version 1, readable by older programs, unless there are data sets."""
    contents = [f"{entry.kind}/{entry.id}" for entry in exported.entries]
    data = {"data": exported.data} if exported.data else {}
    return json.dumps(
        {"format": ARCHIVE_FORMAT, "version": ARCHIVE_VERSION if data else 1, "entries": contents, **data}, indent=1
    ).encode()


def _reason_to_leave_out(entry: Entry) -> str:
    """Return why an entry cannot be exported, or an empty text."""
    try:
        problems = entry.problems()
    except KeptFile as error:
        return f"{entry.kind}/{entry.id} cannot be exported: {error}"
    if problems:
        return f"{entry.kind}/{entry.id} is damaged ({'; '.join(problems)}): run ddnmf runs verify --repair"
    status = entry.state.status
    if status in EXPORTABLE_STATUSES:
        return ""
    return f"{entry.kind}/{entry.id} is {status}: should be one of {', '.join(EXPORTABLE_STATUSES)}"


def _pack(archive: zipfile.ZipFile, entry: Entry) -> None:
    """Add an entry under its lock: verify each file again and write a manifest that includes the history."""
    try:
        with entry.lock():
            files = {name: entry.read_bytes(name) for name in entry.names("")}
            if HISTORY_FILE not in files and (entry.folder / HISTORY_FILE).exists():
                rows = read_file(entry.folder / HISTORY_FILE)
                files[HISTORY_FILE] = rows[: rows.rfind(b"\n") + 1]  # without a line cut off by a kill
            files[CONFIG_FILE], files[STATE_FILE] = (read_file(entry.folder / name) for name in (CONFIG_FILE, STATE_FILE))
    except Busy:
        raise RuntimeError(f"{entry.kind}/{entry.id} is in use by a worker: stop it, or wait until it ends") from None
    digests = {name: sha256(files[name]) for name in sorted(files) if name not in (CONFIG_FILE, STATE_FILE)}
    files[MANIFEST_FILE] = document(digests)
    for name in sorted(files):
        _add(archive, f"{entry.kind}/{entry.id}/{name}", files[name])


def _pack_data(archive: zipfile.ZipFile, name: str) -> None:
    """Verify a data set, then copy it in chunks: it may be larger than memory."""
    user_sets.arrays(name)
    for file in (user_sets.META_FILE, user_sets.ARRAYS_FILE):
        with (
            (user_sets.folder(name) / file).open("rb") as source,
            archive.open(_member(f"{ARCHIVE_DATA}/{name}/{file}"), "w", force_zip64=True) as target,
        ):
            shutil.copyfileobj(source, target, CHUNK_BYTES)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_member(name), content)


def _member(name: str) -> zipfile.ZipInfo:
    """Create a zip member whose header is the same on every system and date."""
    member = zipfile.ZipInfo(name, FIXED_DATE)
    member.create_system, member.external_attr = 3, 0o600 << 16
    return member
