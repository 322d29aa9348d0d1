"""Quality of parts: sparsity, redundancy, purity, saturation, robustness to noise. Pure functions of arrays."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
SATURATED = 0.01  # a coefficient nearer than this to 0 or 1 counts as saturated


def hoyer(x: Array) -> Array:
    """Compute Hoyer's sparsity along the last axis (Hoyer 2004, JMLR 5:1457, section 3.1).

    `(sqrt n - |x|_1 / |x|_2) / (sqrt n - 1)`

    Parameters
    ----------
    x : ndarray of shape (..., n)
        Vectors; their signs do not matter.

    Returns
    -------
    ndarray of shape (...)
        1 for a single non-zero entry, 0 for entries of equal magnitude, NaN for a zero vector.

    Raises
    ------
    ValueError
        If n < 2.
    """
    n = x.shape[-1]
    if n < 2:
        raise ValueError(f"n = {n} entries: should be at least 2 for Hoyer's sparsity")
    length = np.linalg.norm(x, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.sqrt(n) - np.abs(x).sum(axis=-1) / length) / (np.sqrt(n) - 1)


def cosines(a: Array, b: Array) -> Array:
    """Compute the cosine of every row of a with every row of b.

    Parameters
    ----------
    a : ndarray of shape (m, d)
        Vectors.
    b : ndarray of shape (n, d)
        Vectors.

    Returns
    -------
    ndarray of shape (m, n)
        Cosines in [-1, 1]; 0 with a zero row.
    """

    def unit(x: Array) -> Array:
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)

    return unit(a) @ unit(b).T


def redundancy(parts: Array) -> tuple[float, float]:
    """Compute the similarity of different parts.

    Parameters
    ----------
    parts : ndarray of shape (r, d)
        Pictures of parts.

    Returns
    -------
    mean, largest : float
        Absolute cosine over all pairs of different parts, in [0, 1]; 0 for a single part.
    """
    between = np.abs(cosines(parts, parts))[~np.eye(len(parts), dtype=bool)]
    return (float(between.mean()), float(between.max())) if len(between) else (0.0, 0.0)


def cancellation(parts: Array) -> Array:
    """Compute the cancellation of each part: the smaller of its total positive and negative effects, as a share of both.

    Parameters
    ----------
    parts : ndarray of shape (r, d)
        Signed effects of parts on the picture.

    Returns
    -------
    ndarray of shape (r,)
        0 (only adds or only removes; also a zero part) to .5 (adds as much as it removes).
    """
    added, removed = np.maximum(parts, 0).sum(axis=1), np.maximum(-parts, 0).sum(axis=1)
    return np.minimum(added, removed) / np.maximum(added + removed, 1e-12)


def purity(mass: Array) -> Array:
    """Compute the class purity of each part (Kim and Park 2007, Bioinformatics 23:1495).

    Parameters
    ----------
    mass : ndarray of shape (r, n_classes)
        Result of `class_mass`; rows sum to 1.

    Returns
    -------
    ndarray of shape (r,)
        Largest share of a part's activation mass in one class, 1 / n_classes to 1.
    """
    return mass.max(axis=1)


def entropy(mass: Array) -> Array:
    """Compute the entropy of each part's activation mass over classes, divided by log n_classes (Kim and Park 2007).

    Parameters
    ----------
    mass : ndarray of shape (r, n_classes)
        Result of `class_mass`; rows sum to 1.

    Returns
    -------
    ndarray of shape (r,)
        0 (all mass in one class) to 1 (equal mass in all classes).
    """
    logs = np.log(np.where(mass > 0, mass, 1.0))
    return -(mass * logs).sum(axis=1) / np.log(max(mass.shape[1], 2))


def saturation(H: Array) -> Array:
    """Compute the share of samples with a saturated coefficient, below .01 or above .99.

    Parameters
    ----------
    H : ndarray of shape (n, r)
        Coefficients, outputs of a sigmoid.

    Returns
    -------
    ndarray of shape (r,)
        Share for each part, 0 to 1.
    """
    return ((H < SATURATED) | (H > 1 - SATURATED)).mean(axis=0)


def correlations(H: Array) -> Array:
    """Compute Pearson's correlation between the coefficients of parts.

    Parameters
    ----------
    H : ndarray of shape (n, r)
        Coefficients.

    Returns
    -------
    ndarray of shape (r, r)
        Correlations; 0 with a constant part.
    """
    centred = H - H.mean(axis=0)
    return cosines(centred.T, centred.T)


def class_mass(H: NDArray[np.float32], labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Compute p_kc, the share of part k's activation mass in class c (Kim and Park 2007).

    Parameters
    ----------
    H : ndarray of shape (n, r)
        Coefficients, at least 0.
    labels : ndarray of shape (n,)
        Class of each sample, 0 to n_classes - 1.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray of shape (r, n_classes)
        Rows sum to 1; the row of a part without mass is 0.
    """
    mass = np.stack([H[labels == c].sum(axis=0, dtype=np.float64) for c in range(n_classes)], axis=1)
    return mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-12)


def standardised_coefficients(H: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute z-scores of coefficients, part by part.

    Parameters
    ----------
    H : ndarray of shape (n, r)
        Coefficients.

    Returns
    -------
    ndarray of shape (n, r)
        (H - mean) / standard deviation of the part; 0 for a constant part.
    """
    return (H - H.mean(axis=0)) / np.maximum(H.std(axis=0), 1e-6)


NOISE_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # of the paper's Table 3


def survival(clean: Array, noisy: Array) -> Array:
    """Compute the correlation of each part's coefficient between clean and noisy images.

    Parameters
    ----------
    clean, noisy : ndarray of shape (n, r)
        Coefficients of the same samples without and with noise.

    Returns
    -------
    ndarray of shape (r,)
        Pearson's correlation over the samples: 1 if noise only shifts or scales the coefficient, 0 if the noisy coefficient
        is unrelated to the clean one or either is constant.
    """
    a, b = clean - clean.mean(axis=0), noisy - noisy.mean(axis=0)
    lengths = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return (a * b).sum(axis=0) / np.maximum(lengths, 1e-12)
