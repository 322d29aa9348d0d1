"""A part lives while it does something; it is born once, or again after it died."""

import numpy as np

from ddnmf_core.interpret.lifetimes import alive, births_and_deaths


def test_a_part_lives_while_some_pixel_changes_by_a_tenth():
    swings = np.zeros((3, 2, 4))
    swings[1, 0, 2], swings[2, 0, 2], swings[2, 1, 0] = -0.1, 0.09, 0.5
    assert alive(swings).tolist() == [[False, False], [True, False], [False, True]]


def test_births_and_deaths_are_changes_and_what_is_there_at_first_is_born_then():
    lives = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 1, 0]], dtype=bool)
    births, deaths = births_and_deaths(lives)
    assert births == [(0, 0), (1, 1), (3, 0)]
    assert deaths == [(2, 0)]
