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
    deletion, insertion = _curves(decode, H, baseline, order[None])
    return Curves(deletion[0], insertion[0])


@torch.no_grad()
def _curves(decode: Decode, H: Tensor, baseline: Tensor, orders: Tensor) -> tuple[Tensor, Tensor]:
    """Return the deletion and insertion curves, (n, r + 1) each, of n orders, decoded in one batch."""
    n, r = orders.shape
    ranks = torch.empty_like(orders).scatter_(1, orders, torch.arange(r).expand(n, r))
    inserted = ranks[:, None, :] < torch.arange(r + 1)[:, None]  # row i: the first i parts have the sample's coefficients
    with matmul_precision("highest"):
        pictures = decode(torch.where(torch.cat([inserted, ~inserted], dim=1), H, baseline).flatten(0, 1))
    distance = (pictures - pictures[r]).square().sum(dim=1).view(n, 2 * (r + 1))
    share = 1 - distance / distance[:, :1].clamp(min=1e-12)
    return share[:, r + 1 :], share[:, : r + 1]


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
    orders = torch.stack([torch.randperm(len(H), generator=generator) for _ in range(n)])
    deletion, insertion = _curves(decode, H, baseline, orders)
    return Curves(deletion.mean(dim=0), insertion.mean(dim=0))
