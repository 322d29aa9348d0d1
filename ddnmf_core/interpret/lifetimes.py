"""Lifetimes of parts: the epochs of a training in which a part has an effect."""

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret.quality import Array

MIN_LIVE_EFFECT = 0.1  # smallest change of a pixel (black to white: 1) by a live part


def alive(swings: Array) -> NDArray[np.bool_]:
    """Test if each part is alive in each epoch: swings (n_epochs, r, n_pixels) in [-1, 1] -> (n_epochs, r).

    A swing is the effect of a part over its 5-95 % range (`part_effects`). A part is alive if it changes some pixel by at
    least MIN_LIVE_EFFECT.
    """
    return np.abs(swings).max(axis=2) >= MIN_LIVE_EFFECT


def births_and_deaths(lives: NDArray[np.bool_]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """List (epoch, part) of all births and of all deaths: (n_epochs, r). Parts alive in the first epoch are born in it."""
    before = np.vstack([np.zeros_like(lives[:1]), lives[:-1]])
    return _indices(lives & ~before), _indices(before & ~lives)


def _indices(changes: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List (epoch, part) of the true entries."""
    return [(int(epoch), int(part)) for epoch, part in np.argwhere(changes)]
