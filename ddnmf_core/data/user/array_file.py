"""Write and read the arrays of user data as one safetensors file, in blocks or memory-mapped if too large for memory.

The format is a header followed by the raw values: every file can be mapped, and the same values give the same bytes,
written in blocks or at once.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.files.atomic import CorruptFile, read_checked, sha256_of_file
from ddnmf_core.files.memory_map import blocks, too_large
from ddnmf_core.progress import Progress

DTYPE_CODES: dict[np.dtype[Any], str] = {np.dtype(np.uint8): "U8", np.dtype(np.float32): "F32", np.dtype(np.int64): "I64"}
DTYPES = {code: dtype for dtype, code in DTYPE_CODES.items()}


def write_by_blocks(
    path: Path, values: NDArray[Any], preprocess: Callable[[NDArray[Any]], NDArray[Any]], report: Progress
) -> str:
    """Preprocess values block by block and write them as `pixels`, flushed to the disk. Return the SHA-256 of the file."""
    first = preprocess(values[:1])
    header = _header(first.dtype, values.shape)
    digest = hashlib.sha256(header)
    with path.open("wb") as file:
        file.write(header)
        for rows in blocks(values):
            content = preprocess(values[rows]).tobytes()
            digest.update(content)
            file.write(content)
            report(rows.stop / len(values), "Writing")
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Build the header of safetensors for one array: its length, then JSON padded to a multiple of 8 bytes."""
    size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    text = json.dumps(
        {"pixels": {"dtype": DTYPE_CODES[dtype], "shape": list(shape), "data_offsets": [0, size]}}, separators=(",", ":")
    ).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def read_arrays(path: Path, expected: str) -> dict[str, NDArray[Any]]:
    """Read arrays by name, memory-mapped if the file is too large; raises CorruptFile unless its SHA-256 is as expected."""
    from safetensors.numpy import load

    if not path.exists() or not too_large(path.stat().st_size):
        return load(read_checked(path, [expected]))
    if sha256_of_file(path) != expected:
        raise CorruptFile(path, "is damaged: its content is not what was written")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        about = json.loads(file.read(length))
    return {name: _mapped(path, 8 + length, entry) for name, entry in about.items() if name != "__metadata__"}


def _mapped(path: Path, start: int, entry: dict[str, Any]) -> NDArray[Any]:
    return np.memmap(path, DTYPES[entry["dtype"]], "r", start + entry["data_offsets"][0], tuple(entry["shape"]))
