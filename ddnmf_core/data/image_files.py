"""Read picture files within limits, rotate them upright and convert them to gray."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ddnmf_core.data.dataset import short_message

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MAX_PIXELS = 25_000_000  # of one picture, checked before it is decoded
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
EXIF_ORIENTATION = 0x0112  # EXIF tag; values from 5 on swap width and height


@contextmanager
def open_image(content: bytes, name: str) -> Iterator["Picture"]:
    """Open a picture without decoding it. Errors in the block become a ValueError with its name."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise ValueError(f"it has {width:,} x {height:,} pixels: at most {MAX_PIXELS:,} pixels are read")
            yield picture
    except UnidentifiedImageError:
        raise ValueError(f"{name} is not a picture that can be read: should be one of {', '.join(IMAGE_FORMATS)}") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} is not a picture that can be read: {short_message(error)}") from None


def width_to_height(picture: "Picture") -> float:
    """Return the ratio of width to height of the upright picture."""
    width, height = picture.size
    return height / width if picture.getexif().get(EXIF_ORIENTATION, 1) >= 5 else width / height


def to_gray(picture: "Picture") -> "Picture":
    """Rotate upright and convert to 8-bit gray; 16 bits are scaled down, transparent pixels become white."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture, np.float32).clip(0, 65535) / 257).round().astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("it has floating-point pixels: save it with 8 or 16 bits")
    if "A" in picture.mode or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return picture.convert("L")
