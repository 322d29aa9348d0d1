"""Sources of user data, options for reading them, and limits of their size."""

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.sample_columns import SampleColumn

Negative = Literal["refuse", "shift", "clip"]
Missing = Literal["refuse", "mean", "zero"]
Scale = Literal["range", "maximum", "set"]
DataSource = Path | BinaryIO  # a file or folder on this machine, or an uploaded file

MAX_FILE = MAX_UNPACKED = 2 * 1024**3  # bytes of a file, packed and unpacked
MAX_VALUES = 100_000_000  # samples times features
MAX_MAPPED_SAMPLES = 2_000_000  # of a mapped array; its codes are held in memory
MAX_FEATURES, MAX_SAMPLES, MIN_SAMPLES = 65_536, 200_000, 20
MAX_COLUMNS = 200_000  # of a table of which the columns that vary most are kept
PREPROCESSING_FIELDS = ("title", "negative", "missing", "white", "scale")  # of ImportOptions
MAX_SAMPLE_NAME = 120  # letters
MAX_CLASSES, MAX_NAME = 200, 60  # number of classes; letters of a name of a class or column
NO_PICTURES = (0, 0)  # the shape of rows that are no pictures though they look like it
DIGITS = re.compile("([0-9]+)")


@dataclass(frozen=True)
class ImportOptions:
    """Options for importing user data; the defaults suit pictures and clean tables."""

    title: str = ""  # empty: the name of the file
    size: int = 28  # pixels of a resized picture's longer side
    invert: bool = False  # of dark figures on a light background
    by_folder: bool = True  # a picture's class is the name of its folder
    class_level: int | None = None  # folder that is the class: 1 right below the common one, -1 the picture's own
    class_from: str | None = None  # pattern of file names; its one group is the class
    pages: bool = False  # every page of a stack is a sample
    skip_damaged: bool = False  # go on without pictures that cannot be read
    x: str | None = None  # name of the array of samples; this and the next: None for a usual name
    y: str | None = None  # array of the classes, or their column in a table beside pictures; empty for none
    labels: str | None = None  # column of a table that holds the classes, or a table of the classes of pictures
    leave_out: tuple[str, ...] = ()  # columns that are not features
    shape: tuple[int, int] | None = None  # of the pictures in the rows (n, d) of an array
    negative: Negative = "refuse"
    missing: Missing = "refuse"
    white: float | None = None  # value that becomes white in pictures of more than 8 bits; None: the maximum of the set
    scale: Scale | None = None  # None: "range" for a table, "set" for pictures
    separator: str | None = None  # of a text table; this and the next four: None for what its first lines say
    decimal: str | None = None
    encoding: str | None = None  # of a text table, or of names in a zip file
    header: bool | None = None  # the first line names the columns
    index: bool | None = None  # the first column numbers the rows, and is no feature
    sheet: str | None = None  # of a workbook; None: the first
    transpose: bool = False  # of a table of features x samples
    log1p: bool = False  # log(1 + x) of counts
    most_varying: int | None = None  # columns kept, those with the largest variance; None: all

    @property
    def reading(self) -> tuple[Any, ...]:
        """Options that affect reading; the others affect preprocessing."""
        return tuple(getattr(self, each.name) for each in fields(self) if each.name not in PREPROCESSING_FIELDS)


@dataclass(frozen=True)
class RawData:
    """Data as read, before preprocessing."""

    values: NDArray[Any]  # (n, d): u8 of pictures, or float
    labels: NDArray[np.int64] | None  # (n,): index into class_names
    class_names: tuple[str, ...]
    image_shape: tuple[int, int] | None  # None: a table
    feature_names: tuple[str, ...] | None  # of a table
    skipped: int = 0  # number of files that are not pictures
    inverted: bool = False  # already, while reading
    deep: bool = False  # pictures of more than 8 bits, which keep them
    notes: tuple[str, ...] = ()  # what was decided while reading, for a sentence
    warnings: tuple[str, ...] = ()  # sentences on what may not be meant
    sample_names: tuple[str, ...] | None = None  # file names with pages, or row names
    columns: tuple[SampleColumn, ...] = ()  # that are no features, kept beside the samples
    marker: str = ""  # the first marker of a missing value: "'?' in row 5 of column 'a'"
    changes: dict[str, Any] = field(default_factory=dict)  # what was done to the values while reading, for the summary


