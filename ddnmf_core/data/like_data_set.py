"""Preprocess new samples as those of a data set were: the same columns in the same order, the same scaling."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError, DatasetSpec
from ddnmf_core.data.tables.kinds import is_matrix
from ddnmf_core.data.tables.proposals import likely_labels
from ddnmf_core.data.tables.unpacking import unpacked
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.scaling import Preprocessing, as_numbers
from ddnmf_core.data.user.source import DataSource, ImportOptions, RawData
from ddnmf_core.data.user.tables import read_frame

N_FIRST_ROWS = 200  # of a table, which show what its columns hold
SHIPPED = {"missing": 0, "negative": 0, "scale": "bytes"}  # preprocessing of the built-in sets


def matching_options(name: str, choices: ImportOptions) -> ImportOptions:
    """Complete the options for reading new samples by what is known of the data set; raise DataError for a scaling."""
    spec, done = catalogue.spec(name), _preprocessing(name)
    given = [field for field in ("scale", "log1p", "most_varying") if getattr(choices, field)]
    if given:
        raise DataError(
            f"{given[0]} = {getattr(choices, given[0])!r}: new samples are scaled as the data set was; leave it out"
        )
    if spec.feature_names:
        return replace(choices, log1p=bool(done.get("log1p")))
    return replace(choices, size=max(spec.image_shape), shape=choices.shape or spec.image_shape)


def other_columns(name: str, source: DataSource, file_name: str, choices: ImportOptions) -> tuple[tuple[str, ...], str | None]:
    """List the columns of a table that the data set does not have, and name the one that may hold labels, if there is one."""
    known = catalogue.spec(name).feature_names
    if known is None or user_sets.source_kind(source, file_name) != "table" or is_matrix(source, file_name):
        return (), None
    with unpacked(source, file_name) as (file, unpacked_name):
        frame = read_frame(file, unpacked_name, choices, N_FIRST_ROWS).frame
    columns = set(known)
    others = [place for place, column in enumerate(frame.columns) if str(column) not in columns]
    return tuple(str(frame.columns[place]) for place in others), likely_labels(frame.iloc[:, others])


def preprocess_like(name: str, raw: RawData, choices: ImportOptions) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return pixels (n, d) of new samples, and notes.

    Missing values become what the options say, or else what they became in the data set; a mean is that of the data set.
    Raises DataError for other pictures or columns than those of the data set.
    """
    spec, done = catalogue.spec(name), _preprocessing(name)
    notes: list[str] = []
    if spec.feature_names is None:
        values = _pictures(raw, spec)
    else:
        values, reordered = _columns(raw, spec.feature_names, "most_varying" in done)
        notes += ["columns brought into the order of the data set"] if reordered else []
    if done["scale"] == "bytes":
        values = _bytes(values)
        return 255 - values if choices.invert and not raw.inverted else values, tuple(notes)
    low, high = np.array(done["low"]), np.array(done["high"])
    fill = _fill(name, values, choices, done, low, high)
    clip = "clip" in (choices.negative, done.get("negative_became"))
    _check_negative(values, clip, done)
    plan = Preprocessing(
        spec.feature_names is None, done, fill, clip, 0.0, choices.invert and not raw.inverted, done.get("pixels") == "float32"
    )
    rows = plan.of(values)
    if spec.feature_names is None:
        return rows, tuple(notes)
    rows[:, (high - low) * np.ones(rows.shape[1]) <= 0] = 0  # constant in the data set: nothing was learnt of these columns
    n_outside = int(((rows < 0) | (rows > 1)).sum())
    if n_outside:
        notes.append(f"{n_outside:,} of {rows.size:,} values lie outside the range of the data set")
    return rows, tuple(notes)


def _preprocessing(name: str) -> dict[str, Any]:
    return user_sets.meta(name)["done"] if USER_DATASET.fullmatch(name) else SHIPPED


def _pictures(raw: RawData, spec: DatasetSpec) -> NDArray[Any]:
    if raw.image_shape != spec.image_shape:
        wanted = f"pictures of {spec.image_shape[0]} x {spec.image_shape[1]}"
        found = f"a table of {raw.values.shape[1]:,} columns" if raw.image_shape is None else _size_of(raw.image_shape)
        raise DataError(f"this is {found}, and the run was trained on {wanted}: bring the samples to that shape first")
    return raw.values


def _size_of(shape: tuple[int, int]) -> str:
    return f"a set of pictures of {shape[0]} x {shape[1]}"


def _columns(raw: RawData, wanted: Sequence[str], may_have_more: bool) -> tuple[NDArray[Any], bool]:
    """Bring columns into the order of the data set; return them and whether that changed anything."""
    if raw.feature_names is None:
        raise DataError("these are pictures, and the run was trained on a table of columns: give a table with the same columns")
    place = {column: number for number, column in enumerate(raw.feature_names)}
    missing = [column for column in wanted if column not in place]
    if missing:
        others = f", nor {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise DataError(f"there is no column {missing[0]!r}{others}, on which the run was trained: add it, or rename a column")
    extra = [column for column in raw.feature_names if column not in set(wanted)]
    if extra and not may_have_more:
        others = f", as are {len(extra) - 1:,} more" if len(extra) > 1 else ""
        raise DataError(
            f"column {extra[0]!r} is none on which the run was trained{others}: leave it out (--leave-out {extra[0]!r})"
        )
    order = [place[column] for column in wanted]
    return raw.values[:, order], order != sorted(order)


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Take pictures as bytes; raise DataError for other numbers, whose scale is not known."""
    numbers = as_numbers(values)
    if numbers.dtype == np.uint8:
        return numbers
    if np.isfinite(numbers).all() and numbers.min() >= 0 and 1 < numbers.max() <= 255 and (numbers == np.round(numbers)).all():
        return numbers.astype(np.uint8)
    raise DataError(
        f"the pixels of the data set are bytes, and these are numbers from {np.nanmin(numbers):.4g} to "
        f"{np.nanmax(numbers):.4g}: give whole numbers from 0 to 255"
    )


def _fill(
    name: str, values: NDArray[Any], choices: ImportOptions, done: dict[str, Any], low: NDArray[Any], high: NDArray[Any]
) -> NDArray[np.float64]:
    """Return what replaces missing values, by column; raise DataError if nothing was chosen for them."""
    n_missing = int((~np.isfinite(values)).sum())
    kind = choices.missing if choices.missing != "refuse" else done.get("missing_became")
    if n_missing and kind is None:
        raise DataError(
            f"{n_missing:,} values are missing or infinite: choose mean (of the data set) or zero for missing values"
        )
    if not n_missing or kind == "zero":
        return np.zeros(values.shape[1])
    pixels = user_sets.arrays(name)[0]
    mean = pixels.mean(axis=0, dtype=np.float64) / (255 if pixels.dtype == np.uint8 else 1)
    return np.asarray(low + (high - low) * mean)


def _check_negative(values: NDArray[Any], clip: bool, done: dict[str, Any]) -> None:
    if done.get("negative_became") == "shift":
        raise DataError(
            "negative values of the data set were shifted by amounts that it does not keep: shift them in the file, then add "
            "it and train on that"
        )
    n_negative = int((values < 0).sum())
    if n_negative and not clip:
        values_are = f"{n_negative:,} values are" if n_negative > 1 else "one value is"
        raise DataError(f"{values_are} negative, and the data set had none: choose clip (they become 0)")
