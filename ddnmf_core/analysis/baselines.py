"""Shallow models that stand beside ours, and those that come between a representation and its clusters."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import ClusteringConfig, PixelNMFConfig

MAX_NMF_ITERATIONS = 300  # of NMF's coordinate descent
N_NEIGHBORS = 20  # of the UMAP before a clusterer, as in N2D


def pixel_nmf(x: NDArray[np.float32], config: PixelNMFConfig) -> dict[str, NDArray[np.float32]]:
    """scikit-learn's NMF, X = H W: (n, d) -> H (n, r), bases (r, d), and the explained variance (1,)."""
    model = _nmf("nndsvda", config.n_parts, config.max_iterations, config.seed)
    H = model.fit_transform(x)
    explained = 1 - ((x - H @ model.components_) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    return {"H": H, "bases": model.components_, "explained_variance": np.array([explained], np.float32)}


def random_nmf(x: NDArray[np.float32], n_parts: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """NMF from a random start, so that seeds say how stable its bases are: (n, d) -> H (n, r), bases (r, d)."""
    model = _nmf("random", n_parts, MAX_NMF_ITERATIONS, seed)
    return model.fit_transform(x).astype(np.float32), model.components_.astype(np.float32)


def principal_components(
    x: NDArray[np.float32], n_parts: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """PCA, which has no seed: (n, d) -> scores (n, r), components (r, d), mean (d,)."""
    from sklearn.decomposition import PCA

    model = PCA(n_parts, svd_solver="covariance_eigh")
    return model.fit_transform(x).astype(np.float32), model.components_.astype(np.float32), model.mean_.astype(np.float32)


def transform(x: NDArray[np.float32], config: ClusteringConfig) -> NDArray[np.float32]:
    """What a clustering's transform makes of a representation: (n, d) -> (n, n_components).

    unit_nmf: coefficients of scikit-learn's NMF for bases of unit length; a factorisation leaves that scale open, and
    K-means depends on it. pca: the first principal components. umap: a manifold's coordinates, the step of N2D
    (McConville et al. 2021), with its settings. Raises ValueError where NMF is asked for negative values.
    """
    if config.transform == "unit_nmf":
        check_nonnegative(x, str(config.representation))
        start = "nndsvdar"  # partly random, so that seeds differ
        model = _nmf(start, min(config.n_components, *x.shape), MAX_NMF_ITERATIONS, config.seed)
        return model.fit_transform(x) * np.linalg.norm(model.components_, axis=1)
    if config.transform == "pca":
        from sklearn.decomposition import PCA

        return PCA(min(config.n_components, *x.shape), random_state=config.seed).fit_transform(x)
    if config.transform == "umap":
        from umap import UMAP

        return UMAP(
            n_components=config.n_components,
            n_neighbors=min(N_NEIGHBORS, len(x) - 1),
            min_dist=0.0,
            random_state=config.seed,
            n_jobs=1,
        ).fit_transform(x)
    return x


def check_nonnegative(x: NDArray[np.float32], what: str) -> None:
    """Raises ValueError where an NMF of these values cannot be."""
    if x.min() < 0:
        raise ValueError(
            f"an NMF of {what} is asked for, but it has negative values (down to {x.min():.3g}): choose a run "
            "with a ReLU bottleneck"
        )


def _nmf(start: str, n_parts: int, max_iterations: int, seed: int) -> Any:
    from sklearn.decomposition import NMF

    return NMF(n_parts, init=start, max_iter=max_iterations, random_state=seed)
