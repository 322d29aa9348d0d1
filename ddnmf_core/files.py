"""Files that others may read while they are written: beside, then renamed, then checked on reading."""

import hashlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any


class CorruptFile(Exception):
    """A stored file is missing, cut short or changed; the message names it and what is wrong."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path.name} {problem}")
        self.path = path


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> str:
    """Write beside and rename, so that a reader finds the old file or the new one; returns the SHA-256.

    `durable` also forces the bytes to the disk. Raises OSError where there is no room or no right.
    """
    beside = path.with_name(f".{path.name}.{time.time_ns()}.{threading.get_ident()}.{os.getpid()}.tmp")
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


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_checked(path: Path, expected: str) -> bytes:
    """The file's bytes; raises CorruptFile unless their SHA-256 is the expected one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CorruptFile(path, "is missing") from None
    if sha256(content) != expected:
        raise CorruptFile(path, "is damaged: its content is not what was written")
    return content


def write_document(path: Path, content: dict[str, Any], *, durable: bool = True) -> None:
    """A small JSON file that carries the SHA-256 of its own content."""
    sealed = {**content, "sha256": _seal(content)}
    write_bytes(path, (json.dumps(sealed, indent=1) + "\n").encode(), durable=durable)


def read_document(path: Path) -> dict[str, Any]:
    """Raises CorruptFile where the file is missing, is no JSON or was changed."""
    try:
        content = json.loads(path.read_bytes())
        seal = content.pop("sha256")
    except FileNotFoundError:
        raise CorruptFile(path, "is missing") from None
    except (ValueError, KeyError, AttributeError, TypeError):
        raise CorruptFile(path, "is damaged: it is not a complete document") from None
    if seal != _seal(content):
        raise CorruptFile(path, "is damaged: its content is not what was written")
    return content


def _seal(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode())
