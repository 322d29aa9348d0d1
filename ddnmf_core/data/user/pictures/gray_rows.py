"""Rows of gray values of a whole set of pictures: one ground behind transparent pixels, one scale for more than 8 bits."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.image_files import Colours, GrayPicture, Ground, choose_ground, nominal_white

GROUNDS: tuple[Ground, ...] = ("white", "black", "alpha")
GROUND_NOTES: dict[Ground, str] = {
    "white": "white behind transparent pixels, as the figures are dark",
    "black": "black behind transparent pixels, as the figures are light",
    "alpha": "the opacity of pixels is the picture, as all visible ones have one colour",
}


class GrayRow(NamedTuple):
    """A resized picture as a row (d,): bytes on each ground, or its own values if it has more than 8 bits."""

    on: dict[Ground, NDArray[np.uint8]]  # of an opaque picture "white" alone; empty if it is deep
    deep: NDArray[np.float32] | None
    colours: Colours | None

    @property
    def transparent(self) -> bool:
        """True if the picture has transparent pixels."""
        return len(self.on) > 1


def resize_to_row(picture: GrayPicture, shape: tuple[int, int]) -> GrayRow:
    """Resize a picture to (height, width)."""
    from PIL import Image

    if picture.deep:
        return GrayRow({}, _resized_floats(picture, shape), None)
    grounds = GROUNDS if picture.alpha else GROUNDS[:1]
    rows = {
        ground: np.asarray(picture.on(ground).resize(shape[::-1], Image.Resampling.LANCZOS), np.uint8).ravel()
        for ground in grounds
    }
    return GrayRow(rows, None, picture.colours)


def _resized_floats(picture: GrayPicture, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize within the range of the values, which LANCZOS may leave."""
    from PIL import Image

    values = np.asarray(picture.on_white)
    resized = np.asarray(picture.on_white.resize(shape[::-1], Image.Resampling.LANCZOS), np.float32).ravel()
    finite = values[np.isfinite(values)]
    return resized.clip(finite.min(), finite.max()) if len(finite) else resized


def on_one_scale(rows: Sequence[GrayRow]) -> tuple[NDArray[np.uint8] | NDArray[np.float32], tuple[str, ...]]:
    """Return the rows (n, d) of a set: bytes, or own values if all have more than 8 bits; and what was decided."""
    deep = [row.deep for row in rows if row.deep is not None]
    if len(deep) == len(rows):
        low, high = _range(deep)
        return np.stack(deep), (f"pictures of more than 8 bits, with values from {low:,.6g} to {high:,.6g}",)
    colours = [row.colours for row in rows if row.colours]
    ground = choose_ground(colours, all(row.transparent for row in rows))
    white = nominal_white(_range(deep)[1]) if deep else 1.0
    notes = [GROUND_NOTES[ground]] if colours else []
    if deep:
        notes.append(f"{len(deep):,} of {len(rows):,} pictures have more than 8 bits: their values are divided by {white:,.6g}")
    return np.stack([_as_bytes(row, ground, white) for row in rows]), tuple(notes)


def _as_bytes(row: GrayRow, ground: Ground, white: float) -> NDArray[np.uint8]:
    if row.deep is not None:
        return (np.nan_to_num(row.deep).clip(0, white) * (255 / white)).round().astype(np.uint8)
    return row.on.get(ground, row.on["white"])


def _range(rows: list[NDArray[np.float32]]) -> tuple[float, float]:
    finite = [row[np.isfinite(row)] for row in rows]
    return min((float(row.min()) for row in finite if len(row)), default=0.0), max(
        (float(row.max()) for row in finite if len(row)), default=0.0
    )
