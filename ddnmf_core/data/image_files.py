"""Picture files from outside: opened within limits, turned upright, made gray."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ddnmf_core.data.dataset import short_message

MAX_PIXELS = 25_000_000  # of one picture, counted before it is decoded
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
EXIF_ORIENTATION = 0x0112  # EXIF: from 5 on it lies on its side


@contextmanager
def open_image(content: bytes, name: str) -> Iterator[Any]:
    """The picture, not decoded yet. Whatever goes wrong with it in the block is a ValueError, a sentence with its name."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise ValueError(f"it has {width:,} x {height:,} pixels: at most {MAX_PIXELS:,} in all")
            yield picture
    except UnidentifiedImageError:
        raise ValueError(f"{name} is not a picture that can be read: it is none of {', '.join(IMAGE_FORMATS)}") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} is not a picture that can be read: {short_message(error)}") from None


def width_to_height(picture: Any) -> float:
    """The proportion of what it shows, upright."""
    width, height = picture.size
    return height / width if picture.getexif().get(EXIF_ORIENTATION, 1) >= 5 else width / height


def to_gray(picture: Any) -> Any:
    """Upright and gray, 8 bits: 16 bits are scaled down, and what is transparent lies on white."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture, np.float32).clip(0, 65535) / 257).round().astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("its values are floating point numbers; save it with 8 or 16 bits")
    if "A" in picture.mode or "transparency" in picture.info:
        shown = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    return picture.convert("L")
