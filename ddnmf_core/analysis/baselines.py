"""Shallow factorisations (NMF, PCA) as baselines, and transforms of a representation before clustering."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import ClusteringConfig, PixelNMFConfig

if TYPE_CHECKING:
    from sklearn.decomposition import NMF

MAX_NMF_ITERATIONS = 300  # iterations of NMF's coordinate descent
N_NEIGHBORS = 20  # neighbours in the UMAP before clustering, as in N2D


def pixel_nmf(x: NDArray[np.float32], config: PixelNMFConfig) -> dict[str, NDArray[np.float32]]:
    """Factorise images with scikit-learn's NMF, X = H W: (n, d) -> H (n, r), bases (r, d), explained variance (1,)."""
    model = _nmf("nndsvda", config.n_parts, config.max_iterations, config.seed)
    H = model.fit_transform(x)
    explained = 1 - ((x - H @ model.components_) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    return {"H": H, "bases": model.components_, "explained_variance": np.array([explained], np.float32)}


def random_nmf(x: NDArray[np.float32], n_parts: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factorise with NMF from a random start, to measure stability over seeds: (n, d) -> H (n, r), bases (r, d)."""
    model = _nmf("random", n_parts, MAX_NMF_ITERATIONS, seed)
    return model.fit_transform(x).astype(np.float32), model.components_.astype(np.float32)


def principal_components(
    x: NDArray[np.float32], n_parts: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Compute a PCA, which is deterministic: (n, d) -> scores (n, r), components (r, d), mean (d,)."""
    from sklearn.decomposition import PCA

    model = PCA(n_parts, svd_solver="covariance_eigh")
    return model.fit_transform(x).astype(np.float32), model.components_.astype(np.float32), model.mean_.astype(np.float32)


def transform(x: NDArray[np.float32], config: ClusteringConfig) -> NDArray[np.float32]:
    """Transform a representation before clustering: (n, d) -> (n, n_components).

    unit_nmf: coefficients of scikit-learn's NMF, rescaled for bases of unit length (a factorisation leaves the scale open,
    and K-means depends on it). pca: the first principal components. umap: coordinates of a UMAP, with the settings of N2D
    (McConville et al. 2021). unit_length: each row divided by its length, (n, d), so that K-means compares directions. none:
    unchanged. Raises ValueError for unit_nmf on negative values.
    """
    if config.transform == "unit_length":
        lengths = np.linalg.norm(x, axis=1, keepdims=True)
        return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)
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


def check_nonnegative(x: NDArray[np.float32], name: str) -> None:
    """Raise ValueError if an array has negative values, which NMF cannot factorise; `name` describes it in the message."""
    if x.min() < 0:
        raise ValueError(
            f"{name} has negative values (minimum {x.min():.3g}): an NMF needs values of at least 0; use a run with a ReLU "
            "bottleneck"
        )


def _nmf(start: str, n_parts: int, max_iterations: int, seed: int) -> "NMF":
    """Create scikit-learn's NMF."""
    from sklearn.decomposition import NMF

    return NMF(n_parts, init=start, max_iter=max_iterations, random_state=seed)
