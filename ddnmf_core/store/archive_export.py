"""Runs as one file to carry elsewhere or to keep: a zip of their folders, the same bytes for the same entries.

    ddnmf-archive.json              the format's version, and what is inside
    <kind>/<id>/<file>              config.json, state.json, manifest.json and every file that this manifest lists
    data/<name>/<file>              where it was asked for: the user's own data sets that the runs were trained on

`archive_import.py` takes it in again. Nothing is compressed: weights and codes hardly shrink, and the bytes depend on no zlib.
"""

import json
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data.user import user_sets
from ddnmf_core.files.atomic import document, sha256, temporary_name
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.store.entry import CONFIG_FILE, CONFIG_TYPES, DERIVED_KINDS, HISTORY_FILE, STATE_FILE, Busy, Entry, Status
from ddnmf_core.store.run_store import Store

ARCHIVE_HEADER, ARCHIVE_FORMAT, ARCHIVE_VERSION = (
    "ddnmf-archive.json",
    "DDNMF Studio archive",
    2,
)  # 2: there may be data sets inside
ARCHIVE_DATA = "data"
EXPORTABLE_STATUSES: tuple[Status, ...] = (
    "finished",
    "stopped",
    "diverged",
)  # a failure tells of the machine where it happened
CHUNK_BYTES = 2**20  # bytes that are copied at once
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the first day that a zip can name


@dataclass
class ExportResult:
    """What is in an archive, and what is not, with the reason."""

    entries: list[Entry] = field(default_factory=list)
    left_out: dict[Entry, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)  # the user's own sets that are inside
    without_data: list[str] = field(default_factory=list)  # those that are needed and are not


def exportable_entries(store: Store) -> list[Entry]:
    """All that could be exported, of every kind."""
    return [entry for kind in CONFIG_TYPES for entry in store.entries(kind) if entry.state.status in EXPORTABLE_STATUSES]


def with_derived(runs: Iterable[Entry]) -> list[Entry]:
    """Runs, and their finished maps, clusters and interpretations."""
    named = list(dict.fromkeys(runs))
    wanted = set(named)
    made = [entry for kind in DERIVED_KINDS for entry in (Store(named[0].root).entries(kind) if named else [])]
    return [*named, *(entry for entry in made if entry.run in wanted and entry.finished)]


def export_archive(
    entries: Iterable[Entry], out: Path, report: Progress = ignore_progress, with_data: bool = False
) -> ExportResult:
    """Write these entries into one file, beside and renamed; what is damaged, unfinished or worked on is left out and named.

    With `with_data` the user's own data sets that they were made of go with them. Raises ValueError where the file is there
    already, or where nothing is left to write; DataError where a data set is damaged or gone.
    """
    if out.exists() or not out.parent.is_dir():
        raise ValueError(
            f"{out} is there already: choose another name, or remove it" if out.exists() else f"there is no folder {out.parent}"
        )
    exported, beside = ExportResult(), temporary_name(out)
    wanted = sorted(set(entries), key=lambda entry: (entry.kind, entry.id))
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            for number, entry in enumerate(wanted):
                report(number / len(wanted), f"Packing {entry.kind}.")
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
            raise ValueError("; ".join(["there is nothing to export", *exported.left_out.values()]))
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    return exported


def user_data_sets(entries: Iterable[Entry]) -> list[str]:
    """The user's own data sets that these entries were made of."""
    found = {getattr(entry.config, "dataset", "") or "" for entry in entries}
    return sorted(name for name in found if USER_DATASET.fullmatch(name))


def _header(exported: ExportResult) -> bytes:
    """Without data sets it is an archive of the first version, which older programs can read."""
    inside = [f"{entry.kind}/{entry.id}" for entry in exported.entries]
    data = {"data": exported.data} if exported.data else {}
    return json.dumps(
        {"format": ARCHIVE_FORMAT, "version": ARCHIVE_VERSION if data else 1, "entries": inside, **data}, indent=1
    ).encode()


def _reason_to_leave_out(entry: Entry) -> str:
    """Empty when it can be carried."""
    if problems := entry.problems():
        return f"{entry.kind}/{entry.id} is damaged ({'; '.join(problems)}): ddnmf runs verify --repair"
    status = entry.state.status
    return "" if status in EXPORTABLE_STATUSES else f"{entry.kind}/{entry.id} is {status}: only what has ended well is exported"


def _pack(archive: zipfile.ZipFile, entry: Entry) -> None:
    """Everything under the entry's lock, each file checked once more, under a manifest that lists the history, too."""
    try:
        with entry.lock():
            files = {name: entry.read_bytes(name) for name in entry.names("")}
            if HISTORY_FILE not in files and (entry.folder / HISTORY_FILE).exists():
                rows = (entry.folder / HISTORY_FILE).read_bytes()
                files[HISTORY_FILE] = rows[: rows.rfind(b"\n") + 1]  # without a line that a kill cut short
            files[CONFIG_FILE], files[STATE_FILE] = ((entry.folder / name).read_bytes() for name in (CONFIG_FILE, STATE_FILE))
    except Busy:
        raise RuntimeError(f"{entry.kind}/{entry.id} has just been taken up by a worker: stop it, or wait for it") from None
    digests = {name: sha256(files[name]) for name in sorted(files) if name not in (CONFIG_FILE, STATE_FILE)}
    files[MANIFEST_FILE] = document(digests)
    for name in sorted(files):
        _add(archive, f"{entry.kind}/{entry.id}/{name}", files[name])


def _pack_data(archive: zipfile.ZipFile, name: str) -> None:
    """Checked, then copied block by block: a set may be larger than memory."""
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
    """The same on every system and every day."""
    member = zipfile.ZipInfo(name, FIXED_DATE)
    member.create_system, member.external_attr = 3, 0o600 << 16
    return member
