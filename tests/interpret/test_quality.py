"""Sparsity, redundancy, purity, saturation at known points."""

import numpy as np
import pytest

from ddnmf_core.interpret import quality


def test_one_entry_alone_is_sparse_and_equal_ones_are_not():
    assert quality.hoyer(np.array([[0, 0, 7.0, 0], [2, 2, 2, 2]])).tolist() == [1.0, 0.0]


def test_hoyer_in_between_by_hand():
    assert quality.hoyer(np.array([3.0, 4, 0, 0])) == pytest.approx(2 - 7 / 5)  # (2 - 7/5) / (2 - 1)


def test_signs_do_not_matter_to_sparsity():
    assert quality.hoyer(np.array([3.0, -4, 0, 0])) == quality.hoyer(np.array([3.0, 4, 0, 0]))


def test_a_vector_of_zeros_has_no_sparsity_and_one_entry_is_refused():
    assert np.isnan(quality.hoyer(np.zeros(4)))
    with pytest.raises(ValueError, match="n = 1 entries: should be at least 2"):
        quality.hoyer(np.ones(1))


def test_equal_parts_are_redundant_and_right_angled_ones_are_not():
    assert quality.redundancy(np.array([[1.0, 0], [2, 0]])) == pytest.approx((1, 1))
    assert quality.redundancy(np.eye(3)) == (0, 0)
    assert quality.redundancy(np.array([[1.0, 0], [-1, 0], [0, 1]])) == pytest.approx((1 / 3, 1))


def test_a_planted_one_class_part_is_pure_and_an_even_one_is_not():
    mass = np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]])
    assert quality.purity(mass).tolist() == [1, 0.25, 0.5]
    assert quality.entropy(mass).tolist() == pytest.approx([0, 1, 0.5])


def test_saturated_coefficients_are_counted_at_both_ends():
    assert quality.saturation(np.array([[0.001, 0.5], [0.999, 0.5], [0.5, 0.5], [0.5, 0.02]])).tolist() == [0.5, 0]


def test_parts_that_rise_together_correlate_and_a_constant_one_does_not():
    H = np.array([[1.0, 10, -1, 5], [2, 20, -2, 5], [3, 30, -3, 5]])
    assert quality.correlations(H)[0].tolist() == pytest.approx([1, 1, -1, 0])
