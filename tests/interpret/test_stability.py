"""Parts of other seeds: permuted ones are the same, noise is not."""

import numpy as np
import pytest

from ddnmf_core.interpret import stability

GENERATOR = np.random.default_rng(0)
PARTS = GENERATOR.random((6, 50)) * (GENERATOR.random((6, 50)) < 0.2)
ORDER = [3, 0, 5, 1, 4, 2]


def test_permuted_and_scaled_parts_are_found_again():
    others = PARTS[ORDER] * np.arange(1, 7)[:, None]
    partners, cosine = stability.match_parts(PARTS, others)
    assert [ORDER[partner] for partner in partners] == list(range(6))
    assert cosine.tolist() == pytest.approx([1] * 6)
    assert stability.matched_cosine(PARTS, others) == pytest.approx(1)


def test_other_parts_are_not_found_again():
    others = GENERATOR.random((6, 50)) * (GENERATOR.random((6, 50)) < 0.2)
    assert stability.matched_cosine(PARTS, others) < 0.5


def test_each_part_has_one_partner_even_where_two_would_like_the_same():
    twins = np.array([[1.0, 0.1, 0], [1, 0, 0.1]])
    partners, _ = stability.match_parts(twins, np.array([[1.0, 0, 0], [0, 0, 1]]))
    assert sorted(partners) == [0, 1]


def test_a_part_reappears_in_as_many_seeds_as_have_it():
    without = PARTS.copy()
    without[2] = 0
    assert stability.reappearances(PARTS, [PARTS[ORDER], without]).tolist() == [2, 2, 1, 2, 2, 2]


def test_stability_is_the_mean_over_pairs_of_seeds():
    apart = np.eye(4)
    assert stability.stability_over_seeds([apart[:2], apart[:2], apart[2:]]) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="1 seeds: should be at least 2"):
        stability.stability_over_seeds([PARTS])


def test_unequal_numbers_of_parts_are_refused():
    with pytest.raises(ValueError, match="6 parts against 5"):
        stability.match_parts(PARTS, PARTS[:5])
