"""K-means and Gaussian mixtures on a representation, as the paper clusters its codes."""

import os
import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import CLUSTERERS, ClustererName

if TYPE_CHECKING:
    import torch

N_STARTS = 10  # K-means restarts, best inertia kept
MIXTURE_FLOOR = 0.01  # of the mean variance, added to covariances' diagonals
SILHOUETTE_SAMPLES = 5000
SHORT_RUNS, SHORT_ITERATIONS, SHORT_SAMPLES = 20, 10, 5000  # the mixture's starts: see `mixture`


def cluster(
    codes: NDArray[np.float32], clusterer: ClustererName, n_clusters: int, seed: int, device: "torch.device | None" = None
) -> NDArray[np.int64]:
    """Cluster of every row: (n, d) -> (n,). Neither sees a label. On a GPU K-means is done there, not by scikit-learn, and
    the long run of the mixture by scikit-learn there, where SCIPY_ARRAY_API=1 was set before SciPy was loaded (the engine
    does so for its own training workers)."""
    if clusterer == "kmeans" and device is not None and device.type == "cuda":
        from torch import from_numpy

        from ddnmf_core.analysis.gpu_clustering import gpu_kmeans

        return gpu_kmeans(from_numpy(codes).to(device), n_clusters, seed, N_STARTS)[0].cpu().numpy()
    if clusterer == "kmeans":
        from sklearn.cluster import KMeans

        return KMeans(n_clusters, n_init=N_STARTS, random_state=seed).fit_predict(codes).astype(np.int64)
    if clusterer == "gmm":
        return gaussian_mixture(codes, n_clusters, seed, device).astype(np.int64)
    raise ValueError(f"clusterer = {clusterer!r}: should be one of {', '.join(CLUSTERERS)}")


def gaussian_mixture(
    codes: NDArray[np.float32], n_clusters: int, seed: int, device: "torch.device | None" = None
) -> NDArray[np.integer]:
    """Clusters by a Gaussian mixture with full covariances, fitted by short runs of EM followed by a long one.

    A mixture's score depends on the luck of its start. So SHORT_RUNS starts from K-means are each followed for
    SHORT_ITERATIONS on a sample of the rows, and the likeliest goes on to convergence with all of them: "em-EM" of
    Biernacki, Celeux and Govaert (2003, Computational Statistics & Data Analysis 41:561). The floor of the covariances is
    relative, so that the scale of the codes makes no difference; coefficients that are often exactly 0 need one, or a
    component becomes a needle there.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    x = codes.astype(np.float64)
    sample = np.random.default_rng(seed).permutation(len(x))[:SHORT_SAMPLES]
    floor = max(MIXTURE_FLOOR * x.var(axis=0).mean(), 1e-12)  # constant codes still have one
    settings = {"covariance_type": "full", "reg_covar": floor, "random_state": seed}
    with threadpool_limits(1), warnings.catch_warnings():  # its matrices are too small for more threads
        warnings.simplefilter("ignore", ConvergenceWarning)  # short on purpose
        start = GaussianMixture(n_clusters, n_init=SHORT_RUNS, max_iter=SHORT_ITERATIONS, **settings).fit(x[sample])
        begin = {"weights_init": start.weights_, "means_init": start.means_, "precisions_init": start.precisions_}
        if device is not None and device.type == "cuda" and os.environ.get("SCIPY_ARRAY_API") == "1":
            from torch import from_numpy

            from ddnmf_core.analysis.gpu_clustering import gpu_mixture as on_device

            return on_device(from_numpy(x).to(device), begin, settings).cpu().numpy()
        return GaussianMixture(n_clusters, **begin, **settings).fit_predict(x)


def silhouette(codes: NDArray[np.float32], clusters: NDArray[np.int64], seed: int) -> float | None:
    """How much nearer samples lie to their own cluster than to the next, -1 to 1 (Rousseeuw 1987), on a sample of
    SILHOUETTE_SAMPLES rows. It needs no labels. None where only one cluster was found."""
    from sklearn.metrics import silhouette_score

    sample = np.random.default_rng(seed).permutation(len(codes))[:SILHOUETTE_SAMPLES]
    found = clusters[sample]
    return float(silhouette_score(codes[sample], found)) if 1 < len(np.unique(found)) < len(found) else None
