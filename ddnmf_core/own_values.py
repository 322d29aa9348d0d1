"""What becomes of missing and negative values, and how values come to lie between 0 and 1."""

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.dataset import DataError
from ddnmf_core.own_source import Choices, Missing, Negative, Raw, Scale

Values = NDArray[np.floating[Any]]

WORDS = {"mean": "the mean of their column", "zero": "0", "clip": "0",
         "shift": "raised, so that the least value is 0", "range": "each column from its least value to its greatest",
         "maximum": "each column by its greatest value", "set": "all values by the greatest of the set",
         "bytes": "bytes, divided by 255"}


def treated(raw: Raw, choices: Choices) -> tuple[NDArray[Any], dict[str, Any]]:
    """Values as they are kept, and what was done to them: u8 for pictures, float32 in [0, 1] for a table.

    Raises DataError where a value is missing or negative and nothing was chosen for it.
    """
    for name, options in (("negative", Negative), ("missing", Missing), ("scale", Scale)):
        if (value := getattr(choices, name)) is not None and value not in get_args(options):
            raise DataError(f"{name} = {value!r}: should be one of {', '.join(get_args(options))}")
    if raw.values.dtype == np.uint8 and raw.image_shape:
        return raw.values, {"missing": 0, "negative": 0, "scale": "bytes"}
    x, n_missing = _filled(raw.values.astype(np.float64), choices.missing)
    x, n_negative = _nonnegative(x, choices.negative, whole=raw.image_shape is not None)
    scale = "set" if raw.image_shape else choices.scale or "range"
    scaled, low, high = _scaled(x, scale)
    done = {"missing": n_missing, "negative": n_negative, "scale": scale, "low": low.tolist(), "high": high.tolist(),
            **({"missing_became": choices.missing} if n_missing else {}),
            **({"negative_became": choices.negative} if n_negative else {})}
    if raw.image_shape:
        bytes_of = (scaled * 255).round().astype(np.uint8)
        return 255 - bytes_of if choices.invert else bytes_of, done
    return scaled.astype(np.float32), done


def _filled(x: Values, missing: Missing) -> tuple[Values, int]:
    """Without gaps, and how many there were."""
    gaps = ~np.isfinite(x)
    n = int(gaps.sum())
    if n and missing == "refuse":
        raise DataError(f"{n:,} of {x.size:,} values are missing or infinite, in {_samples(gaps)}: choose for missing values "
                        "mean (they become the mean of their column) or zero, or leave such columns out")
    if n:
        x = np.where(gaps, np.nan, x)
        empty = gaps.all(axis=0)
        means = np.nanmean(np.where(empty, 0, x), axis=0) if missing == "mean" else np.zeros(x.shape[1])
        x = np.where(gaps, means, x)
    return x, n


def _nonnegative(x: Values, negative: Negative, whole: bool) -> tuple[Values, int]:
    """Without negative values, and how many there were. Pictures are raised as one, a table column by column."""
    below = x < 0
    n = int(below.sum())
    if n and negative == "refuse":
        raise DataError(f"{n:,} of {x.size:,} values are negative (down to {x.min():.4g}), in {_samples(below)}: choose for "
                        f"negative values shift ({'all values' if whole else 'their columns'} are raised so that the least "
                        "value is 0) or clip (they become 0)")
    if n and negative == "clip":
        x = np.maximum(x, 0)
    elif n:
        x = x - np.minimum(x.min() if whole else x.min(axis=0), 0)
    return x, n


def _samples(where: NDArray[np.bool_]) -> str:
    n = int(where.any(axis=1).sum())
    return f"{n:,} sample{'s' if n != 1 else ''}"


def _scaled(x: Values, scale: Scale) -> tuple[Values, Values, Values]:
    """In [0, 1], with the values that became 0 and 1: of each column, or of the whole set."""
    low = x.min(axis=0) if scale == "range" else np.zeros(1 if scale == "set" else x.shape[1])
    high = np.array([x.max()]) if scale == "set" else x.max(axis=0)
    span = high - low
    return (x - low) / np.where(span > 0, span, 1), low, high


def in_words(done: dict[str, Any]) -> str:
    """One sentence of what was done to the values of a set."""
    sentences = [f"{done[what]:,} {what} values: {WORDS[done[f'{what}_became']]}" for what in ("missing", "negative")
                 if done[what]]
    return "; ".join([*sentences, f"scaled to [0, 1]: {WORDS[done['scale']]}"]).capitalize() + "."
