"""Propose the column of labels and the shape of pictures in rows."""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.tables.parquet import Lists
from ddnmf_core.data.user.scaling import marks_missing
from ddnmf_core.data.user.source import ImportOptions

if TYPE_CHECKING:
    import pandas as pd

LIKELY_LABELS = ("label", "labels", "class", "target", "species", "category", "y")  # usual names of the column of classes
MAX_NAMED = 4  # columns in a sentence
MAX_WORDS = 100  # columns in which a last row is looked for a word such as total
LIKELY_CLASSES = 20  # different words in a column of labels, at most
PIXEL_NAME = re.compile(r"(pixel|pix|px|p)[ _.-]?(\d+)|(\d+)x(\d+)", re.IGNORECASE)
IDENTIFIER = re.compile(r"(.*[ _.-])?(id|ids|no|nr|number|index)|.*[a-z](Id|ID)", re.DOTALL)
TOTALS = {
    "total",
    "totals",
    "grand total",
    "sum",
    "summe",
    "gesamt",
    "insgesamt",
    "average",
    "mean",
    "mittelwert",
    "durchschnitt",
}
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
    numbering = [column for column, used in zip(columns, values.T, strict=True) if numbers_samples(column, used)]
    if numbering and choices.most_varying is None:
        named = " ".join(f"--leave-out {column!r}" for column in numbering[:MAX_NAMED])
        hints.append(f"{join_columns(numbering)} may number the samples or hold dates ({named})")
    shape = likely_shape(pixels, values[:, is_feature])
    if shape is not None:
        hints.append(f"the rows may be pictures (--shape {shape[0]}x{shape[1]})")
    return tuple(hints)


def numbers_samples(name: str, values: NDArray[np.floating]) -> bool:
    """Return True for whole numbers that are all different under a name such as id, and for dates such as 20230131."""
    if values[0] != np.round(values[0]) or not np.isfinite(values).all() or (values != np.round(values)).any():
        return False
    if IDENTIFIER.fullmatch(name) or IDENTIFIER.fullmatch(name.lower()):
        return len(np.unique(values)) == len(values)
    years, months, days = values // 10_000, values // 100 % 100, values % 100
    return bool(((years >= 1900) & (years < 2100) & (months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all())


def doubts_of(
    frame: "pd.DataFrame", values: NDArray[np.floating], columns: Sequence[str], choices: ImportOptions
) -> tuple[str, ...]:
    """Return sentences for numbers that stand for missing ones, constant columns, and a last row that is a total."""
    return (*_missing_numbers(values, columns), *_constant_columns(values, columns), *_total_row(frame, values, choices))


def _missing_numbers(values: NDArray[np.floating], columns: Sequence[str]) -> tuple[str, ...]:
    least = np.fmin.reduce(values, axis=0)
    if not marks_missing(least):
        return ()
    marked = [column for column, value in zip(columns, least, strict=True) if value < 0]
    return (f"{least.min():g} in {join_columns(marked)} often stands for a missing value: leave such cells empty in the file.",)


def _constant_columns(values: NDArray[np.floating], columns: Sequence[str]) -> tuple[str, ...]:
    constant = [column for column, same in zip(columns, (values == values[:1]).all(axis=0), strict=True) if same]
    if not constant or len(values) < 2 or len(constant) == len(columns):
        return ()
    have = "has" if len(constant) == 1 else "have"
    return (f"{join_columns(constant)} {have} one value throughout, from which nothing is learnt.",)


def join_columns(names: Sequence[str]) -> str:
    """Name the first columns."""
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return ", ".join(map(repr, names[:MAX_NAMED])) + more


def _total_row(frame: "pd.DataFrame", values: NDArray[np.floating], choices: ImportOptions) -> tuple[str, ...]:
    if len(frame) < 3 or choices.transpose:
        return ()
    words = [str(cell).strip().lower().rstrip(":") for cell in frame.iloc[-1, :MAX_WORDS]]
    word = next((word for word in words if word in TOTALS), None)
    sums = np.nansum(values[:-1], axis=0)
    is_sum = values.shape[1] > 1 and bool((sums != 0).any()) and np.allclose(values[-1], sums, rtol=1e-6, atol=0)
    if word is None and not is_sum:
        return ()
    what = (
        f"begins with {word!r}"
        if word is not None and words[0] == word
        else f"holds {word!r}"
        if word
        else "is the sum of the others"
    )
    return (f"The last row {what}: if it is no sample, remove it from the file, and add that.",)


def not_numeric(frame: "pd.DataFrame") -> list[str]:
    """List the columns that hold anything but real numbers and missing values."""
    others = [number for number, dtype in enumerate(frame.dtypes) if dtype.kind not in "biuf"]
    return [frame.columns[number] for number in others if not frame.iloc[:, number].isna().all()]


def is_numeric(column: "pd.Series[object]") -> bool:
    """Return True for a column of real numbers, or without values."""
    from pandas.api import types

    return bool(types.is_numeric_dtype(column) and not types.is_complex_dtype(column)) or bool(column.isna().all())
