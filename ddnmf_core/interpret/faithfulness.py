"""Faithfulness of an order of importance: deletion and insertion curves over parts, with random orders as the control.

RISE (Petsiuk et al. 2018) defines both curves over pixels; here parts are deleted or inserted instead.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ddnmf_core.model.decoding import Decode
from ddnmf_core.model.device import matmul_precision

N_RANDOM = 20  # random orders averaged for the control


@dataclass(frozen=True)
class Curves:
    """Share of the picture present after each step: 0 for the baseline's picture, 1 for the full reconstruction.

    Attributes
    ----------
    deletion : Tensor of shape (r + 1,)
        Starts at 1; a faithful order falls fast.
    insertion : Tensor of shape (r + 1,)
        Starts at 0; a faithful order rises fast.
    """

    deletion: Tensor
    insertion: Tensor


def area(curve: Tensor | NDArray[np.floating]) -> float:
    """Compute the area under a curve over the share of parts, 0 to 1 (trapezoidal rule).

    Parameters
    ----------
    curve : Tensor or ndarray of shape (r + 1,)
        Values after 0, 1, ..., r parts.

    Returns
    -------
    float
        Area; small is good for deletion, large for insertion.
    """
    values = np.asarray(curve)
    return float(np.trapezoid(values) / (len(values) - 1))


@torch.no_grad()
def faithfulness_curves(decode: Decode, H: Tensor, baseline: Tensor, order: Tensor) -> Curves:
    """Delete and insert the parts of one sample in a given order.

    The share of the picture v(S) of parts S is `1 - |v(S) - v(all)|^2 / |v(none) - v(all)|^2`, as explained variance. It is
    negative if a picture is further from the reconstruction than the baseline's picture.

    Parameters
    ----------
    decode : callable
        (n, r) -> (n, n_pixels).
    H : Tensor of shape (r,)
        Coefficients of the sample.
    baseline : Tensor of shape (r,)
        Coefficients of deleted parts.
    order : Tensor of shape (r,)
        Indices of the parts, the most important first.

    Returns
    -------
    Curves
        Deletion and insertion curves.
    """
    r = len(order)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(r)
    inserted = rank[None, :] < torch.arange(r + 1)[:, None]  # row i: the first i parts have the sample's coefficients
    with matmul_precision("highest"):
        pictures = decode(torch.where(torch.cat([inserted, ~inserted]), H, baseline))
    distance = (pictures - pictures[r]).square().sum(dim=1)
    share = 1 - distance / distance[0].clamp(min=1e-12)
    return Curves(deletion=share[r + 1 :], insertion=share[: r + 1])


def random_order_curves(decode: Decode, H: Tensor, baseline: Tensor, seed: int = 0, n: int = N_RANDOM) -> Curves:
    """Compute the control: the mean curves over random orders.

    Parameters
    ----------
    decode : callable
        (n, r) -> (n, n_pixels).
    H, baseline : Tensor of shape (r,)
        As in `faithfulness_curves`.
    seed : int
        Seed of the orders.
    n : int
        Number of orders.

    Returns
    -------
    Curves
        Mean deletion and insertion curves.
    """
    generator = torch.Generator().manual_seed(seed)
    curves = [faithfulness_curves(decode, H, baseline, torch.randperm(len(H), generator=generator)) for _ in range(n)]
    return Curves(
        torch.stack([curve.deletion for curve in curves]).mean(dim=0),
        torch.stack([curve.insertion for curve in curves]).mean(dim=0),
    )