@contextmanager
def opened(source: DataSource) -> Iterator[BinaryIO]:
    """Yield a file at its start; an upload stays open afterwards."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        source.seek(0)
        yield source


def from_start(source: DataSource) -> DataSource:
    """Return a path or an upload at its start, for readers that take either."""
    if not isinstance(source, Path):
        source.seek(0)
    return source


def source_size(source: DataSource) -> int:
    """Return the bytes of a file; raises DataError if it is too large."""
    if isinstance(source, Path):
        check_is_file(source)
        size = source.stat().st_size
    else:
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
    if size > MAX_FILE:
        raise DataError(f"the file has {size / 1024**3:.1f} GiB: at most {MAX_FILE / 1024**3:.0f} are read. Use a part of it")
    return size


def check_is_file(path: Path) -> None:
    """Raise DataError for a missing file, a link that leads nowhere, and a pipe or device, which might never end."""
    if path.is_file():
        return
    if not path.exists() and not path.is_symlink():
        raise DataError(f"{path}: there is no such file or folder")
    if not path.exists():
        raise DataError(
            f"{path.name} is a link to {os.readlink(path)}, which is not there. Fetch the file first (git annex get, dvc pull)"
        )
    raise DataError(f"{path.name} is not a file: a pipe, device or folder cannot be read as one")


def check_extent(n: int, d: int, mapped: bool = False) -> None:
    """Raise DataError if there are no samples, or n samples of d features are too many in memory or mapped."""
    if n < 1:
        raise DataError("there are no samples in it: check that it is the right file, and how it is written")
    if mapped and n > MAX_MAPPED_SAMPLES:
        raise DataError(f"there are {n:,} samples: at most {MAX_MAPPED_SAMPLES:,}. Use fewer")
    if not mapped and (n > MAX_SAMPLES or n * d > MAX_VALUES):
        raise DataError(
            f"there are {n:,} samples of {d:,} values: at most {MAX_SAMPLES:,} samples and {MAX_VALUES:,} values. "
            "Use fewer samples, or smaller pictures"
        )
    if not 2 <= d <= MAX_FEATURES:
        way_out = ". Keep the columns that vary most, such as --most-varying 2000" if d > MAX_FEATURES else ""
        raise DataError(f"a sample has {d:,} value{'s' if d != 1 else ''}: should be 2 to {MAX_FEATURES:,}{way_out}")


def check_enough(n: int) -> None:
    """Raise DataError if n samples are too few for a training."""
    if n < MIN_SAMPLES:
        raise DataError(
            f"there are {n} samples: at least {MIN_SAMPLES} are needed for training. If the samples are the columns, "
            "turn the table (--transpose)"
        )


def encode_classes(
    values: Sequence[Any], where: str, remedy: str = "Choose another column, or none"
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Encode values as labels (n,) and class names, sorted as numbers if all are numbers, else s2 before s10."""
    texts = [_text(value) for value in values]
    names = sorted(set(texts), key=_in_order(set(texts)))
    if len(names) > MAX_CLASSES:
        raise DataError(f"{where} has {len(names):,} different values: at most {MAX_CLASSES} classes. {remedy}")
    if "" in names:
        raise DataError(f"{where} is empty for {texts.count('')} samples: fill in the missing values, or use no labels")
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[text] for text in texts], np.int64), tuple(names)


def _text(value: object) -> str:
    """Name a class: 3.0 becomes '3', a missing value the empty text."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, float | np.floating):
        value = "" if np.isnan(value) else int(value) if float(value).is_integer() else value
    return " ".join(str(value).split())[:MAX_NAME] if value is not None else ""


def _in_order(names: Collection[str]) -> Callable[[str], Any]:
    try:
        number = {name: float(name) for name in names}
    except ValueError:
        return in_natural_order
    return number.__getitem__


def in_natural_order(name: str) -> tuple[Any, ...]:
    """Return a key that sorts numbers in names by their value: s2 before s10."""
    texts, numbers = DIGITS.split(name)[0::2], DIGITS.findall(name)
    digits = [(len(number.lstrip("0")), number.lstrip("0")) for number in numbers]
    return *chain.from_iterable(zip_longest(texts, digits, fillvalue=(0, ""))), name


def short_sample_name(name: str) -> str:
    """Return the last letters of a sample's name, on one line."""
    text = "".join(letter if letter.isprintable() else "?" for letter in name)
    return text if len(text) <= MAX_SAMPLE_NAME else f"…{text[1 - MAX_SAMPLE_NAME :]}"


def shape_of(text: str) -> tuple[int, int]:
    """Parse '28x20' as (28, 20): height and width; 'none' as NO_PICTURES."""
    if text.strip().lower() == "none":
        return NO_PICTURES
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise DataError(f"shape = {text!r}: should be height x width, as 28x28")
    return int(parts[0]), int(parts[1])
