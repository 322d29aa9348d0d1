"""Equation 2, x~ = x + eps with Gaussian noise, and other kinds of corruption.

The noise level runs from 0 (clean) to 1: the standard deviation of Gaussian noise on pixels in [0, 1], the share of pixels
set to 0 (masking), the share set to 0 or 1 (salt and pepper), or the size of a small displacement of the image.
"""

import math
from typing import get_args

import torch
from torch import Tensor, nn

from ddnmf_core.config import DISPLACING_KINDS, NoiseKind
from ddnmf_core.seeds import derive

NOISE_KINDS: tuple[NoiseKind, ...] = get_args(NoiseKind)
# Of a displacement at level 1, which is uniform up to them in both directions. At level .4 of 28 x 28 pixels: 2 pixels,
# 10 degrees, 10 %.
MAX_SHIFT, MAX_ROTATION, MAX_SCALING = 5 / 28, math.radians(25), 0.25  # share of height and width; radians; share of 1
N_MOVES = 4  # numbers of a displacement: shift along x and y, rotation, scaling


def corrupt(x: Tensor, kind: NoiseKind, level: float, generator: torch.Generator, image_shape: tuple[int, int]) -> Tensor:
    """Add noise to images (eq 2). Gaussian noise is not clipped, as in the paper.

    The random numbers do not depend on the level: the same seed at a higher level gives the same noise, only stronger.

    Parameters
    ----------
    x : Tensor of shape (n, n_pixels)
        Images, pixels in [0, 1].
    kind : str
        "gaussian", "masking", "salt_and_pepper", "displacement" (shift, rotation, scaling) or "gaussian_displacement"
        (displacement, then Gaussian noise).
    level : float
        Noise level, 0 to 1.
    generator : torch.Generator
        Source of the noise, on the device of `x`.
    image_shape : tuple of int
        Height and width of an image; a displacement needs both.

    Returns
    -------
    Tensor of shape (n, n_pixels)
        Corrupted copy.

    Raises
    ------
    ValueError
        If the level is outside [0, 1], the kind is unknown, or rows of a table would be displaced.
    """
    _check_level(level)
    if level == 0:
        return x.clone()
    return apply_noise(x, kind, level, draw_noise(x, kind, generator), image_shape)


def draw_noise(x: Tensor, kind: NoiseKind, generator: torch.Generator) -> Tensor:
    """Draw the random numbers of a noise.

    Parameters
    ----------
    x : Tensor of shape (n, n_pixels)
        Images; their shape, dtype and device are used.
    kind : str
        Kind of noise.
    generator : torch.Generator
        Source of the numbers, on the device of `x`.

    Returns
    -------
    Tensor of shape (n, k)
        A row for each image: standard normal numbers for Gaussian noise and uniform ones in [0, 1) for the others, one for
        each pixel; for a displacement 4 uniform ones, last.
    """
    return _fill(torch.empty((len(x), _n_numbers(kind, x.shape[1])), device=x.device, dtype=x.dtype), kind, generator)


