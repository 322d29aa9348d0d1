"""Import of archives: untrusted files, so everything is checked before it enters the store.

Signs of tampering (path traversal, links, unknown names, size bombs) reject the whole archive; corruption rejects only its
entry. An entry is imported completely or not at all.
"""

import json
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, Literal, cast

from pydantic import TypeAdapter

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data.user import validation
from ddnmf_core.data.user.validation import DATA_FILES
from ddnmf_core.files.atomic import CorruptFile, document, make_folder, read_document, temporary_name
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.store.archive_export import (
    ARCHIVE_DATA,
    ARCHIVE_FORMAT,
    ARCHIVE_HEADER,
    ARCHIVE_VERSION,
    CHUNK_BYTES,
    EXPORTABLE_STATUSES,
)
from ddnmf_core.store.content_checks import check_content
from ddnmf_core.store.entry import CONFIG_FILE, CONFIG_TYPES, RECORDED_NAMES, STATE_FILE, Entry, Kind, State
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import damage_of

REQUIRED_MEMBERS = (CONFIG_FILE, STATE_FILE, MANIFEST_FILE)
DATA_MEMBER = re.compile(rf"{ARCHIVE_DATA}/({USER_DATASET.pattern})/({'|'.join(map(re.escape, sorted(DATA_FILES)))})")
MEMBER = re.compile(
    rf"({'|'.join(CONFIG_TYPES)})/([0-9a-f]{{16}})/({'|'.join(map(re.escape, REQUIRED_MEMBERS))}|{RECORDED_NAMES.pattern})"
)
MAX_MEMBERS = 200_000
MAX_ARCHIVE_BYTES = 64 * 2**30  # unpacked
MAX_FILE_BYTES = 4 * 2**30
MAX_TEXT_BYTES = 64 * 2**20  # of a JSON file, which is read into memory
MAX_COMPRESSION_RATIO = 100  # declared to packed size; weights shrink by tenths only
SMALL_BYTES = 2**20  # files below may exceed the ratio
DIGEST = re.compile("[0-9a-f]{64}")


class BadArchive(ValueError):
    """The file is not an archive of runs, or it was tampered with; nothing was imported."""


class _BadEntry(Exception):
    """The entry is not as it was exported."""


@dataclass
class ImportResult:
    """Outcome of an import."""

    imported: list[Entry] = field(default_factory=list)
    data: list[str] = field(default_factory=list)  # user data sets imported
    already_present: list[Entry] = field(default_factory=list)  # skipped
    refused: dict[str, str] = field(default_factory=dict)  # rejected: kind/id to the reason


def import_archive(store: Store, file: Path | IO[bytes], report: Progress = ignore_progress) -> ImportResult:
    """Import the entries and data sets that the store does not have.

    Parameters
    ----------
    store
        Store to import into.
    file
        Archive written by `export_archive`.
    report
        Callback for progress.

    Returns
    -------
    ImportResult

    Raises
    ------
    BadArchive
        If the file is not an archive of runs or was tampered with; nothing is written then.
    OSError
        If there is not enough disk space.
    ReadOnlyError
        In read-only mode.
    """
    require_writable()
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _listed(archive)
            _check_space(store, [member for members in entries.values() for member in members.values()])
            imported = ImportResult()
            for number, ((kind, entry_id), members) in enumerate(entries.items()):
                report(number / len(entries), f"Importing {kind}.")
                if kind == ARCHIVE_DATA:
                    _import_data(archive, store, entry_id, members, imported)
                else:
                    _import_entry(archive, Entry(store.root, kind, entry_id), members, imported)
            return imported
    except zipfile.BadZipFile as error:
        raise BadArchive(f"not a readable zip file ({error})") from None


# --------------------------------------------------------------------------------- the list of members


