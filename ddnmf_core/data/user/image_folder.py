"""List the pictures in a folder or zip file; what systems and programs put beside them is left out."""

import io
import os
import re
import struct
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.source import (
    MAX_SAMPLES,
    MAX_UNPACKED,
    DataSource,
    check_is_file,
    in_natural_order,
    opened,
    source_size,
)

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".pbm", ".tif", ".tiff", ".bmp", ".webp", ".gif")
STACK_SUFFIXES = (".tif", ".tiff", ".gif")  # of files that may hold many pictures
UNREADABLE_SUFFIXES = (".heic", ".heif", ".avif", ".svg", ".psd", ".dcm", ".nef", ".cr2", ".cr3", ".arw", ".dng")  # pictures
SYSTEM_NAMES = {  # in lower case
    "__macosx",
    "@eadir",
    "#recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
}
SIGNATURE = re.compile(  # of the formats that are read
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|II[*+]\0|MM\0[*+]|RIFF....WEBP|BM....\0\0\0\0|P[1-6]\s+(#|\d+\s)", re.DOTALL
)
HEAD_BYTES = 32  # that a format is recognised by
MAX_IMAGE_BYTES = 256 * 1024**2  # of one file
MAX_ENTRIES = 2 * MAX_SAMPLES  # files in a folder or zip file
NAME_ENCODINGS = ("cp437", "cp1252", "cp850")  # of names in a zip file that are not UTF-8; the first on equal terms
UTF8_FLAG = 0x800  # of a zip entry: its name is UTF-8


class FoundFile(NamedTuple):
    """A file in a folder or zip file: its path, a function that reads it, and one for its first bytes."""

    path: str
    read: Callable[[], bytes]
    head: Callable[[], bytes]


class FoundFiles(NamedTuple):
    """The pictures in a folder or zip file, in natural order, and what is beside them."""

    pictures: list[FoundFile]
    others: list[FoundFile]
    n_system: int  # files of the system, and hidden ones
    is_stack: bool = False  # a single file with many pages

    @property
    def notes(self) -> tuple[str, ...]:
        """Count what is left out, for a sentence."""
        endings = Counter(PurePosixPath(file.path).suffix.lower() for file in self.others)
        unreadable = [f"{n} {ending[1:].upper()}" for ending, n in endings.items() if ending in UNREADABLE_SUFFIXES]
        texts = []
        if self.n_system:
            texts.append(f"{self.n_system} hidden or system files left out")
        if unreadable:
            texts.append(f"{', '.join(unreadable)} left out, which cannot be read: save them as PNG or JPEG")
        return tuple(texts)


# ------------------------------------------------------------------------------------------ folders


def user_files(folder: Path) -> tuple[list[Path], int]:
    """List the files in a folder and below, and count those of the system; raises DataError if there are too many."""
    root, files, n_system, n_files = folder.resolve(), [], 0, 0
    for place, folders, names in os.walk(root):
        litter = _is_litter(Path(place).relative_to(root).parts)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        n_files += len(names)
        if n_files > MAX_ENTRIES:
            raise DataError(f"there are more than {MAX_ENTRIES:,} files in {folder}: choose a smaller folder")
        own = [] if litter else [name for name in names if not _is_litter([name])]
        n_system += len(names) - len(own)
        files += [Path(place, name) for name in own]
    return files, n_system


def files_in_folder(folder: Path) -> FoundFiles:
    """List the pictures in a folder. A link counts as the file that it leads to: data managers keep files elsewhere."""
    root, (paths, n_system) = folder.resolve(), user_files(folder)
    files = [FoundFile(path.relative_to(root).as_posix(), partial(_content, path), partial(_head, path)) for path in paths]
    return _sort_out(files, n_system)


def _content(path: Path) -> bytes:
    check_is_file(path)
    if path.stat().st_size > MAX_IMAGE_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size:,} bytes: at most {MAX_IMAGE_BYTES:,} for one picture")
    return path.read_bytes()


