"""Equations 4 to 7. Each term is a sum over the samples i of the batch, as in the paper.

`reduction="mean"` divides every squared norm by the number of its entries, so that a layer of 2000
units does not outweigh one of 10; `reduction="sum"` is the paper's.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn


class Weights(Protocol):
    """alpha, beta and gamma of eq 7; a RunConfig has them."""

    @property
    def alpha(self) -> float: ...
    @property
    def beta(self) -> float: ...
    @property
    def gamma(self) -> float: ...


WEIGHT_OF = {"L_sym": "alpha", "L_ap": "beta", "L_nc": "gamma"}


def squared_distance(a: Tensor, b: Tensor, reduction: str = "sum") -> Tensor:
    """||a - b||^2 over all entries, or its mean: (n, d), (n, d) -> scalar."""
    return nn.functional.mse_loss(a, b, reduction=reduction)  # one pass each way: twice as fast as written out


def symmetric_loss(x: Tensor, y: Tensor, reduction: str = "sum") -> Tensor:  # eq 4
    """What the supervisor cannot rebuild of the clean images: (n, d), (n, d) -> scalar."""
    return squared_distance(x, y, reduction)


def apposition_losses(
    h: Sequence[Tensor], h_student: Sequence[Tensor], reduction: str = "sum", code: int | None = None
) -> Tensor:  # eq 5
    """The share of each supervisor layer l in L_ap: L and L + 2 feature arrays -> (L,).

    Encoder layers (l <= code, L/2 in the paper) face the student's layer l, decoder layers its layer l + 2, past the NMF
    module. The supervisor's features are constants here (eq 9 to 12), hence the detach.
    """
    code = len(h) // 2 if code is None else code
    partners = [*h_student[:code], *h_student[code + 2 :]]
    return torch.stack(
        [squared_distance(teacher.detach(), student, reduction) for teacher, student in zip(h, partners, strict=True)]
    )


def nonnegative_constraint_loss(X: Tensor, X_hat: Tensor, reduction: str = "sum") -> Tensor:  # eq 6
    """What the NMF module cannot rebuild of the code it was given: (n, d), (n, d) -> scalar."""
    return squared_distance(X, X_hat, reduction)


def interpretability_loss(terms: Mapping[str, Tensor], weights: Weights) -> Tensor:  # eq 7
    """L_in = alpha L_sym + beta L_ap + gamma L_nc; the same names are logged and plotted."""
    return sum(
        (getattr(weights, WEIGHT_OF[name]) * term for name, term in terms.items()),
        start=torch.zeros((), device=next(iter(terms.values())).device),
    )
