"""K-means and mixtures where the codes are. For a GPU; scikit-learn serves the CPU.

K-means takes all starts at once, as arrays with the starts in front. Seeding is greedy k-means++ (Arthur and Vassilvitskii
2007), several candidates a step as scikit-learn draws them; then Lloyd's iterations until no start's centres move by more than
its tolerance.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MAX_LLOYD_ITERATIONS, TOLERANCE = 300, 1e-4  # as scikit-learn's; relative to the mean variance


@torch.no_grad()
def gpu_kmeans(codes: Tensor, n_clusters: int, seed: int, n_starts: int = 10) -> tuple[Tensor, float]:
    """The best of some starts: (n, d) -> cluster of every row (n,), and its inertia, the sum of squared distances to the
    centres. Raises ValueError where there are fewer rows than clusters."""
    if len(codes) < n_clusters:
        raise ValueError(f"{len(codes)} rows: should be at least as many as clusters, {n_clusters}")
    x = codes.float()
    x = x - x.mean(dim=0)  # distances of codes far from 0 would cancel
    generator = torch.Generator(x.device).manual_seed(seed)
    centres = _seeded(x, n_clusters, n_starts, generator)
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
    """Squared distance to the nearest centre and its number, for each start: (n, d), (s, k, d) -> (s, n), (s, n)."""
    squared = centres.square().sum(dim=2)[:, None] - 2 * torch.einsum("nd,skd->snk", x, centres)
    least, number = squared.min(dim=2)
    return (least + x.square().sum(dim=1)).clamp(min=0), number


def _means(x: Tensor, clusters: Tensor, centres: Tensor) -> Tensor:
    """The mean of each cluster; one that has lost all its rows stays where it is."""
    numbers, means = torch.arange(centres.shape[1], device=x.device), []
    for own, old in zip(clusters, centres, strict=True):
        members = (own[:, None] == numbers).to(x.dtype)  # (n, k), for a product: its order of summing is fixed
        counts = members.sum(dim=0)[:, None]
        means.append(torch.where(counts > 0, members.T @ x / counts.clamp(min=1), old))
    return torch.stack(means)


def _seeded(x: Tensor, k: int, n_starts: int, generator: torch.Generator) -> Tensor:
    """Centres of each start: rows drawn with the square of their distance to the nearest one so far, the best of a few
    candidates each time: (s, k, d)."""
    n, n_candidates = len(x), 2 + int(math.log(k))
    chosen = [x[torch.randint(n, (n_starts,), generator=generator, device=x.device)]]
    distance = (x[None] - chosen[0][:, None]).square().sum(dim=2)  # (s, n)
    for _ in range(1, k):
        reach = distance.cumsum(dim=1, dtype=torch.float64)
        drawn = torch.rand(n_starts, n_candidates, generator=generator, device=x.device, dtype=torch.float64) * reach[:, -1:]
        rows = torch.searchsorted(reach, drawn).clamp(max=n - 1)  # (s, c)
        candidates = x[rows]
        left = torch.stack(
            [torch.minimum(distance, (x[None] - candidates[:, c, None]).square().sum(dim=2)) for c in range(n_candidates)],
            dim=1,
        )  # (s, c, n)
        best = left.sum(dim=2).argmin(dim=1)
        starts = torch.arange(n_starts, device=x.device)
        chosen.append(candidates[starts, best])
        distance = left[starts, best]
    return torch.stack(chosen, dim=1)


def gpu_mixture(x: Tensor, begin: Mapping[str, NDArray[np.float64]], settings: Mapping[str, Any]) -> Tensor:
    """The cluster of every row, (n, d) -> (n,), by scikit-learn's own Gaussian mixture on the device of `x` (float64):
    EM from the weights, means and precisions `begin`. SciPy must have been loaded with SCIPY_ARRAY_API=1."""
    from sklearn import config_context
    from sklearn.mixture import GaussianMixture

    there = {name: torch.from_numpy(value).to(x.device) for name, value in begin.items()}
    with config_context(array_api_dispatch=True):
        return GaussianMixture(len(begin["weights_init"]), init_params="random", **there, **settings).fit_predict(x)
