"""One reconstruction shared out among its parts: Shapley values, pixel by pixel (Shapley 1953; Strumbelj and Kononenko 2014).

The players are the r parts. A coalition S is worth the picture v(S) = decode(H with the parts outside S at their
baseline); a part's value is what it adds to v, averaged over all orders in which the parts can be put in. The values
add up to v(all) - v(none) in every pixel, whatever the decoder: that sum is what single ablations lack.
"""

from dataclasses import dataclass
from math import comb

import torch
from torch import Tensor

from ddnmf_core.model.decoding import Decode
from ddnmf_core.model.device import matmul_precision

MAX_EXACT = 12  # parts, for which all 2^r coalitions are decoded
N_SHAPLEY_PAIRS = 64  # permutations with their reverses, above that


@dataclass(frozen=True)
class Contributions:
    """A picture as its baseline and what each part adds to it."""

    values: Tensor  # (r, n_pixels), positive: ink that the part adds
    baseline: Tensor  # (n_pixels,), v(none)
    reconstruction: Tensor  # (n_pixels,), v(all)
    standard_error: Tensor | None  # (r, n_pixels) of sampled values; None: exact

    @property
    def completeness_error(self) -> float:
        """The largest pixel that baseline and contributions together miss of the reconstruction."""
        return float((self.baseline + self.values.sum(dim=0) - self.reconstruction).abs().max())

    @property
    def strength(self) -> Tensor:
        """How much each part changes the picture: the sum of its absolute values over the pixels, (r,)."""
        return self.values.abs().sum(dim=1)


@torch.no_grad()
def shapley(
    decode: Decode, H: Tensor, baseline: Tensor, n_pairs: int = N_SHAPLEY_PAIRS, seed: int = 0, max_exact: int = MAX_EXACT
) -> Contributions:
    """Contributions of the parts of one sample, H (r,), against a baseline (r,).

    Exact up to `max_exact` parts. Above that `n_pairs` random orders and their reverses are walked ("antithetic"
    sampling, Mitchell et al. 2022): what is drawn depends on the seed alone, and the standard error is over pairs.
    Raises ValueError where the shapes differ.
    """
    if H.ndim != 1 or H.shape != baseline.shape:
        raise ValueError(f"H {tuple(H.shape)}, baseline {tuple(baseline.shape)}: both should be (r,)")
    with matmul_precision("highest"):
        return _exact(decode, H, baseline) if len(H) <= max_exact else _sampled(decode, H, baseline, n_pairs, seed)


def coalitions(r: int) -> Tensor:
    """All subsets of r parts as rows of booleans, none of them first and all of them last: (2^r, r)."""
    return (torch.arange(2**r)[:, None] >> torch.arange(r)[None, :]) & 1 == 1


def coalition_weights(r: int) -> Tensor:
    """The matrix that takes worths of coalitions to Shapley values: (r, 2^r).

    `phi_k = sum over S without k of |S|! (r - |S| - 1)! / r! (v(S with k) - v(S))`.
    """
    inside = coalitions(r)
    size = inside.sum(dim=1)
    weight = torch.tensor([1 / (r * comb(r - 1, s)) for s in range(r)], dtype=torch.float64)
    joined, left = weight[(size - 1).clamp(min=0)], weight[size.clamp(max=r - 1)]
    return torch.where(inside.T, joined, -left)


def _exact(decode: Decode, H: Tensor, baseline: Tensor) -> Contributions:
    worth = decode(torch.where(coalitions(len(H)), H, baseline))
    values = coalition_weights(len(H)).to(worth.dtype) @ worth
    return Contributions(values, worth[0], worth[-1], None)


def _sampled(decode: Decode, H: Tensor, baseline: Tensor, n_pairs: int, seed: int) -> Contributions:
    generator, r = torch.Generator().manual_seed(seed), len(H)
    pairs = []
    for _ in range(n_pairs):
        order = torch.randperm(r, generator=generator)
        pairs.append((_along(decode, H, baseline, order) + _along(decode, H, baseline, order.flip(0))) / 2)
    each = torch.stack(pairs)
    ends = decode(torch.stack([baseline, H]))
    return Contributions(each.mean(dim=0), ends[0], ends[1], each.std(dim=0) / n_pairs**0.5)


def _along(decode: Decode, H: Tensor, baseline: Tensor, order: Tensor) -> Tensor:
    """What each part adds when the parts are put in in this order: (r, n_pixels)."""
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    worth = decode(torch.where(place[None, :] < torch.arange(len(order) + 1)[:, None], H, baseline))
    return worth.diff(dim=0)[place]


@torch.no_grad()
def additivity_gap(decode: Decode, H: Tensor, baseline: Tensor) -> float:
    """How far the plain sum of singly decoded parts is from the true decode, relative to the decode's norm; 0 for a
    decoder that only adds. H (r,), baseline (r,)."""
    alone = torch.where(torch.eye(len(H), dtype=torch.bool), H, baseline)
    with matmul_precision("highest"):
        pictures = decode(torch.cat([baseline[None], H[None], alone]))
    nothing, everything, single = pictures[0], pictures[1], pictures[2:]
    summed = nothing + (single - nothing).sum(dim=0)
    return float((summed - everything).norm() / everything.norm().clamp(min=1e-12))
