"""Read arrays as rows: (n, d), (n, h, w) or colour, channels last or first. Pickles are never loaded."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.hdf5.arrays import hdf5_arrays
from ddnmf_core.data.hdf5.file import HDF5_ENDINGS, is_hdf5, opened_hdf5
from ddnmf_core.data.image_files import LUMA_WEIGHTS
from ddnmf_core.data.user.array_columns import columns_beside_samples
from ddnmf_core.data.user.array_formats import (
    StoredArray,
    idx_arrays,
    idx_in_archive,
    mat_arrays,
    npy_array,
    npy_header,
    npz_arrays,
    partners,
    readable,
)
from ddnmf_core.data.user.image_folder import open_archive
from ddnmf_core.data.user.scaling import as_numbers
from ddnmf_core.data.user.source import (
    MAX_NAME,
    MAX_SAMPLES,
    MAX_VALUES,
    MIN_SAMPLES,
    NO_PICTURES,
    DataSource,
    ImportOptions,
    RawData,
    check_extent,
    encode_classes,
    source_size,
)
from ddnmf_core.files.memory_map import too_large

NAMES_OF_X = ("x", "X", "images", "data", "features", "fea")
NAMES_OF_Y = ("y", "Y", "labels", "label", "target", "gnd")
CHANNELS = (1, 3, 4)  # of gray, RGB and RGBA
MAX_LISTED = 8  # arrays in a message
MIN_SIDE, N_ROWS_COMPARED, ALIKE = (
    8,
    200,
    0.7,
)  # a row is taken for a square: least side, rows compared, difference of neighbours to chance


def read_npy(source: DataSource, choices: ImportOptions) -> RawData:
    """Read one array without labels; a large file on this machine is memory-mapped."""
    if isinstance(source, Path) and (mapped := _mapped(source, choices)):
        return mapped
    source_size(source)
    return _raw(npy_array(io.BytesIO(source.read_bytes()) if isinstance(source, Path) else source, "the file"), None, choices)


def _mapped(path: Path, choices: ImportOptions) -> RawData | None:
    """Map the array if it is too large for memory, or over the limits for arrays in memory; otherwise return None."""
    with path.open("rb") as file, readable("the file"):
        shape, by_columns, dtype = npy_header(file, "the file")
    n, n_values = (shape[0] if shape else 0), math.prod(shape)
    if not too_large(n_values * dtype.itemsize) and n <= MAX_SAMPLES and n_values <= MAX_VALUES:
        return None
    if by_columns or choices.transpose:
        raise DataError(
            "the array is to be transposed, and is too large for memory: save its transpose with numpy.ascontiguousarray"
            if choices.transpose
            else "the file holds its values column by column (Fortran order), and is too large to be transposed in memory: "
            "save it again with numpy.ascontiguousarray"
        )
    if len(shape) == 4 and 1 not in (shape[1], shape[3]):
        raise DataError(
            f"the samples have the shape {shape}: colour pictures are converted to gray in memory, and these are "
            "too large for it. Save them gray"
        )
    return _raw(np.load(path, mmap_mode="r", allow_pickle=False), None, choices, mapped=True)


def read_named_arrays(source: DataSource, name: str, choices: ImportOptions) -> RawData:
    """Read samples and labels from a file of named arrays: .npz, .mat, HDF5, IDX, or a zip file of arrays.

    Further arrays with a value for each sample are kept beside the samples.
    """
    with named_arrays(source, name) as arrays:
        x = _samples_name(arrays, choices.x)
        y = _labels_name(arrays, x, choices.y)
        samples, labels = arrays[x].read(), None if y is None else arrays[y].read()
        chosen = (f"samples {x}" + (f", labels {y}" if y else ""),) if len(arrays) > 1 else ()
        samples, turned = _samples_first(samples, labels, arrays[x].by_columns)
        raw = _raw(samples, labels, choices, (*chosen, *turned), by_columns=arrays[x].by_columns)
        possible = possible_samples({name: array.shape for name, array in arrays.items()})
        columns, said = columns_beside_samples(arrays, {x, *([y] if y else [])}, possible, len(raw.values))
        return replace(raw, columns=columns, notes=(*raw.notes, *said))


@contextmanager
def named_arrays(source: DataSource, name: str) -> Iterator[dict[str, StoredArray]]:
    """List the arrays in a file by name; they can be read inside the block."""
    ending = Path(name).suffix.lower()
    if ending in HDF5_ENDINGS or (ending == ".mat" and is_hdf5(source)):
        with opened_hdf5(source) as file:
            yield hdf5_arrays(file)
    elif ending == ".mat":
        yield mat_arrays(source)
    elif ending in (".npz", ".zip"):
        with open_archive(source) as archive:
            yield npz_arrays(archive) or idx_in_archive(archive)
    else:
        yield idx_arrays(source, name)


def _samples_name(arrays: dict[str, StoredArray], wanted: str | None) -> str:
    """Return the name of the array of samples: that wanted, a usual one, or the only one that can be it."""
    if wanted is not None:
        if wanted in arrays:
            return wanted
        raise DataError(f"x = {wanted!r}: the file holds {_list_arrays(arrays)}")
    shapes = {name: array.shape for name, array in arrays.items()}
    possible = possible_samples(shapes)
    usual = next((name for names in (possible, arrays) for name in NAMES_OF_X if name in names), None)
    if usual is not None or len(arrays) == 1 or len(possible) == 1:
        return usual or next(iter(possible or arrays))
    proposal = f", or name them: --x {possible[0]}" if possible else ""
    partner = likely_labels_of(shapes, possible[0]) if possible else None
    raise DataError(
        f"the file holds {_list_arrays(arrays) or 'nothing'}: the samples should be called {' or '.join(NAMES_OF_X[:3])}, the "
        f"labels y or labels{proposal}{f' --y {partner}' if partner else ''}"
    )


def possible_samples(shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """Return the names of arrays of two dimensions or more, which can be samples; usual and training ones first."""
    names = [name for name, shape in shapes.items() if len(shape) > 1 and math.prod(shape[1:]) > 1 and shape[0] > 1]
    return sorted(names, key=lambda name: (name not in NAMES_OF_X, "train" not in name.lower()))


def _labels_name(arrays: dict[str, StoredArray], x: str, wanted: str | None) -> str | None:
    """Return the name of the array of labels: that wanted, or the likely one; None for none."""
    if wanted and wanted not in arrays:
        raise DataError(f"y = {wanted!r}: the file holds {_list_arrays(arrays)}")
    if wanted is not None:
        return wanted or None
    return likely_labels_of({name: array.shape for name, array in arrays.items()}, x)


def likely_labels_of(shapes: dict[str, tuple[int, ...]], x: str) -> str | None:
    """Return the name of the labels of samples: their partner's, or a usual one; None if there is none."""
    names = [*partners(x), *(NAMES_OF_Y if x in NAMES_OF_X or len(possible_samples(shapes)) == 1 else ())]
    return next((name for name in names if name in shapes and name != x), None)


