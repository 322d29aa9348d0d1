"""Propose the column of labels and the shape of pictures in rows."""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.tables.parquet import Lists
from ddnmf_core.data.user.source import ImportOptions

if TYPE_CHECKING:
    import pandas as pd

LIKELY_LABELS = ("label", "labels", "class", "target", "species", "category", "y")  # usual names of the column of classes
LIKELY_CLASSES = 20  # different words in a column of labels, at most
PIXEL_NAME = re.compile(r"(pixel|pix|px|p)[ _.-]?(\d+)|(\d+)x(\d+)", re.IGNORECASE)
USUAL_SIZES = (784, 1024, 4096)  # pixels of pictures in rows without such names: 28 x 28, 32 x 32, 64 x 64


def likely_labels(frame: "pd.DataFrame") -> str | None:
    """Guess the column of labels: by its name, or as the only column of words if it has few different ones."""
    words = not_numeric(frame)
    few = words if len(words) == 1 and 1 < frame[words[0]].nunique() <= LIKELY_CLASSES else []
    return next((str(column) for column in frame if str(column).lower() in LIKELY_LABELS), few[0] if few else None)


def likely_shape(columns: Sequence[str], values: NDArray[np.floating]) -> tuple[int, int] | None:
    """Guess the shape of square pictures in rows: by names such as pixel0 or 1x1, or by 784, 1024 or 4096 whole bytes."""
    d = len(columns)
    side = math.isqrt(d)
    if side < 4 or side * side != d:
        return None
    are_pixels = all(PIXEL_NAME.fullmatch(column) for column in columns)
    return (side, side) if are_pixels or (d in USUAL_SIZES and _are_bytes(values)) else None


def columns_beside(columns: Sequence[str], lists: Lists, choices: ImportOptions) -> tuple[str, ...]:
    """Name the columns that are kept beside vectors or pictures in the rows: those that are left out, and all that are no part.

    A single column of lists holds the vectors or pictures; in rows of a given shape they are the columns named as pixels are,
    if there are as many.
    """
    parts: set[str] = set()
    lists = {name: shape for name, shape in lists.items() if not set(items_of(name, shape)) & set(choices.leave_out)}
    if len(lists) == 1:
        parts = set(items_of(*next(iter(lists.items()))))
    elif choices.shape:
        pixels = {column for column in columns if PIXEL_NAME.fullmatch(column)}
        parts = pixels if len(pixels) == math.prod(choices.shape) else parts
    others = [column for column in columns if parts and column not in parts and column != choices.labels]
    return tuple(dict.fromkeys([*choices.leave_out, *others]))


def items_of(name: str, shape: tuple[int, ...]) -> list[str]:
    """Name the columns that a column of lists becomes."""
    return [f"{name} {number + 1}" for number in range(math.prod(shape))]


def _are_bytes(values: NDArray[np.floating]) -> bool:
    present = values[np.isfinite(values)]
    return bool(len(present) and present.min() >= 0 and 1 < present.max() <= 255 and (present == np.round(present)).all())


def proposals(
    frame: "pd.DataFrame", values: NDArray[np.floating], columns: Sequence[str], choices: ImportOptions
) -> tuple[str, ...]:
    """Say which options suit a table that was read without them."""
    hints = []
    labels = likely_labels(frame) if choices.labels is None else None
    if labels is not None and labels not in choices.leave_out:
        hints.append(f"column {labels!r} may hold labels (--labels {labels!r})")
    is_feature = [column != labels for column in columns]
    pixels = [column for column, used in zip(columns, is_feature, strict=True) if used]
    shape = likely_shape(pixels, values[:, is_feature])
    if shape is not None:
        hints.append(f"the rows may be pictures (--shape {shape[0]}x{shape[1]})")
    return tuple(hints)


def not_numeric(frame: "pd.DataFrame") -> list[str]:
    """List the columns that hold anything but real numbers and missing values."""
    others = [number for number, dtype in enumerate(frame.dtypes) if dtype.kind not in "biuf"]
    return [frame.columns[number] for number in others if not frame.iloc[:, number].isna().all()]


def is_numeric(column: "pd.Series[object]") -> bool:
    """Return True for a column of real numbers, or without values."""
    from pandas.api import types

    return bool(types.is_numeric_dtype(column) and not types.is_complex_dtype(column)) or bool(column.isna().all())
