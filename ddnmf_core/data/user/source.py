"""What a user's own data are read from, how they choose to read them, and how large they may be."""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError

Negative = Literal["refuse", "shift", "clip"]
Missing = Literal["refuse", "mean", "zero"]
Scale = Literal["range", "maximum", "set"]
DataSource = Path | BinaryIO  # a file or folder of this machine, or what was uploaded

MAX_FILE = MAX_UNPACKED = 2 * 1024**3  # bytes of a file, and of what it unpacks to
MAX_VALUES = 100_000_000  # samples times features
MAX_MAPPED_SAMPLES = 2_000_000  # of an array that stays on the disk; its codes do not
MAX_FEATURES, MAX_SAMPLES, MIN_SAMPLES = 65_536, 200_000, 20
MAX_CLASSES, MAX_NAME = 200, 60  # classes; letters of a class's or column's name


@dataclass(frozen=True)
class ImportOptions:
    """How a user wants their data read; the defaults suit pictures and clean tables."""

    title: str = ""  # empty: the name of the file
    size: int = 28  # pixels of a resized picture's longer side
    invert: bool = False  # dark figures on a light ground become light on dark
    by_folder: bool = True  # a picture's class is the name of its folder
    labels: str | None = None  # column of a table that holds the classes
    leave_out: tuple[str, ...] = ()  # columns that are not features
    shape: tuple[int, int] | None = None  # of the pictures in the rows (n, d) of an array
    negative: Negative = "refuse"
    missing: Missing = "refuse"
    scale: Scale | None = None  # None: "range" for a table, "set" for pictures

    @property
    def reading(self) -> tuple[Any, ...]:
        """What matters to reading; the others come afterwards."""
        return self.size, self.invert, self.by_folder, self.labels, self.leave_out, self.shape


@dataclass(frozen=True)
class RawData:
    """What was read, before anything is done to its values."""

    values: NDArray[Any]  # (n, d): u8 of pictures, or float
    labels: NDArray[np.int64] | None  # (n,): index into class_names
    class_names: tuple[str, ...]
    image_shape: tuple[int, int] | None  # None: a table
    feature_names: tuple[str, ...] | None  # of a table
    skipped: int = 0  # files that are no pictures
    inverted: bool = False  # as was asked for: not to be done again


def source_size(source: DataSource) -> int:
    """Bytes of the file; raises DataError where it is too large to be read."""
    if isinstance(source, Path):
        size = source.stat().st_size
    else:
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
    if size > MAX_FILE:
        raise DataError(f"the file has {size / 1024**3:.1f} GiB: at most {MAX_FILE / 1024**3:.0f} are read. Take a part of it")
    return size


def check_extent(n: int, d: int, mapped: bool = False) -> None:
    """Raises DataError where n samples of d features are too few, or too many to be worked with, in memory or mapped."""
    if n < MIN_SAMPLES:
        raise DataError(f"there are {n} samples: at least {MIN_SAMPLES} are needed to learn from")
    if mapped and n > MAX_MAPPED_SAMPLES:
        raise DataError(f"there are {n:,} samples: at most {MAX_MAPPED_SAMPLES:,}. Take a part of them")
    if not mapped and (n > MAX_SAMPLES or n * d > MAX_VALUES):
        raise DataError(
            f"there are {n:,} samples of {d:,} values: at most {MAX_SAMPLES:,} samples and {MAX_VALUES:,} values. "
            "Take a part of them, or smaller pictures"
        )
    if not 2 <= d <= MAX_FEATURES:
        raise DataError(f"a sample has {d:,} value{'s' if d != 1 else ''}: should be 2 to {MAX_FEATURES:,}")


def encode_classes(values: Sequence[Any], where: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels (n,) and the names of the classes, numbers in the order of numbers."""
    texts = [_text(value) for value in values]
    names = sorted(set(texts), key=_in_order(set(texts)))
    if len(names) > MAX_CLASSES:
        raise DataError(
            f"{where} has {len(names):,} different values: at most {MAX_CLASSES} classes. Choose another column, or no labels"
        )
    if "" in names:
        raise DataError(f"{where} is empty for {texts.count('')} samples: fill it in, or choose no labels")
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[text] for text in texts], np.int64), tuple(names)


def _text(value: Any) -> str:
    """3.0 is the class '3'; what is missing has no name."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, float | np.floating):
        value = "" if np.isnan(value) else int(value) if float(value).is_integer() else value
    return " ".join(str(value).split())[:MAX_NAME] if value is not None else ""


def _in_order(names: Collection[str]) -> Callable[[str], Any]:
    try:
        number = {name: float(name) for name in names}
    except ValueError:
        return str
    return number.__getitem__


def shape_of(text: str) -> tuple[int, int]:
    """'28x20' as (28, 20): height and width."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise DataError(f"shape = {text!r}: should be height x width, as 28x28")
    return int(parts[0]), int(parts[1])