def _head(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def one_stack(source: DataSource, name: str) -> FoundFiles:
    """Take a single file for a stack, whose pages are the pictures."""

    def read() -> bytes:
        if isinstance(source, Path):
            return _content(source)
        source.seek(0)
        return source.read(MAX_IMAGE_BYTES)

    return FoundFiles([FoundFile(name, read, read)], [], 0, is_stack=True)


# ------------------------------------------------------------------------------------------ archives


def open_archive(source: DataSource, encoding: str | None = None) -> zipfile.ZipFile:
    """Open a zip file after a check of its paths and sizes; it is never unpacked to the disk.

    `encoding` is that of names that are not UTF-8; None: the one that gives most letters.
    """
    source_size(source)
    try:
        try:
            archive = zipfile.ZipFile(source)
        except UnicodeDecodeError:
            archive = zipfile.ZipFile(_without_utf8_marks(source))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise DataError(f"this is not a zip file that can be read: {short_message(error)}") from None
    entries = archive.infolist()
    climbing = next((entry.filename for entry in entries if _leaves_folder(entry.filename)), None)
    if climbing is not None:
        raise DataError(f"the zip file holds {climbing!r}, a path that leads out of its folder: the file is refused")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED or len(entries) > MAX_ENTRIES:
        raise DataError(
            f"the zip file unpacks to {len(entries):,} files of {unpacked / 1024**3:.1f} GiB: at most "
            f"{MAX_ENTRIES:,} files of {MAX_UNPACKED / 1024**3:.0f} GiB in all"
        )
    _decode_names(entries, encoding)
    return archive


def _without_utf8_marks(source: DataSource) -> io.BytesIO:
    """Clear the marks of UTF-8 in a zip file whose names are not UTF-8."""
    with opened(source) as file:
        content = bytearray(file.read())
    end = content.rfind(b"PK\5\6")
    place = struct.unpack_from("<I", content, end + 16)[0]
    while content[place : place + 4] == b"PK\1\2":
        (local,) = struct.unpack_from("<I", content, place + 42)
        for flags in (place + 8, local + 6):
            struct.pack_into("<H", content, flags, struct.unpack_from("<H", content, flags)[0] & ~UTF8_FLAG)
        place += 46 + sum(struct.unpack_from("<3H", content, place + 28))
    return io.BytesIO(bytes(content))


def _decode_names(entries: list[zipfile.ZipInfo], encoding: str | None) -> None:
    """Decode names without the mark of UTF-8, which zipfile takes for cp437: as UTF-8 if they are, else as one encoding."""
    unmarked = [entry for entry in entries if not entry.flag_bits & UTF8_FLAG and not entry.filename.isascii()]
    raw = b"\n".join(entry.filename.encode("cp437", "replace") for entry in unmarked)
    try:
        raw.decode(encoding or "utf-8")
        chosen = encoding or "utf-8"
    except LookupError:
        raise DataError(f"encoding = {encoding!r}: there is no text encoding of this name") from None
    except UnicodeDecodeError:
        chosen = max(NAME_ENCODINGS, key=lambda name: _n_latin_letters(raw.decode(name, "replace")))
    for entry in unmarked:
        entry.filename = entry.filename.encode("cp437", "replace").decode(chosen, "replace")


def _n_latin_letters(text: str) -> int:
    return sum(unicodedata.name(letter, "").startswith("LATIN ") for letter in text if not letter.isascii())


def _leaves_folder(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def files_in_archive(archive: zipfile.ZipFile) -> FoundFiles:
    """List the pictures in a zip file."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    paths = {entry: entry.filename.replace("\\", "/") for entry in entries}  # some programs of Windows
    own = [entry for entry in entries if not _is_litter(PurePosixPath(paths[entry]).parts)]
    files = [
        FoundFile(paths[entry], partial(read_member, archive, entry), partial(_member_head, archive, entry)) for entry in own
    ]
    return _sort_out(files, len(entries) - len(own))


def holds_pictures(source: DataSource) -> bool:
    """Return True if a zip file holds a picture."""
    with open_archive(source) as archive:
        names = [
            name for entry in archive.infolist() if not entry.is_dir() and not _is_litter((name := entry.filename).split("/"))
        ]
        return any(name.lower().endswith(IMAGE_SUFFIXES) for name in names) or bool(files_in_archive(archive).pictures)


def read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int = MAX_IMAGE_BYTES) -> bytes:
    """Read an entry of a zip file; raises DataError if it is larger than `most` bytes or cannot be read."""
    if entry.file_size > most:
        raise DataError(f"{entry.filename} has {entry.file_size:,} bytes: at most {most:,}")
    try:
        return archive.read(entry)
    except Exception as error:  # zlib, lzma and encryption raise different errors
        raise DataError(f"{entry.filename} in the zip file cannot be read: {short_message(error)}") from None


def _member_head(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as file:
            return file.read(HEAD_BYTES)
    except Exception:  # damaged or encrypted: not recognised as a picture
        return b""


# ------------------------------------------------------------------------------------------ both


def _sort_out(files: Iterable[FoundFile], n_system: int) -> FoundFiles:
    """Tell pictures from other files: by their ending, or by content where it says nothing."""
    pictures: list[FoundFile] = []
    others: list[FoundFile] = []
    for file in sorted(files, key=lambda file: in_natural_order(file.path)):
        (pictures if _is_picture(file) else others).append(file)
    return FoundFiles(pictures, others, n_system)


def _is_picture(file: FoundFile) -> bool:
    return file.path.lower().endswith(IMAGE_SUFFIXES) or bool(SIGNATURE.match(file.head()))


def _is_litter(parts: Iterable[str]) -> bool:
    """Return True for hidden files and folders, and for what systems keep beside a user's files."""
    return any(part.startswith(".") or part.lower() in SYSTEM_NAMES for part in parts)
