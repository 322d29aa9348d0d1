"""An archive of runs taken in: data from outside, so everything is checked before anything of it is in the store.

What could only come from a hand that means harm (a path that climbs, a link, an unknown name, a size beyond all bounds)
refuses the archive; what may have been damaged on the way refuses its entry. An entry comes in whole or not at all.
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
from typing import IO, Any

from pydantic import TypeAdapter

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data.user import validation
from ddnmf_core.data.user.validation import DATA_FILES as DATA_FILES
from ddnmf_core.files.atomic import CorruptFile, document, read_document, temporary_name
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
from ddnmf_core.store.entry import CONFIG_FILE, CONFIG_TYPES, RECORDED_NAMES, STATE_FILE, Entry, State
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import damage_of

REQUIRED_MEMBERS = (CONFIG_FILE, STATE_FILE, MANIFEST_FILE)
DATA_MEMBER = re.compile(rf"{ARCHIVE_DATA}/({USER_DATASET.pattern})/({'|'.join(map(re.escape, sorted(DATA_FILES)))})")
MEMBER = re.compile(
    rf"({'|'.join(CONFIG_TYPES)})/([0-9a-f]{{16}})/({'|'.join(map(re.escape, REQUIRED_MEMBERS))}|{RECORDED_NAMES.pattern})"
)
MAX_MEMBERS = 200_000
MAX_ARCHIVE_BYTES = 64 * 2**30  # of an archive, unpacked
MAX_FILE_BYTES = 4 * 2**30
MAX_TEXT_BYTES = 64 * 2**20  # JSON is read into memory
MAX_COMPRESSION_RATIO = 100  # declared size to packed size; weights shrink by tenths
SMALL_BYTES = 2**20  # bytes that may shrink by more
DIGEST = re.compile("[0-9a-f]{64}")


class BadArchive(ValueError):
    """The file is no archive of runs, or one that was tampered with; nothing of it was taken in."""


class _BadEntry(Exception):
    """This entry is not as it was packed."""


@dataclass
class ImportResult:
    """What an archive brought."""

    imported: list[Entry] = field(default_factory=list)
    data: list[str] = field(default_factory=list)  # data sets that came with them
    already_present: list[Entry] = field(default_factory=list)  # in the store before
    refused: dict[str, str] = field(default_factory=dict)  # kind/id to the reason


def import_archive(store: Store, file: Path | IO[bytes], report: Progress = ignore_progress) -> ImportResult:
    """Take in what the store does not have; raises BadArchive before anything is written, OSError where there is no room."""
    require_writable()
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _listed(archive)
            _check_space(store, [member for members in entries.values() for member in members.values()])
            imported = ImportResult()
            for number, ((kind, entry_id), members) in enumerate(entries.items()):
                report(number / len(entries), f"Unpacking {kind}.")
                if kind == ARCHIVE_DATA:
                    _import_data(archive, store, entry_id, members, imported)
                else:
                    _import_entry(archive, Entry(store.root, kind, entry_id), members, imported)
            return imported
    except zipfile.BadZipFile as error:
        raise BadArchive(f"this is no zip file that can be read ({error})") from None


# --------------------------------------------------------------------------------- the list of members


def _listed(archive: zipfile.ZipFile) -> dict[tuple[Any, str], dict[str, zipfile.ZipInfo]]:
    """The files of each data set and entry, data first, then runs; raises BadArchive."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise BadArchive(f"it has {len(members):,} files; at most {MAX_MEMBERS:,} are taken")
    if len({member.filename for member in members}) < len(members):
        raise BadArchive("it has two files of one name")
    entries: dict[tuple[str, str], dict[str, zipfile.ZipInfo]] = {}
    for member in members:
        _check_size(member)
        if member.filename != ARCHIVE_HEADER:
            kind, entry_id, name = _parts_of(member)
            entries.setdefault((kind, entry_id), {})[name] = member
    if sum(member.file_size for member in members) > MAX_ARCHIVE_BYTES:
        raise BadArchive(f"unpacked it would take more than {MAX_ARCHIVE_BYTES / 2**30:.0f} GiB")
    _check_header(archive)
    order = [ARCHIVE_DATA, *CONFIG_TYPES]
    return dict(sorted(entries.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))


def _parts_of(member: zipfile.ZipInfo) -> tuple[str, str, str]:
    """Kind, id and file name, each from a list of those that there are: nothing else can be written to the disk."""
    data = DATA_MEMBER.fullmatch(member.filename)
    match = data or MEMBER.fullmatch(member.filename)
    if match is None or ".." in PurePosixPath(member.filename).parts:
        raise BadArchive(f"it holds {member.filename[:80]!r}, which is no file of a run")
    mode = stat.S_IFMT(member.external_attr >> 16)
    if mode not in (0, stat.S_IFREG):
        raise BadArchive(f"{member.filename} is a link or something else that is no file")
    if member.flag_bits & 1:
        raise BadArchive(f"{member.filename} is encrypted")
    return (ARCHIVE_DATA, data[1], data[2]) if data else (match[1], match[2], match[3])


