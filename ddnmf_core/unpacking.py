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
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import TypeAdapter

from ddnmf_core.archive import CARRIED, FORMAT, HEADER, VERSION, Report
from ddnmf_core.entries import CONFIG, CONFIG_OF, MANIFEST, RECORDED, STATE, Entry, Kind, State
from ddnmf_core.file_checks import check_content
from ddnmf_core.files import CorruptFile, document, read_document, temporary_name
from ddnmf_core.read_only import refuse
from ddnmf_core.runs import Store
from ddnmf_core.verify import damage_of

ALWAYS = (CONFIG, STATE, MANIFEST)
MEMBER = re.compile(rf"({'|'.join(CONFIG_OF)})/([0-9a-f]{{16}})/({'|'.join(map(re.escape, ALWAYS))}|{RECORDED.pattern})")
MOST_MEMBERS = 200_000
MOST_BYTES = 64 * 2**30                                             # of an archive, unpacked
MOST_OF_A_FILE = 4 * 2**30
MOST_OF_A_TEXT = 64 * 2**20                                         # JSON is read into memory
MOST_SHRUNK = 100                                                   # declared size to packed size; weights shrink by tenths
SMALL = 2**20                                                       # bytes that may shrink by more
CHUNK = 2**20
DIGEST = re.compile("[0-9a-f]{64}")


class BadArchive(ValueError):
    """The file is no archive of runs, or one that was tampered with; nothing of it was taken in."""


class _BadEntry(Exception):
    """This entry is not as it was packed."""


@dataclass
class Imported:
    """What an archive brought."""

    taken: list[Entry] = field(default_factory=list)
    there: list[Entry] = field(default_factory=list)                # in the store before
    refused: dict[str, str] = field(default_factory=dict)           # kind/id to the reason


def unpack(store: Store, file: Path | IO[bytes], report: Report | None = None) -> Imported:
    """Take in what the store does not have; raises BadArchive before anything is written, OSError where there is no room."""
    refuse()
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _listed(archive)
            _make_room(store, [member for members in entries.values() for member in members.values()])
            imported = Imported()
            for number, ((kind, entry_id), members) in enumerate(entries.items()):
                if report:
                    report(number / len(entries), f"Unpacking {kind}.")
                _take(archive, Entry(store, kind, entry_id), members, imported)
            return imported
    except zipfile.BadZipFile as error:
        raise BadArchive(f"this is no zip file that can be read ({error})") from None


# --------------------------------------------------------------------------------- the list of members

def _listed(archive: zipfile.ZipFile) -> dict[tuple[Kind, str], dict[str, zipfile.ZipInfo]]:
    """The files of each entry, runs first; raises BadArchive."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MOST_MEMBERS:
        raise BadArchive(f"it has {len(members):,} files; at most {MOST_MEMBERS:,} are taken")
    if len({member.filename for member in members}) < len(members):
        raise BadArchive("it has two files of one name")
    entries: dict[tuple[Kind, str], dict[str, zipfile.ZipInfo]] = {}
    for member in members:
        _check_size(member)
        if member.filename != HEADER:
            kind, entry_id, name = _parts_of(member)
            entries.setdefault((kind, entry_id), {})[name] = member
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise BadArchive(f"unpacked it would take more than {MOST_BYTES / 2**30:.0f} GiB")
    _check_header(archive)
    order = list(CONFIG_OF)
    return dict(sorted(entries.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))


def _parts_of(member: zipfile.ZipInfo) -> tuple[Kind, str, str]:
    """Kind, id and file name, each from a list of those that there are: nothing else can be written to the disk."""
    match = MEMBER.fullmatch(member.filename)
    if match is None or ".." in PurePosixPath(member.filename).parts:
        raise BadArchive(f"it holds {member.filename[:80]!r}, which is no file of a run")
    mode = stat.S_IFMT(member.external_attr >> 16)
    if mode not in (0, stat.S_IFREG):
        raise BadArchive(f"{member.filename} is a link or something else that is no file")
    if member.flag_bits & 1:
        raise BadArchive(f"{member.filename} is encrypted")
    return match[1], match[2], match[3]                             # type: ignore[return-value]


def _check_size(member: zipfile.ZipInfo) -> None:
    """What the archive itself says of a file."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(f"{member.filename[:80]} is packed in a way that is not read here: stored or deflated it must be")
    text = member.filename.endswith((".json", ".jsonl"))
    most = MOST_OF_A_TEXT if text else MOST_OF_A_FILE
    if member.file_size > most:
        raise BadArchive(f"{member.filename[:80]} would take {member.file_size:,} bytes; at most {most:,} are taken")
    if member.file_size > SMALL and member.file_size > MOST_SHRUNK * member.compress_size:
        raise BadArchive(f"{member.filename[:80]} would grow from {member.compress_size:,} to {member.file_size:,} bytes")


