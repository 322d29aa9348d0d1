"""Atomic writes: a file is written under a temporary name and renamed; readers check its SHA-256."""

import errno
import hashlib
import io
import json
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ddnmf_core.files.system_errors import explain_os_error

MAX_DOCUMENT = 64 * 2**20  # bytes of a small JSON file
MAX_STORED_FILE = 2**38  # bytes of any stored file
LARGE_FILE = 2**28  # bytes above which a file is hashed in blocks before it is read into memory
ODD_NAME = re.compile(r".+\.odd-\d+")
UNREADABLE = {errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE}  # of one file; the others can be read
NO_FILE = {errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.ENAMETOOLONG}  # from opening what is none
_SORTED = json.JSONEncoder(sort_keys=True)
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())


class CorruptFile(Exception):
    """A stored file is missing, truncated or changed; the message names the file and the problem."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path.name} {problem}")
        self.path = path


class KeptFile(CorruptFile):
    """A file that cannot be read here and may be whole: its entry is never moved or changed."""


class UnreadableFile(KeptFile):
    """The operating system refuses to read the file."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(path, f"cannot be read: {explain_os_error(error)}")


class NewerFile(KeptFile):
    """A whole file with content that this version does not know: a newer version wrote it."""

    def __init__(self, path: Path, unknown: str) -> None:
        super().__init__(path, f"was made by a newer version of DDNMF Studio ({unknown}): update to open it")


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> str:
    """Write a file atomically: a reader finds the old content or the new one. Return the SHA-256.

    `durable` also flushes the bytes to the disk. Raises OSError if the disk is full or the folder is not writable.
    """
    tmp = temporary_name(path)
    try:
        with tmp.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        _replace(tmp, path)
    except OSError:
        tmp.unlink(missing_ok=True)
        raise
    return sha256(content)


def _replace(tmp: Path, path: Path) -> None:
    """Rename a file to its place; a folder that stands there is moved beside it."""
    try:
        tmp.replace(path)
    except IsADirectoryError:
        move_beside(path)
        tmp.replace(path)


def move_beside(path: Path) -> None:
    """Rename what stands in the place of something else to a name like ODD_NAME; nothing of it is lost."""
    path.rename(path.with_name(f"{path.name}.odd-{time.time_ns()}"))


def remove_file(path: Path) -> None:
    """Delete a file, link, pipe or socket if it exists; a folder in its place is moved beside it."""
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:  # a file stands in the place of its folder
        return
    except OSError:
        if path.is_symlink() or not path.is_dir():
            raise
        move_beside(path)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Create a folder unless there is one; anything else in its place is moved beside it."""
    try:
        path.mkdir(mode=mode, exist_ok=True)
    except FileExistsError:
        move_beside(path)
        path.mkdir(mode=mode, exist_ok=True)


def is_plain_file(path: Path) -> bool:
    """Whether there is a file, and neither a link, a folder, a pipe nor a device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def make_way(path: Path) -> None:
    """Move beside what is no plain file in the place of one."""
    if os.path.lexists(path) and not is_plain_file(path):
        with suppress(FileNotFoundError):  # another process was faster
            move_beside(path)


def open_private(path: Path, flags: int) -> int:
    """Open a regular file for writing, creating it if needed; raises CorruptFile for a link, a folder, a pipe or a device."""
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in NO_FILE:
            raise CorruptFile(path, f"is not a file ({error.strerror})") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CorruptFile(path, "is not a file")
    return descriptor


def temporary_name(path: Path) -> Path:
    """Return a temporary name in the same folder, with the host and process of the writer."""
    return path.with_name(f".{path.name}.{time.time_ns()}.{threading.get_ident()}.{_HOST}@{os.getpid()}.tmp")


def is_stale(temporary: Path) -> bool:
    """Return True if the process that wrote a temporary file has ended; False for another host's, which cannot be checked."""
    host, _, pid = temporary.name.removesuffix(".tmp").rsplit(".", 1)[-1].partition("@")
    if host != _HOST or not re.fullmatch("[0-9]+", pid):
        return False
    try:
        os.kill(int(pid), 0)
        return False
    except (ProcessLookupError, OverflowError):  # an id that no process can have
        return True
    except PermissionError:
        return False


def sha256(content: bytes) -> str:
    """Return the SHA-256 as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_file(path: Path, limit: int | None = None) -> bytes:
    """Read a regular file; raises CorruptFile if it is missing, a folder, a pipe or a device, or larger than `limit` bytes."""
    with _regular_file(path, limit) as file:
        return file.readall()


@contextmanager
def _regular_file(path: Path, limit: int | None) -> Iterator[io.FileIO]:
    """Open a regular file of at most `limit` bytes for reading; errors in the block are those of `read_file`."""
    try:
        with open(path, "rb", buffering=0, opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CorruptFile(path, "is not a file")
            if limit is not None and status.st_size > limit:
                raise CorruptFile(path, f"is too large: {status.st_size:,} bytes")
            yield file
    except FileNotFoundError:
        raise CorruptFile(path, "is missing") from None
    except OSError as error:
        raise _of_one_file(path, error) from None


def _of_one_file(path: Path, error: OSError) -> Exception:
    """Return the error of a file that is none or that may not be read; any other error unchanged."""
    if error.errno in NO_FILE:
        return CorruptFile(path, f"is not a file ({error.strerror})")
    return UnreadableFile(path, error) if error.errno in UNREADABLE else error


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to would wait for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_checked(path: Path, expected: Collection[str]) -> bytes:
    """Read a file; raises CorruptFile unless its SHA-256 is one of those expected."""
    changed = CorruptFile(path, "is damaged: its content is not what was written")
    if _is_large(path) and sha256_of_file(path) not in expected:
        raise changed
    content = read_file(path)
    if sha256(content) not in expected:
        raise changed
    return content


def _is_large(path: Path) -> bool:
    try:
        return stat.S_ISREG((status := path.stat()).st_mode) and status.st_size > LARGE_FILE
    except OSError:  # told by reading it
        return False


def sha256_of_file(path: Path) -> str:
    """Hash a file without holding it in memory: a sparse one can be larger.

    Raises CorruptFile if it is missing, no file, or larger than MAX_STORED_FILE bytes.
    """
    with _regular_file(path, MAX_STORED_FILE) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_document(path: Path, content: dict[str, Any], *, durable: bool = True) -> None:
    """Write a small JSON file with the SHA-256 of its own content."""
    write_bytes(path, document(content), durable=durable)


def document(content: dict[str, Any]) -> bytes:
    """Serialise such a file."""
    return (json.dumps({**content, "sha256": _seal(content)}, indent=1) + "\n").encode()


def read_document(path: Path) -> dict[str, Any]:
    """Read such a file; raises CorruptFile if it is missing, not JSON or changed."""
    try:
        content = json.loads(read_file(path, MAX_DOCUMENT))
        seal = content.pop("sha256")
        expected = _seal(content)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise CorruptFile(path, "is damaged: it is not a complete document") from None
    if seal != expected:
        raise CorruptFile(path, "is damaged: its content is not what was written")
    return content


def _seal(content: dict[str, Any]) -> str:
    return sha256(_SORTED.encode(content).encode())
