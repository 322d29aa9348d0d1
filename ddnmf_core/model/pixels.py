"""Convert pixels between u8, as stored and shown, and float32 in [0, 1], as models take them; `data.pictures` for NumPy."""

import torch
from torch import Tensor


def scale_pixels(pixels: Tensor) -> Tensor:
    """Convert pixels to float32 in [0, 1]: u8 is divided by 255, floats are taken as scaled."""
    return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()


def tensor_to_u8(pictures: Tensor) -> Tensor:
    """Convert pixels in [0, 1], clipped, to u8 on the CPU."""
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
