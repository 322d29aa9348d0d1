"""Map of parts: who gives most of a pixel."""

import numpy as np

from ddnmf_core.interpret.part_map import OTHER_PARTS, part_map


def test_a_pixel_belongs_to_the_part_that_gives_most_of_it():
    given = np.array([[0.5, 0.1, 0.0], [0.4, 0.2, 0.0], [0.0, 0.3, 0.9]])
    assert part_map(given, [0, 1, 2]).tolist() == [0, 2, 2]
    assert part_map(given, [2, 0]).tolist() == [1, 0, 0]  # places in the list
    assert part_map(given, [0, 1]).tolist() == [0, OTHER_PARTS, OTHER_PARTS]
