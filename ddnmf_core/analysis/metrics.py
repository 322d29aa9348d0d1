"""Equations 17 to 19: agreement of clusters with classes."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ddnmf_core.data.dataset import Images

SCORE_NAMES = ("acc", "nmi", "ari")  # keys of `scores`, in the paper's order
SILHOUETTE = "silhouette"  # the score of data without labels
ALL_SCORE_NAMES = (*SCORE_NAMES, SILHOUETTE)


def contingency(labels: ArrayLike, clusters: ArrayLike) -> NDArray[np.int64]:
    """Count the samples of each class in each cluster.

    Parameters
    ----------
    labels, clusters : array-like of shape (n,)
        Class and cluster of each sample.

    Returns
    -------
    ndarray of shape (n_classes, n_clusters)
        Counts; rows and columns in ascending order of the labels and clusters that occur.
    """
    from sklearn.metrics.cluster import contingency_matrix

    return contingency_matrix(labels, clusters)


def best_matching(counts: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Match classes to clusters one to one with the most samples in agreement (Kuhn 1955, Munkres 1957).

    Parameters
    ----------
    counts : ndarray of shape (n_classes, n_clusters)
        Result of `contingency`.

    Returns
    -------
    rows, columns : ndarray of shape (min(n_classes, n_clusters),)
        Row `rows[i]` is matched to column `columns[i]`.
    """
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(counts, maximize=True)


def majority_class(labels: ArrayLike, clusters: ArrayLike, cluster: int) -> tuple[int, float]:
    """Find the most frequent class of a cluster.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class of each sample, an integer of at least 0.
    clusters : array-like of shape (n,)
        Cluster of each sample.
    cluster : int
        Cluster; it should have at least one sample.

    Returns
    -------
    label : int
        Most frequent class; the smallest of equally frequent ones.
    share : float
        Its share of the cluster's samples, 0 to 1.
    """
    members = np.asarray(labels)[np.asarray(clusters) == cluster]
    counts = np.bincount(members)
    return int(counts.argmax()), float(counts.max() / len(members))


def accuracy(labels: ArrayLike, clusters: ArrayLike) -> float:  # eq 17
    """Compute the clustering accuracy ACC (eq 17).

    Parameters
    ----------
    labels, clusters : array-like of shape (n,)
        Class and cluster of each sample.

    Returns
    -------
    float
        Share of samples whose cluster is matched to their class, 0 to 1, under the best one-to-one matching.
    """
    counts = contingency(labels, clusters)
    return float(counts[best_matching(counts)].sum() / counts.sum())


def nmi(labels: ArrayLike, clusters: ArrayLike) -> float:  # eq 18
    """Compute the normalised mutual information NMI = 2 I(A, B) / (H(A) + H(B)) (eq 18).

    Parameters
    ----------
    labels, clusters : array-like of shape (n,)
        Class A and cluster B of each sample.

    Returns
    -------
    float
        0 (independent) to 1 (equal up to names).
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(labels, clusters, average_method="arithmetic"))


def ari(labels: ArrayLike, clusters: ArrayLike) -> float:  # eq 19
    """Compute the adjusted Rand index ARI = (RI - E RI) / (max RI - E RI) (eq 19).

    Parameters
    ----------
    labels, clusters : array-like of shape (n,)
        Class and cluster of each sample.

    Returns
    -------
    float
        At most 1 (equal up to names); 0 on average for random clusters.
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(labels, clusters))


def scores(labels: ArrayLike, clusters: ArrayLike) -> dict[str, float]:
    """Compute the paper's three scores (eq 17 to 19).

    Parameters
    ----------
    labels, clusters : array-like of shape (n,)
        Class and cluster of each sample.

    Returns
    -------
    dict of str to float
        "acc", "nmi" and "ari".
    """
    return {"acc": accuracy(labels, clusters), "nmi": nmi(labels, clusters), "ari": ari(labels, clusters)}


def scores_of(images: "Images", clusters: ArrayLike) -> dict[str, float]:
    """Compute the paper's three scores against the classes of a data set.

    Parameters
    ----------
    images : Images
        Data set of n samples.
    clusters : array-like of shape (n,)
        Cluster of each sample.

    Returns
    -------
    dict of str to float
        As in `scores`; empty for a data set without labels.
    """
    return scores(images.labels, clusters) if images.labelled else {}


def stability(clusterings: Sequence[ArrayLike]) -> float:
    """Compute the mean ARI over all pairs of clusterings of the same samples. It needs no labels.

    Stable clusterings need not be correct: a model that separates nothing is stable, too.

    Parameters
    ----------
    clusterings : sequence of array-likes of shape (n,)
        At least 2 clusterings, for example of several seeds.

    Returns
    -------
    float
        1 for equal clusterings, about 0 for independent ones.

    Raises
    ------
    ValueError
        For fewer than 2 clusterings.
    """
    return float(np.mean(agreements(clusterings)))


def agreements(clusterings: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Compute the mean ARI of each clustering with all others.

    Parameters
    ----------
    clusterings : sequence of k array-likes of shape (n,)
        At least 2 clusterings of the same samples.

    Returns
    -------
    ndarray of shape (k,)
        Mean ARI of each clustering.

    Raises
    ------
    ValueError
        For fewer than 2 clusterings.
    """
    n = len(clusterings)
    if n < 2:
        raise ValueError(f"{n} clusterings: should be at least 2")
    pairs = np.zeros((n, n))
    for one, other in combinations(range(n), 2):
        pairs[one, other] = pairs[other, one] = ari(clusterings[one], clusterings[other])
    return pairs.sum(axis=0) / (n - 1)
