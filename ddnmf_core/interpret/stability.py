"""Stability of parts over seeds: matched cosines, and the number of seeds in which a part reappears."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret.quality import Array, cosines

MIN_REAPPEARANCE_COSINE = 0.7  # smallest cosine of a part with its match that counts as a reappearance


def match_parts(parts: Array, others: Array, signed: bool = True) -> tuple[NDArray[np.intp], Array]:
    """Match the parts of two seeds one to one with the largest sum of cosines (Hungarian algorithm).

    Parameters
    ----------
    parts, others : ndarray of shape (r, d)
        Pictures of the parts of two seeds.
    signed : bool
        False: a part and its negative count as equal, for factorisations whose coefficients have both signs (PCA).

    Returns
    -------
    partners : ndarray of shape (r,)
        Index in `others` of each part's match.
    cosine : ndarray of shape (r,)
        Cosine of each part with its match; its absolute value if not `signed`.

    Raises
    ------
    ValueError
        If the numbers of parts differ.
    """
    from scipy.optimize import linear_sum_assignment

    if len(parts) != len(others):
        raise ValueError(f"{len(parts)} parts against {len(others)}: should be the same number")
    similarity = cosines(parts, others) if signed else np.abs(cosines(parts, others))
    rows, partners = linear_sum_assignment(similarity, maximize=True)
    return partners, similarity[rows, partners]


def matched_cosine(parts: Array, others: Array, signed: bool = True) -> float:
    """Compute the mean cosine of the matched parts of two seeds.

    Parameters
    ----------
    parts, others : ndarray of shape (r, d)
        Pictures of the parts of two seeds.
    signed : bool
        As in `match_parts`.

    Returns
    -------
    float
        1 if both seeds have the same parts, in any order and scale.

    Raises
    ------
    ValueError
        If the numbers of parts differ.
    """
    return float(match_parts(parts, others, signed)[1].mean())


def reappearances(
    parts: Array, of_other_seeds: Sequence[Array], threshold: float = MIN_REAPPEARANCE_COSINE
) -> NDArray[np.int64]:
    """Count the other seeds in which each part reappears.

    Parameters
    ----------
    parts : ndarray of shape (r, d)
        Pictures of the parts of one seed.
    of_other_seeds : sequence of ndarrays of shape (r, d)
        Pictures of the parts of the other seeds.
    threshold : float
        Smallest cosine of a part with its match that counts as a reappearance.

    Returns
    -------
    ndarray of shape (r,)
        Number of seeds, 0 to `len(of_other_seeds)`.

    Raises
    ------
    ValueError
        If the numbers of parts differ.
    """
    counts = np.zeros(len(parts), np.int64)
    for others in of_other_seeds:
        counts += match_parts(parts, others)[1] >= threshold
    return counts


def stability_over_seeds(parts_of: Sequence[Array]) -> float:
    """Compute the mean matched cosine over all pairs of seeds.

    Parameters
    ----------
    parts_of : sequence of ndarrays of shape (r, d)
        Pictures of the parts of each seed.

    Returns
    -------
    float
        1 if all seeds have the same parts.

    Raises
    ------
    ValueError
        For fewer than 2 seeds, or if the numbers of parts differ.
    """
    if len(parts_of) < 2:
        raise ValueError(f"{len(parts_of)} seeds: should be at least 2")
    return float(np.mean([matched_cosine(one, other) for i, one in enumerate(parts_of) for other in parts_of[i + 1 :]]))
