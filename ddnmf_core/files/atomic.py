"""Files that others may read while they are written: beside, then renamed, then checked on reading."""

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

_SORTED = json.JSONEncoder(sort_keys=True)  # made once
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())


class CorruptFile(Exception):
    """A stored file is missing, cut short or changed; the message names it and what is wrong."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path.name} {problem}")
        self.path = path


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> str:
    """Write beside and rename, so that a reader finds the old file or the new one; returns the SHA-256.

    `durable` also forces the bytes to the disk. Raises OSError where there is no room or no right.
    """
    beside = temporary_name(path)
    try:
        with beside.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return sha256(content)


def temporary_name(path: Path) -> Path:
    """A name beside the path that says who writes it: host and process."""
    return path.with_name(f".{path.name}.{time.time_ns()}.{threading.get_ident()}.{_HOST}@{os.getpid()}.tmp")


def is_stale(temporary: Path) -> bool:
    """Whether the writer of such a file has died; one of another host is never taken for dead."""
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
    return hashlib.sha256(content).hexdigest()


def read_checked(path: Path, expected: Collection[str]) -> bytes:
    """The file's bytes; raises CorruptFile unless their SHA-256 is one of those expected."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CorruptFile(path, "is missing") from None
    if sha256(content) not in expected:
        raise CorruptFile(path, "is damaged: its content is not what was written")
    return content


def write_document(path: Path, content: dict[str, Any], *, durable: bool = True) -> None:
    """A small JSON file that carries the SHA-256 of its own content."""
    write_bytes(path, document(content), durable=durable)


def document(content: dict[str, Any]) -> bytes:
    """What such a file holds."""
    return (json.dumps({**content, "sha256": _seal(content)}, indent=1) + "\n").encode()


def read_document(path: Path) -> dict[str, Any]:
    """Raises CorruptFile where the file is missing, is no JSON or was changed."""
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
