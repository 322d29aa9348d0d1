"""K-means and Gaussian mixtures on a representation, the paper's two clustering methods."""

import threading
import warnings

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import CLUSTERERS, ClustererName

N_STARTS = 10  # K-means restarts; the best inertia wins
MIXTURE_FLOOR = 0.01  # share of the mean variance, added to the diagonals of covariances
SILHOUETTE_SAMPLES = 5000
_one_at_a_time = threading.Lock()  # each sets the number of BLAS threads of the process, and puts it back
SHORT_RUNS, SHORT_ITERATIONS, SHORT_SAMPLES = 20, 10, 5000  # initialisation of the mixture: see `gaussian_mixture`


def cluster(codes: NDArray[np.float32], clusterer: ClustererName, n_clusters: int, seed: int) -> NDArray[np.int64]:
    """Cluster rows without labels, with scikit-learn on the CPU: equal clusters on machines with and without a GPU.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        Representation.
    clusterer : str
        "kmeans", or "gmm" for a Gaussian mixture (`gaussian_mixture`).
    n_clusters : int
        Number of clusters.
    seed : int
        Seed of the starts; equal seeds give equal clusters.

    Returns
    -------
    ndarray of shape (n,)
        Cluster of each row, from 0.

    Raises
    ------
    ValueError
        If the clusterer is unknown, or there are fewer rows than clusters.
    """
    if clusterer == "kmeans":
        from sklearn.cluster import KMeans

        with _one_at_a_time:
            return KMeans(n_clusters, n_init=N_STARTS, random_state=seed).fit_predict(codes).astype(np.int64)
    if clusterer == "gmm":
        return gaussian_mixture(codes, n_clusters, seed).astype(np.int64)
    raise ValueError(f"clusterer = {clusterer!r}: should be one of {', '.join(CLUSTERERS)}")


def gaussian_mixture(codes: NDArray[np.float32], n_clusters: int, seed: int) -> NDArray[np.integer]:
    """Cluster with a Gaussian mixture with full covariances, initialised by short runs of EM.

    The likelihood of a mixture depends on its initialisation. 20 starts from K-means run 10 iterations each on a sample of
    5000 rows; the one with the largest likelihood then runs to convergence on all rows ("em-EM", Biernacki, Celeux and
    Govaert 2003, Computational Statistics & Data Analysis 41:561). The variances have a floor, 1 % of the mean variance and so
    independent of the scale of the codes: without it a component collapses on coefficients that are often exactly 0.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        Representation.
    n_clusters : int
        Number of components.
    seed : int
        Seed of the sample and of the starts.

    Returns
    -------
    ndarray of shape (n,)
        Most probable component of each row, from 0.

    Raises
    ------
    ValueError
        If there are fewer rows than components.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    x = codes.astype(np.float64)
    sample = np.random.default_rng(seed).permutation(len(x))[:SHORT_SAMPLES]
    floor = max(MIXTURE_FLOOR * x.var(axis=0).mean(), 1e-12)  # positive for constant codes, too
    settings = {"covariance_type": "full", "reg_covar": floor, "random_state": seed}
    with _one_at_a_time, threadpool_limits(1), warnings.catch_warnings():  # the matrices are too small to gain from threads
        warnings.simplefilter("ignore", ConvergenceWarning)  # short runs stop early on purpose
        best = GaussianMixture(n_clusters, n_init=SHORT_RUNS, max_iter=SHORT_ITERATIONS, **settings).fit(x[sample])
        start = {"weights_init": best.weights_, "means_init": best.means_, "precisions_init": best.precisions_}
        return GaussianMixture(n_clusters, **start, **settings).fit_predict(x)


def assign_by_mixture(
    codes: NDArray[np.float32], clusters: NDArray[np.int64], new: NDArray[np.float32], seed: int = 0
) -> NDArray[np.int64]:
    """Assign new rows to the clusters that a Gaussian mixture found.

    The mixture itself is not stored: it is fitted again to the same codes, by EM from the weights, means and covariances of the
    stored clusters, so that its components keep their numbers.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        Representation that was clustered.
    clusters : ndarray of shape (n,)
        Cluster of each row, from 0, as `cluster(codes, "gmm", ...)` returned it.
    new : ndarray of shape (m, d)
        Rows to assign.
    seed : int
        Seed of scikit-learn's mixture; with a given start it decides nothing.

    Returns
    -------
    ndarray of shape (m,)
        Most probable component of each new row, with the number of its cluster.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    x = codes.astype(np.float64)
    floor = max(MIXTURE_FLOOR * x.var(axis=0).mean(), 1e-12)
    numbers, counts = np.unique(clusters, return_counts=True)  # a component that no row belongs to is left out
    means = np.stack([x[clusters == number].mean(axis=0) for number in numbers])
    covariances = np.stack(
        [np.cov(x[clusters == number].T, bias=True).reshape(x.shape[1], x.shape[1]) for number in numbers]
    ) + floor * np.eye(x.shape[1])
    mixture = GaussianMixture(
        len(numbers),
        covariance_type="full",
        reg_covar=floor,
        random_state=seed,
        weights_init=counts / counts.sum(),
        means_init=means,
        precisions_init=np.linalg.inv(covariances),
    )
    with _one_at_a_time, threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = mixture.fit(x).predict(new.astype(np.float64))
    return np.asarray(numbers[found], np.int64)


def silhouette(codes: NDArray[np.float32], clusters: NDArray[np.int64], seed: int) -> float | None:
    """Compute the mean silhouette on a sample of 5000 rows (Rousseeuw 1987); it needs no labels.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        Clustered representation.
    clusters : ndarray of shape (n,)
        Cluster of each row.
    seed : int
        Seed of the sample.

    Returns
    -------
    float or None
        -1 to 1; 1 if all samples are much nearer to their own cluster than to the next. None if the sample has only one
        cluster, or a cluster for every row.
    """
    from sklearn.metrics import silhouette_score

    sample = np.random.default_rng(seed).permutation(len(codes))[:SILHOUETTE_SAMPLES]
    sampled = clusters[sample]
    return float(silhouette_score(codes[sample], sampled)) if 1 < len(np.unique(sampled)) < len(sampled) else None
