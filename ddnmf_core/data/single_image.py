"""A picture from outside, drawn or uploaded, made into what a model of small gray images can look at."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.image_files import open_image, to_gray

FILLED_SHARE = 20 / 28  # of the frame that a digit fills, as MNIST's do
MIN_LIT = 0.02  # darker pixels do not count as part of a figure


def read_picture(content: bytes) -> NDArray[np.float32]:
    """Gray values (h, w) in [0, 1], a bright figure on a dark ground: a picture with a bright rim is turned round.

    Raises ValueError for what is no picture, and for one that is too large.
    """
    with open_image(content, "this") as picture:
        gray = _unit(to_gray(picture))
    rim = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    return 1 - gray if rim.mean() > 0.5 else gray


def fit_to_shape(gray: NDArray[np.float32], shape: tuple[int, int], centre: bool = True) -> NDArray[np.float32]:
    """Gray values (h, w) resized to a model's shape, as a row (n_pixels,) in [0, 1].

    With `centre` the figure is cut out, scaled to fill 20 of 28 pixels and put with its centre of mass into the middle, as
    MNIST's digits were (LeCun et al. 1998); without it the whole picture is squeezed into the frame.
    """
    from PIL import Image

    if not centre or not (gray > MIN_LIT).any():
        resized = Image.fromarray((gray * 255).astype(np.uint8)).resize(shape[::-1], Image.Resampling.LANCZOS)
        return _unit(resized).ravel()
    rows, columns = (np.flatnonzero((gray > MIN_LIT).any(axis=axis)) for axis in (1, 0))
    figure = gray[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = FILLED_SHARE * min(shape) / max(figure.shape)
    height, width = (max(1, round(side * scale)) for side in figure.shape)
    small = _unit(Image.fromarray((figure * 255).astype(np.uint8)).resize((width, height), Image.Resampling.LANCZOS))
    mass = small / max(float(small.sum()), 1e-9)
    middle = [float((mass.sum(axis=1 - axis) * np.arange(small.shape[axis])).sum()) for axis in (0, 1)]
    top, left = (
        int(np.clip(round(side / 2 - centre_of_mass), 0, side - extent))
        for side, centre_of_mass, extent in zip(shape, middle, small.shape, strict=True)
    )
    frame = np.zeros(shape, np.float32)
    frame[top : top + height, left : left + width] = small
    return frame.ravel()


def _unit(picture: Any) -> NDArray[np.float32]:
    """Bytes of a gray picture as values in [0, 1]."""
    return (np.asarray(picture, dtype=np.float32) / np.float32(255)).astype(np.float32)
