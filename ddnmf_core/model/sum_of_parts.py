"""One reconstruction as a sum of terms, one for each part."""

import torch
from torch import Tensor

from ddnmf_core.model.decoding import Decode, LinearDecode, add_parts_in_order


@torch.no_grad()
def sum_of_parts(decode: Decode, H: Tensor, mean_H: Tensor) -> tuple[Tensor, Tensor]:
    """Split a reconstruction into a baseline and what each part gives; together they are the reconstruction.

    Where pictures are sums, the terms are H_k times the parts' pictures and the baseline is the background. Otherwise the parts
    are set one after another from their means to the sample's coefficients, that with the largest effect on its own first, and
    a term is the change at its step: it depends on that order. Shapley values (`interpret.shapley`) do not.

    Parameters
    ----------
    decode : callable
        (n, r) -> (n, d).
    H : Tensor of shape (r,)
        Coefficients of the sample.
    mean_H : Tensor of shape (r,)
        Mean coefficients of the data.

    Returns
    -------
    baseline : Tensor of shape (d,)
    values : Tensor of shape (r, d)
    """
    if isinstance(decode, LinearDecode):
        return decode.background, H[:, None] * decode.pictures
    alone = mean_H + torch.diag(H - mean_H)
    effects = (decode(alone) - decode(mean_H[None])).abs().sum(dim=1)
    order = effects.argsort(descending=True, stable=True)
    steps = add_parts_in_order(decode, H, mean_H, order)
    values = torch.empty_like(steps[1:])
    values[order] = steps.diff(dim=0)
    return steps[0], values
