"""Atomic writes: a file is written under a temporary name and renamed; readers check its SHA-256."""

import errno
import hashlib
import json
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

MAX_DOCUMENT = 64 * 2**20  # bytes of a small JSON file
NO_FILE = {errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.ENAMETOOLONG}  # from opening what is none
_SORTED = json.JSONEncoder(sort_keys=True)
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())


class CorruptFile(Exception):
    """A stored file is missing, truncated or changed; the message names the file and the problem."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path.name} {problem}")
        self.path = path


class NewerFile(CorruptFile):
    """A whole file with content that this version does not know: a newer version wrote it, so it is left where it is."""

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
        tmp.replace(path)
    except OSError:
        tmp.unlink(missing_ok=True)
        raise
    return sha256(content)


def temporary_name(path: Path) -> Path:
    """Return a temporary name in the same folder, with the host and process of the writer."""
    return path.with_name(f".{path.name}.{time.time_ns()}.{threading.get_ident()}.{_HOST}@{os.getpid()}.tmp")


def is_stale(temporary: Path) -> bool:
    """Return True if the process that wrote a temporary file has ended; False for another host's, which cannot be checked."""
    host, _, pid = temporary.name.removesuffix(".tmp").rsplit(".", 1)[-1].partition("@")
    if host != _HOST or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
        return False
    except ProcessLookupError:
        return True
    except PermissionError:
        return False


def sha256(content: bytes) -> str:
    """Return the SHA-256 as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_file(path: Path, limit: int | None = None) -> bytes:
    """Read a regular file; raises CorruptFile if it is missing, a folder, a pipe or a device, or larger than `limit` bytes."""
    try:
        with open(path, "rb", buffering=0, opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CorruptFile(path, "is not a file")
            if limit is not None and status.st_size > limit:
                raise CorruptFile(path, f"is too large: {status.st_size:,} bytes")
            return file.readall()
    except FileNotFoundError:
        raise CorruptFile(path, "is missing") from None
    except OSError as error:
        if error.errno in NO_FILE:
            raise CorruptFile(path, f"is not a file ({error.strerror})") from None
        raise


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to would wait for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_checked(path: Path, expected: Collection[str]) -> bytes:
    """Read a file; raises CorruptFile unless its SHA-256 is one of those expected."""
    content = read_file(path)
    if sha256(content) not in expected:
        raise CorruptFile(path, "is damaged: its content is not what was written")
    return content


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
