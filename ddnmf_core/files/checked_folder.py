"""Folder with a manifest of SHA-256 digests; every file is checked when it is read."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddnmf_core.files.atomic import (
    CorruptFile,
    NewerFile,
    make_folder,
    move_beside,
    read_checked,
    read_document,
    remove_file,
    sha256,
    write_bytes,
    write_document,
)

if TYPE_CHECKING:
    import pandas as pd

MANIFEST_FILE = "manifest.json"


class CheckedFolder:
    """Files checked against a manifest: reading raises CorruptFile if a file has changed; writing survives a kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, name: str) -> bool:
        """Return True if the file is in the manifest."""
        return name in self._manifest()

    def names(self, prefix: str) -> list[str]:
        """List the files with this prefix, sorted."""
        return sorted(name for name in self._manifest() if name.startswith(prefix))

    def read_bytes(self, name: str) -> bytes:
        """Read a file; raises CorruptFile."""
        return self._read(name)

    def write_tensors(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write arrays to a safetensors file."""
        from safetensors.numpy import save

        self._write(name, save({key: np.ascontiguousarray(array) for key, array in arrays.items()}))

    def read_tensors(self, name: str) -> dict[str, np.ndarray]:
        """Read the arrays of a safetensors file; raises CorruptFile."""
        from safetensors.numpy import load

        return load(self._read(name))

    def write_table(self, name: str, table: "pd.DataFrame") -> None:
        """Write a table as Parquet."""
        self._write(name, table.to_parquet(index=False))

    def read_table(self, name: str) -> "pd.DataFrame":
        """Read a Parquet table; raises CorruptFile."""
        import pandas as pd

        return pd.read_parquet(io.BytesIO(self._read(name)))

    def write_json(self, name: str, content: object) -> None:
        """Write JSON."""
        self._write(name, json.dumps(content, indent=1).encode())

    def read_json(self, name: str) -> Any:
        """Read JSON; raises CorruptFile."""
        return json.loads(self._read(name))

    def remove(self, name: str) -> None:
        """Remove a file from the manifest, then delete it."""
        self._forget(name)
        if not self._is_elsewhere(name):
            remove_file(self.folder / name)

    def _write(self, name: str, content: bytes) -> None:
        """Write and record a file. While it is replaced, the manifest accepts both digests, so a kill is harmless."""
        self._make_parent(name)
        digest, before = sha256(content), self._manifest().get(name, "")
        if before and before != digest:
            self._record(name, f"{before} {digest}")
        write_bytes(self.folder / name, content)
        if before != digest:
            self._record(name, digest)

    def _make_parent(self, name: str) -> None:
        """Make the folder of a file below this one; what else stands there, a link to elsewhere too, is moved beside it."""
        if (parent := (self.folder / name).parent) != self.folder:
            if self._is_elsewhere(name):
                move_beside(parent)
            make_folder(parent)

    def _is_elsewhere(self, name: str) -> bool:
        """Whether a link leads out of this folder to the file: nothing is written or deleted there."""
        parent = (self.folder / name).parent
        return parent != self.folder and parent.is_symlink()

    def _read(self, name: str) -> bytes:
        try:
            return self._checked(name)
        except CorruptFile:
            return self._checked(name)  # the file may have been replaced after the manifest was read

    def _checked(self, name: str) -> bytes:
        expected = self._manifest().get(name)
        if expected is None:
            raise CorruptFile(self.folder / name, "is missing from the manifest")
        return read_checked(self.folder / name, expected.split())

    def _record(self, name: str, digests: str) -> None:
        write_document(self.folder / MANIFEST_FILE, {**self._manifest(), name: digests})

    def _forget(self, name: str) -> None:
        manifest = self._manifest()
        if manifest.pop(name, None):
            write_document(self.folder / MANIFEST_FILE, manifest)

    def _manifest(self) -> dict[str, str]:
        """Read the SHA-256 of each file; several, separated by spaces, while a file is being replaced."""
        manifest = read_document(self.folder / MANIFEST_FILE)
        if not all(isinstance(digests, str) for digests in manifest.values()):
            raise NewerFile(self.folder / MANIFEST_FILE, "unknown: a digest that is no text")  # whole: its own is right
        if outside := [name for name in manifest if not _is_inside(name)]:
            raise CorruptFile(self.folder / MANIFEST_FILE, f"is damaged: {outside[0]!r} is no name of a file in it")
        return manifest


def _is_inside(name: str) -> bool:
    """Whether a file of this name lies in the folder, or in one directly below it."""
    parts = name.split("/")
    return len(parts) <= 2 and all(part not in ("", ".", "..") and "\0" not in part for part in parts)
