"""Shapley pictures: known games, completeness, sampling against the exact values."""

import pytest
import torch

from ddnmf_core.config import RunConfig
from ddnmf_core.interpret.shapley import additivity_gap, coalition_weights, coalitions, shapley
from ddnmf_core.model.decoding import decode_of
from ddnmf_core.model.networks import build_model

W = torch.tensor([[1.0, 0, 0, 2], [0, 3, 0, 0], [0, 0, 5, 1]])  # parts x pixels
H, BASELINE = torch.tensor([0.5, 1.0, 0.25]), torch.tensor([0.0, 0.5, 0.25])


def coefficients(r):
    return torch.rand(r, generator=torch.Generator().manual_seed(r))


def linear(rows):
    return rows @ W + 1


def both_or_none(rows):
    """One pixel: the product of all coefficients."""
    return rows.prod(dim=1, keepdim=True)


@pytest.fixture(scope="module")
def student():
    return build_model(RunConfig(dataset="digits", layers=(32, 6), n_parts=10), 64).student


def test_coalitions_are_all_subsets_from_none_to_all():
    assert coalitions(2).tolist() == [[False, False], [True, False], [False, True], [True, True]]
    assert len({tuple(row) for row in coalitions(5).tolist()}) == 32


def test_weights_of_a_three_part_game_are_those_of_the_textbook():
    # S, without part 0:   {}    {0}   {1}    {0,1}  {2}    {0,2}  {1,2}  all
    assert coalition_weights(3)[0].tolist() == pytest.approx([-1 / 3, 1 / 3, -1 / 6, 1 / 6, -1 / 6, 1 / 6, -1 / 3, 1 / 3])


def test_parts_of_a_linear_decoder_get_their_own_terms():
    found = shapley(linear, H, BASELINE)
    torch.testing.assert_close(found.values, (H - BASELINE)[:, None] * W)
    assert found.values[2].abs().max() < 1e-6  # it is at its baseline


@pytest.mark.parametrize("r", [6, 64])
def test_contributions_of_an_additive_student_are_in_closed_form_for_any_number_of_parts(r):
    student = build_model(RunConfig(dataset="digits", layers=(32, 6), n_parts=r, nmf_at="pixels"), 64).student
    own, baseline = coefficients(r), coefficients(r).flip(0)
    found = shapley(decode_of(student), own, baseline)
    assert torch.equal(found.values, (own - baseline)[:, None] * student.nmf.W.T)
    assert found.standard_error is None
    assert found.completeness_error < 1e-6 * max(1.0, float(found.reconstruction.max()))
    sampled = shapley(student.decode, own, baseline, n_pairs=2)  # from coalitions, or from orders
    torch.testing.assert_close(found.values, sampled.values, atol=1e-5, rtol=0)


def test_a_two_part_game_by_hand():
    """v(none) = 0, v(0) = 10, v(1) = 0, v(both) = 60: part 0 gets (10 + 60) / 2 = 35, part 1 (0 + 50) / 2 = 25."""

    def game(rows):
        return (10 * rows[:, 0] + 50 * rows[:, 0] * rows[:, 1])[:, None]

    found = shapley(game, torch.ones(2), torch.zeros(2))
    assert found.values.flatten().tolist() == [35.0, 25.0]


def test_parts_that_only_work_together_share_alike():
    assert shapley(both_or_none, torch.ones(4), torch.zeros(4)).values.flatten().tolist() == pytest.approx([0.25] * 4)


def test_baseline_and_contributions_add_up_to_the_reconstruction(student):
    own, mean = coefficients(10), torch.full((10,), 0.5)
    found = shapley(student.decode, own, mean)
    assert found.completeness_error < 1e-5
    torch.testing.assert_close(found.reconstruction, student.decode(own[None])[0])
    torch.testing.assert_close(found.baseline, student.decode(mean[None])[0])
    assert found.standard_error is None


def test_sampled_values_are_the_exact_ones_within_their_standard_error(student):
    own, mean = coefficients(10), torch.full((10,), 0.5)
    exact = shapley(student.decode, own, mean)
    sampled = shapley(student.decode, own, mean, n_pairs=50, max_exact=0)
    distance = (sampled.values - exact.values).abs() / sampled.standard_error.clamp(min=1e-7)
    assert 0.4 < distance.median() < 1.0  # of a normal error: .67
    assert (distance < 3).float().mean() > 0.95
    assert sampled.completeness_error < 1e-5  # every order adds up by itself
    assert torch.equal(sampled.values, shapley(student.decode, own, mean, n_pairs=50, max_exact=0).values)


def test_more_orders_bring_sampled_values_nearer(student):
    own, mean = coefficients(10), torch.full((10,), 0.5)
    exact = shapley(student.decode, own, mean).values
    few, many = ((shapley(student.decode, own, mean, n_pairs=n, max_exact=0).values - exact).norm() for n in (2, 100))
    assert many < few / 2


def test_more_than_twelve_parts_are_sampled():
    own, mean = coefficients(13), torch.zeros(13)
    found = shapley(lambda rows: rows, own, mean, n_pairs=4)
    assert found.standard_error is not None
    torch.testing.assert_close(found.values, torch.diag(own))  # linear: every order says the same
    assert found.standard_error.max() < 1e-6


def test_one_part_alone_explains_everything():
    found = shapley(linear_of_one, torch.ones(1), torch.zeros(1))
    assert found.values.tolist() == [[2.0]]


def linear_of_one(rows):
    return 2 * rows


def test_coefficients_and_baseline_must_be_alike():
    with pytest.raises(ValueError, match=r"H \(3,\), baseline \(2,\)"):
        shapley(linear, H, torch.zeros(2))


def test_a_decoder_that_only_adds_has_no_additivity_gap_and_another_has_one():
    assert additivity_gap(linear, H, BASELINE) < 1e-6
    # product of ones: single parts alone give 0, all together 1
    assert additivity_gap(both_or_none, torch.ones(3), torch.zeros(3)) == pytest.approx(1.0)
