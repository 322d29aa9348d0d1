"""Transform counts and keep the columns that vary most."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user.source import ImportOptions, RawData
from ddnmf_core.files.memory_map import is_mapped

BLOCK_COLUMNS = 2_000  # in memory beside the table


def select(raw: RawData, choices: ImportOptions) -> RawData:
    """Apply `log1p` and `most_varying` to a table as read; raises DataError where they do not fit."""
    if raw.changes or (not choices.log1p and choices.most_varying is None):  # a sparse matrix has been selected while read
        return raw
    if raw.image_shape is not None or raw.feature_names is None or is_mapped(raw.values):
        raise DataError("log1p and most_varying are for tables of columns that fit into memory: leave them out")
    values = log1p(raw.values) if choices.log1p else raw.values
    n_columns, names = values.shape[1], raw.feature_names
    if choices.most_varying is not None:
        kept = most_varying(_variances(values), choices.most_varying)
        values, names = values[:, kept], tuple(names[column] for column in kept)
    return with_selection(replace(raw, values=values, feature_names=names), choices, n_columns)


def with_selection(raw: RawData, choices: ImportOptions, n_columns: int) -> RawData:
    """Note what was done to a table of n_columns."""
    n_kept = raw.values.shape[1]
    notes = ["log(1 + x)"] if choices.log1p else []
    changes: dict[str, object] = {"log1p": True} if choices.log1p else {}
    if choices.most_varying is not None:
        notes.append(f"{n_kept:,} of {n_columns:,} columns kept, those that vary most")
        changes["most_varying"] = n_kept
    return replace(raw, notes=(*raw.notes, *notes), changes=changes)


def log1p(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Compute log(1 + x) of counts; raises DataError for negative values."""
    negative = values < 0
    if negative.any():
        raise DataError(
            f"log1p is for counts, and {int(negative.sum()):,} values are negative (down to {np.nanmin(values):.4g}): "
            "leave it out"
        )
    return np.log1p(values)


def _variances(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the variance of each column, without missing values."""
    import warnings

    found = np.zeros(values.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of columns without values
        for start in range(0, values.shape[1], BLOCK_COLUMNS):
            block = values[:, start : start + BLOCK_COLUMNS]
            found[start : start + BLOCK_COLUMNS] = np.nanvar(np.where(np.isfinite(block), block, np.nan), axis=0)
    return np.nan_to_num(found)


def most_varying(variances: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Return the n columns with the largest variance, in their order; all if there are fewer."""
    if n < 2:
        raise DataError(f"most_varying = {n}: should be at least 2 columns")
    return np.sort(np.argsort(-variances, kind="stable")[:n])
