"""A row of small pictures with captions that can be clicked."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.figures.files import Tiles
from dashboard.figures.saving import remember_figure
from ddnmf_core.data.pictures import data_link

MAX_ASPECT = 2.5  # sides of a tile, one over the other
_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "ddnmf_gallery", js=(_HERE / "gallery.js").read_text(), css=(_HERE / "gallery.css").read_text()
)


def tile_index(wanted: int | None, values: NDArray[np.integer]) -> int | None:
    """Which tile shows this sample or part: its index in the values (k,), or None."""
    found = np.flatnonzero(values == wanted)
    return int(found[0]) if len(found) else None


def _aspect(picture: NDArray[np.uint8]) -> float:
    """Width over height of its tile: that of the picture, unless it is so long that there would be nothing to see."""
    height, width = picture.shape[:2]
    return float(np.clip(width / height, 1 / MAX_ASPECT, MAX_ASPECT))


def gallery(
    pictures: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    captions: Sequence[str],
    *,
    key: str,
    size: int = 72,
    selected: int | None = None,
    on_pick: Callable[[int], None] | None = None,
    title: str = "",
) -> None:
    """Pictures (k, h, w) gray, (k, h, w, 3) RGB or (k, h, w, 4) RGBA side by side, wrapped; `size` is a tile's width in pixels.

    With `on_pick` every tile is a button: it is called with the index of the tile before the page runs again. Under the
    `title` the row can be saved as a figure.
    """
    if title:
        remember_figure(key, title, Tiles(pictures, captions))

    def picked() -> None:
        value = st.session_state[key].get("picked")
        if value is not None and on_pick is not None:
            on_pick(int(value))

    tiles = [
        {"src": data_link(picture), "caption": caption, "aspect": _aspect(picture)}
        for picture, caption in zip(pictures, captions, strict=True)
    ]
    _mount(
        key=key,
        data={"tiles": tiles, "size": size, "selected": selected, "clickable": on_pick is not None},
        on_picked_change=picked,
    )