def _check_header(archive: zipfile.ZipFile) -> None:
    try:
        header = json.loads(_read(archive, archive.getinfo(HEADER)))
        version = header["version"] if header["format"] == FORMAT else None
    except (KeyError, TypeError, ValueError, RecursionError):
        version = None
    if type(version) is not int:
        raise BadArchive(f"this is no archive of DDNMF Studio: {HEADER} in it is missing or says something else")
    if version > VERSION:
        raise BadArchive(f"it was made by a newer DDNMF Studio (format {version}; this one reads up to {VERSION}): update it")


def _make_room(store: Store, members: list[zipfile.ZipInfo]) -> None:
    store.prepare()
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(store.root).free
    if needed > free:
        raise OSError(f"the archive takes {needed:,} bytes unpacked, and {store.root} has {free:,} left: make room")


# ------------------------------------------------------------------------------------------ an entry

def _take(archive: zipfile.ZipFile, entry: Entry, members: dict[str, zipfile.ZipInfo], imported: Imported) -> None:
    """Beside its place, checked there, then renamed."""
    if entry.folder.exists():
        imported.there.append(entry)
        return
    beside = temporary_name(entry.folder)
    beside.mkdir(parents=True)
    try:
        for name, member in members.items():
            (beside / name).parent.mkdir(exist_ok=True)
            (beside / name).write_bytes(_read(archive, member))
        _check(Entry(entry.store, entry.kind, entry.id, beside), set(members))
        beside.rename(entry.folder)
        imported.taken.append(entry)
    except (_BadEntry, CorruptFile, zipfile.BadZipFile, zlib.error, EOFError, RecursionError) as error:
        imported.refused[f"{entry.kind}/{entry.id}"] = str(error)
    except OSError:
        if not entry.folder.exists():
            raise
        imported.there.append(entry)                                # somebody was quicker
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """As many bytes as were declared; raises _BadEntry where there are others, BadZipFile where they changed on the way."""
    content = bytearray()
    with archive.open(member) as stream:
        while chunk := stream.read(CHUNK):
            content += chunk
            if len(content) > member.file_size:
                break
    if len(content) != member.file_size:
        raise _BadEntry(f"{member.filename} does not have the size that the archive declares")
    return bytes(content)


def _check(entry: Entry, names: set[str]) -> None:
    """All that the store promises of an entry, and that each file is what its name says; then its state is written anew."""
    if missing := set(ALWAYS) - names:
        raise _BadEntry(f"{', '.join(sorted(missing))} is missing")
    digests = read_document(entry.folder / MANIFEST)
    if not all(isinstance(digest, str) and DIGEST.fullmatch(digest) for digest in digests.values()):
        raise _BadEntry(f"{MANIFEST} lists something that is no digest")
    if set(digests) != names - set(ALWAYS):
        raise _BadEntry(f"{MANIFEST} does not list the files that are there")
    state = _state(entry)
    if damage := damage_of(entry):
        raise _BadEntry("; ".join(damage.values()))
    for name in names:
        try:
            check_content(entry, name)
        except Exception as error:                                  # whatever a reader says of bytes from outside
            raise _BadEntry(f"{name} is not what its name says ({error})") from None
    (entry.folder / STATE).write_bytes(document(asdict(state)))


def _state(entry: Entry) -> State:
    """How it ended, without what only meant something where it came from; raises _BadEntry."""
    try:
        state = TypeAdapter(State).validate_python(read_document(entry.folder / STATE))
    except ValueError:
        raise _BadEntry(f"{STATE} says something that is no state") from None
    if state.status not in CARRIED or not 0 <= state.progress <= 1:
        raise _BadEntry(f"it is {state.status}: only what has ended well is taken")
    return replace(state, wanted_device="auto", message=state.message[:1000], device=state.device[:200])
