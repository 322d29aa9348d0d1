"""Small files made after situations that people reported, and what is right for each."""

from pathlib import Path

import numpy as np
import pytest

from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions

CASES = Path(__file__).parent / "cases"


def added(name, **options):
    return catalogue.load(user_sets.add(CASES / name, name, ImportOptions(**options)))


def refused(name, reason):
    with pytest.raises(DataError, match=reason):
        added(name)
    assert user_sets.names() == []


@pytest.mark.parametrize(
    ("name", "options", "n", "classes"),
    [
        ("alphabet_character.zip", {}, 30, 6),
        ("alphabet_character.zip", {"class_level": 1}, 30, 3),
        ("system_litter.zip", {}, 30, 3),
        ("stacks_22.zip", {}, 22, 1),
        ("stacks_22.zip", {"pages": True}, 220, 1),
        ("yale_names.zip", {}, 45, 1),
        ("yale_names.zip", {"class_from": r"subject(\d+)"}, 45, 15),
        ("one_truncated.zip", {"skip_damaged": True}, 30, 3),
        ("idx.zip", {}, 40, 3),
        ("keras_like.npz", {"x": "x_train", "y": "y_train"}, 30, 3),
        ("nchw1.npy", {}, 40, 1),
        ("COIL_like.mat", {}, 40, 3),
    ],
)
def test_samples_and_classes(name, options, n, classes):
    images = added(name, **options)
    assert (len(images), len(images.class_names), images.image_shape) == (n, classes, (28, 28))


def test_what_has_to_be_chosen_is_said():
    refused("one_truncated.zip", r"shapes/disc/099\.png.*--skip-damaged")
    refused("keras_like.npz", r"x_train \(30, 28, 28\).*--x x_train --y y_train")


def test_twelve_bits_in_sixteen_are_not_black():
    pixels = added("twelve_bit_in_16.zip").pixels
    assert pixels.max() == 1
    assert len(np.unique(pixels)) > 1000


def test_white_figures_on_nothing_are_seen():
    pixels = added("white_on_transparent.zip").pixels
    assert len(np.unique(pixels, axis=0)) == 30
    assert np.median(pixels) == 0
    assert (pixels.max(axis=1) == 255).all()


def test_pictures_of_a_mat_file_are_those_of_the_idx_file_the_right_way_up():
    assert np.array_equal(added("COIL_like.mat").pixels, added("idx.zip").pixels)
    assert np.array_equal(added("nchw1.npy").pixels, added("idx.zip").pixels)
