"""How many parts: what speaks for a rank over seeds, without labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret.quality import Array


def consensus(clusterings: Sequence[NDArray[np.integer]]) -> Array:
    """How often each pair of samples is put together: k times (n,) -> (n, n), in [0, 1] (Brunet et al. 2004, PNAS 101:4164).
    Raises ValueError where there is one clustering alone."""
    if len(clusterings) < 2:
        raise ValueError(f"{len(clusterings)} clustering: should be at least 2 to agree")
    return np.mean([found[:, None] == found[None, :] for found in clusterings], axis=0)


def dispersion(together: Array) -> float:
    """1/n^2 sum 4 (C_ij - 1/2)^2 of a consensus: 1 where the clusterings agree on every pair, 0 where all pairs are open
    (Kim and Park 2007, Bioinformatics 23:1495)."""
    return float((4 * (together - 0.5)**2).mean())


def cophenetic_correlation(together: Array) -> float:
    """How well the consensus is a tree: Pearson's correlation of the distances 1 - C with those in their average-linkage
    tree; 1 where the clusterings agree (Brunet et al. 2004). Not a number where all distances are equal."""
    from scipy.cluster.hierarchy import cophenet, linkage
    from scipy.spatial.distance import squareform
    distances = squareform(1 - together, checks=False)
    if np.ptp(distances) == 0:
        return float("nan")
    correlation, _ = cophenet(linkage(distances, "average"), distances)
    return float(correlation)
