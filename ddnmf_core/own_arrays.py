"""Arrays of NumPy's files as rows: (n, d), (n, h, w) or pictures in colour (n, h, w, 3). No pickle is ever loaded."""

import io
import math
import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.dataset import DataError
from ddnmf_core.own_pictures import open_archive, unpacked
from ddnmf_core.own_source import MAX_UNPACKED, MAX_VALUES, Choices, Raw, Source, check_extent, classes, reason, size_of

NAMES_OF_X, NAMES_OF_Y = ("x", "X", "images", "data", "features"), ("y", "Y", "labels", "label", "target")
LUMA = np.array([0.299, 0.587, 0.114])                              # of red, green and blue in a gray value


def read_npy(source: Source, choices: Choices) -> Raw:
    """One array without labels."""
    size_of(source)
    return _raw(_array(io.BytesIO(source.read_bytes()) if isinstance(source, Path) else source, "the file"), None, choices)


def read_npz(source: Source, choices: Choices) -> Raw:
    """Arrays by name: x, X or images, and y or labels where there are any."""
    with open_archive(source) as archive:
        there = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        x = next((name for name in NAMES_OF_X if name in there), next(iter(there)) if len(there) == 1 else None)
        y = next((name for name in NAMES_OF_Y if name in there), None)
        if x is None:
            raise DataError(f"the file holds {', '.join(there) or 'nothing'}: the samples should be called "
                            f"{' or '.join(NAMES_OF_X[:3])}, their labels y or labels")
        return _raw(_member(archive, there[x]), None if y is None else _member(archive, there[y]), choices)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    return _array(io.BytesIO(unpacked(archive, entry, MAX_UNPACKED)), entry.filename)


def _array(file: BinaryIO, name: str) -> NDArray[Any]:
    """The array, after its header has said that it is harmless and whole."""
    try:
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
            np.lib.format.read_magic(file)]
        shape, _, dtype = header(file)
        n = math.prod(shape)
        if dtype.kind not in "biufUS":
            raise DataError(f"{name} holds {dtype}: should be numbers. Objects are never loaded")
        if n > MAX_VALUES:
            raise DataError(f"{name} has {n:,} values: at most {MAX_VALUES:,}. Take a part of them")
        start = file.tell()
        if file.seek(0, os.SEEK_END) - start != n * dtype.itemsize:
            raise DataError(f"{name} is cut short, or longer than its header says: save it again")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, KeyError, EOFError, OSError, SyntaxError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{name} is not an array that can be read: {reason(error)}") from None


def _raw(x: NDArray[Any], y: NDArray[Any] | None, choices: Choices) -> Raw:
    if x.dtype.kind not in "biuf":
        raise DataError(f"the samples are {x.dtype}: should be numbers")
    rows, shape = _rows(x, choices)
    check_extent(*rows.shape)
    labels, names = (None, ()) if y is None else _labels(y, len(rows))
    features = None if shape else tuple(f"feature {number + 1}" for number in range(rows.shape[1]))
    return Raw(_as_numbers(rows), labels, names, shape, features)


def _rows(x: NDArray[Any], choices: Choices) -> tuple[NDArray[Any], tuple[int, int] | None]:
    """(n, d), and the shape of the picture in a row; None for a table."""
    if x.ndim == 4 and x.shape[3] in (1, 3, 4):
        light = x[..., 0] if x.shape[3] == 1 else x[..., :3] @ LUMA
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
    return classes(y.ravel().tolist(), "the array of labels")


def _as_numbers(rows: NDArray[Any]) -> NDArray[Any]:
    """Bytes stay bytes, on and off become white and black, other numbers float."""
    if rows.dtype == np.bool_:
        return rows.astype(np.uint8) * np.uint8(255)
    return rows if rows.dtype in (np.uint8, np.float32) else rows.astype(np.float64)
