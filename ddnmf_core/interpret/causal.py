"""Which clusters a part makes: what changes when it is taken out, and the smallest edit that flips a cluster."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret.quality import Array
from ddnmf_core.progress import Progress, ignore_progress

Clusters = NDArray[np.int64]
FLIP_MARGIN = 1e-4  # how far past the border an edit goes


@dataclass(frozen=True)
class Centres:
    """Means of clusters in the space that was clustered; K-means puts every sample to the nearest (Lloyd 1982)."""

    means: Array  # (n_clusters, d)

    @classmethod
    def of(cls, codes: Array, clusters: Clusters) -> "Centres":
        """The centres behind a K-means clustering: (n, d), (n,). A cluster without samples lies infinitely far away."""
        n_clusters = int(clusters.max()) + 1
        counts = np.bincount(clusters, minlength=n_clusters)
        sums = np.zeros((n_clusters, codes.shape[1]))
        np.add.at(sums, clusters, codes)
        with np.errstate(invalid="ignore", divide="ignore"):
            return cls(np.where(counts[:, None] > 0, sums / counts[:, None], np.inf))

    def assign(self, codes: Array) -> Clusters:
        """The nearest centre of every row: (n, d) -> (n,)."""
        distance = (self.means**2).sum(axis=1) - 2 * codes @ np.where(np.isfinite(self.means), self.means, 0).T
        return distance.argmin(axis=1).astype(np.int64)


def causal_matrix(
    assign: Callable[[Array], Clusters], H: Array, baseline: Array, n_clusters: int, report: Progress = ignore_progress
) -> Array:
    """Share of each cluster's samples that leave it when a part is set to its baseline: (n, r), (r,) -> (r, n_clusters).

    `assign` takes coefficients to clusters, by whatever way (directly, or decoded and encoded again); a cluster that has
    no sample loses none. It is an intervention, not a correlation: one coefficient changes, all else stays.
    """
    r = H.shape[1]
    before = assign(H)
    sizes = np.bincount(before, minlength=n_clusters)
    lost = np.zeros((r, n_clusters))
    for part in range(r):
        ablated = H.copy()
        ablated[:, part] = baseline[part]
        left = before[assign(ablated) != before]
        lost[part] = np.bincount(left, minlength=n_clusters) / np.maximum(sizes, 1)
        report((part + 1) / r, "")
    return lost


@dataclass(frozen=True)
class Flip:
    """An edit of coefficients that puts a sample into another cluster."""

    H: Array  # (r,), edited
    parts: tuple[int, ...]  # which parts it changes
    cluster: int  # where the sample goes
    size: float  # Euclidean length of the edit


def smallest_flip(centres: Centres, H: Array) -> Flip | None:
    """The smallest edit of H (r,) within [0, 1] that moves it to another centre: of one part where one is enough, else
    of as few as it takes; None where nothing does.

    Between two centres a, b lies the plane `(b - a) H = (|b|^2 - |a|^2) / 2`. One part k crosses it by the missing distance
    over `(b - a)_k`; several parts, taken by descending `|b - a|`, are moved along b - a.
    """
    own = int(centres.assign(H[None])[0])
    finite = [c for c in range(len(centres.means)) if np.isfinite(centres.means[c]).all() and c != own]
    for n_parts in range(1, len(H) + 1):
        found = [flip for target in finite if (flip := _flip_to(centres, H, own, target, n_parts))]
        if found:
            return min(found, key=lambda flip: flip.size)
    return None


def _flip_to(centres: Centres, H: Array, own: int, target: int, n_parts: int) -> Flip | None:
    """The shortest edit of n parts that reaches or passes the plane to one target, if it is inside [0, 1]."""
    a, b = centres.means[own], centres.means[target]
    direction = b - a
    missing = float((b @ b - a @ a) / 2 - direction @ H)
    candidates = [(part,) for part in range(len(H))] if n_parts == 1 else [tuple(np.argsort(-np.abs(direction))[:n_parts])]
    best = None
    for parts in candidates:
        chosen = list(parts)
        edited = _moved(H, direction, chosen, missing)
        cluster = int(centres.assign(edited[None])[0])
        size = float(np.linalg.norm(edited - H))
        if cluster != own and (best is None or size < best.size):
            best = Flip(edited, tuple(int(part) for part in chosen), cluster, size)
    return best


def _moved(H: Array, direction: Array, parts: list[int], missing: float) -> Array:
    """H moved along the direction in these parts until the missing distance is covered; parts stop at 0 and at 1."""
    edited, free, left = H.astype(np.float64), list(parts), missing * (1 + FLIP_MARGIN) + FLIP_MARGIN
    while free and left > 0:
        slope = direction[free]
        if (slope @ slope) < 1e-18:
            break
        step = left * slope / (slope @ slope)
        moved = np.clip(edited[free] + step, 0, 1)
        left -= float(slope @ (moved - edited[free]))
        stopped = moved != edited[free] + step
        edited[free] = moved
        if not stopped.any():
            break
        free = [part for part, at_end in zip(free, stopped, strict=True) if not at_end]
    return edited
