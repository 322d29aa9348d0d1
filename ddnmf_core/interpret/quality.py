"""How much of a part a part is: sparsity, redundancy, purity, saturation. Arrays in, numbers out."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
SATURATED = 0.01  # a coefficient nearer than this to 0 or 1


def hoyer(x: Array) -> Array:
    """Hoyer's sparsity along the last axis: `(sqrt n - |x|_1 / |x|_2) / (sqrt n - 1)`, 1 for one entry alone, 0 for equal
    ones (Hoyer 2004, JMLR 5:1457, section 3.1). A vector of zeros has none: not a number."""
    n = x.shape[-1]
    if n < 2:
        raise ValueError(f"{n} entry: Hoyer's sparsity takes at least 2")
    length = np.linalg.norm(x, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.sqrt(n) - np.abs(x).sum(axis=-1) / length) / (np.sqrt(n) - 1)


def cosines(a: Array, b: Array) -> Array:
    """Cosine of every row of a with every row of b: (m, d), (n, d) -> (m, n); 0 where a row is zero."""

    def unit(x: Array) -> Array:
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)

    return unit(a) @ unit(b).T


def redundancy(parts: Array) -> tuple[float, float]:
    """Mean and largest absolute cosine between two different parts: (r, d) -> two numbers in [0, 1]."""
    between = np.abs(cosines(parts, parts))[~np.eye(len(parts), dtype=bool)]
    return (float(between.mean()), float(between.max())) if len(between) else (0.0, 0.0)


def cancellation(parts: Array) -> Array:
    """The smaller of what a part adds and what it takes away, as a share of both: signed pictures (r, d) -> (r,), 0 to .5.
    A part that does nothing has 0."""
    added, taken = np.maximum(parts, 0).sum(axis=1), np.maximum(-parts, 0).sum(axis=1)
    return np.minimum(added, taken) / np.maximum(added + taken, 1e-12)


def purity(mass: Array) -> Array:
    """The largest share of a part's activation mass in one class: (r, n_classes), rows adding up to 1 -> (r,)
    (Kim and Park 2007, Bioinformatics 23:1495)."""
    return mass.max(axis=1)


def entropy(mass: Array) -> Array:
    """Entropy of a part's mass over the classes, 0 (one class) to 1 (all alike): (r, n_classes) -> (r,)."""
    logs = np.log(np.where(mass > 0, mass, 1.0))
    return -(mass * logs).sum(axis=1) / np.log(max(mass.shape[1], 2))


def saturation(H: Array) -> Array:
    """Share of the samples for which a part's sigmoid is as good as 0 or 1: (n, r) -> (r,)."""
    return ((H < SATURATED) | (H > 1 - SATURATED)).mean(axis=0)


def correlations(H: Array) -> Array:
    """Pearson's correlation between the parts' coefficients: (n, r) -> (r, r); 0 with a part that never changes."""
    centred = H - H.mean(axis=0)
    return cosines(centred.T, centred.T)


def class_mass(H: NDArray[np.float32], labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """p_kc, the share of part k's activation mass that lies in class c: (n, r), (n,) -> (r, n_classes).

    Kim and Park (2007); a row adds up to 1, that of a part without any mass to 0.
    """
    mass = np.stack([H[labels == c].sum(axis=0, dtype=np.float64) for c in range(n_classes)], axis=1)
    return mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-12)


def standardised_coefficients(H: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each coefficient lies above its part's mean, in that part's deviations: (n, r) -> (n, r)."""
    return (H - H.mean(axis=0)) / np.maximum(H.std(axis=0), 1e-6)


NOISE_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # of the paper's Table 3


def survival(clean: Array, noisy: Array) -> Array:
    """Pearson's correlation, over the samples, of each part's coefficient with noise and without: (n, r), (n, r) -> (r,).

    1: the noise changes nothing that matters; 0: it drowns the part. A part that never changes has 0.
    """
    a, b = clean - clean.mean(axis=0), noisy - noisy.mean(axis=0)
    lengths = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return (a * b).sum(axis=0) / np.maximum(lengths, 1e-12)
