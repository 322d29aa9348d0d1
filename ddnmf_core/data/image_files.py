"""Read picture files within limits, rotate them upright and convert them to gray."""

import io
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import short_message

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MAX_PIXELS = 100_000_000  # of one picture as decoded, checked before
REDUCED_PIXELS = 25_000_000  # above it a picture is reduced while it is read, or right after
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
PAGED_FORMATS = ("TIFF", "GIF", "WEBP", "PNG")  # a second frame of the others is a preview
EXIF_ORIENTATION = 0x0112  # EXIF tag; values from 5 on swap width and height
SAMPLE_FORMAT, UNSIGNED = 339, 1  # TIFF tag, and its value for unsigned integers
WHITES = (1.0, 255.0, 1023.0, 4095.0, 65535.0)  # floats up to 1; 8, 10, 12 and 16 bits
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])  # of red, green and blue in a gray value
SAME_COLOUR = 8  # of 255, within which all visible pixels count as one colour

Ground = Literal["white", "black", "alpha"]  # behind transparent pixels; "alpha": opacity is the picture


@contextmanager
def open_image(content: bytes, name: str) -> Iterator["Picture"]:
    """Open a picture without decoding it. Errors in the block become a ValueError with its name."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of Pillow: its size is checked here, and a damaged picture is an error or readable
            with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as picture:
                _draft(picture)
                check_size(picture)
                yield picture
    except UnidentifiedImageError:
        raise ValueError(f"{name} is not a picture that can be read: should be one of {', '.join(IMAGE_FORMATS)}") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} is not a picture that can be read: {short_message(error)}") from None


def check_size(picture: "Picture") -> None:
    """Raise ValueError if a picture, or the page that it is at, would take too much memory."""
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"it has {width:,} x {height:,} pixels: at most {MAX_PIXELS:,} pixels are read")


def _draft(picture: "Picture") -> None:
    """Let the decoder of a large JPEG reduce it; others decode the whole picture."""
    width, height = picture.size
    factor = next((factor for factor in (1, 2, 4) if width * height <= REDUCED_PIXELS * factor**2), 8)
    if factor > 1:
        picture.draft(None, (width // factor, height // factor))


def count_pages(picture: "Picture") -> int:
    """Return the number of pages of a TIFF stack or frames of an animation; 1 for other pictures."""
    return int(getattr(picture, "n_frames", 1)) if picture.format in PAGED_FORMATS else 1


def width_to_height(picture: "Picture") -> float:
    """Return the ratio of width to height of the upright picture."""
    width, height = picture.size
    return height / width if picture.getexif().get(EXIF_ORIENTATION, 1) >= 5 else width / height


# -------------------------------------------------------------------------------------------- gray


@dataclass(frozen=True)
class Colours:
    """Visible colours of a picture with transparent pixels."""

    least: NDArray[np.float64]  # (3,) RGB
    most: NDArray[np.float64]
    light: float  # sum of the gray values of visible pixels
    n_visible: int


@dataclass(frozen=True)
class GrayPicture:
    """A picture in gray: mode L of 8 bits, or F with its own values if it has more; by ground if it has transparent pixels."""

    on_white: "Picture"
    on_black: "Picture | None" = None
    alpha: "Picture | None" = None
    colours: Colours | None = None  # None: no visible pixel, or no transparent one

    @property
    def deep(self) -> bool:
        """True if the picture has more than 8 bits."""
        return bool(self.on_white.mode == "F")

    def on(self, ground: Ground) -> "Picture":
        """Return the picture on a ground; an opaque one has none."""
        if self.on_black is None or self.alpha is None:
            return self.on_white
        return {"white": self.on_white, "black": self.on_black, "alpha": self.alpha}[ground]


def choose_ground(pictures: Sequence[Colours], all_transparent: bool) -> Ground:
    """Choose the ground of a set against its figures: black behind light ones, white behind dark ones.

    If all pictures have transparent pixels and all visible ones the same colour, their opacity is the picture.
    """
    if not pictures:
        return "white"
    span = np.max([each.most for each in pictures], axis=0) - np.min([each.least for each in pictures], axis=0)
    if all_transparent and span.max() <= SAME_COLOUR:
        return "alpha"
    light = sum(each.light for each in pictures) / sum(each.n_visible for each in pictures)
    return "black" if light > 127.5 else "white"


def gray_picture(picture: "Picture") -> GrayPicture:
    """Rotate upright and convert to gray. 16 and 32 bits and floating-point pixels keep their values."""
    from PIL import Image, ImageOps

    if (colour := _sixteen_bit_colour(picture)) is not None:
        return GrayPicture(ImageOps.exif_transpose(Image.fromarray(colour)))
    unsigned = picture.mode == "I" and picture.format == "TIFF" and _tiff_tag(picture, SAMPLE_FORMAT) == UNSIGNED
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture)
        return GrayPicture(Image.fromarray((values.view(np.uint32) if unsigned else values).astype(np.float32)))
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        return _on_grounds(_reduced(picture.convert("RGBA")))
    return GrayPicture(_reduced(picture.convert("L")))


def _sixteen_bit_colour(picture: Any) -> "NDArray[np.float32] | None":
    """Return the gray values (h, w) of an opaque RGB picture of 16 bits a channel; else None.

    Pillow reads the upper 8 bits; the lower 8 are read as if the bytes were in the other order.
    """
    from PIL import Image

    modes = {tile.args if isinstance(tile.args, str) else tile.args[0] for tile in picture.tile if tile.args}
    if picture.mode not in ("RGB", "RGBA") or not modes or any(str(mode)[:-1][-3:] != ";16" for mode in modes):
        return None
    with Image.open(io.BytesIO(picture.fp.getvalue()), formats=IMAGE_FORMATS) as swapped:
        lower: Any = swapped
        lower.seek(picture.tell())
        lower.tile = [tile._replace(args=_other_order(tile.args)) for tile in lower.tile]
        low = np.asarray(lower, np.uint16)
    values = np.asarray(picture, np.uint16) * np.uint16(256) + low
    if values.shape[2] == 4 and values[..., 3].min() < 65535:
        return None
    return (values[..., :3] @ LUMA_WEIGHTS).astype(np.float32)


def _other_order(args: Any) -> Any:
    mode = args if isinstance(args, str) else args[0]
    order = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}[mode[-1]]
    return mode[:-1] + order if isinstance(args, str) else (mode[:-1] + order, *args[1:])


def _tiff_tag(picture: Any, tag: int) -> int:
    return int(picture.tag_v2.get(tag, (UNSIGNED,))[0])


def _reduced(picture: "Picture") -> "Picture":
    factor = int(np.ceil((picture.width * picture.height / REDUCED_PIXELS) ** 0.5))
    return picture.reduce(factor) if factor > 1 else picture


def _on_grounds(rgba: "Picture") -> GrayPicture:
    from PIL import Image

    alpha = rgba.getchannel("A")
    on_white, on_black = (
        Image.alpha_composite(Image.new("RGBA", rgba.size, ground), rgba).convert("L") for ground in ("white", "black")
    )
    values = np.asarray(alpha)
    if values.min() == 255:
        return GrayPicture(on_white)
    visible = values > 127
    if not visible.any():
        return GrayPicture(on_white, on_black, alpha)
    rgb = np.asarray(rgba)[visible][:, :3]
    light = float(np.asarray(rgba.convert("RGB").convert("L"))[visible].sum(dtype=np.float64))
    colours = Colours(rgb.min(axis=0).astype(np.float64), rgb.max(axis=0).astype(np.float64), light, int(visible.sum()))
    return GrayPicture(on_white, on_black, alpha, colours)


def gray_values(picture: "Picture") -> NDArray[np.uint8]:
    """Convert one picture to 8-bit gray (h, w), upright; more bits are scaled by the depth that its largest value needs."""
    gray = gray_picture(picture)
    if not gray.deep:
        return np.asarray(gray.on(choose_ground([gray.colours] if gray.colours else [], True)))
    values = np.nan_to_num(np.asarray(gray.on_white), posinf=0, neginf=0).clip(0)
    return (values * (255 / nominal_white(float(values.max())))).round().astype(np.uint8)


def nominal_white(most: float) -> float:
    """Return the value of white in pictures of more than 8 bits whose largest value is `most`, by usual depths."""
    return next((white for white in WHITES if most <= white), most)
