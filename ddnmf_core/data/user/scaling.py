"""Preprocess user data: missing values, negative values, and scaling to [0, 1]."""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.pictures import to_u8
from ddnmf_core.data.user.source import ImportOptions, Missing, Negative, RawData, Scale, check_enough
from ddnmf_core.files.memory_map import blocks

Values = NDArray[np.floating[Any]]

MISSING_NUMBERS = (-99.0, -999.0, -9999.0, -99999.0)
DESCRIPTIONS = {
    "mean": "the mean of their column",
    "zero": "0",
    "clip": "0",
    "shift": "shifted so that the minimum is 0",
    "range": "each column from its minimum to its maximum",
    "maximum": "each column by its maximum",
    "set": "all values by the maximum of the set",
    "bytes": "bytes, divided by 255",
}


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of a data set, planned from all of its values."""

    image: bool
    done: dict[str, Any]  # summary stored with the set
    fill: Values | None = None  # replaces missing values, by column; None: u8 stays
    clip: bool = False
    shift: Values | float = 0.0
    invert: bool = False
    deep: bool = False  # pictures keep more than 8 bits

    def of(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Preprocess rows (k, d): u8 for pictures, float32 in [0, 1] for a table and for pictures of more than 8 bits."""
        if self.fill is None:
            return 255 - as_numbers(rows) if self.invert else as_numbers(rows)
        low, high = np.array(self.done["low"]), np.array(self.done["high"])
        x = _nonnegative(_fill_missing(rows, self.fill), self.clip, self.shift)
        span = high - low
        scaled = (x - low) / np.where(span > 0, span, 1)
        if not self.image:
            return scaled.astype(np.float32)
        if self.deep:
            return (1 - scaled if self.invert else scaled).clip(0, 1).astype(np.float32)
        return 255 - to_u8(scaled) if self.invert else to_u8(scaled)


def preprocess(raw: RawData, choices: ImportOptions) -> tuple[NDArray[Any], dict[str, Any]]:
    """Preprocess all values (n, d): u8 or float32 in [0, 1]; and a summary of what was done.

    Raises DataError if values are missing or negative and the option for them is "refuse".
    """
    plan = plan_preprocessing(raw, choices)
    if plan.fill is None:
        return plan.of(raw.values), plan.done
    return np.concatenate([plan.of(raw.values[rows]) for rows in blocks(raw.values)]), plan.done


def plan_preprocessing(raw: RawData, choices: ImportOptions) -> Preprocessing:
    """Plan the preprocessing from all values, block by block; raises DataError for options that do not fit them."""
    for name, options in (("negative", Negative), ("missing", Missing), ("scale", Scale)):
        if (value := getattr(choices, name)) is not None and value not in get_args(options):
            raise DataError(f"{name} = {value!r}: should be one of {', '.join(get_args(options))}")
    check_enough(len(raw.values))
    image, invert = raw.image_shape is not None, choices.invert and not raw.inverted
    if invert and not image:
        raise DataError(
            "invert = True: only pictures can be inverted, and these are rows of a table. Leave it out, or give the shape "
            "of the pictures in the rows"
        )
    if image and raw.values.dtype in (np.uint8, np.bool_) and choices.white is None:
        return Preprocessing(image, {"missing": 0, "negative": 0, "scale": "bytes"}, invert=invert)
    n_missing, fill = _gaps(raw.values, choices.missing, raw.marker, raw.feature_names)
    n_negative, least, most = _extent(raw.values, fill, choices.negative, image)
    clip = bool(n_negative) and choices.negative == "clip"
    shift: Values | float = 0.0
    if n_negative and not clip:
        shift = np.minimum(least.min() if image else least, 0)
    least, most = _nonnegative(least, clip, shift), _nonnegative(most, clip, shift)
    scale = "set" if image else choices.scale or "range"
    low = least if scale == "range" else np.zeros(1 if scale == "set" else len(least))
    high = np.array([most.max() if choices.white is None or not image else _white(choices.white)]) if scale == "set" else most
    done = {
        "missing": n_missing,
        "negative": n_negative,
        "scale": scale,
        "low": low.tolist(),
        "high": high.tolist(),
        **({"pixels": "float32"} if raw.deep else {}),
        **({"missing_became": choices.missing} if n_missing else {}),
        **({"negative_became": choices.negative} if n_negative else {}),
        **raw.changes,
    }
    return Preprocessing(image, done, fill, clip, shift, invert, raw.deep)


