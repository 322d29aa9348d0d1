"""Parts: pictures, contributions, class mass, neighbours."""

import numpy as np
import pytest
import torch

from ddnmf_core.analysis.neighbours import nearest_rows
from ddnmf_core.config import RunConfig
from ddnmf_core.interpret.quality import class_mass, standardised_coefficients
from ddnmf_core.model.decoding import LinearDecode, add_parts_in_order, decode_of
from ddnmf_core.model.networks import build_model, project

BASELINE, H = torch.full((4,), 0.5), torch.tensor([0.9, 0.1, 0.5, 0.3])


@pytest.fixture(scope="module")
def student():
    return build_model(RunConfig(dataset="digits", layers=(16, 6), n_parts=4), 64).student


def test_the_film_goes_from_the_baseline_to_the_reconstruction(student):
    film = add_parts_in_order(student.decode, H, BASELINE, torch.tensor([3, 0, 1, 2]))
    assert film.shape == (5, 64)
    torch.testing.assert_close(film[0], student.decode(BASELINE[None])[0])
    torch.testing.assert_close(film[1], student.decode(torch.tensor([[0.5, 0.5, 0.5, 0.3]]))[0])
    torch.testing.assert_close(film[4], student.decode(H[None])[0])


@pytest.mark.parametrize(
    ("settings", "is_linear"),
    [
        ({"nmf_at": "pixels"}, True),
        ({"decoder": "additive", "output_activation": "linear", "basis": "nonnegative"}, True),
        ({"decoder": "additive", "output_activation": "linear"}, False),  # its ReLU can cut
        ({"decoder": "additive", "basis": "nonnegative"}, False),  # a sigmoid after the sum
        ({}, False),
    ],
)
def test_a_decoder_that_adds_pictures_is_known(settings, is_linear):
    student = build_model(RunConfig(dataset="digits", layers=(16, 6), n_parts=4, **settings), 64).student
    project(student)
    decode = decode_of(student)
    assert isinstance(decode, LinearDecode) == is_linear
    torch.testing.assert_close(decode(H[None]), student.decode(H[None]))


def test_a_part_that_one_class_alone_uses_is_pure():
    H = np.array([[1, 1], [1, 1], [0, 2]], dtype=np.float32)
    assert class_mass(H, np.array([0, 0, 1]), 2).tolist() == [[1.0, 0.0], [0.5, 0.5]]


def test_the_strongest_part_is_measured_in_its_own_deviations():
    H = np.array([[0.9, 0.10], [0.8, 0.10], [0.9, 0.20], [0.8, 0.10]], dtype=np.float32)
    assert standardised_coefficients(H)[2].argmax() == 1  # .2 is far out for part 1, .9 is usual for part 0


def test_nearest_neighbours_come_nearest_first():
    codes = np.array([[0.0], [3.0], [1.0], [10.0]], dtype=np.float32)
    assert nearest_rows(codes, np.array([0.9], dtype=np.float32), 3).tolist() == [2, 0, 1]
    assert len(nearest_rows(codes, np.array([0.9], dtype=np.float32), 99)) == 4
