"""K-means and Gaussian mixtures on a GPU, on the device of the codes. On a CPU scikit-learn is used instead.

K-means computes all starts at once, as arrays with a leading axis of starts. Seeding is greedy k-means++ (Arthur and
Vassilvitskii 2007) with several candidates a step, as in scikit-learn; Lloyd's iterations follow until the centres of
no start move by more than the tolerance.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MAX_LLOYD_ITERATIONS, TOLERANCE = 300, 1e-4  # as in scikit-learn; the tolerance is relative to the mean variance


@torch.no_grad()
def gpu_kmeans(codes: Tensor, n_clusters: int, seed: int, n_starts: int = 10) -> tuple[Tensor, float]:
    """Cluster with K-means, the best of several starts: (n, d) -> cluster of every row (n,), and the inertia.

    The inertia is the sum of squared distances to the nearest centres. Raises ValueError for fewer rows than clusters.
    """
    if len(codes) < n_clusters:
        raise ValueError(f"{len(codes)} rows, {n_clusters} clusters: there should be at least as many rows as clusters")
    x = codes.float()
    x = x - x.mean(dim=0)  # avoids cancellation in distances of codes far from 0
    generator = torch.Generator(x.device).manual_seed(seed)
    centres = _initial_centres(x, n_clusters, n_starts, generator)
    tolerance = TOLERANCE * float(x.var(dim=0, unbiased=False).mean())
    for _ in range(MAX_LLOYD_ITERATIONS):
        moved = _means(x, _nearest(x, centres)[1], centres)
        shift = (moved - centres).square().sum(dim=(1, 2))
        centres = moved
        if bool((shift <= tolerance).all()):
            break
    distance, clusters = _nearest(x, centres)
    inertias = distance.sum(dim=1, dtype=torch.float64)
    best = int(inertias.argmin())
    return clusters[best], float(inertias[best])


def _nearest(x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the squared distance to the nearest centre and its index, for each start: (n, d), (s, k, d) -> (s, n), (s, n)."""
    squared = centres.square().sum(dim=2)[:, None] - 2 * torch.einsum("nd,skd->snk", x, centres)
    smallest, index = squared.min(dim=2)
    return (smallest + x.square().sum(dim=1)).clamp(min=0), index


def _means(x: Tensor, clusters: Tensor, centres: Tensor) -> Tensor:
    """Compute the mean of each cluster: (n, d), (s, n), (s, k, d) -> (s, k, d); an empty cluster keeps its centre."""
    indices, means = torch.arange(centres.shape[1], device=x.device), []
    for assigned, old in zip(clusters, centres, strict=True):
        members = (assigned[:, None] == indices).to(x.dtype)  # (n, k); a matrix product sums in a fixed order
        counts = members.sum(dim=0)[:, None]
        means.append(torch.where(counts > 0, members.T @ x / counts.clamp(min=1), old))
    return torch.stack(means)


def _initial_centres(x: Tensor, k: int, n_starts: int, generator: torch.Generator) -> Tensor:
    """Seed the centres of each start by greedy k-means++: (n, d) -> (s, k, d).

    Candidates are rows drawn with probability proportional to the squared distance to the nearest centre so far; the
    candidate with the smallest resulting inertia is kept.
    """
    n, n_candidates = len(x), 2 + int(math.log(k))
    chosen = [x[torch.randint(n, (n_starts,), generator=generator, device=x.device)]]
    distance = (x[None] - chosen[0][:, None]).square().sum(dim=2)  # (s, n)
    for _ in range(1, k):
        reach = distance.cumsum(dim=1, dtype=torch.float64)
        drawn = torch.rand(n_starts, n_candidates, generator=generator, device=x.device, dtype=torch.float64) * reach[:, -1:]
        rows = torch.searchsorted(reach, drawn).clamp(max=n - 1)  # (s, c)
        candidates = x[rows]
        remaining = torch.stack(
            [torch.minimum(distance, (x[None] - candidates[:, c, None]).square().sum(dim=2)) for c in range(n_candidates)],
            dim=1,
        )  # (s, c, n)
        best = remaining.sum(dim=2).argmin(dim=1)
        starts = torch.arange(n_starts, device=x.device)
        chosen.append(candidates[starts, best])
        distance = remaining[starts, best]
    return torch.stack(chosen, dim=1)


def gpu_mixture(x: Tensor, start: Mapping[str, NDArray[np.float64]], settings: Mapping[str, Any]) -> Tensor:
    """Cluster with scikit-learn's Gaussian mixture on the device of `x` (float64): (n, d) -> (n,).

    EM begins with the weights, means and precisions `start`. SciPy must have been imported with SCIPY_ARRAY_API=1.
    """
    from sklearn import config_context
    from sklearn.mixture import GaussianMixture

    start_on_device = {name: torch.from_numpy(value).to(x.device) for name, value in start.items()}
    with config_context(array_api_dispatch=True):
        return GaussianMixture(len(start["weights_init"]), init_params="random", **start_on_device, **settings).fit_predict(x)
