"""Collapse is counted and said in words; the parts are shown as what they are."""

import numpy as np
import pytest
import torch

from ddnmf_core.model.decoding import part_pictures
from ddnmf_core.model.diagnosis import collapse_warnings
from ddnmf_core.model.monitor import Gallery, unit_health
from ddnmf_core.model.networks import build_model
from ddnmf_core.model.pixels import tensor_to_u8
from ddnmf_core.model.trainer import Trainer

IMAGES = torch.rand(50, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model_of(small):
    def model(**changes):
        """Untrained, but with every unit of the code awake."""
        made = build_model(small(**changes), 64)
        encoder = made.student.encoder if hasattr(made, "student") else made.encoder
        encoder[-1].linear.bias.data.fill_(1.0)
        return made

    return model


def silence(model, unit, bias):
    """Give one unit of the bottleneck the same input for every image."""
    linear = model.student.encoder[-1].linear
    linear.weight.data[unit] = 0
    linear.bias.data[unit] = bias


def test_a_healthy_model_counts_nothing_and_warns_of_nothing(model_of):
    health = unit_health(model_of(), IMAGES)
    assert health["n_units"] == 6
    assert [health[key] for key in ("dead_units", "constant_units", "constant_parts", "saturated_share")] == [0] * 4
    assert collapse_warnings(health) == []


def test_a_training_that_goes_well_warns_of_nothing(few_digits, small):
    rows = []
    Trainer(small(), few_digits, torch.device("cpu")).train(rows.append)
    assert collapse_warnings(rows[-1]) == []


def test_a_relu_unit_without_input_is_dead_and_therefore_constant(model_of):
    model = model_of(bottleneck_activation="relu")
    before = unit_health(model, IMAGES)
    silence(model, unit=2, bias=-1.0)
    silence(model, unit=4, bias=0.0)
    health = unit_health(model, IMAGES)
    assert (before["dead_units"], before["constant_units"]) == (0, 0)
    assert (health["dead_units"], health["constant_units"]) == (2, 2)
    assert collapse_warnings(health)[0].startswith("Constant or dead bottleneck units: 2 of 6.")


def test_a_relu_unit_that_is_silent_for_some_images_is_alive(model_of):
    model = model_of(bottleneck_activation="relu")
    last = model.student.encoder[-1].linear
    last.bias.data[2] -= model.encode(IMAGES).z[:, 2].median().detach()
    assert (model.encode(IMAGES).z[:, 2] == 0).sum() == 25  # of 50
    assert unit_health(model, IMAGES)["dead_units"] == 0


def test_a_unit_that_always_says_the_same_is_constant_and_not_dead(model_of):
    model = model_of()
    silence(model, unit=2, bias=0.7)
    health = unit_health(model, IMAGES)
    assert (health["dead_units"], health["constant_units"]) == (0, 1)
    assert collapse_warnings(health)[0].startswith("Constant or dead bottleneck units: 1 of 6.")


def test_when_every_unit_is_constant_the_run_is_called_collapsed(model_of):
    model = model_of()
    for unit in range(6):
        silence(model, unit, bias=0.7)
    health = unit_health(model, IMAGES)
    assert (health["constant_units"], health["constant_parts"]) == (6, 5)
    collapsed, unused = collapse_warnings(health)
    assert collapsed.startswith("Collapsed: every bottleneck unit has the same value")
    assert unused == "5 parts have the same coefficient for every image: they are unused."


def test_a_code_that_shrinks_to_zero_is_seen_in_its_size(model_of):
    model = model_of()
    last = model.student.encoder[-1].linear
    z = model.encode(IMAGES).z.detach().numpy()
    assert unit_health(model, IMAGES)["code_rms"] == pytest.approx(np.sqrt((z**2).mean()))
    last.weight.data *= 0.005
    last.bias.data *= 0.005
    health = unit_health(model, IMAGES)
    assert health["code_rms"] < 0.01
    assert "The code shrinks to zero" in " ".join(collapse_warnings(health))


def test_a_part_without_weights_has_half_of_itself_in_every_image(model_of):
    model = model_of()
    model.student.nmf.W_prime.data[3] = 0
    health = unit_health(model, IMAGES)
    assert health["constant_parts"] == 1
    assert health["constant_units"] == 0
    (unused,) = collapse_warnings(health)
    assert "the same coefficient for every image" in unused


def test_huge_weights_saturate_the_sigmoid(model_of):
    model = model_of()
    model.student.nmf.W_prime.data *= 1e4
    health = unit_health(model, IMAGES)
    assert health["saturated_share"] > 0.9
    assert any("coefficients H are near 0 or 1: the sigmoid is saturated" in line for line in collapse_warnings(health))


def test_an_autoencoder_has_no_parts_to_count(model_of):
    health = unit_health(model_of(model="ae1"), IMAGES)
    assert health.keys() == {"n_units", "dead_units", "constant_units", "code_rms"}
    assert collapse_warnings(health) == []


def test_a_row_without_health_warns_of_nothing():
    assert collapse_warnings({}) == []


# --------------------------------------------------------------------------------------- pictures


def test_a_part_alone_is_the_decoded_unit_vector(model_of):
    model = model_of()
    pictures = part_pictures(model, torch.full((5,), 0.4))
    for k in range(5):
        H = torch.zeros(1, 5)
        H[0, k] = 1
        torch.testing.assert_close(pictures["alone"][k : k + 1], model.student.decode(H).detach())


def test_a_part_raised_is_the_mean_with_that_part_at_1(model_of):
    model, mean_H = model_of(), torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
    pictures = part_pictures(model, mean_H)
    raised = torch.tensor([[0.1, 0.2, 1.0, 0.4, 0.5]])
    torch.testing.assert_close(pictures["raised"][2:3], model.student.decode(raised).detach())
    torch.testing.assert_close(pictures["baseline"], model.student.decode(mean_H[None]).detach())


def test_there_is_a_picture_of_each_part_and_one_baseline(model_of):
    shapes = {name: tuple(p.shape) for name, p in part_pictures(model_of(), torch.full((5,), 0.4)).items()}
    assert shapes == {"alone": (5, 64), "raised": (5, 64), "baseline": (1, 64)}


def test_the_gallery_has_pictures_of_both_networks_and_of_the_parts(model_of):
    gallery = Gallery(IMAGES[:3], IMAGES[3:6])
    model = model_of()
    pictures = gallery.pictures(model, IMAGES)
    assert {name: tuple(p.shape) for name, p in pictures.items()} == {
        "student": (3, 64),
        "supervisor": (3, 64),
        "parts_swing": (5, 64),
        "parts_raised": (5, 64),
    }
    assert torch.equal(pictures["student"], tensor_to_u8(model(IMAGES[3:6]).detach()))  # sees the noise
    assert torch.equal(pictures["supervisor"], tensor_to_u8(model.supervisor(IMAGES[:3]).detach()))
    assert list(gallery.pictures(model_of(model="ae1"), IMAGES)) == ["student"]


def test_pixels_outside_0_to_1_are_clipped_not_wrapped():
    assert tensor_to_u8(torch.tensor([-0.5, 0.0, 0.5, 1.0, 1.5])).tolist() == [0, 0, 128, 255, 255]
