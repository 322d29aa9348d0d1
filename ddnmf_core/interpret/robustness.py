"""What noise does to each part: how far its activation on a noisy image follows that on the clean one."""

import numpy as np

from ddnmf_core.interpret.quality import Array

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)                   # of the paper's Table 3


def survival(clean: Array, noisy: Array) -> Array:
    """Pearson's correlation, over the samples, of each part's coefficient with noise and without: (n, r), (n, r) -> (r,).

    1: the noise changes nothing that matters; 0: it drowns the part. A part that never changes has 0.
    """
    a, b = clean - clean.mean(axis=0), noisy - noisy.mean(axis=0)
    lengths = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return (a * b).sum(axis=0) / np.maximum(lengths, 1e-12)
