"""K-means and Gaussian mixtures on a representation, as the paper clusters its codes."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Clusterer = Literal["kmeans", "gmm"]
CLUSTERERS: tuple[Clusterer, ...] = ("kmeans", "gmm")
TITLES: dict[Clusterer, str] = {"kmeans": "K-means", "gmm": "GMM"}
N_STARTS = 10                                                       # K-means restarts, best inertia kept
MIXTURE_FLOOR = 1e-4                                                # added to the covariances' diagonal


def cluster(codes: NDArray[np.float32], clusterer: Clusterer, n_clusters: int, seed: int) -> NDArray[np.int64]:
    """Cluster of every row: (n, d) -> (n,). The mixture has full covariances and starts from K-means."""
    if clusterer == "kmeans":
        from sklearn.cluster import KMeans
        return KMeans(n_clusters, n_init=N_STARTS, random_state=seed).fit_predict(codes).astype(np.int64)
    if clusterer == "gmm":
        from sklearn.mixture import GaussianMixture
        mixture = GaussianMixture(n_clusters, covariance_type="full", reg_covar=MIXTURE_FLOOR, random_state=seed)
        return mixture.fit_predict(codes.astype(np.float64)).astype(np.int64)
    raise ValueError(f"clusterer = {clusterer!r}: should be one of {', '.join(CLUSTERERS)}")
