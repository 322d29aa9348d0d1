"""Read NumPy arrays as rows: (n, d), (n, h, w) or colour (n, h, w, 3). Pickles are never loaded."""

import io
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.image_folder import open_archive, read_member
from ddnmf_core.data.user.scaling import as_numbers
from ddnmf_core.data.user.source import (
    MAX_SAMPLES,
    MAX_UNPACKED,
    MAX_VALUES,
    DataSource,
    ImportOptions,
    RawData,
    check_extent,
    encode_classes,
    source_size,
)
from ddnmf_core.files.memory_map import too_large

NAMES_OF_X, NAMES_OF_Y = ("x", "X", "images", "data", "features"), ("y", "Y", "labels", "label", "target")
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])  # of red, green and blue in a gray value


def read_npy(source: DataSource, choices: ImportOptions) -> RawData:
    """Read one array without labels; a large file on this machine is memory-mapped."""
    if isinstance(source, Path) and (mapped := _mapped(source, choices)):
        return mapped
    source_size(source)
    return _raw(_array(io.BytesIO(source.read_bytes()) if isinstance(source, Path) else source, "the file"), None, choices)


def _mapped(path: Path, choices: ImportOptions) -> RawData | None:
    """Map the array if it is too large for memory, or over the limits for arrays in memory; otherwise return None."""
    with path.open("rb") as file, _readable("the file"):
        shape, by_columns, dtype = _header(file, "the file")
    n, n_values = (shape[0] if shape else 0), math.prod(shape)
    if not too_large(n_values * dtype.itemsize) and n <= MAX_SAMPLES and n_values <= MAX_VALUES:
        return None
    if by_columns:
        raise DataError(
            "the file holds its values column by column (Fortran order), and is too large to be transposed in memory: "
            "save it again with numpy.ascontiguousarray"
        )
    if len(shape) == 4 and shape[3] != 1:
        raise DataError(
            f"the samples have the shape {shape}: colour pictures are converted to gray in memory, and these are "
            "too large for it. Save them gray"
        )
    return _raw(np.load(path, mmap_mode="r", allow_pickle=False), None, choices, mapped=True)


def read_npz(source: DataSource, choices: ImportOptions) -> RawData:
    """Read arrays by name: the samples x, X or images, and the labels y or labels if there are any."""
    with open_archive(source) as archive:
        entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        x = next((name for name in NAMES_OF_X if name in entries), next(iter(entries)) if len(entries) == 1 else None)
        y = next((name for name in NAMES_OF_Y if name in entries), None)
        if x is None:
            raise DataError(
                f"the file holds {', '.join(entries) or 'nothing'}: the samples should be called "
                f"{' or '.join(NAMES_OF_X[:3])}, the labels y or labels"
            )
        return _raw(_member(archive, entries[x]), None if y is None else _member(archive, entries[y]), choices)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    return _array(io.BytesIO(read_member(archive, entry, MAX_UNPACKED)), entry.filename)


def _array(file: BinaryIO, name: str) -> NDArray[Any]:
    """Read the array after a check of its header: type, size and length of the file."""
    with _readable(name):
        shape, _, _ = _header(file, name)
        if (n := math.prod(shape)) > MAX_VALUES:
            raise DataError(f"{name} has {n:,} values: at most {MAX_VALUES:,}. Use fewer samples")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read shape, Fortran order and dtype; raises DataError if they do not fit the file."""
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
        np.lib.format.read_magic(file)
    ]
    shape, by_columns, dtype = header(file)
    if dtype.kind not in "biufUS":
        raise DataError(f"{name} holds {dtype}: should be numbers. Objects are never loaded")
    start = file.tell()
    if file.seek(0, os.SEEK_END) - start != math.prod(shape) * dtype.itemsize:
        raise DataError(f"{name} is cut short, or longer than its header states: save it again")
    return shape, by_columns, dtype


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, EOFError, OSError, SyntaxError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{name} is not an array that can be read: {short_message(error)}") from None


def _raw(x: NDArray[Any], y: NDArray[Any] | None, choices: ImportOptions, mapped: bool = False) -> RawData:
    if x.dtype.kind not in "biuf":
        raise DataError(f"the samples are {x.dtype}: should be numbers")
    rows, shape = _rows(x, choices)
    n, d = rows.shape
    check_extent(n, d, mapped)
    labels, names = (None, ()) if y is None else _labels(y, n)
    features = None if shape else tuple(f"feature {number + 1}" for number in range(d))
    return RawData(rows if mapped else _as_numbers(rows), labels, names, shape, features)


def _rows(x: NDArray[Any], choices: ImportOptions) -> tuple[NDArray[Any], tuple[int, int] | None]:
    """Return rows (n, d), and the shape of the picture in a row; None for a table."""
    if x.ndim == 4 and x.shape[3] in (1, 3, 4):
        light = x[..., 0] if x.shape[3] == 1 else x[..., :3] @ LUMA_WEIGHTS
        x = light.round().astype(x.dtype) if x.dtype.kind in "iu" else light
    if x.ndim == 3:
        return x.reshape(len(x), -1), (x.shape[1], x.shape[2])
    if x.ndim != 2:
        raise DataError(f"the samples have the shape {x.shape}: should be (n, d), (n, height, width) or (n, height, width, 3)")
    if choices.shape and choices.shape[0] * choices.shape[1] != x.shape[1]:
        raise DataError(f"shape = {choices.shape[0]} x {choices.shape[1]}: a row has {x.shape[1]:,} values")
    return x, choices.shape


def _labels(y: NDArray[Any], n: int) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    if y.shape not in ((n,), (n, 1)):
        raise DataError(f"the labels have the shape {y.shape}: should be ({n},), one for each sample")
    return encode_classes(y.ravel().tolist(), "the array of labels")


def _as_numbers(rows: NDArray[Any]) -> NDArray[Any]:
    """Convert booleans to 0 and 255, other numbers to float64; u8 and float32 stay."""
    rows = as_numbers(rows)
    return rows if rows.dtype in (np.uint8, np.float32) else rows.astype(np.float64)
