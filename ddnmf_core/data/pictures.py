"""Arrays to pictures: gray images, differences in two colours, and PNG data links."""

import base64
import io

import numpy as np
from numpy.typing import NDArray

WARM, COOL = np.array([224, 72, 62.0]), np.array([52, 132, 208.0])  # more ink, less ink


def to_u8(pixels: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Pixels in [0, 1], clipped: any shape."""
    return (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)


def differences(pixels: NDArray[np.floating], scale: float | None = None) -> NDArray[np.uint8]:
    """Signed pictures (..., h, w) as RGBA: red where ink is added, blue where it is taken away, clear where nothing
    changes, so that they stand on a light page and on a dark one. `scale` is the change that is drawn in full."""
    top = scale or max(float(np.abs(pixels).max()), 1e-6)
    strength = np.clip(np.abs(pixels) / top, 0, 1)[..., None] * 255
    hue = np.where((pixels > 0)[..., None], WARM, COOL)
    return np.concatenate([hue, strength], axis=-1).round().astype(np.uint8)


def png(picture: NDArray[np.uint8]) -> bytes:
    """(h, w) gray, (h, w, 3) RGB or (h, w, 4) RGBA as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def data_link(picture: NDArray[np.uint8]) -> str:
    """The picture as a data: link, to stand inside a page."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()
