"""Effect of parts on clusters: interventions on single parts, and the smallest edit that changes a sample's cluster."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ddnmf_core.analysis.assignment import Centres, Clusters
from ddnmf_core.interpret.quality import Array
from ddnmf_core.progress import Progress, ignore_progress

RELATIVE_MARGIN, ABSOLUTE_MARGIN = 1e-4, 1e-7  # how far an edit goes past the border, in its length: more than float32 rounds


def causal_matrix(
    assign: Callable[[Array], Clusters], H: Array, baseline: Array, n_clusters: int, report: Progress = ignore_progress
) -> Array:
    """Compute the share of each cluster's samples that change cluster when a part is set to its baseline.

    This is an intervention, not a correlation: one coefficient changes and all others stay.

    Parameters
    ----------
    assign : callable
        Coefficients (n, r) -> clusters (n,); directly, or by decoding and encoding again.
    H : ndarray of shape (n, r)
        Coefficients of the samples.
    baseline : ndarray of shape (r,)
        Coefficient of each part when it is removed.
    n_clusters : int
        Number of clusters.
    report : callable
        Called after each part with the share done, 0 to 1, and an empty message.

    Returns
    -------
    ndarray of shape (r, n_clusters)
        Shares, 0 to 1; 0 for an empty cluster.
    """
    r = H.shape[1]
    before = assign(H)
    sizes = np.bincount(before, minlength=n_clusters)
    shares = np.zeros((r, n_clusters))
    for part in range(r):
        ablated = H.copy()
        ablated[:, part] = baseline[part]
        left = before[assign(ablated) != before]
        shares[part] = np.bincount(left, minlength=n_clusters) / np.maximum(sizes, 1)
        report((part + 1) / r, "")
    return shares


@dataclass(frozen=True)
class Flip:
    """Edit of a sample's coefficients that changes its cluster (a counterfactual).

    Attributes
    ----------
    H : ndarray of shape (r,)
        Edited coefficients.
    parts : tuple of int
        Indices of the edited parts.
    cluster : int
        Cluster after the edit.
    size : float
        Euclidean length of the edit.
    """

    H: Array
    parts: tuple[int, ...]
    cluster: int
    size: float


def smallest_flip(centres: Centres, H: Array, largest: float = 1.0) -> Flip | None:
    """Find the smallest edit of coefficients within [0, largest] that changes the nearest centre.

    The fewest parts come first: edits of one part, then of two, and so on. The border between centres a and b is the plane
    `(b - a) H = (|b|^2 - |a|^2) / 2`. A single part k crosses it after the missing distance over `(b - a)_k`: the shortest
    such edit is exact. Several parts move along b - a: those of the largest `|b - a|`, or of the largest `|b - a|` times their
    room within the limits, so that no fewer would do; a shorter edit of as many others is possible.

    Parameters
    ----------
    centres : Centres
        Centres of clusters of coefficients.
    H : ndarray of shape (r,)
        Coefficients of the sample.
    largest : float
        Upper limit of a coefficient.

    Returns
    -------
    Flip or None
        Shortest edit of one part; if there is none, a short one of the fewest parts; None if no edit within the limits changes
        the cluster.
    """
    own_cluster = int(centres.assign(H[None])[0])
    targets = [c for c in range(len(centres.means)) if np.isfinite(centres.means[c]).all() and c != own_cluster]
    for n_parts in range(1, len(H) + 1):
        flips = [flip for target in targets if (flip := _flip_to(centres, H, largest, own_cluster, target, n_parts))]
        if flips:
            return min(flips, key=lambda flip: flip.size)
    return None


def _flip_to(centres: Centres, H: Array, largest: float, own_cluster: int, target: int, n_parts: int) -> Flip | None:
    """Find the shortest edit of n parts past the plane to one target; None if it leaves [0, largest]."""
    a, b = centres.means[own_cluster], centres.means[target]
    direction = b - a
    missing = float((b @ b - a @ a) / 2 - direction @ H)
    best = None
    for parts in _candidates(direction, np.where(direction > 0, largest - H, H), n_parts):
        edited = _moved(H, largest, direction, list(parts), missing)
        cluster = int(centres.assign(edited[None])[0])
        size = float(np.linalg.norm(edited - H))
        if cluster != own_cluster and (best is None or size < best.size):
            best = Flip(edited, tuple(int(part) for part in parts), cluster, size)
    return best


def _candidates(direction: Array, room: Array, n_parts: int) -> set[tuple[int, ...]]:
    """Return the parts to try: each alone; of several, the steepest, and those that reach furthest."""
    if n_parts == 1:
        return {(part,) for part in range(len(direction))}
    steepness = np.abs(direction)
    chosen = (np.where(room > 0, steepness, 0.0), steepness * room)
    return {tuple(int(part) for part in np.argsort(-by, kind="stable")[:n_parts]) for by in chosen}


def _moved(H: Array, largest: float, direction: Array, parts: list[int], missing: float) -> Array:
    """Move the given parts of H along the direction by the missing distance; a part stops at its limits and the others go
    on."""
    beyond = ABSOLUTE_MARGIN * max(1.0, largest) * float(np.linalg.norm(direction[parts]))
    margin = missing * RELATIVE_MARGIN + beyond  # of the plane's equation
    edited, free, left = H.astype(np.float64), list(parts), missing + margin
    while free and left > 0:
        slope = direction[free]
        if not slope.any():
            break
        step = left * slope / (slope @ slope)
        moved = np.clip(edited[free] + step, 0, largest)
        left -= float(slope @ (moved - edited[free]))
        stopped = moved != edited[free] + step
        edited[free] = moved
        if not stopped.any():
            break
        free = [part for part, at_bound in zip(free, stopped, strict=True) if not at_bound]
    return edited
