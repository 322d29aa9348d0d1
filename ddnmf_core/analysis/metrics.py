"""Equations 17 to 19: how well clusters agree with classes."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ddnmf_core.data.dataset import Images

SCORE_NAMES = ("acc", "nmi", "ari")  # of `scores`, in the paper's order
SILHOUETTE = "silhouette"  # what stands for them without labels
ALL_SCORE_NAMES = (*SCORE_NAMES, SILHOUETTE)


def contingency(labels: ArrayLike, clusters: ArrayLike) -> NDArray[np.int64]:
    """Counts (n_classes, n_clusters): how many samples of a class went to a cluster."""
    from sklearn.metrics.cluster import contingency_matrix

    return contingency_matrix(labels, clusters)


def best_matching(counts: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Classes and clusters paired one to one so that most samples agree (Kuhn and Munkres)."""
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(counts, maximize=True)


def majority_class(labels: ArrayLike, clusters: ArrayLike, cluster: int) -> tuple[int, float]:
    """The class that most of a cluster's samples have, and their share of the cluster."""
    inside = np.asarray(labels)[np.asarray(clusters) == cluster]
    counts = np.bincount(inside)
    return int(counts.argmax()), float(counts.max() / len(inside))


def accuracy(labels: ArrayLike, clusters: ArrayLike) -> float:  # eq 17
    """Share of samples whose cluster is matched to their class: (n,), (n,) -> [0, 1]."""
    counts = contingency(labels, clusters)
    return float(counts[best_matching(counts)].sum() / counts.sum())


def nmi(labels: ArrayLike, clusters: ArrayLike) -> float:  # eq 18
    """2 I(A, B) / (H(A) + H(B)): (n,), (n,) -> [0, 1]."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(labels, clusters, average_method="arithmetic"))


def ari(labels: ArrayLike, clusters: ArrayLike) -> float:  # eq 19
    """Rand index, corrected for chance: (n,), (n,) -> at most 1, and 0 for random clusters."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(labels, clusters))


def scores(labels: ArrayLike, clusters: ArrayLike) -> dict[str, float]:
    """The paper's three: acc, nmi, ari."""
    return {"acc": accuracy(labels, clusters), "nmi": nmi(labels, clusters), "ari": ari(labels, clusters)}


def scores_of(images: "Images", clusters: ArrayLike) -> dict[str, Any]:
    """The paper's three against the classes of a data set; none where it has no labels."""
    return scores(images.labels, clusters) if images.labelled else {}


def stability(clusterings: Sequence[ArrayLike]) -> float:
    """Mean ARI of all pairs of clusterings of the same samples: 1 where all agree, about 0 where none do.

    It needs no labels. That all agree does not make them right: a model that tells nothing apart is stable, too.
    """
    return float(np.mean(agreements(clusterings)))


def agreements(clusterings: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """The mean ARI of each clustering with all the others: (n_clusterings,). Raises ValueError where there is one alone."""
    n = len(clusterings)
    if n < 2:
        raise ValueError(f"{n} clusterings: should be at least 2 to be compared")
    pairs = np.zeros((n, n))
    for one, other in combinations(range(n), 2):
        pairs[one, other] = pairs[other, one] = ari(clusterings[one], clusterings[other])
    return pairs.sum(axis=0) / (n - 1)
