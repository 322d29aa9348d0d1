"""List named arrays in files: .npz, IDX (with the labels beside it, or zipped) and MATLAB's .mat. Pickles are never loaded."""

import gzip
import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.image_folder import files_in_archive, open_archive, read_member
from ddnmf_core.data.user.source import MAX_UNPACKED, MAX_VALUES, DataSource, from_start, opened, source_size

IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MATLAB_NUMBERS = {
    "double",
    "single",
    "logical",
    "sparse",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}
MATLAB_TEXTS = ("cell", "char")
GZIP_MAGIC = b"\x1f\x8b"
HEAD_OF_IDX = 4  # bytes


class StoredArray(NamedTuple):
    """An array in a file: its shape, and a function that reads it after a check of its size."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]
    by_columns: bool = False  # MATLAB's order of pixels


# ------------------------------------------------------------------------------------------ NumPy


def npz_arrays(archive: zipfile.ZipFile) -> dict[str, StoredArray]:
    """List the .npy members of a zip file."""
    entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
    return {
        entry.filename.removesuffix(".npy"): StoredArray(_shape_in(archive, entry), partial(_member, archive, entry))
        for entry in entries
    }


def _shape_in(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[int, ...]:
    """Read the shape of a member; empty if its header cannot be read, of which reading it tells."""
    try:
        with archive.open(entry) as file:
            return _read_header(file)[0]
    except Exception:  # zlib, encryption and NumPy raise different errors
        return ()


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    return npy_array(io.BytesIO(read_member(archive, entry, MAX_UNPACKED)), entry.filename)


def npy_array(file: BinaryIO, name: str) -> NDArray[Any]:
    """Read an .npy file after a check of its header: type, size and length of the file."""
    with readable(name):
        shape, _, _ = npy_header(file, name)
        check_n_values(name, shape)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def npy_header(file: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read shape, Fortran order and dtype; raises DataError if they do not fit the file."""
    shape, by_columns, dtype = _read_header(file)
    if dtype.kind not in "biufUS":
        ways = {"O": "Save it as numbers or texts, such as y.astype(str)", "c": "Save its absolute value or its real part"}
        way_out = ways.get(dtype.kind, "Save its fields as columns of one array" if dtype.names else "Save it as numbers")
        raise DataError(f"{name} holds {dtype}: should be numbers. Objects are never loaded. {way_out}")
    start = file.tell()
    if file.seek(0, os.SEEK_END) - start != math.prod(shape) * dtype.itemsize:
        raise DataError(f"{name} is cut short, or longer than its header states: save it again")
    return shape, by_columns, dtype


