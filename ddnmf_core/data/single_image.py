"""Convert a drawn or uploaded picture to the input of a model of small gray images."""

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.image_files import gray_values, open_image
from ddnmf_core.data.pictures import to_u8, to_unit

FILLED_SHARE = 20 / 28  # share of the frame that a digit fills, as in MNIST
MIN_LIT = 0.02  # darker pixels are background


def read_picture(content: bytes) -> NDArray[np.float32]:
    """Read gray values (h, w) in [0, 1] of a bright figure on a dark background; a picture with a bright border is inverted.

    Raises ValueError if the content is not a picture, or is too large.
    """
    with open_image(content, "this") as picture:
        gray = to_unit(gray_values(picture))
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    return 1 - gray if border.mean() > 0.5 else gray


def fit_to_shape(gray: NDArray[np.float32], shape: tuple[int, int], centre: bool = True) -> NDArray[np.float32]:
    """Resize gray values (h, w) to a model's shape: a row (n_pixels,) in [0, 1].

    With `centre` the figure is cropped, scaled to fill 20 of 28 pixels and centred by its centre of mass, as MNIST's digits
    were (LeCun et al. 1998); without it the whole picture is resized to the frame.
    """
    from PIL import Image

    if not centre or not (gray > MIN_LIT).any():
        resized = Image.fromarray(to_u8(gray)).resize(shape[::-1], Image.Resampling.LANCZOS)
        return to_unit(np.asarray(resized)).ravel()
    rows, columns = (np.flatnonzero((gray > MIN_LIT).any(axis=axis)) for axis in (1, 0))
    figure = gray[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = FILLED_SHARE * min(shape) / max(figure.shape)
    height, width = (max(1, round(side * scale)) for side in figure.shape)
    small = to_unit(np.asarray(Image.fromarray(to_u8(figure)).resize((width, height), Image.Resampling.LANCZOS)))
    mass = small / max(float(small.sum()), 1e-9)
    middle = [float((mass.sum(axis=1 - axis) * np.arange(small.shape[axis])).sum()) for axis in (0, 1)]
    top, left = (
        int(np.clip(round(side / 2 - centre_of_mass), 0, side - extent))
        for side, centre_of_mass, extent in zip(shape, middle, small.shape, strict=True)
    )
    frame = np.zeros(shape, np.float32)
    frame[top : top + height, left : left + width] = small
    return frame.ravel()
