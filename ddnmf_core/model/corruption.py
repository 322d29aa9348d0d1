"""Equation 2: x~ = x + eps, and two other ways to spoil an image.

The level runs from 0 (clean) to 1: the standard deviation of Gaussian noise on pixels in [0, 1], the
share of pixels set to 0 (masking), or the share set to 0 or 1 (salt and pepper).
"""

import torch
from torch import Tensor

from ddnmf_core.config import NoiseKind
from ddnmf_core.seeds import derive


def corrupt(x: Tensor, kind: NoiseKind, level: float, generator: torch.Generator) -> Tensor:
    """Corrupted copy of images (n, d) in [0, 1]; Gaussian noise is not clipped, as in eq 2.

    The random numbers drawn do not depend on the level, so the same seed at a higher level gives the
    same noise, only stronger.
    """
    if not 0 <= level <= 1:
        raise ValueError(f"noise level = {level}: should be between 0 and 1")
    return apply_noise(x, kind, level, draw_noise(x, kind, generator))


def draw_noise(x: Tensor, kind: NoiseKind, generator: torch.Generator) -> Tensor:
    """The random numbers behind the noise, of the shape of x: normal ones for Gaussian noise, else uniform in [0, 1)."""
    make = torch.randn if kind == "gaussian" else torch.rand
    return make(x.shape, generator=generator, device=x.device, dtype=x.dtype)


def apply_noise(x: Tensor, kind: NoiseKind, level: float | Tensor, drawn: Tensor) -> Tensor:
    """Images with the noise that these numbers make at this level; a tensor of levels has one for each group of images."""
    if kind == "gaussian":
        return x + level * drawn
    if kind == "masking":
        return x * (drawn >= level)
    if kind == "salt_and_pepper":
        return torch.where(drawn < level / 2, 0.0, torch.where(drawn >= 1 - level / 2, 1.0, x))
    raise ValueError(f"noise kind = {kind!r}: should be 'gaussian', 'masking' or 'salt_and_pepper'")


def corrupt_each(x: Tensor, samples: Tensor, kind: NoiseKind, level: float, seed: int) -> Tensor:
    """As `corrupt`, with noise that belongs to the sample: row i of x is image samples[i].

    An image gets the same noise whether it is shown alone or evaluated among 70,000.
    """
    if level == 0:
        return x.clone()
    rows = []
    for row, sample in zip(x.cpu(), samples.tolist(), strict=True):
        generator = torch.Generator().manual_seed(derive(seed, "sample", sample))
        rows.append(corrupt(row, kind, level, generator))
    return torch.stack(rows).to(x.device) if rows else x.clone()