def _read_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
        np.lib.format.read_magic(file)
    ]
    return header(file)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn errors of reading an array into a DataError with its name."""
    try:
        yield
    except (ValueError, KeyError, EOFError, OSError, SyntaxError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{name} is not an array that can be read: {short_message(error)}") from None


def check_n_values(name: str, shape: tuple[int, ...]) -> None:
    """Raise DataError for an array of more than MAX_VALUES values, before memory is taken."""
    if (n := math.prod(shape)) > MAX_VALUES:
        raise DataError(f"{name} has {n:,} values: at most {MAX_VALUES:,}. Use fewer samples")


# -------------------------------------------------------------------------------------------- IDX


def is_idx(source: DataSource) -> bool:
    """Return True if a file begins as IDX does, gzipped or not."""
    return _is_idx_head(_head(source))


def _head(source: DataSource) -> bytes:
    """Return the first bytes of a file, unpacked if it is gzipped."""
    try:
        with opened(source) as file:
            return _unpacked_head(file)
    except (OSError, EOFError, zlib.error):
        return b""
    finally:
        from_start(source)


def _unpacked_head(file: BinaryIO) -> bytes:
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    return gzip.GzipFile(fileobj=file).read(HEAD_OF_IDX) if packed else file.read(HEAD_OF_IDX)


def _is_idx_head(head: bytes) -> bool:
    return len(head) == HEAD_OF_IDX and head[:2] == b"\0\0" and head[2] in IDX_TYPES and 1 <= head[3] <= 4


def idx_arrays(source: DataSource, name: str) -> dict[str, StoredArray]:
    """Read an IDX file; of images on this machine also the labels beside it."""
    source_size(source)
    if not isinstance(source, Path):
        source.seek(0)
        return {_without_gz(name): _idx(source.read(), name)}
    wanted = {partner.lower() for partner in partners(_without_gz(name))}
    beside = [path for path in sorted(source.parent.iterdir()) if _without_gz(path.name).lower() in wanted and path.is_file()]
    files = [source, *(path for path in beside if is_idx(path))]
    return {_without_gz(path.name): _idx(path.read_bytes(), path.name) for path in files}


def holds_arrays(source: DataSource) -> bool:
    """Return True if a zip file holds .npy or IDX files."""
    with open_archive(source) as archive:
        return bool(npz_arrays(archive) or idx_in_archive(archive))


def idx_in_archive(archive: zipfile.ZipFile) -> dict[str, StoredArray]:
    """List the IDX files in a zip file, gzipped or not."""
    found = {}
    for file in files_in_archive(archive).others:
        head = file.head()
        if head.startswith(GZIP_MAGIC):
            head = _head(io.BytesIO(file.read()))
        if _is_idx_head(head[:HEAD_OF_IDX]):
            name = PurePosixPath(file.path).name
            found[_without_gz(name)] = _idx(file.read(), name)
    return found


def _idx(content: bytes, name: str) -> StoredArray:
    """Parse an IDX file: two zeros, type, number of dimensions, the dimensions, values in big-endian order."""
    if content.startswith(GZIP_MAGIC):
        with readable(name):
            content = _gunzip(content, name)
    if not _is_idx_head(content[:HEAD_OF_IDX]) or len(content) < 4 + 4 * content[3]:
        raise DataError(f"{name} is not an IDX file that can be read: its header is damaged")
    n_dimensions, dtype = content[3], np.dtype(IDX_TYPES[content[2]])
    shape = struct.unpack_from(f">{n_dimensions}I", content, 4)
    check_n_values(name, shape)
    start = 4 + 4 * n_dimensions
    if len(content) - start != math.prod(shape) * dtype.itemsize:
        raise DataError(f"{name} is cut short, or longer than its header states: save it again")
    values = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return StoredArray(shape, lambda: values.astype(dtype.newbyteorder("=")))


def _gunzip(content: bytes, name: str) -> bytes:
    try:
        unpacked = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_UNPACKED + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(unpacked) > MAX_UNPACKED:
        raise DataError(f"{name} unpacks to more than {MAX_UNPACKED / 1024**3:.0f} GiB")
    return unpacked


def _without_gz(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") else name


# ----------------------------------------------------------------------------------------- MATLAB


def mat_arrays(source: DataSource) -> dict[str, StoredArray]:
    """List the arrays of numbers and of texts in a .mat file up to version 7; structures and objects are not read."""
    from scipy.io import whosmat

    source_size(source)
    with opened(source) as file:
        content = file.read()
    try:
        listed = whosmat(io.BytesIO(content))
    except Exception as error:  # scipy raises any error on damaged files
        raise DataError(f"this is not a .mat file that can be read: {short_message(error)}") from None
    numbers = {
        name: StoredArray(tuple(shape), partial(_matlab, content, name, tuple(shape)), by_columns=True)
        for name, shape, kind in listed
        if kind in MATLAB_NUMBERS
    }
    texts = {
        name: StoredArray((math.prod(shape),), partial(_matlab_texts, content, name, tuple(shape)), by_columns=True)
        for name, shape, kind in listed
        if kind in MATLAB_TEXTS and 1 < math.prod(shape) == max(shape)
    }
    return numbers | texts


def _matlab(content: bytes, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    from scipy.io import loadmat

    check_n_values(name, shape)
    try:
        values = loadmat(io.BytesIO(content), variable_names=[name])[name]
    except Exception as error:
        raise DataError(f"{name} is not an array that can be read: {short_message(error)}") from None
    return values.toarray() if hasattr(values, "toarray") else np.asarray(values)


def _matlab_texts(content: bytes, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Read a vector of cells, or rows of letters, as texts (n,); raises DataError for cells that hold anything else."""
    cells = _matlab(content, name, shape).ravel()
    texts = [cell if isinstance(cell, str) else cell.item() if getattr(cell, "size", 0) == 1 else "" for cell in cells]
    if not all(isinstance(text, str) for text in texts) or any(getattr(cell, "size", 1) > 1 for cell in cells):
        raise DataError(f"{name} holds cells of other things than texts: save them as cellstr, or as numbers")
    return np.array(texts, dtype=object)


# ------------------------------------------------------------------------------------------ names

PAIRS = (  # a part of the name of samples, and of their labels
    ("x", "y"),
    ("X", "Y"),
    ("X", "y"),
    ("images", "labels"),
    ("image", "label"),
    ("data", "labels"),
    ("data", "target"),
    ("features", "labels"),
    ("fea", "gnd"),
)


def partners(name: str) -> list[str]:
    """Return the names that the labels of samples of this name may have."""
    names = [name.replace(samples, labels) for samples, labels in PAIRS if samples in name]
    return [partner for each in names for partner in (each, each.replace("idx3", "idx1"))]
