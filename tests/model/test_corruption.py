"""Equation 2: how much noise a level means, and that a seed fixes it."""

import math
from typing import get_args

import pytest
import torch

from ddnmf_core.config import NoiseKind
from ddnmf_core.model.corruption import corrupt, corrupt_each

KINDS = get_args(NoiseKind)
GREY = torch.full((200, 500), 0.5)  # 100,000 pixels, none of them 0 or 1


def noisy(kind, level, seed=1, x=GREY):
    return corrupt(x, kind, level, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_level_0_leaves_the_image_as_it_is(kind):
    x = torch.rand(20, 64)
    assert torch.equal(noisy(kind, 0, x=x), x)
    assert torch.equal(corrupt_each(x, torch.arange(20), kind, 0, seed=1), x)


@pytest.mark.parametrize("kind", KINDS)
def test_the_clean_images_are_not_touched(kind):
    x = GREY.clone()
    noisy(kind, 0.7, x=x)
    corrupt_each(x[:3], torch.arange(3), kind, 0, seed=1).zero_()
    assert torch.equal(x, GREY)


@pytest.mark.parametrize("level", [0.1, 0.4, 1.0])
def test_gaussian_noise_has_mean_0_and_the_level_as_deviation_and_is_not_clipped(level):
    eps = noisy("gaussian", level) - GREY
    assert eps.std().item() == pytest.approx(level, rel=0.01)
    assert abs(eps.mean().item()) < 0.02 * level
    assert noisy("gaussian", 1.0).min() < 0
    assert noisy("gaussian", 1.0).max() > 1


@pytest.mark.parametrize("level", [0.1, 0.4, 1.0])
def test_masking_sets_that_share_of_the_pixels_to_0_and_keeps_the_others(level):
    x = noisy("masking", level)
    assert (x == 0).float().mean().item() == pytest.approx(level, abs=0.01)
    assert set(x.unique().tolist()) <= {0.0, 0.5}


@pytest.mark.parametrize("level", [0.1, 0.4, 1.0])
def test_salt_and_pepper_share_the_level_evenly(level):
    x = noisy("salt_and_pepper", level)
    assert (x == 0).float().mean().item() == pytest.approx(level / 2, abs=0.01)
    assert (x == 1).float().mean().item() == pytest.approx(level / 2, abs=0.01)
    assert set(x.unique().tolist()) <= {0.0, 0.5, 1.0}


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_gives_one_noise(kind):
    assert torch.equal(noisy(kind, 0.4, seed=1), noisy(kind, 0.4, seed=1))
    assert not torch.equal(noisy(kind, 0.4, seed=1), noisy(kind, 0.4, seed=2))


def test_twice_the_level_is_twice_the_same_gaussian_noise():
    torch.testing.assert_close(noisy("gaussian", 0.8) - GREY, 2 * (noisy("gaussian", 0.4) - GREY))


@pytest.mark.parametrize("kind", ["masking", "salt_and_pepper"])
def test_a_pixel_spoilt_at_a_low_level_is_spoilt_in_the_same_way_at_a_higher_one(kind):
    low, high = noisy(kind, 0.4), noisy(kind, 0.8)
    spoilt = low != GREY
    assert torch.equal(high[spoilt], low[spoilt])
    assert (high != GREY).sum() > 1.9 * spoilt.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_alone_has_the_noise_that_it_has_among_many(kind):
    x = torch.rand(30, 64)
    samples = torch.arange(1000, 1030)
    together = corrupt_each(x, samples, kind, 0.4, seed=1)
    assert torch.equal(corrupt_each(x[17:18], samples[17:18], kind, 0.4, seed=1), together[17:18])
    assert torch.equal(corrupt_each(x.flip(0), samples.flip(0), kind, 0.4, seed=1), together.flip(0))


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_and_every_seed_has_noise_of_its_own(kind):
    x = torch.full((2, 64), 0.5)
    first, second = corrupt_each(x, torch.tensor([0, 1]), kind, 0.4, seed=1)
    assert not torch.equal(first, second)
    assert not torch.equal(first, corrupt_each(x, torch.tensor([0, 1]), kind, 0.4, seed=2)[0])


def test_no_images_give_no_images():
    assert corrupt_each(torch.zeros(0, 64), torch.arange(0), "gaussian", 0.4, seed=1).shape == (0, 64)


@pytest.mark.parametrize("level", [-0.1, 1.1, math.nan])
def test_a_level_outside_0_to_1_is_refused(level):
    with pytest.raises(ValueError, match=f"noise level = {level}: should be between 0 and 1"):
        noisy("gaussian", level)
    with pytest.raises(ValueError, match="noise level"):
        corrupt_each(GREY[:1], torch.arange(1), "gaussian", level, seed=1)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="noise kind = 'snow': should be 'gaussian', 'masking' or 'salt_and_pepper'"):
        noisy("snow", 0.4)
