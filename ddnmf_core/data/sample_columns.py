"""Columns that are no features, such as identifiers, dates and measurements: kept beside a data set, not in its id."""

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_COLUMNS_BESIDE, MAX_COLUMN_NAME, MAX_TEXT = 100, 60, 120  # columns of a set; letters of a name, of a value
MAX_BYTES_BESIDE = 16 * 2**20  # of all columns of a set as JSON, which is read with its description
MAX_COLOURS = 200  # different texts of a column that can colour a map
EXACT = 2**53  # whole numbers beyond are no longer exact as float64, and are kept as texts
NO_TEXT = -1  # code of a missing value


@dataclass(frozen=True)
class SampleColumn:
    """A column of numbers or of texts beside n samples.

    Parameters
    ----------
    name : str
        Heading of the column.
    values : ndarray of shape (n,)
        Of numbers float64, NaN where a value is missing; of texts int64, index into `texts`, -1 where one is missing.
    texts : tuple of str, optional
        The different texts in the order in which they occur; None for a column of numbers.
    """

    name: str
    values: NDArray[Any]
    texts: tuple[str, ...] | None = None

    @property
    def can_colour(self) -> bool:
        """True for numbers with a value, and for 2 to MAX_COLOURS = 200 different texts."""
        return 2 <= len(self.texts) <= MAX_COLOURS if self.texts is not None else bool(np.isfinite(self.values).any())

    def text_of(self, sample: int) -> str:
        """Return the value of a sample in words; empty if it is missing."""
        value = self.values[sample]
        if self.texts is not None:
            return "" if value == NO_TEXT else self.texts[value]
        return "" if math.isnan(value) else f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"

    def of(self, samples: NDArray[np.integer]) -> "SampleColumn":
        """Return the column of some samples."""
        return SampleColumn(self.name, self.values[samples], self.texts)

    def cells(self) -> NDArray[Any]:
        """Return the values for a table (n,): int64 if all are whole, else float64; of texts objects, None if missing."""
        if self.texts is not None:
            return np.array([*self.texts, None], dtype=object)[self.values]
        whole = np.isfinite(self.values).all() and (self.values == np.round(self.values)).all()
        return self.values.astype(np.int64) if whole else self.values

    def as_json(self) -> dict[str, Any]:
        """Return what `column_from_json` reads."""
        if self.texts is not None:
            return {"name": self.name, "texts": list(self.texts), "codes": self.values.tolist()}
        cells = self.cells().tolist()
        return {"name": self.name, "numbers": [None if isinstance(x, float) and math.isnan(x) else x for x in cells]}


def column_from_json(stored: dict[str, Any]) -> SampleColumn:
    """Read a column of a stored description."""
    if stored.get("texts") is not None:
        return SampleColumn(stored["name"], np.array(stored["codes"], np.int64), tuple(stored["texts"]))
    return SampleColumn(stored["name"], np.array(stored["numbers"], np.float64))


def sample_column(name: str, values: Iterable[Any], missing: Collection[str] = ("", "nan", "none")) -> SampleColumn:
    """Make a column of values as read: numbers if all that are present are, else texts on one line.

    Parameters
    ----------
    name : str
        Heading; cut to MAX_COLUMN_NAME = 60 letters.
    values : iterable of length n
        Numbers, texts, dates; None, NaN and infinite values are missing.
    missing : collection of str
        Texts, in lower case, that stand for a missing value among numbers.
    """
    cells = list(values)
    name = " ".join(name.split())[:MAX_COLUMN_NAME]
    numbers = [_number(cell, missing) for cell in cells]
    present = [number for number in numbers if number is not None]
    if len(present) == len(cells) and not all(map(math.isnan, present)):
        return SampleColumn(name, np.array(present, np.float64))
    texts = [_text(cell) for cell in cells]
    place = {text: number for number, text in enumerate(dict.fromkeys(text for text in texts if text))}
    return SampleColumn(name, np.array([place.get(text, NO_TEXT) for text in texts], np.int64), tuple(place))


def _number(cell: Any, missing: Collection[str]) -> float | None:
    """Read a number, NaN for a missing value; None if the cell holds something else."""
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in missing):
        return math.nan
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | np.number | str):
        return None
    try:
        number = float(cell)
    except (ValueError, OverflowError):
        return None
    if math.isfinite(number) and abs(number) >= EXACT and number.is_integer():
        return None
    return number if math.isfinite(number) else math.nan


def _text(cell: Any) -> str:
    """Return a cell as a text on one line; a missing value as an empty one, midnight as the day alone."""
    if cell is None or cell != cell:  # NaN and NaT
        return ""
    if isinstance(cell, bytes):
        cell = cell.decode(errors="replace")
    if hasattr(cell, "isoformat"):
        cell = cell.isoformat().removesuffix("T00:00:00")
    if isinstance(cell, float | np.floating):
        number = float(cell)
        cell = int(number) if number.is_integer() and abs(number) < EXACT else number
    text = "".join(letter if letter.isprintable() else "?" for letter in " ".join(str(cell).split()))
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def that_fit(columns: Sequence[SampleColumn]) -> tuple[tuple[SampleColumn, ...], tuple[str, ...]]:
    """Choose the columns that are kept, within MAX_COLUMNS_BESIDE and MAX_BYTES_BESIDE; return them and the others' names."""
    kept: list[SampleColumn] = []
    n_bytes = 0
    for column in columns:
        size = len(json.dumps(column.as_json()))
        if len(kept) < MAX_COLUMNS_BESIDE and n_bytes + size <= MAX_BYTES_BESIDE:
            kept.append(column)
            n_bytes += size
    names = {column.name for column in kept}
    return tuple(kept), tuple(column.name for column in columns if column.name not in names)


def table_cells(columns: Iterable[SampleColumn], taken: Collection[str] = ()) -> dict[str, NDArray[Any]]:
    """Return the cells of columns by name, for a table that has columns of the names `taken`."""
    found: dict[str, NDArray[Any]] = {}
    for column in columns:
        name = column.name
        while name in taken or name in found:
            name = f"{name} (kept)"
        found[name] = column.cells()
    return found