def _list_arrays(arrays: dict[str, StoredArray]) -> str:
    shown = [f"{name[:MAX_NAME]} {array.shape}" for name, array in list(arrays.items())[:MAX_LISTED]]
    return ", ".join(shown) + (f" and {len(arrays) - MAX_LISTED} more" if len(arrays) > MAX_LISTED else "")


def _samples_first(x: NDArray[Any], y: NDArray[Any] | None, of_matlab: bool) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Move the samples to the front if the last axis is theirs, by the number of labels or by MATLAB's custom."""
    n = None if y is None or x.ndim < 2 else max(y.shape, default=0)
    of_pictures = of_matlab and x.ndim > 2 and x.shape[-1] >= MIN_SAMPLES and (n is None or n != x.shape[0])
    if (n is not None and x.shape[-1] == n != x.shape[0]) or of_pictures:
        return np.moveaxis(x, -1, 0), ("the samples are the last axis",)
    return x, ()


def _raw(
    x: NDArray[Any],
    y: NDArray[Any] | None,
    choices: ImportOptions,
    notes: tuple[str, ...] = (),
    mapped: bool = False,
    by_columns: bool = False,
) -> RawData:
    if x.dtype.kind not in "biuf":
        raise DataError(f"the samples are {x.dtype}: should be numbers")
    if choices.transpose:
        if x.ndim != 2:
            raise DataError(
                f"transpose = True: the samples have the shape {x.shape}, and rows of features are turned; leave it out"
            )
        x = x.T
    rows, shape, read_as = _rows(x, choices.shape, by_columns)
    n, d = rows.shape
    doubts: tuple[str, ...] = ()
    if x.ndim == 3 and not by_columns and x.shape[0] == x.shape[1] != x.shape[2] >= MIN_SAMPLES:
        doubts = (
            f"The shape {x.shape} is read as {n:,} pictures of {x.shape[1]} x {x.shape[2]}. If the samples are the last axis, "
            "save numpy.moveaxis(x, -1, 0).",
        )
    check_extent(n, d, mapped)
    labels, names = (None, ()) if y is None else _labels(y, n)
    features = None if shape else tuple(f"feature {number + 1}" for number in range(d))
    return RawData(
        rows if mapped else _as_numbers(rows), labels, names, shape, features, notes=(*notes, *read_as), warnings=doubts
    )


