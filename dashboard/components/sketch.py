"""A canvas for drawing a figure."""

import base64
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

CANVAS_SIZE = 112  # pixels; the same in sketch.js
_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "ddnmf_sketch", js=(_HERE / "sketch.js").read_text(), css=(_HERE / "sketch.css").read_text()
)


def sketch(label: str, *, key: str) -> NDArray[np.float32] | None:
    """Return the drawing as gray values (CANVAS_SIZE, CANVAS_SIZE) in [0, 1], bright on dark, or None if empty."""
    drawn = _mount(key=key, data={"label": label}, on_pixels_change=lambda: None).get("pixels")
    return decode_drawing(drawn) if drawn else None


def decode_drawing(drawn: str) -> NDArray[np.float32] | None:
    """Decode the browser's bytes to gray values; None if incomplete or all dark."""
    try:
        values = np.frombuffer(base64.b64decode(drawn, validate=True), np.uint8)
    except ValueError:
        return None
    if len(values) != CANVAS_SIZE**2 or not values.any():
        return None
    return (values.reshape(CANVAS_SIZE, CANVAS_SIZE) / 255).astype(np.float32)
