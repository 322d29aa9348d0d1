"""Equation 2, x~ = x + eps with Gaussian noise, and two other kinds of noise.

The noise level runs from 0 (clean) to 1: the standard deviation of Gaussian noise on pixels in [0, 1], the
share of pixels set to 0 (masking), or the share set to 0 or 1 (salt and pepper).
"""

import torch
from torch import Tensor

from ddnmf_core.config import NoiseKind
from ddnmf_core.seeds import derive


def corrupt(x: Tensor, kind: NoiseKind, level: float, generator: torch.Generator) -> Tensor:
    """Add noise to images (eq 2). Gaussian noise is not clipped, as in the paper.

    The random numbers do not depend on the level: the same seed at a higher level gives the same noise, only stronger.

    Parameters
    ----------
    x : Tensor of shape (n, n_pixels)
        Images, pixels in [0, 1].
    kind : str
        "gaussian", "masking" or "salt_and_pepper".
    level : float
        Noise level, 0 to 1.
    generator : torch.Generator
        Source of the noise, on the device of `x`.

    Returns
    -------
    Tensor of shape (n, n_pixels)
        Corrupted copy.

    Raises
    ------
    ValueError
        If the level is outside [0, 1] or the kind is unknown.
    """
    _check_level(level)
    return apply_noise(x, kind, level, draw_noise(x, kind, generator))


def draw_noise(x: Tensor, kind: NoiseKind, generator: torch.Generator) -> Tensor:
    """Draw the random numbers of a noise.

    Parameters
    ----------
    x : Tensor
        Images; their shape, dtype and device are used.
    kind : str
        Kind of noise.
    generator : torch.Generator
        Source of the numbers, on the device of `x`.

    Returns
    -------
    Tensor of the shape of x
        Standard normal numbers for "gaussian", else uniform ones in [0, 1).
    """
    return _fill(torch.empty(x.shape, device=x.device, dtype=x.dtype), kind, generator)


def apply_noise(x: Tensor, kind: NoiseKind, level: float | Tensor, drawn: Tensor) -> Tensor:
    """Corrupt images with given random numbers (eq 2).

    Parameters
    ----------
    x : Tensor of shape (..., n, n_pixels)
        Images.
    kind : str
        "gaussian", "masking" or "salt_and_pepper".
    level : float or Tensor
        Noise level; a Tensor that broadcasts to `x` gives each group of images its own.
    drawn : Tensor of the shape of x
        Numbers of `draw_noise`.

    Returns
    -------
    Tensor of shape (..., n, n_pixels)
        Corrupted copy.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind == "gaussian":
        return x + level * drawn
    if kind == "masking":
        return x * (drawn >= level)
    if kind == "salt_and_pepper":
        return torch.where(drawn < level / 2, 0.0, torch.where(drawn >= 1 - level / 2, 1.0, x))
    raise ValueError(f"noise kind = {kind!r}: should be 'gaussian', 'masking' or 'salt_and_pepper'")


def corrupt_each(x: Tensor, samples: Tensor, kind: NoiseKind, level: float, seed: int) -> Tensor:
    """Add noise determined by the sample: an image gets the same noise alone and among 70,000.

    Parameters
    ----------
    x : Tensor of shape (n, n_pixels)
        Images, pixels in [0, 1].
    samples : Tensor of shape (n,)
        Index of each image in its data set.
    kind : str
        "gaussian", "masking" or "salt_and_pepper".
    level : float
        Noise level, 0 to 1.
    seed : int
        Seed of the run; with the index it seeds the noise of an image.

    Returns
    -------
    Tensor of shape (n, n_pixels)
        Corrupted copy on the device of `x`.

    Raises
    ------
    ValueError
        If the level is outside [0, 1] or the kind is unknown.
    """
    _check_level(level)
    if level == 0:
        return x.clone()
    drawn, generator = torch.empty(x.shape, dtype=x.dtype), torch.Generator()
    for row, sample in zip(drawn, samples.tolist(), strict=True):
        _fill(row, kind, generator.manual_seed(derive(seed, "sample", sample)))
    return apply_noise(x, kind, level, drawn.to(x.device))


def _check_level(level: float) -> None:
    if not 0 <= level <= 1:
        raise ValueError(f"noise level = {level}: should be between 0 and 1")


def _fill(drawn: Tensor, kind: NoiseKind, generator: torch.Generator) -> Tensor:
    """Fill a tensor with the random numbers of a noise, in place."""
    return drawn.normal_(generator=generator) if kind == "gaussian" else drawn.uniform_(generator=generator)
