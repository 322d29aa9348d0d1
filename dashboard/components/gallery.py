"""Show a row of small pictures with captions; tiles can be clicked."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.figures.files import Tiles
from dashboard.figures.saving import remember_figure, show_title
from ddnmf_core.data.pictures import data_link

MAX_ASPECT = 2.5  # longest side of a tile over the shortest
_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "ddnmf_gallery", js=(_HERE / "gallery.js").read_text(), css=(_HERE / "gallery.css").read_text()
)


def tile_index(wanted: int | None, values: NDArray[np.integer]) -> int | None:
    """Return the index of a sample or part in the values (k,), or None."""
    matches = np.flatnonzero(values == wanted)
    return int(matches[0]) if len(matches) else None


def _aspect(picture: NDArray[np.uint8]) -> float:
    """Return width over height of a tile: that of the picture, within MAX_ASPECT."""
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
    how: str = "",
    columns: int | None = None,
) -> None:
    """Show pictures (k, h, w) gray, (k, h, w, 3) RGB or (k, h, w, 4) RGBA side by side, in rows as even as the page's width
    allows; `size` is a tile's largest width in pixels. With `columns` a row has so many tiles, as in a table.

    With `on_pick` every tile is a button, which calls it with the tile's index before the page reruns. A `title` offers
    the row for saving as a figure; `how` shows the title with how to read the row.
    """
    if title:
        remember_figure(key, title, Tiles(pictures, captions))
    if how:
        show_title(title, how)

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
        data={"tiles": tiles, "size": size, "selected": selected, "clickable": on_pick is not None, "columns": columns},
        on_picked_change=picked,
    )
