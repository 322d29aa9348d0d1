"""Contributions of parts to one reconstruction: Shapley values for every pixel (Shapley 1953; Strumbelj and Kononenko 2014).

The players are the r parts. The value of a coalition S is the picture v(S) = decode(H with the parts outside S at their
baseline). The Shapley value of a part is its mean marginal contribution to v over all orders of the parts. The values
sum to v(all) - v(none) in every pixel for any decoder; the effects of single ablations do not.
"""

from dataclasses import dataclass
from math import comb

import torch
from torch import Tensor

from ddnmf_core.model.decoding import Decode, LinearDecode
from ddnmf_core.model.device import matmul_precision

MAX_EXACT = 12  # largest number of parts with exact values, from all 2^r coalitions
N_SHAPLEY_PAIRS = 64  # sampled orders, each with its reverse, for more parts


@dataclass(frozen=True)
class Contributions:
    """Decomposition of a picture into its baseline and the contributions of parts.

    Attributes
    ----------
    values : Tensor of shape (r, n_pixels)
        Shapley values in units of pixels; positive: the part brightens the pixel.
    baseline : Tensor of shape (n_pixels,)
        v(none).
    reconstruction : Tensor of shape (n_pixels,)
        v(all).
    standard_error : Tensor of shape (r, n_pixels) or None
        Standard error of sampled values; None for exact ones.
    """

    values: Tensor
    baseline: Tensor
    reconstruction: Tensor
    standard_error: Tensor | None

    @property
    def completeness_error(self) -> float:
        """Largest difference of a pixel between baseline + sum of values and the reconstruction: the rounding error."""
        return float((self.baseline + self.values.sum(dim=0) - self.reconstruction).abs().max())

    @property
    def strength(self) -> Tensor:
        """Strength of each part, (r,): the sum of its absolute Shapley values over the pixels."""
        return self.values.abs().sum(dim=1)


@torch.no_grad()
def shapley(
    decode: Decode, H: Tensor, baseline: Tensor, n_pairs: int = N_SHAPLEY_PAIRS, seed: int = 0, max_exact: int = MAX_EXACT
) -> Contributions:
    """Compute the Shapley values of the parts of one sample.

    Those of a linear decoder are known for any r: what a part adds, (H_k - baseline_k) times its picture, is the same in every
    order. Otherwise values are exact up to `max_exact` parts. For more, marginal contributions are averaged over random orders
    and their reverses (antithetic sampling, Mitchell et al. 2022), and the standard error is taken over the pairs.

    Parameters
    ----------
    decode : callable
        (n, r) -> (n, n_pixels).
    H : Tensor of shape (r,)
        Coefficients of the sample.
    baseline : Tensor of shape (r,)
        Coefficients of parts outside a coalition, for example the mean over the data.
    n_pairs : int
        Sampled pairs of orders; at least 2 for a standard error.
    seed : int
        Seed of the orders.
    max_exact : int
        Largest number of parts with exact values, which take 2^r decoded pictures.

    Returns
    -------
    Contributions
        Values, baseline and reconstruction.

    Raises
    ------
    ValueError
        If `H` and `baseline` are not both of shape (r,).
    """
    if H.ndim != 1 or H.shape != baseline.shape:
        raise ValueError(f"H {tuple(H.shape)}, baseline {tuple(baseline.shape)}: both should have shape (r,)")
    with matmul_precision("highest"):
        if isinstance(decode, LinearDecode):
            return Contributions((H - baseline)[:, None] * decode.pictures, decode(baseline), decode(H), None)
        return _exact(decode, H, baseline) if len(H) <= max_exact else _sampled(decode, H, baseline, n_pairs, seed)


def coalitions(r: int) -> Tensor:
    """List all coalitions of r parts.

    Parameters
    ----------
    r : int
        Number of parts.

    Returns
    -------
    Tensor of shape (2^r, r)
        A row of booleans for each coalition; the empty one is first, the full one last.
    """
    return (torch.arange(2**r)[:, None] >> torch.arange(r)[None, :]) & 1 == 1


def coalition_weights(r: int) -> Tensor:
    """Compute the matrix that maps values of coalitions to Shapley values (Shapley 1953).

    `phi_k = sum over S without k of |S|! (r - |S| - 1)! / r! (v(S with k) - v(S))`

    Parameters
    ----------
    r : int
        Number of parts.

    Returns
    -------
    Tensor of shape (r, 2^r)
        Weights in float64; columns in the order of `coalitions`.
    """
    inside = coalitions(r)
    size = inside.sum(dim=1)
    weight = torch.tensor([1 / (r * comb(r - 1, s)) for s in range(r)], dtype=torch.float64)
    joined, left = weight[(size - 1).clamp(min=0)], weight[size.clamp(max=r - 1)]
    return torch.where(inside.T, joined, -left)


def _exact(decode: Decode, H: Tensor, baseline: Tensor) -> Contributions:
    """Compute exact values from all coalitions."""
    pictures = decode(torch.where(coalitions(len(H)), H, baseline))
    values = coalition_weights(len(H)).to(pictures.dtype) @ pictures
    return Contributions(values, pictures[0], pictures[-1], None)


def _sampled(decode: Decode, H: Tensor, baseline: Tensor, n_pairs: int, seed: int) -> Contributions:
    """Estimate values from random orders and their reverses."""
    generator, r = torch.Generator().manual_seed(seed), len(H)
    pairs = []
    for _ in range(n_pairs):
        order = torch.randperm(r, generator=generator)
        forward, backward = (_marginals(decode, H, baseline, way) for way in (order, order.flip(0)))
        pairs.append((forward + backward) / 2)
    estimates = torch.stack(pairs)
    ends = decode(torch.stack([baseline, H]))
    return Contributions(estimates.mean(dim=0), ends[0], ends[1], estimates.std(dim=0) / n_pairs**0.5)


def _marginals(decode: Decode, H: Tensor, baseline: Tensor, order: Tensor) -> Tensor:
    """Compute the marginal contribution of each part when parts join in the given order: (r, n_pixels)."""
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    pictures = decode(torch.where(rank[None, :] < torch.arange(len(order) + 1)[:, None], H, baseline))
    return pictures.diff(dim=0)[rank]


@torch.no_grad()
def additivity_gap(decode: Decode, H: Tensor, baseline: Tensor) -> float:
    """Compute the distance of the sum of singly decoded parts from the true reconstruction, relative to the latter's norm.

    Parameters
    ----------
    decode : callable
        (n, r) -> (n, n_pixels).
    H : Tensor of shape (r,)
        Coefficients of the sample.
    baseline : Tensor of shape (r,)
        Coefficients of the other parts while one is decoded.

    Returns
    -------
    float
        `|v(none) + sum_k (v({k}) - v(none)) - v(all)| / |v(all)|`; 0 for an additive decoder.
    """
    alone = torch.where(torch.eye(len(H), dtype=torch.bool), H, baseline)
    with matmul_precision("highest"):
        pictures = decode(torch.cat([baseline[None], H[None], alone]))
    none, full, single = pictures[0], pictures[1], pictures[2:]
    summed = none + (single - none).sum(dim=0)
    return float((summed - full).norm() / full.norm().clamp(min=1e-12))
