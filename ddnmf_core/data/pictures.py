"""Convert arrays to pictures: pixels between [0, 1] and u8, differences in two colours, and PNG data links."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPACITY_EXPONENT = 0.6
WARM, COOL = np.array([224, 72, 62.0]), np.array([52, 132, 208.0])  # pixels that increase, that decrease


def to_unit(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Convert pixels of any shape to float32 in [0, 1]: u8 is divided by 255, floats are taken as scaled."""
    return pixels.astype(np.float32) / np.float32(255) if pixels.dtype == np.uint8 else pixels.astype(np.float32, copy=False)


def to_u8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert pixels in [0, 1] of any shape to u8, clipped; u8 is returned as it is."""
    return pixels if pixels.dtype == np.uint8 else (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)


def differences(pixels: NDArray[np.floating], scale: float | None = None) -> NDArray[np.uint8]:
    """Convert signed differences (..., h, w) to RGBA: red for an increase, blue for a decrease, transparent for none.

    The transparent ground suits a light page and a dark one. `scale` is the difference drawn fully opaque; None: the largest.
    Opacity grows with a power below 1 of the difference: beside a strong part a weak one is still seen.
    """
    top = scale or max(float(np.abs(pixels).max()), 1e-6)
    strength = np.clip(np.abs(pixels) / top, 0, 1)[..., None] ** OPACITY_EXPONENT * 255
    hue = np.where((pixels > 0)[..., None], WARM, COOL)
    return np.concatenate([hue, strength], axis=-1).round().astype(np.uint8)


def brightest_at_one(pixels: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scale each picture (k, n_pixels) to its brightest pixel; one without ink stays so."""
    return pixels / np.maximum(pixels.max(axis=1, keepdims=True), 1e-6)


def png(picture: NDArray[np.uint8]) -> bytes:
    """Encode a picture as PNG: (h, w) gray, (h, w, 3) RGB or (h, w, 4) RGBA."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def data_link(picture: NDArray[np.uint8]) -> str:
    """Encode a picture as a data: link, to embed it in a page."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()