def _check_size(member: zipfile.ZipInfo) -> None:
    """What the archive itself says of a file."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(f"{member.filename[:80]} is packed in a way that is not read here: stored or deflated it must be")
    text = member.filename.endswith((".json", ".jsonl"))
    most = MAX_TEXT_BYTES if text else MAX_FILE_BYTES
    if member.file_size > most:
        raise BadArchive(f"{member.filename[:80]} would take {member.file_size:,} bytes; at most {most:,} are taken")
    if member.file_size > SMALL_BYTES and member.file_size > MAX_COMPRESSION_RATIO * member.compress_size:
        raise BadArchive(f"{member.filename[:80]} would grow from {member.compress_size:,} to {member.file_size:,} bytes")


def _check_header(archive: zipfile.ZipFile) -> None:
    try:
        header = json.loads(archive.read(ARCHIVE_HEADER))
        version = header["version"] if header["format"] == ARCHIVE_FORMAT else None
    except (KeyError, TypeError, ValueError, RecursionError):
        version = None
    if type(version) is not int:
        raise BadArchive(f"this is no archive of DDNMF Studio: {ARCHIVE_HEADER} in it is missing or says something else")
    if version > ARCHIVE_VERSION:
        raise BadArchive(
            f"it was made by a newer DDNMF Studio (format {version}; this one reads up to {ARCHIVE_VERSION}): update it"
        )


def _check_space(store: Store, members: list[zipfile.ZipInfo]) -> None:
    store.prepare()
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(store.root).free
    if needed > free:
        raise OSError(f"the archive takes {needed:,} bytes unpacked, and {store.root} has {free:,} left: make room")


# ------------------------------------------------------------------------------------------ an entry


def _import_entry(archive: zipfile.ZipFile, entry: Entry, members: dict[str, zipfile.ZipInfo], imported: ImportResult) -> None:
    if entry.folder.exists():
        imported.already_present.append(entry)
        return
    with _collect_refusal(f"{entry.kind}/{entry.id}", imported):
        fresh = _import_folder(
            archive, entry.folder, members, lambda beside: _check(Entry(entry.root, entry.kind, entry.id, beside), set(members))
        )
        (imported.imported if fresh else imported.already_present).append(entry)


def _import_data(
    archive: zipfile.ZipFile, store: Store, name: str, members: dict[str, zipfile.ZipInfo], imported: ImportResult
) -> None:
    """A set that is here already stays as it is: its name says that it is the same."""
    place = store.root / ARCHIVE_DATA / name
    if place.exists():
        return
    with _collect_refusal(f"{ARCHIVE_DATA}/{name}", imported):
        if _import_folder(archive, place, members, lambda beside: _check_data(beside, name, set(members))):
            imported.data.append(name)


@contextmanager
def _collect_refusal(name: str, imported: ImportResult) -> Iterator[None]:
    """What is not as it was packed is named, and the rest goes on."""
    try:
        yield
    except (_BadEntry, CorruptFile, zipfile.BadZipFile, zlib.error, EOFError, RecursionError) as error:
        imported.refused[name] = str(error)


def _import_folder(
    archive: zipfile.ZipFile, place: Path, members: dict[str, zipfile.ZipInfo], check: Callable[[Path], None]
) -> bool:
    """Beside its place, checked there, then renamed; False where somebody was quicker."""
    beside = temporary_name(place)
    beside.mkdir(mode=0o700, parents=True)
    try:
        for name, member in members.items():
            (beside / name).parent.mkdir(exist_ok=True)
            _copy(archive, member, beside / name)
        check(beside)
        beside.rename(place)
        return True
    except OSError:
        if not place.exists():
            raise
        return False
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """As many bytes as were declared; raises _BadEntry where there are others, BadZipFile where they changed on the way."""
    size = 0
    with archive.open(member) as stream, path.open("wb") as target:
        while (chunk := stream.read(CHUNK_BYTES)) and size <= member.file_size:
            size += target.write(chunk)
    if size != member.file_size:
        raise _BadEntry(f"{member.filename} does not have the size that the archive declares")


def _check_data(folder: Path, name: str, files: set[str]) -> None:
    try:
        validation.check_data_set(folder, name, files)
    except Exception as error:  # whatever a reader says of bytes from outside
        raise _BadEntry(str(error)) from None


def _check(entry: Entry, names: set[str]) -> None:
    """All that the store promises of an entry, and that each file is what its name says; then its state is written anew."""
    if missing := set(REQUIRED_MEMBERS) - names:
        raise _BadEntry(f"{', '.join(sorted(missing))} is missing")
    digests = read_document(entry.folder / MANIFEST_FILE)
    if not all(isinstance(digest, str) and DIGEST.fullmatch(digest) for digest in digests.values()):
        raise _BadEntry(f"{MANIFEST_FILE} lists something that is no digest")
    if set(digests) != names - set(REQUIRED_MEMBERS):
        raise _BadEntry(f"{MANIFEST_FILE} does not list the files that are there")
    state = _state(entry)
    if damage := damage_of(entry):
        raise _BadEntry("; ".join(damage.values()))
    for name in names:
        try:
            check_content(entry, name)
        except Exception as error:  # whatever a reader says of bytes from outside
            raise _BadEntry(f"{name} is not what its name says ({error})") from None
    (entry.folder / STATE_FILE).write_bytes(document(asdict(state)))


def _state(entry: Entry) -> State:
    """How it ended, without what only meant something where it came from; raises _BadEntry."""
    try:
        state = TypeAdapter(State).validate_python(read_document(entry.folder / STATE_FILE))
    except ValueError:
        raise _BadEntry(f"{STATE_FILE} says something that is no state") from None
    if state.status not in EXPORTABLE_STATUSES or not 0 <= state.progress <= 1:
        raise _BadEntry(f"it is {state.status}: only what has ended well is taken")
    return replace(state, wanted_device="auto", message=state.message[:1000], device=state.device[:200])
