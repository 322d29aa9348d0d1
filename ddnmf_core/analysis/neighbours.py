"""Nearest neighbours of a code."""

import numpy as np
from numpy.typing import NDArray


def nearest_rows(codes: NDArray[np.float32], query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Find the k rows nearest to the query by Euclidean distance, nearest first: (n, d), (d,) -> (k,)."""
    distance = ((codes - query) ** 2).sum(axis=1)
    k = min(k, len(codes))
    candidates = np.argpartition(distance, k - 1)[:k]
    return candidates[np.argsort(distance[candidates], kind="stable")]
