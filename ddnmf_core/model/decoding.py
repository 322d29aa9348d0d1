"""What the parts of a trained student look like, and what a sample is made of.

`decode` below is the student's way from coefficients to pixels: decode(H) = decoder(relu(H W^T)). The
baseline of a part is the value it takes when it is "left out": its mean over the data, or 0 (a sigmoid
never gives 0, so that picture lies outside what the decoder was trained on).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ddnmf_core.model.networks import DDNMFNetwork, Student

Decode = Callable[[Tensor], Tensor]  # coefficients (n, r) -> pictures (n, n_pixels)


@torch.no_grad()
def part_pictures(model: DDNMFNetwork, mean_H: Tensor) -> dict[str, Tensor]:
    """Every part decoded, in float32: `alone` (H_k = 1, others 0) and `raised` (H_k = 1, others at
    their mean), both (r, n_pixels), and the `baseline` (1, n_pixels), the decoded mean of H."""
    r = mean_H.shape[0]
    alone = torch.eye(r, device=mean_H.device)
    raised = torch.maximum(mean_H.expand(r, r), alone)
    decode = model.student.decode
    return {"alone": decode(alone), "raised": decode(raised), "baseline": decode(mean_H[None])}


@torch.no_grad()
def part_effects(decode: Decode, H: Tensor, low: float = 0.05, high: float = 0.95) -> Tensor:
    """What a part does to the picture over the range that it really takes: the decoded mean of H with the part at its
    high quantile, minus that with the part at its low one; (n, r) -> (r, n_pixels), signed."""
    mean, r = H.mean(dim=0), H.shape[1]
    own = torch.eye(r, dtype=torch.bool, device=H.device)
    bounds = torch.quantile(H[:100_000].float(), torch.tensor([low, high], device=H.device), dim=0)
    least, most = (torch.where(own, bound, mean.expand(r, r)) for bound in bounds)
    return decode(most) - decode(least)


@torch.no_grad()
def add_parts_in_order(student: Student, H: Tensor, baseline: Tensor, order: Tensor) -> Tensor:
    """Pictures from the baseline (row 0) to the reconstruction (row r), a part more each: (r + 1, n_pixels)."""
    rows = baseline.repeat(len(order) + 1, 1)
    for step, part in enumerate(order.tolist(), 1):
        rows[step:, part] = H[part]
    return student.decode(rows)
