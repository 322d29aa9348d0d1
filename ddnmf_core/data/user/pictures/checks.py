"""Warn of sets that may not be meant: samples all alike, few gray values, a light background."""

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.user.source import RawData
from ddnmf_core.files.memory_map import blocks

MIN_LEVELS = 32  # different values, below which a set is warned of
N_CHECKED = 2000  # samples, at equal distances
OUTLIER_QUANTILE, OUTLIER_RATIO = 0.999, 8  # of all values; the largest to it
LIGHT = 0.75  # of the range: a border above it is a light background
DARK = 32  # of 255, below which bytes look black
CONTRAST = 0.05  # by which the inside is darker, at least


def warnings_of(raw: RawData, invert: bool) -> tuple[str, ...]:
    """Return a sentence for each way in which a set may not be what was meant."""
    if _all_alike(raw.values):
        return ("All samples are the same: a training has nothing to learn from them. Check that the right files were read.",)
    if raw.image_shape is None:
        return ()
    rows = np.asarray(raw.values[:: -(-len(raw.values) // N_CHECKED)])
    n_levels = len(np.unique(rows))
    few = (
        f"There are only {n_levels} different gray values: pictures with {MIN_LEVELS} and more are usual. If these should have "
        "more, check their depth and format."
    )
    return (
        *_bright_outliers(rows),
        *((few,) if n_levels < MIN_LEVELS else ()),
        *_nearly_black(rows, invert),
        *_background(rows, raw.image_shape, invert, raw.inverted),
    )


def _nearly_black(rows: NDArray[np.generic], invert: bool) -> tuple[str, ...]:
    """Propose a value of white for bytes that use the first few values, such as masks of 0 and 1."""
    if rows.dtype != np.uint8 or invert or (most := int(rows.max())) >= DARK:
        return ()
    return (
        f"The brightest pixel has {most} of 255, so that pictures are nearly black: give the value of white (--white {most}).",
    )


def _bright_outliers(rows: NDArray[np.generic]) -> tuple[str, ...]:
    """Propose a value of white if few values are far above the others, which would be nearly black."""
    if rows.dtype == np.uint8 or not np.isfinite(rows).all():
        return ()
    usual, most = (float(value) for value in np.quantile(rows.astype(np.float64), (OUTLIER_QUANTILE, 1)))
    if usual <= 0 or most <= OUTLIER_RATIO * usual:
        return ()
    return (
        f"A few values up to {most:,.6g} leave {OUTLIER_QUANTILE:.1%} of the others below {usual:,.6g}, nearly black: give "
        f"the value of white, as --white {usual:.3g}.",
    )


def _all_alike(values: NDArray[np.generic]) -> bool:
    return all(np.array_equal(values[rows], np.broadcast_to(values[:1], values[rows].shape)) for rows in blocks(values))


def _background(rows: NDArray[np.generic], shape: tuple[int, int], invert: bool, inverted: bool) -> tuple[str, ...]:
    """Propose to invert pictures with a light background, and not to invert those with a dark one."""
    if min(shape) < 4 or not np.isfinite(rows).all():
        return ()
    values = rows.astype(np.float64)
    low, high = (0.0, 255.0) if rows.dtype == np.uint8 else (float(values.min()), float(values.max()))
    images = ((values - low) / max(high - low, 1e-30)).reshape(-1, *shape)
    images = 1 - images if invert and not inverted else images
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    light = min(float(np.median(border)), float(border.mean()))
    if light < LIGHT or float(images[:, 1:-1, 1:-1].mean()) > light - CONTRAST:
        return ()
    if invert:
        return ("The background is light because the pictures are inverted: leave out --invert (Invert in the form).",)
    return (
        "The background is light: parts add light to a dark one, so invert the pictures (--invert, or Invert in the form).",
    )
