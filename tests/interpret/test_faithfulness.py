"""Deletion and insertion: a true order against a wrong one and against chance."""

import pytest
import torch

from ddnmf_core.interpret.faithfulness import area, faithfulness_curves, random_order_curves

H, BASELINE = torch.tensor([3.0, 1.0, 0.0, 2.0]), torch.zeros(4)
TRUE, WRONG = torch.tensor([0, 3, 1, 2]), torch.tensor([2, 1, 3, 0])


def identity(rows):
    """A pixel for each part."""
    return rows


def test_the_steps_are_the_share_of_the_picture_that_is_there():
    found = faithfulness_curves(identity, H, BASELINE, TRUE)  # squares: 9, 4, 1, 0 of 14
    assert found.deletion.tolist() == pytest.approx([1, 5 / 14, 1 / 14, 0, 0])
    assert found.insertion.tolist() == pytest.approx([0, 9 / 14, 13 / 14, 1, 1])
    assert area(found.deletion) == pytest.approx((0.5 + 5 / 14 + 1 / 14) / 4)


def test_deleting_the_only_part_that_is_used_takes_everything():
    only = torch.tensor([0.0, 5.0, 0.0, 0.0])
    assert faithfulness_curves(identity, only, BASELINE, torch.tensor([1, 0, 2, 3])).deletion.tolist() == [1, 0, 0, 0, 0]


def test_a_true_order_is_better_than_chance_and_a_wrong_one_worse():
    true, wrong = faithfulness_curves(identity, H, BASELINE, TRUE), faithfulness_curves(identity, H, BASELINE, WRONG)
    chance = random_order_curves(identity, H, BASELINE)
    assert area(true.deletion) < area(chance.deletion) < area(wrong.deletion)
    assert area(true.insertion) > area(chance.insertion) > area(wrong.insertion)