def _listed(archive: zipfile.ZipFile) -> dict[tuple[Kind | Literal["data"], str], dict[str, zipfile.ZipInfo]]:
    """List the files of each data set and entry, data sets first, then runs; raise BadArchive for invalid ones."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise BadArchive(f"the archive has {len(members):,} files: should be at most {MAX_MEMBERS:,}")
    if len({member.filename for member in members}) < len(members):
        raise BadArchive("the archive has two files with the same name")
    entries: dict[tuple[Kind | Literal["data"], str], dict[str, zipfile.ZipInfo]] = {}
    for member in members:
        _check_size(member)
        if member.filename != ARCHIVE_HEADER:
            kind, entry_id, name = _parts_of(member)
            entries.setdefault((kind, entry_id), {})[name] = member
    if sum(member.file_size for member in members) > MAX_ARCHIVE_BYTES:
        raise BadArchive(f"the archive would unpack to more than {MAX_ARCHIVE_BYTES / 2**30:.0f} GiB")
    _check_header(archive)
    order: list[str] = [ARCHIVE_DATA, *CONFIG_TYPES]
    return dict(sorted(entries.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))


def _parts_of(member: zipfile.ZipInfo) -> tuple[Kind | Literal["data"], str, str]:
    """Return kind, id and file name. Each must match the allowed names: no other path is ever written."""
    data = DATA_MEMBER.fullmatch(member.filename)
    match = data or MEMBER.fullmatch(member.filename)
    if match is None or ".." in PurePosixPath(member.filename).parts:
        raise BadArchive(f"the archive contains {member.filename[:80]!r}, which is not a file of a run")
    mode = stat.S_IFMT(member.external_attr >> 16)
    if mode not in (0, stat.S_IFREG):
        raise BadArchive(f"{member.filename} is a link or a special file: should be a regular file")
    if member.flag_bits & 1:
        raise BadArchive(f"{member.filename} is encrypted")
    return ("data", data[1], data[2]) if data else (cast(Kind, match[1]), match[2], match[3])


def _check_size(member: zipfile.ZipInfo) -> None:
    """Check the declared sizes and the compression of a member."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(f"{member.filename[:80]} uses compression method {member.compress_type}: should be stored or deflated")
    text = member.filename.endswith((".json", ".jsonl"))
    most = MAX_TEXT_BYTES if text else MAX_FILE_BYTES
    if member.file_size > most:
        raise BadArchive(f"{member.filename[:80]} has {member.file_size:,} bytes: should be at most {most:,}")
    if member.file_size > SMALL_BYTES and member.file_size > MAX_COMPRESSION_RATIO * member.compress_size:
        raise BadArchive(f"{member.filename[:80]} would expand from {member.compress_size:,} to {member.file_size:,} bytes")


def _check_header(archive: zipfile.ZipFile) -> None:
    try:
        header = json.loads(archive.read(ARCHIVE_HEADER))
        version = header["version"] if header["format"] == ARCHIVE_FORMAT else None
    except (KeyError, TypeError, ValueError, RecursionError):
        version = None
    if type(version) is not int:
        raise BadArchive(f"not an archive of DDNMF Studio: {ARCHIVE_HEADER} is missing or invalid")
    if version > ARCHIVE_VERSION:
        raise BadArchive(
            f"the archive is from a newer DDNMF Studio (format {version}; this one reads up to {ARCHIVE_VERSION}): update it"
        )


def _check_space(store: Store, members: list[zipfile.ZipInfo]) -> None:
    store.prepare()
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(store.root).free
    if needed > free:
        raise OSError(f"the archive needs {needed:,} bytes unpacked, but {store.root} has {free:,} free: free some disk space")


# ------------------------------------------------------------------------------------------ an entry


def _import_entry(archive: zipfile.ZipFile, entry: Entry, members: dict[str, zipfile.ZipInfo], imported: ImportResult) -> None:
    if entry.folder.exists():
        imported.already_present.append(entry)
        return
    with _collect_refusal(f"{entry.kind}/{entry.id}", imported):
        fresh = _import_folder(
            archive, entry.folder, members, lambda tmp: _check(Entry(entry.root, entry.kind, entry.id, tmp), set(members))
        )
        (imported.imported if fresh else imported.already_present).append(entry)


