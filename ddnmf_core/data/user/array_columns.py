"""Further arrays of a file, such as names and ages, that have one value for each sample: kept beside the samples."""

import math
from collections.abc import Collection, Mapping

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.sample_columns import MAX_COLUMNS_BESIDE, SampleColumn, sample_column
from ddnmf_core.data.user.array_formats import StoredArray, partners
from ddnmf_core.data.user.source import MAX_NAME

MAX_SAID = 4  # arrays in a note


def columns_beside_samples(
    arrays: Mapping[str, StoredArray], used: Collection[str], samples: Collection[str], n: int
) -> tuple[tuple[SampleColumn, ...], tuple[str, ...]]:
    """Read the arrays of n values as columns; return them, and what is said of those that are not kept.

    Parameters
    ----------
    arrays : mapping of str to StoredArray
        All arrays of the file.
    used : collection of str
        Arrays of the samples and of their labels, which are no columns.
    samples : collection of str
        Arrays that can be samples; labels of others than those used belong to these.
    n : int
        Number of samples.
    """
    of_others = {partner for other in samples if other not in used for partner in partners(other)}
    vectors = [name for name, array in arrays.items() if name not in used and name not in of_others and _is_vector(array)]
    columns: list[SampleColumn] = []
    unread: list[str] = []
    for name in [name for name in vectors if math.prod(arrays[name].shape) == n][:MAX_COLUMNS_BESIDE]:
        try:
            columns.append(sample_column(name, arrays[name].read().ravel().tolist()))
        except DataError as error:
            unread.append(short_message(error))
    others = [
        f"{name[:MAX_NAME]} ({math.prod(arrays[name].shape):,})" for name in vectors if math.prod(arrays[name].shape) != n
    ]
    more = f" and {len(others) - MAX_SAID} more" if len(others) > MAX_SAID else ""
    said = (f"not kept, as there are {n:,} samples: {', '.join(others[:MAX_SAID])}{more}",) if others else ()
    return tuple(columns), (*said, *(f"not kept: {message}" for message in unread[:MAX_SAID]))


def _is_vector(array: StoredArray) -> bool:
    """Return True for one axis of several values, also as a row or column of MATLAB's."""
    return 1 < math.prod(array.shape) == max(array.shape, default=0)
