"""When parts come and go in the course of a training."""

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret.quality import Array

MIN_LIVE_EFFECT = 0.1  # of black to white, that a part changes some pixel by


def alive(swings: Array) -> NDArray[np.bool_]:
    """Whether each part does anything at each moment: swings (n_epochs, r, n_pixels) in [-1, 1] -> (n_epochs, r).

    A part lives while the range that it really takes changes some pixel by at least LIVES_FROM.
    """
    return np.abs(swings).max(axis=2) >= MIN_LIVE_EFFECT


def births_and_deaths(lives: NDArray[np.bool_]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(moment, part) of each beginning and of each end: (n_epochs, r). What lives at the first moment is born there."""
    before = np.vstack([np.zeros_like(lives[:1]), lives[:-1]])
    return _places(lives & ~before), _places(before & ~lives)


def _places(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    return [(int(moment), int(part)) for moment, part in np.argwhere(marked)]