def _import_data(
    archive: zipfile.ZipFile, store: Store, name: str, members: dict[str, zipfile.ZipInfo], imported: ImportResult
) -> None:
    """Import a data set unless it exists: its name is the hash of its content."""
    place = store.root / ARCHIVE_DATA / name
    if place.exists():
        return
    with _collect_refusal(f"{ARCHIVE_DATA}/{name}", imported):
        if _import_folder(archive, place, members, lambda tmp: _check_data(tmp, name, set(members))):
            imported.data.append(name)


@contextmanager
def _collect_refusal(name: str, imported: ImportResult) -> Iterator[None]:
    """Record why an entry is rejected, and continue with the others."""
    try:
        yield
    except (_BadEntry, CorruptFile, zipfile.BadZipFile, zlib.error, EOFError, RecursionError) as error:
        imported.refused[name] = str(error)


def _import_folder(
    archive: zipfile.ZipFile, place: Path, members: dict[str, zipfile.ZipInfo], check: Callable[[Path], None]
) -> bool:
    """Unpack to a temporary folder, check it and rename it; return False if the folder exists by then."""
    tmp = temporary_name(place)
    make_folder(place.parent)
    tmp.mkdir(mode=0o700)
    try:
        for name, member in members.items():
            (tmp / name).parent.mkdir(exist_ok=True)
            _copy(archive, member, tmp / name)
        check(tmp)
        tmp.rename(place)
        return True
    except OSError:
        if not place.exists():
            raise
        return False
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """Copy the declared number of bytes; raise _BadEntry if there are more or fewer, BadZipFile if their CRC is wrong."""
    size = 0
    with archive.open(member) as stream, path.open("wb") as target:
        while (chunk := stream.read(CHUNK_BYTES)) and size <= member.file_size:
            size += target.write(chunk)
    if size != member.file_size:
        raise _BadEntry(f"{member.filename} does not have its declared size")


def _check_data(folder: Path, name: str, files: set[str]) -> None:
    try:
        validation.check_data_set(folder, name, files)
    except Exception as error:  # any error of a reader on untrusted bytes
        raise _BadEntry(str(error)) from None


def _check(entry: Entry, names: set[str]) -> None:
    """Check manifest, checksums and contents of an entry, then rewrite its state."""
    if missing := set(REQUIRED_MEMBERS) - names:
        raise _BadEntry(f"{', '.join(sorted(missing))} is missing")
    digests = read_document(entry.folder / MANIFEST_FILE)
    if not all(isinstance(digest, str) and DIGEST.fullmatch(digest) for digest in digests.values()):
        raise _BadEntry(f"{MANIFEST_FILE} contains a value that is not a SHA-256")
    if set(digests) != names - set(REQUIRED_MEMBERS):
        raise _BadEntry(f"{MANIFEST_FILE} does not list the entry's files")
    state = _state(entry)
    if damage := damage_of(entry):
        raise _BadEntry("; ".join(damage.values()))
    for name in names:
        try:
            check_content(entry, name)
        except Exception as error:  # any error of a reader on untrusted bytes
            raise _BadEntry(f"{name} has invalid content ({error})") from None
    (entry.folder / STATE_FILE).write_bytes(document(asdict(state)))


def _state(entry: Entry) -> State:
    """Read the state without machine-specific fields; raise _BadEntry if it is invalid."""
    try:
        state = TypeAdapter(State).validate_python(read_document(entry.folder / STATE_FILE))
    except ValueError:
        raise _BadEntry(f"{STATE_FILE} has invalid content") from None
    if state.status not in EXPORTABLE_STATUSES or not 0 <= state.progress <= 1:
        raise _BadEntry(f"status = {state.status!r}: should be one of {', '.join(EXPORTABLE_STATUSES)}")
    return replace(state, wanted_device="auto", message=state.message[:1000], device=state.device[:200])
