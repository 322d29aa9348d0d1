"""Map of parts: which part gives most of each pixel of one image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

OTHER_PARTS = -1  # owner of a pixel that a part without a name gives most of


def part_map(contributions: NDArray[np.floating], named: Sequence[int]) -> NDArray[np.int64]:
    """Find the part that contributes most to each pixel.

    Parameters
    ----------
    contributions : ndarray of shape (r, n_pixels)
        What each part adds to the image: non-negative, as those of an additive decoder (`shapley`).
    named : sequence of int
        Indices of the parts that are told apart.

    Returns
    -------
    ndarray of shape (n_pixels,)
        Place in `named` of the part with the largest contribution; OTHER_PARTS where that part is not named.
    """
    places = np.full(len(contributions), OTHER_PARTS)
    places[list(named)] = np.arange(len(named))
    return places[contributions.argmax(axis=0)]
