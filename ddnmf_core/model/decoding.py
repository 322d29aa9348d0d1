"""Pictures of parts: a trained student's coefficients decoded to pixels, decode(H) = decoder(relu(H W^T)).

The baseline of a part is its coefficient when the part is left out: its mean over the data, or 0. A sigmoid
never gives 0, so a picture at 0 is outside the decoder's training range.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ddnmf_core.model.networks import AdditiveDecoder, DDNMFNetwork, PixelStudent, Student

Decode = Callable[[Tensor], Tensor]  # coefficients (n, r) -> pictures (n, n_pixels)

MAX_QUANTILE_ROWS = 100_000  # rows used for quantiles


@dataclass(frozen=True)
class LinearDecode:
    """Decode coefficients to a sum of pictures, H @ pictures + background: what a part contributes depends on no other part.

    Attributes
    ----------
    pictures : Tensor of shape (r, n_pixels)
        Picture of each part at a coefficient of 1.
    background : Tensor of shape (n_pixels,)
        Picture without parts.
    """

    pictures: Tensor
    background: Tensor

    def __call__(self, H: Tensor) -> Tensor:
        return H @ self.pictures + self.background


@torch.no_grad()
def decode_of(student: Student | PixelStudent) -> Decode:
    """Return the decoder of a student's coefficients, as a `LinearDecode` where it is one.

    That is an NMF module at the pixels, x_hat = H W^T, or one at the code with W >= 0 and an additive decoder without an
    activation: H W^T is then at least 0, so that its ReLU (eq 3) changes nothing.
    """
    if isinstance(student, PixelStudent):
        return LinearDecode(student.nmf.W.T.contiguous(), student.nmf.W.new_zeros(len(student.nmf.W)))
    decoder = student.decoder
    if isinstance(decoder, AdditiveDecoder) and isinstance(decoder[-1].activation, nn.Identity) and student.nmf.nonnegative():
        return LinearDecode((decoder.linear.weight @ student.nmf.W).T.contiguous(), decoder.linear.bias.detach())
    return student.decode


@torch.no_grad()
def high_coefficients(model: DDNMFNetwork, H: Tensor) -> Tensor:
    """Choose the coefficient at which a part is shown: 1, the limit of eq 3; at the pixels, without limit, a 95 % quantile.

    Parameters
    ----------
    model : DDNMFNetwork
        Model of the coefficients.
    H : Tensor of shape (n, r)
        Coefficients of the data; quantiles are taken over the first 100,000 rows.

    Returns
    -------
    Tensor of shape (r,)
        Coefficients.
    """
    if isinstance(model.student, PixelStudent):
        return torch.quantile(H[:MAX_QUANTILE_ROWS].float(), 0.95, dim=0)
    return torch.ones_like(H[0])


@torch.no_grad()
def part_pictures(model: DDNMFNetwork, mean_H: Tensor, high_H: Tensor | None = None) -> dict[str, Tensor]:
    """Decode every part on its own and on top of the mean.

    Parameters
    ----------
    model : DDNMFNetwork
        Trained model.
    mean_H : Tensor of shape (r,)
        Mean coefficients over the data.
    high_H : Tensor of shape (r,), optional
        Coefficient at which each part is shown (`high_coefficients`); 1 if omitted.

    Returns
    -------
    dict of str to Tensor
        "alone" (r, n_pixels): H_k high, all others 0; "raised" (r, n_pixels): H_k high, all others at their mean;
        "baseline" (1, n_pixels): the decoded mean. All float32, pixels in [0, 1] for a sigmoid output.
    """
    r = mean_H.shape[0]
    alone = torch.diag(torch.ones_like(mean_H) if high_H is None else high_H)
    raised = torch.maximum(mean_H.expand(r, r), alone)
    decode = decode_of(model.student)
    return {"alone": decode(alone), "raised": decode(raised), "baseline": decode(mean_H[None])}


@torch.no_grad()
def part_effects(decode: Decode, H: Tensor, low: float = 0.05, high: float = 0.95) -> Tensor:
    """Compute the effect of each part on the picture over its 5-95 % range.

    All other parts are at their mean. For a linear decoder the effects are proportional to its columns.

    Parameters
    ----------
    decode : callable
        (n, r) -> (n, n_pixels).
    H : Tensor of shape (n, r)
        Coefficients of the data; quantiles are taken over the first 100,000 rows.
    low, high : float
        Quantiles of a part's coefficient, 0 to 1.

    Returns
    -------
    Tensor of shape (r, n_pixels)
        Signed: the picture with the part at its high quantile minus that with the part at its low quantile.
    """
    mean, r = H.mean(dim=0), H.shape[1]
    is_part = torch.eye(r, dtype=torch.bool, device=H.device)
    bounds = torch.quantile(
        H[:MAX_QUANTILE_ROWS].float(), torch.tensor([low, high], dtype=torch.float32, device=H.device), dim=0
    )
    lowered, raised = (torch.where(is_part, bound, mean.expand(r, r)) for bound in bounds)
    return decode(raised) - decode(lowered)


@torch.no_grad()
def add_parts_in_order(decode: Decode, H: Tensor, baseline: Tensor, order: Tensor) -> Tensor:
    """Decode a sample while its parts are set one after another from the baseline to its own coefficients.

    Parameters
    ----------
    decode : callable
        (n, r) -> (n, n_pixels).
    H : Tensor of shape (r,)
        Coefficients of the sample.
    baseline : Tensor of shape (r,)
        Coefficients of left-out parts.
    order : Tensor of shape (r,)
        Indices of the parts, first to last.

    Returns
    -------
    Tensor of shape (r + 1, n_pixels)
        Row k: the picture after k parts; row 0 is the baseline, row r the reconstruction.
    """
    rows = baseline.repeat(len(order) + 1, 1)
    for step, part in enumerate(order.tolist(), 1):
        rows[step:, part] = H[part]
    return decode(rows)
