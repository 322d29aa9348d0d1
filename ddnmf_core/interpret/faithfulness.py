"""Whether an order of importance is true: delete parts in that order, or insert them, and watch the picture (RISE, Petsiuk
et al. 2018, here over parts instead of pixels), against random orders as the control."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddnmf_core.model.decoding import Decode
from ddnmf_core.model.device import matmul_precision

N_RANDOM = 20  # orders that are averaged for the control


@dataclass(frozen=True)
class Curves:
    """How much of the picture is there after each step, from 0 (the baseline's) to 1 (all of it): (r + 1,) each."""

    deletion: Tensor  # falls from 1; an order that is true falls fast
    insertion: Tensor  # rises from 0; an order that is true rises fast

    @property
    def deletion_auc(self) -> float:
        """Area under the deletion curve over the share of parts, 0 to 1: small is good."""
        return area(self.deletion)

    @property
    def insertion_auc(self) -> float:
        """Area under the insertion curve: large is good."""
        return area(self.insertion)


def area(curve: Tensor | np.ndarray) -> float:
    """Under a curve of r + 1 steps, over the share of parts from 0 to 1."""
    steps = np.asarray(curve)
    return float(np.trapezoid(steps) / (len(steps) - 1))


@torch.no_grad()
def faithfulness_curves(decode: Decode, H: Tensor, baseline: Tensor, order: Tensor) -> Curves:
    """Delete and insert the parts of one sample in an order (r,), the most important first.

    What is there of a picture is `1 - |v(S) - v(all)|^2 / |v(none) - v(all)|^2`, as explained variance: it can fall below
    0 where a picture is further from the reconstruction than the baseline is.
    """
    r = len(order)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(r)
    inserted = rank[None, :] < torch.arange(r + 1)[:, None]  # row i: the first i parts are the sample's own
    with matmul_precision("highest"):
        pictures = decode(torch.where(torch.cat([inserted, ~inserted]), H, baseline))
    distance = (pictures - pictures[r]).square().sum(dim=1)
    there = 1 - distance / distance[0].clamp(min=1e-12)
    return Curves(deletion=there[r + 1 :], insertion=there[: r + 1])


def random_order_curves(decode: Decode, H: Tensor, baseline: Tensor, seed: int = 0, n: int = N_RANDOM) -> Curves:
    """The control: the mean over random orders."""
    generator = torch.Generator().manual_seed(seed)
    each = [faithfulness_curves(decode, H, baseline, torch.randperm(len(H), generator=generator)) for _ in range(n)]
    return Curves(torch.stack([c.deletion for c in each]).mean(dim=0), torch.stack([c.insertion for c in each]).mean(dim=0))
