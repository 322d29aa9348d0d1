"""Odd content to put in the place of a stored file: bytes, documents, folders, links, pipes, sockets, what may not be read."""

import json
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

from ddnmf_core.files.atomic import document

SPARSE = 2**40  # bytes of a file without blocks
DEEP = 200_000  # brackets
Odd = Callable[[Path, bytes, Path, random.Random], object]  # of a path that is free, what was there, a folder elsewhere


def _json(chance: random.Random, depth: int = 3) -> object:
    """Return a random JSON value."""
    kinds = ["number", "text", "null", "bool"] + (["list", "object"] if depth else [])
    match chance.choice(kinds):
        case "number":
            return chance.choice([0, -1, 3, 2**70, 1e308, -0.5, float("nan"), float("inf")])
        case "text":
            return chance.choice(["", "finished", "running", "../../runs", "\x00", "<b>x</b>", "cpu", "x" * 1000, "\ud800"])
        case "null":
            return None
        case "bool":
            return chance.random() < 0.5
        case "list":
            return [_json(chance, depth - 1) for _ in range(chance.randrange(4))]
    names = ["status", "progress", "message", "device", "asked", "kind", "step", "name", "sha256", "0", "../x", "", "model"]
    return {chance.choice(names): _json(chance, depth - 1) for _ in range(chance.randrange(5))}


def _sealed(path: Path, chance: random.Random) -> None:
    """Write a whole document, with the digest of its content, of something else."""
    content = _json(chance)
    path.write_bytes(document(content if isinstance(content, dict) else {"content": content}))


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(SPARSE)


def _folder(path: Path, chance: random.Random, mode: int = 0o700) -> None:
    path.mkdir()
    for number in range(chance.randrange(3)):
        (path / f"{number}.safetensors").write_bytes(chance.randbytes(10))
        (path / "deeper" / "still").mkdir(parents=True, exist_ok=True)
    path.chmod(mode)


def _socket(path: Path) -> None:
    """Bind a socket at the path, which may be too long for it, by a name in its folder."""
    here = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{here}/{path.name}"[:107])
    finally:
        os.close(here)


def _unreadable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0)


def _flipped(path: Path, content: bytes, chance: random.Random) -> None:
    changed = bytearray(content or b"x")
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    path.write_bytes(changed)


ODD: dict[str, Odd] = {
    "bytes": lambda path, content, out, chance: path.write_bytes(chance.randbytes(chance.randrange(1, 3000))),
    "empty": lambda path, content, out, chance: path.write_bytes(b""),
    "zeros": lambda path, content, out, chance: path.write_bytes(bytes(len(content) or 10)),
    "cut": lambda path, content, out, chance: path.write_bytes(content[: chance.randrange(len(content) or 1)]),
    "longer": lambda path, content, out, chance: path.write_bytes(content + chance.randbytes(9)),
    "flipped": lambda path, content, out, chance: _flipped(path, content, chance),
    "deep list": lambda path, content, out, chance: path.write_bytes(b"[" * DEEP),
    "deep object": lambda path, content, out, chance: path.write_bytes(b'{"a":' * DEEP),
    "huge number": lambda path, content, out, chance: path.write_bytes(b"9" * 10_000),
    "huge document": lambda path, content, out, chance: path.write_text(json.dumps({str(k): k for k in range(100_000)})),
    "JSON": lambda path, content, out, chance: path.write_text(json.dumps(_json(chance))),
    "lines of JSON": lambda path, content, out, chance: path.write_text(
        "".join(json.dumps(_json(chance)) + "\n" for _ in range(5))
    ),
    "sealed": lambda path, content, out, chance: _sealed(path, chance),
    "sparse": lambda path, content, out, chance: _sparse(path),
    "folder": lambda path, content, out, chance: _folder(path, chance),
    "closed folder": lambda path, content, out, chance: _folder(path, chance, 0),
    "pipe": lambda path, content, out, chance: os.mkfifo(path),
    "socket": lambda path, content, out, chance: _socket(path),
    "link to nothing": lambda path, content, out, chance: path.symlink_to(out / "missing" / "file"),
    "link to a new file": lambda path, content, out, chance: path.symlink_to(out / "new"),
    "link to itself": lambda path, content, out, chance: path.symlink_to(path),
    "link to a device": lambda path, content, out, chance: path.symlink_to(chance.choice(["/dev/zero", "/dev/full"])),
    "link to a folder": lambda path, content, out, chance: path.symlink_to(out),
    "link to a file": lambda path, content, out, chance: path.symlink_to(out / "file"),
    "hard link": lambda path, content, out, chance: path.hardlink_to(out / "file"),
    "unreadable": lambda path, content, out, chance: _unreadable(path, content),
    "missing": lambda path, content, out, chance: None,
}
