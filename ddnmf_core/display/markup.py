"""Pieces of HTML for a notebook: escaped text, pictures in the page, tiles and tables."""

import html
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data import pictures

TILE_SIZE = 88  # longer side of a drawn picture, in CSS pixels
TILE = "display:inline-block;margin:4px;text-align:center;vertical-align:top;font-size:12px;line-height:1.35"
CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"


def escaped(text: object) -> str:
    """Escape a text from data or a user for HTML, in text and in attributes; its lines stay lines."""
    return html.escape(str(text)).replace("\n", "<br>")


def tile(picture: NDArray[np.uint8], caption: str) -> str:
    """Draw a picture (h, w), gray, RGB or RGBA, with its caption below."""
    height, width = picture.shape[:2]
    size = TILE_SIZE / max(height, width)
    image = (
        f'<img src="{pictures.data_link(picture)}" alt="{escaped(caption)}" width="{max(1, round(width * size))}" '
        f'height="{max(1, round(height * size))}" style="image-rendering:pixelated;border:1px solid #8886;margin:0 auto">'
    )
    return f'<div style="{TILE}">{image}<div>{escaped(caption)}</div></div>'


def table(rows: Iterable[Sequence[object]], heading: Sequence[object] = ()) -> str:
    """Lay out rows of texts as a table."""
    head = "<thead><tr>" + "".join(f'<th style="{CELL}">{escaped(cell)}</th>' for cell in heading) + "</tr></thead>"
    body = "".join("<tr>" + "".join(f'<td style="{CELL}">{escaped(cell)}</td>' for cell in row) + "</tr>" for row in rows)
    return f"<table>{head if heading else ''}<tbody>{body}</tbody></table>"


def titled(title: str, *content: str, note: str = "") -> str:
    """Put a title above, and a note below, pieces of HTML."""
    below = f'<div style="font-size:12px;opacity:.75">{escaped(note)}</div>' if note else ""
    return f"<div><div><b>{escaped(title)}</b></div>{''.join(content)}{below}</div>"