def _white(value: float) -> float:
    if not value > 0 or not np.isfinite(value):
        raise DataError(f"white = {value:g}: should be a number above 0, such as 4095 for 12 bits")
    return value


def as_numbers(rows: NDArray[Any]) -> NDArray[Any]:
    """Convert booleans to 0 and 255."""
    return rows.astype(np.uint8) * np.uint8(255) if rows.dtype == np.bool_ else rows


def _gaps(x: NDArray[Any], missing: Missing, marker: str, names: tuple[str, ...] | None) -> tuple[int, Values]:
    """Count missing values, and return their replacement by column."""
    n = n_samples = 0
    sums, counts = np.zeros((1, x.shape[1])), np.zeros(x.shape[1], np.int64)
    for rows in blocks(x):
        block = as_numbers(x[rows]).astype(np.float64)
        gaps = ~np.isfinite(block)
        n, n_samples = n + int(gaps.sum()), n_samples + int(gaps.any(axis=1).sum())
        sums = np.vstack([sums, np.where(gaps, 0, block)]).sum(axis=0, keepdims=True)  # as the sum of the whole column
        counts += (~gaps).sum(axis=0)
    if n and missing == "refuse":
        where = f"{_samples(n_samples)}{f' ({marker})' if marker else ''}"
        raise DataError(
            f"{n:,} of {x.size:,} values are missing or infinite, in {where}: choose mean (of their column) or zero for "
            "missing values, or leave these columns out"
        )
    empty = np.flatnonzero(counts == 0)
    if len(empty) and missing == "mean" and names is not None:
        more = f" and {len(empty) - 1:,} more" if len(empty) > 1 else ""
        raise DataError(f"column {names[empty[0]]!r}{more} has no values, and so no mean: leave it out (--leave-out)")
    return n, sums[0] / np.maximum(counts, 1) if missing == "mean" else np.zeros(x.shape[1])


def _extent(x: NDArray[Any], fill: Values, negative: Negative, whole: bool) -> tuple[int, Values, Values]:
    """Count negative values, and return minimum and maximum of each column."""
    n = n_samples = 0
    least, most = np.full(x.shape[1], np.inf), np.full(x.shape[1], -np.inf)
    for rows in blocks(x):
        block = _fill_missing(x[rows], fill)
        below = block < 0
        n, n_samples = n + int(below.sum()), n_samples + int(below.any(axis=1).sum())
        least, most = np.minimum(least, block.min(axis=0)), np.maximum(most, block.max(axis=0))
    if n and negative == "refuse":
        stands = (
            f", and {least.min():.4g} often stands for a missing one: leave such cells empty" if marks_missing(least) else ""
        )
        raise DataError(
            f"{n:,} of {x.size:,} values are negative (down to {least.min():.4g}{stands}), in {_samples(n_samples)}: "
            f"choose shift ({'all values' if whole else 'their columns'} are shifted so that the minimum is 0) or clip (they "
            "become 0) for negative values"
        )
    return n, least, most


def marks_missing(least: Values) -> bool:
    """Return True if the least values of columns are a number that many programs write for a missing one."""
    return bool(np.isin(least, MISSING_NUMBERS).any() and not ((least < 0) & ~np.isin(least, MISSING_NUMBERS)).any())


def _fill_missing(rows: NDArray[Any], fill: Values) -> Values:
    x = as_numbers(rows).astype(np.float64)
    return np.where(np.isfinite(x), x, fill)


def _nonnegative(x: Values, clip: bool, shift: Values | float) -> Values:
    """Clip at 0, or shift: pictures by one number, tables by one for each column."""
    return np.maximum(x, 0) if clip else x - shift


def _samples(n: int) -> str:
    return f"{n:,} sample{'s' if n != 1 else ''}"


def describe_preprocessing(done: dict[str, Any]) -> str:
    """Describe the preprocessing of a data set in one sentence."""
    sentences = [
        *(["log(1 + x)"] if done.get("log1p") else []),
        *([f"the {done['most_varying']:,} columns that vary most"] if "most_varying" in done else []),
    ]
    sentences += [
        f"{done[what]:,} {what} values: {DESCRIPTIONS[done[f'{what}_became']]}"
        for what in ("missing", "negative")
        if done[what]
    ]
    high = f" ({done['high'][0]:,.6g})" if done["scale"] == "set" and done.get("high") else ""
    levels = ", kept as 32-bit numbers" if done.get("pixels") == "float32" else ""
    return _capitalised("; ".join([*sentences, f"scaled to [0, 1]: {DESCRIPTIONS[done['scale']]}{high}{levels}"])) + "."


def _capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
