"""Equation 2: how much noise a level means, and that a seed fixes it."""

import math
from typing import get_args

import pytest
import torch

from ddnmf_core.config import DISPLACING_KINDS, NoiseKind
from ddnmf_core.model.corruption import apply_noise, corrupt, corrupt_each

KINDS = get_args(NoiseKind)
GREY = torch.full((200, 500), 0.5)  # 100,000 pixels, none of them 0 or 1


def noisy(kind, level, seed=1, x=GREY, shape=None):
    return corrupt(x, kind, level, torch.Generator().manual_seed(seed), shape or (x.shape[1] // 4, 4))


def each(x, samples, kind, level, seed):
    return corrupt_each(x, samples, kind, level, seed, (x.shape[1] // 4, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_level_0_leaves_the_image_as_it_is(kind):
    x = torch.rand(20, 64)
    assert torch.equal(noisy(kind, 0, x=x), x)
    assert torch.equal(each(x, torch.arange(20), kind, 0, seed=1), x)


@pytest.mark.parametrize("kind", KINDS)
def test_the_clean_images_are_not_touched(kind):
    x = GREY.clone()
    noisy(kind, 0.7, x=x)
    each(x[:3], torch.arange(3), kind, 0, seed=1).zero_()
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
    together = each(x, samples, kind, 0.4, seed=1)
    assert torch.equal(each(x[17:18], samples[17:18], kind, 0.4, seed=1), together[17:18])
    assert torch.equal(each(x.flip(0), samples.flip(0), kind, 0.4, seed=1), together.flip(0))


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_and_every_seed_has_noise_of_its_own(kind):
    x = torch.arange(64.0).repeat(2, 1) / 64
    first, second = each(x, torch.tensor([0, 1]), kind, 0.4, seed=1)
    assert not torch.equal(first, second)
    assert not torch.equal(first, each(x, torch.tensor([0, 1]), kind, 0.4, seed=2)[0])


def test_no_images_give_no_images():
    assert each(torch.zeros(0, 64), torch.arange(0), "gaussian", 0.4, seed=1).shape == (0, 64)


@pytest.mark.parametrize("level", [-0.1, 1.1, math.nan])
def test_a_level_outside_0_to_1_is_refused(level):
    with pytest.raises(ValueError, match=f"noise level = {level}: should be between 0 and 1"):
        noisy("gaussian", level)
    with pytest.raises(ValueError, match="noise level"):
        each(GREY[:1], torch.arange(1), "gaussian", level, seed=1)


def place(image):
    """Centre of the ink of an image (h, w): column and row."""
    rows, columns = (torch.arange(float(n)) for n in image.shape)
    return torch.stack([(image.sum(0) * columns).sum(), (image.sum(1) * rows).sum()]) / image.sum()


def square(height=28, width=28, top=12, left=12, size=5):
    image = torch.zeros(height, width)
    image[top : top + size, left : left + size] = 1
    return image


def test_a_planted_displacement_is_what_was_drawn():
    """Numbers .5 leave an image alone; 1 shifts by 2 pixels of 28, turns by 10 degrees, scales by a tenth at level .4."""
    x = square()

    def moved(numbers, image=x):
        drawn = torch.full((1, 4), 0.5)
        drawn[0, list(numbers)] = torch.tensor(list(numbers.values()))
        return apply_noise(image.flatten()[None], "displacement", 0.4, drawn, image.shape).view(image.shape)

    torch.testing.assert_close(moved({}), x)
    torch.testing.assert_close(moved({0: 1.0}), square(left=10))
    torch.testing.assert_close(moved({1: 0.0}), square(top=14))
    torch.testing.assert_close(moved({0: 1.0, 1: 1.0}), square(top=10, left=10))
    large = square(top=4, left=4, size=20)
    assert moved({3: 1.0}, large).sum() / large.sum() == pytest.approx(1.1**2, rel=0.02)
    assert moved({3: 0.0}, large).sum() / large.sum() == pytest.approx(0.9**2, rel=0.02)
    away = square(left=20)  # 8 columns right of the centre
    turned = place(moved({2: 1.0}, away)) - 13.5
    assert turned.norm() == pytest.approx(float((place(away) - 13.5).norm()), rel=0.01)
    assert math.degrees(math.acos(float(torch.nn.functional.cosine_similarity(turned, place(away) - 13.5, dim=0)))) == (
        pytest.approx(10, abs=0.5)
    )


def test_a_rotation_of_an_oblong_image_is_no_shear():
    x = square(40, 20, top=5, left=7)
    drawn = torch.tensor([[0.5, 0.5, 1.0, 0.5]])
    turned = place(apply_noise(x.flatten()[None], "displacement", 1.0, drawn, (40, 20)).view(40, 20))
    centre = torch.tensor([9.5, 19.5])
    assert (turned - centre).norm() == pytest.approx(float((place(x) - centre).norm()), rel=0.01)


def test_displaced_and_gaussian_are_both():
    x = square().flatten().repeat(300, 1)
    both, moved = (noisy(kind, 0.4, x=x, shape=(28, 28)) for kind in ("gaussian_displacement", "displacement"))
    assert (both - x).std().item() > (noisy("gaussian", 0.4, x=x, shape=(28, 28)) - x).std().item()
    assert both.min() < 0 <= moved.min()
    places = torch.stack([place(row.view(28, 28)) for row in moved]) - 14
    assert 1.5 < places.abs().max() < 2.6  # at level .4: up to 2 pixels, a little more by rotation and scaling
    assert places.mean(0).abs().max() < 0.3


@pytest.mark.parametrize("kind", DISPLACING_KINDS)
def test_rows_of_a_table_are_not_displaced(kind):
    with pytest.raises(ValueError, match="rows of a table cannot be displaced; use 'gaussian' or 'masking'"):
        noisy(kind, 0.4, shape=(1, 500))


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"noise kind = 'snow': should be 'gaussian', .* or 'gaussian_displacement'"):
        noisy("snow", 0.4)
