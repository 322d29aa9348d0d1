"""An HDF5 file as the pages and commands see it: what it holds, and its arrays by path, read by another process."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.source import MAX_UNPACKED, MAX_VALUES, DataSource, opened, source_size

PROCESS = Path(__file__).with_name("reading_process.py")
HDF5_ENDINGS = (".h5", ".hdf5", ".hdf")
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_PLACES = (0, 512, 1024, 2048)  # bytes; MATLAB has 512 of its own before it
MATLAB_HEAD = b"MATLAB"
LIST_SECONDS, READ_SECONDS = 20, 300  # of processor time; a damaged file can keep the library busy for ever
WAITING = 5  # times as long on the clock, for slow disks
REPACK = "Write it again: h5repack -f GZIP=4 old.h5 new.h5, or save the array with numpy.savez"


@dataclass(frozen=True)
class StoredObject:
    """A group, an array, or a link to another file."""

    path: str
    kind: str  # "group", "array" or "link"
    shape: tuple[int, ...] = ()
    holds: str = ""  # of an array: "number", "text", or another type in words
    n_bytes: int = 0
    block_bytes: int = 0  # unpacked at once
    elsewhere: str = ""  # the other file that holds the values
    attributes: dict[str, Any] = field(default_factory=dict)


def is_hdf5(source: DataSource) -> bool:
    """Return True if a file has the signature of HDF5 at one of its first usual places."""
    with opened(source) as file:
        head = file.read(HDF5_PLACES[-1] + len(HDF5_SIGNATURE))
    return any(head[place:].startswith(HDF5_SIGNATURE) for place in HDF5_PLACES)


class HDF5File:
    """An HDF5 file on the disk, and what it holds by path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.is_matlab = file.read(len(MATLAB_HEAD)) == MATLAB_HEAD
        described = _answer(path, LIST_SECONDS, "list")
        self.objects = {each["path"]: StoredObject(**each | {"shape": tuple(each.get("shape", ()))}) for each in described}

    def arrays(self, under: str = "") -> dict[str, StoredObject]:
        """List the arrays, and the links to other files, below a group."""
        return {path: each for path, each in self.objects.items() if each.kind != "group" and path.startswith(under)}

    def attribute(self, path: str, name: str) -> Any:
        """Return an attribute of a group or array; None if there is none."""
        return self.objects[path].attributes.get(name) if path in self.objects else None

    def read(self, *paths: str) -> list[NDArray[Any]]:
        """Read arrays after a check of their places and sizes; texts as an array of Python's strings (n,).

        Raises DataError for values in other files, and for more than MAX_VALUES or MAX_UNPACKED bytes.
        """
        for path in paths:
            self._check(path)
        with tempfile.TemporaryDirectory() as folder:
            names = _answer(self.path, READ_SECONDS, "read", folder, *paths)
            return [_loaded(Path(folder, name)) for name in names]

    def _check(self, path: str) -> None:
        item = self.objects.get(path)
        if item is None or item.kind == "group":
            raise DataError(f"there is no array {path!r} in the file")
        if item.elsewhere:
            raise DataError(
                f"{path} is kept in another file ({item.elsewhere[:60]!r}), and other files are not opened. {REPACK}"
            )
        if item.holds not in ("number", "text"):
            raise DataError(f"{path} holds {item.holds[:80]}: should be numbers. Save them with numpy.savez")
        check_n_stored(path, item)


def check_n_stored(path: str, item: StoredObject) -> None:
    """Raise DataError for an array that declares too many values or bytes, before memory is taken."""
    n = int(np.prod(item.shape, dtype=object))
    if n > MAX_VALUES or item.n_bytes > MAX_UNPACKED or item.block_bytes > MAX_UNPACKED:
        size = max(item.n_bytes, item.block_bytes) / 2**30
        raise DataError(
            f"{path} has {n:,} values in {size:.1f} GiB: at most {MAX_VALUES:,} values and {MAX_UNPACKED / 2**30:.0f} GiB. "
            "Use fewer samples"
        )


def _loaded(path: Path) -> NDArray[Any]:
    if path.suffix == ".json":
        return np.array(json.loads(path.read_text("utf-8")), dtype=object)
    return np.load(path, allow_pickle=False)


def _answer(path: Path, seconds: int, *task: str) -> Any:
    """Run the reading process; raises DataError with its error, or if it crashes or does not end."""
    command = [sys.executable, "-P", str(PROCESS), str(path), str(seconds), *task]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=WAITING * seconds, check=False)
        answer = json.loads(ended.stdout) if ended.returncode == 0 else {"error": "reading it crashed, or did not end"}
    except (subprocess.TimeoutExpired, ValueError):
        answer = {"error": "reading it did not end"}
    if "error" not in answer:
        return answer["result"]
    error = short_message(ValueError(answer["error"]))
    if "required filter" in error or "filter plugins" in error:
        raise DataError(f"the file is packed by a filter that is not read ({error}). {REPACK}")
    raise DataError(f"this is not an HDF5 file that can be read: {error}. It may be damaged: save or download it again")


@contextmanager
def opened_hdf5(source: DataSource) -> Iterator[HDF5File]:
    """Open an HDF5 file, an upload by way of a temporary file."""
    source_size(source)
    if isinstance(source, Path):
        yield HDF5File(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "upload.h5")
        with opened(source) as upload, path.open("wb") as file:
            shutil.copyfileobj(upload, file)
        yield HDF5File(path)