def _rows(
    x: NDArray[Any], wanted: tuple[int, int] | None, by_columns: bool
) -> tuple[NDArray[Any], tuple[int, int] | None, tuple[str, ...]]:
    """Return rows (n, d), the shape of the picture in a row, None for a table, and what was decided."""
    notes: tuple[str, ...] = ()
    if x.ndim == 4 and x.shape[3] not in CHANNELS and x.shape[1] in CHANNELS:
        x, notes = np.moveaxis(x, 1, 3), ("channels come first",)
    if x.ndim == 4 and x.shape[3] in CHANNELS:
        light = x[..., 0] if x.shape[3] == 1 else x[..., :3] @ LUMA_WEIGHTS
        x = light.round().astype(x.dtype) if x.dtype.kind in "iu" else light
    if x.ndim == 3:
        return x.reshape(len(x), -1), (x.shape[1], x.shape[2]), notes
    if x.ndim != 2:
        raise DataError(
            f"the samples have the shape {x.shape}: should be (n, d), (n, height, width), (n, height, width, 3) or "
            "(n, 3, height, width)"
        )
    if wanted == NO_PICTURES:
        return x, None, ()
    if wanted and wanted[0] * wanted[1] != x.shape[1]:
        raise DataError(f"shape = {wanted[0]} x {wanted[1]}: a row has {x.shape[1]:,} values")
    if not by_columns:
        return x, wanted, ()
    shape = wanted or likely_square(x)
    if shape is None:
        return x, None, ()
    rows = x.reshape(len(x), shape[1], shape[0]).transpose(0, 2, 1).reshape(len(x), -1)
    return rows, shape, (f"rows are pictures of {shape[0]} x {shape[1]}, column by column as MATLAB writes them",)


def likely_square(rows: NDArray[Any]) -> tuple[int, int] | None:
    """Return the shape of square pictures in rows (n, d) if neighbours in them are alike as in pictures; else None."""
    side = math.isqrt(rows.shape[1])
    if side < MIN_SIDE or side * side != rows.shape[1]:
        return None
    images = np.asarray(rows[:: -(-len(rows) // N_ROWS_COMPARED)], np.float64).reshape(-1, side, side)
    shuffled = np.random.default_rng(0).permutation(images.reshape(len(images), -1), axis=1)
    by_chance = np.abs(np.diff(shuffled, axis=1)).mean()
    neighbours = max(np.abs(np.diff(images, axis=axis)).mean() for axis in (1, 2))
    return (side, side) if neighbours < ALIKE * by_chance else None


def _labels(y: NDArray[Any], n: int) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Encode labels (n,), or those of one column for each class with a single 1 in each row (n, k)."""
    by_class = y.ndim == 2 and y.shape[0] == n and y.shape[1] > 1 and y.dtype.kind in "biuf"
    if by_class and ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all():
        y = y.argmax(axis=1)
    if y.shape not in ((n,), (n, 1), (1, n)):
        raise DataError(f"the labels have the shape {y.shape}: should be ({n},), one for each sample")
    return encode_classes(y.ravel().tolist(), "the array of labels")


def _as_numbers(rows: NDArray[Any]) -> NDArray[Any]:
    """Convert booleans to 0 and 255, other numbers to float64; u8 and float32 stay."""
    rows = as_numbers(rows)
    return rows if rows.dtype in (np.uint8, np.float32) else rows.astype(np.float64)
