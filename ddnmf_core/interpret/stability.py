"""Whether another seed finds the same parts: matched cosines, Amari-type error, how often a part reappears."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret.quality import Array, cosines

MIN_REAPPEARANCE_COSINE = 0.7  # cosine from which a part counts as found again


def match_parts(parts: Array, others: Array, signed: bool = True) -> tuple[NDArray[np.intp], Array]:
    """The partner of each part among another seed's, one to one so that the cosines add up to most (Hungarian), and
    its cosine: (r, d), (r, d) -> (r,), (r,). Not signed: a part and its negative are the same, as where coefficients have
    both signs. Raises ValueError where the numbers of parts differ."""
    from scipy.optimize import linear_sum_assignment

    if len(parts) != len(others):
        raise ValueError(f"{len(parts)} parts against {len(others)}: should be equally many")
    similarity = cosines(parts, others) if signed else np.abs(cosines(parts, others))
    rows, partners = linear_sum_assignment(similarity, maximize=True)
    return partners, similarity[rows, partners]


def matched_cosine(parts: Array, others: Array, signed: bool = True) -> float:
    """Mean cosine of matched parts; 1 where the other seed has the same parts in any order and scale."""
    return float(match_parts(parts, others, signed)[1].mean())


def amari_error(parts: Array, others: Array) -> float:
    """`1/2 [mean over rows of (1 - max |C|) + mean over columns of (1 - max |C|)]`, C the correlations of the parts'
    pictures: 0 for a permutation (Wu et al. 2016, PNAS 113:4290, staNMF)."""
    C = np.abs(cosines(parts - parts.mean(axis=1, keepdims=True), others - others.mean(axis=1, keepdims=True)))
    return float(((1 - C.max(axis=1)).mean() + (1 - C.max(axis=0)).mean()) / 2)


def reappearances(
    parts: Array, of_other_seeds: Sequence[Array], threshold: float = MIN_REAPPEARANCE_COSINE
) -> NDArray[np.int64]:
    """In how many of the other seeds each part is found again: (r, d), k times (r, d) -> (r,)."""
    found = np.zeros(len(parts), np.int64)
    for others in of_other_seeds:
        found += match_parts(parts, others)[1] >= threshold
    return found


def stability_over_seeds(parts_of: Sequence[Array]) -> float:
    """Mean matched cosine over all pairs of seeds. Raises ValueError where there is one alone."""
    if len(parts_of) < 2:
        raise ValueError(f"{len(parts_of)} seeds: should be at least 2 to be compared")
    return float(np.mean([matched_cosine(one, other) for i, one in enumerate(parts_of) for other in parts_of[i + 1 :]]))
