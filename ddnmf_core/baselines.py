"""Shallow models that stand beside ours."""

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import PixelNMFConfig


def pixel_nmf(x: NDArray[np.float32], config: PixelNMFConfig) -> dict[str, NDArray[np.float32]]:
    """scikit-learn's NMF, X = H W: (n, d) -> H (n, r), bases (r, d), and the explained variance (1,)."""
    from sklearn.decomposition import NMF
    model = NMF(config.n_parts, init="nndsvda", max_iter=config.max_iterations, random_state=config.seed)
    H = model.fit_transform(x)
    explained = 1 - ((x - H @ model.components_) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    return {"H": H, "bases": model.components_, "explained_variance": np.array([explained], np.float32)}