def apply_noise(x: Tensor, kind: NoiseKind, level: float | Tensor, drawn: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """Corrupt images with given random numbers (eq 2).

    Parameters
    ----------
    x : Tensor of shape (..., n, n_pixels)
        Images.
    kind : str
        As in `corrupt`.
    level : float or Tensor
        Noise level; a Tensor that broadcasts to `x` gives each group of images its own.
    drawn : Tensor of shape (..., n, k)
        Numbers of `draw_noise`.
    image_shape : tuple of int
        Height and width of an image.

    Returns
    -------
    Tensor of shape (..., n, n_pixels)
        Corrupted copy.

    Raises
    ------
    ValueError
        If the kind is unknown, or rows of a table would be displaced.
    """
    check_noise_kind(kind, image_shape)
    if kind in DISPLACING_KINDS:
        x = _displace(x, level, drawn[..., -N_MOVES:], image_shape)
        return x if kind == "displacement" else x + level * drawn[..., :-N_MOVES]
    if kind == "gaussian":
        return x + level * drawn
    if kind == "masking":
        return x * (drawn >= level)
    return torch.where(drawn < level / 2, 0.0, torch.where(drawn >= 1 - level / 2, 1.0, x))


def corrupt_each(x: Tensor, samples: Tensor, kind: NoiseKind, level: float, seed: int, image_shape: tuple[int, int]) -> Tensor:
    """Add noise determined by the sample: an image gets the same noise alone and among 70,000.

    Parameters
    ----------
    x : Tensor of shape (n, n_pixels)
        Images, pixels in [0, 1].
    samples : Tensor of shape (n,)
        Index of each image in its data set.
    kind : str
        As in `corrupt`.
    level : float
        Noise level, 0 to 1.
    seed : int
        Seed of the run; with the index it seeds the noise of an image.
    image_shape : tuple of int
        Height and width of an image.

    Returns
    -------
    Tensor of shape (n, n_pixels)
        Corrupted copy on the device of `x`.

    Raises
    ------
    ValueError
        As in `corrupt`.
    """
    _check_level(level)
    if level == 0:
        return x.clone()
    drawn, generator = torch.empty((len(x), _n_numbers(kind, x.shape[1])), dtype=x.dtype), torch.Generator()
    for row, sample in zip(drawn, samples.tolist(), strict=True):
        _fill(row, kind, generator.manual_seed(derive(seed, "sample", sample)))
    return apply_noise(x, kind, level, drawn.to(x.device), image_shape)


def check_noise_kind(kind: NoiseKind, image_shape: tuple[int, int]) -> None:
    """Raise ValueError for an unknown kind, and for a displacement of rows of a table, whose height is 1."""
    if kind not in NOISE_KINDS:
        raise ValueError(f"noise kind = {kind!r}: should be {', '.join(map(repr, NOISE_KINDS[:-1]))} or {NOISE_KINDS[-1]!r}")
    if kind in DISPLACING_KINDS and image_shape[0] == 1:
        raise ValueError(f"noise kind = {kind!r}: rows of a table cannot be displaced; use 'gaussian' or 'masking'")


def _displace(x: Tensor, level: float | Tensor, drawn: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """Shift, rotate and scale images (..., n, h w) by uniform numbers (..., n, 4), with bilinear interpolation.

    What comes from beyond an edge has the value of that edge.
    """
    height, width = image_shape
    moves = (level * (2 * drawn - 1)).reshape(-1, N_MOVES)
    angle, zoom = moves[:, 2] * MAX_ROTATION, 1 + moves[:, 3] * MAX_SCALING
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    # From places in the new image to those in the old one, in units of half a width and half a height.
    theta = torch.stack(
        [cos, -sin * height / width, 2 * MAX_SHIFT * moves[:, 0], sin * width / height, cos, 2 * MAX_SHIFT * moves[:, 1]], dim=1
    ).view(-1, 2, 3)
    grid = nn.functional.affine_grid(theta, [len(theta), 1, height, width], align_corners=False)
    flat = x.reshape(-1, 1, height, width)
    moved = nn.functional.grid_sample(flat, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved.view(x.shape)


def _check_level(level: float) -> None:
    if not 0 <= level <= 1:
        raise ValueError(f"noise level = {level}: should be between 0 and 1")


def _n_numbers(kind: NoiseKind, n_pixels: int) -> int:
    """Count the random numbers of an image."""
    return N_MOVES if kind == "displacement" else n_pixels + N_MOVES * (kind in DISPLACING_KINDS)


def _fill(drawn: Tensor, kind: NoiseKind, generator: torch.Generator) -> Tensor:
    """Fill a tensor with the random numbers of a noise, in place."""
    if kind == "gaussian":
        return drawn.normal_(generator=generator)
    if kind == "gaussian_displacement":
        drawn[..., :-N_MOVES].normal_(generator=generator)
        drawn[..., -N_MOVES:].uniform_(generator=generator)
        return drawn
    return drawn.uniform_(generator=generator)
