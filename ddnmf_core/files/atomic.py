"""Atomic writes: a file is written under a temporary name and renamed; readers check its SHA-256."""

import hashlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

_SORTED = json.JSONEncoder(sort_keys=True)
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())


class CorruptFile(Exception):
    """A stored file is missing, truncated or changed; the message names the file and the problem."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path.name} {problem}")
        self.path = path


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


def read_checked(path: Path, expected: Collection[str]) -> bytes:
    """Read a file; raises CorruptFile unless its SHA-256 is one of those expected."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CorruptFile(path, "is missing") from None
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
        with open(path, "rb", buffering=0) as file:  # half the time of Path.read_bytes: a listing reads many
            content = json.loads(file.read())
        seal = content.pop("sha256")
    except FileNotFoundError:
        raise CorruptFile(path, "is missing") from None
    except (ValueError, KeyError, AttributeError, TypeError):
        raise CorruptFile(path, "is damaged: it is not a complete document") from None
    if seal != _seal(content):
        raise CorruptFile(path, "is damaged: its content is not what was written")
    return content


def _seal(content: dict[str, Any]) -> str:
    return sha256(_SORTED.encode(content).encode())
