"""Equations 4 to 7. Each term is a sum over the samples i of the batch, as in the paper.

`reduction="mean"` divides every squared norm by the number of its entries, so that a layer of 2000
units does not outweigh one of 10; `reduction="sum"` is the paper's. `reduction="relative"` divides the mean by the variance of
the target, for display: trained with it, a student came to a larger error and worse clusters.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn


class Weights(Protocol):
    """Weights alpha, beta and gamma of eq 7; a RunConfig has them."""

    @property
    def alpha(self) -> float: ...
    @property
    def beta(self) -> float: ...
    @property
    def gamma(self) -> float: ...


MIN_VARIANCE = 1e-6  # a constant target has no variance
WEIGHT_OF = {"L_sym": "alpha", "L_ap": "beta", "L_nc": "gamma"}


def squared_distance(a: Tensor, b: Tensor, reduction: str = "sum") -> Tensor:
    """Compute ||a - b||^2 over all entries, its mean, or its mean relative to the variance of a.

    Parameters
    ----------
    a, b : Tensor of shape (n, d)
        Target, and what is compared with it.
    reduction : str
        "sum"; "mean" to divide by n d; or "relative" to divide by n d and the mean variance of the columns of a. Relative
        distances are the unexplained share of the variance; scaling a and b leaves them unchanged.

    Returns
    -------
    Tensor
        Scalar.
    """
    if reduction == "relative":
        variance = a.var(dim=0, unbiased=False).mean()
        return nn.functional.mse_loss(a, b) / variance.clamp(min=MIN_VARIANCE)
    return nn.functional.mse_loss(a, b, reduction=reduction)  # one pass forward and back: half the time of the formula


def symmetric_loss(x: Tensor, y: Tensor, reduction: str = "sum") -> Tensor:  # eq 4
    """Compute the supervisor's reconstruction error of clean images, L_sym (eq 4).

    Parameters
    ----------
    x : Tensor of shape (n, n_pixels)
        Clean images.
    y : Tensor of shape (n, n_pixels)
        Their reconstructions.
    reduction : str
        "sum", "mean" or "relative", as in `squared_distance`.

    Returns
    -------
    Tensor
        L_sym, a scalar.
    """
    return squared_distance(x, y, reduction)


def apposition_losses(
    h: Sequence[Tensor], h_student: Sequence[Tensor], reduction: str = "sum", code: int | None = None
) -> Tensor:  # eq 5
    """Compute the term of each supervisor layer l in L_ap (eq 5); L_ap is their sum.

    Encoder layers (l <= code) are paired with the student's layer l, decoder layers with its layer l + 2, past the NMF
    module. The supervisor's features are detached: they are constants in L_ap (eq 9 to 12).

    Parameters
    ----------
    h : sequence of L Tensors
        Supervisor's features h[1] to h[L].
    h_student : sequence of L + 2 Tensors
        Student's features h~[1] to h~[L+2].
    reduction : str
        "sum", "mean" or "relative", as in `squared_distance`.
    code : int, optional
        Number of encoder layers; L/2 (the paper's symmetric network) if omitted.

    Returns
    -------
    Tensor of shape (L,)
        Term of each layer.

    Raises
    ------
    ValueError
        If the student does not have exactly two layers more than the supervisor.
    """
    code = len(h) // 2 if code is None else code
    partners = [*h_student[:code], *h_student[code + 2 :]]
    return torch.stack(
        [squared_distance(teacher.detach(), student, reduction) for teacher, student in zip(h, partners, strict=True)]
    )


def nonnegative_constraint_loss(X: Tensor, X_hat: Tensor, reduction: str = "sum") -> Tensor:  # eq 6
    """Compute the NMF module's reconstruction error of its input code, L_nc (eq 6).

    Parameters
    ----------
    X : Tensor of shape (n, d)
        Codes, the output of the student's encoder.
    X_hat : Tensor of shape (n, d)
        Codes reconstructed from the coefficients.
    reduction : str
        "sum", "mean" or "relative", as in `squared_distance`.

    Returns
    -------
    Tensor
        L_nc, a scalar.
    """
    return squared_distance(X, X_hat, reduction)


def interpretability_loss(terms: Mapping[str, Tensor], weights: Weights) -> Tensor:  # eq 7
    """Compute L_in = alpha L_sym + beta L_ap + gamma L_nc (eq 7).

    Parameters
    ----------
    terms : mapping of str to Tensor
        Losses by name ("L_sym", "L_ap", "L_nc"), the names in logs and figures; an absent term counts as 0.
    weights : Weights
        Any object with `alpha`, `beta` and `gamma`, such as a RunConfig.

    Returns
    -------
    Tensor
        L_in, of the shape of the terms: a scalar.
    """
    return sum(
        (getattr(weights, WEIGHT_OF[name]) * term for name, term in terms.items()),
        start=torch.zeros((), dtype=torch.float32, device=next(iter(terms.values())).device),
    )
