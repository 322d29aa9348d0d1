"""Interventions: the part that makes a cluster is found, and the smallest edit is the smallest."""

import numpy as np
import pytest

from ddnmf_core.analysis.assignment import Centres
from ddnmf_core.interpret.causal import causal_matrix, smallest_flip
from ddnmf_core.interpret.quality import survival

CORNERS = Centres(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))


def test_centres_behind_k_means_put_every_sample_where_k_means_did(digits):
    from ddnmf_core.analysis.clustering import cluster

    codes = digits.scaled()[:, 20:44]
    found = cluster(codes, "kmeans", 10, seed=1)
    assert (Centres.of(codes, found).assign(codes) == found).mean() > 0.999


def test_an_empty_cluster_gets_no_sample():
    centres = Centres.of(np.array([[0.0], [1.0]]), np.array([0, 2]))
    assert centres.assign(np.array([[0.4], [0.6]])).tolist() == [0, 2]


def test_without_the_part_that_makes_it_a_cluster_loses_its_samples_and_the_others_none():
    H = np.array([[0.0, 0.0], [0.9, 0.1], [0.8, 0.0], [0.0, 0.9]])
    shares = []
    lost = causal_matrix(CORNERS.assign, H, np.zeros(2), 3, lambda share, message: shares.append(share))
    assert lost.tolist() == [[0, 1, 0], [0, 0, 1]]  # part 0 makes cluster 1, part 1 cluster 2
    assert shares == [0.5, 1.0]


def test_the_matrix_leaves_the_coefficients_as_they_were():
    H = np.array([[0.9, 0.1]])
    causal_matrix(CORNERS.assign, H, np.zeros(2), 3)
    assert H.tolist() == [[0.9, 0.1]]


def test_the_smallest_flip_crosses_the_nearest_border_with_one_part():
    flip = smallest_flip(CORNERS, np.array([0.3, 0.1]))  # borders at .5: .2 away in part 0, .4 in part 1
    assert (flip.parts, flip.cluster) == ((0,), 1)
    assert flip.size == pytest.approx(0.2, abs=1e-3)
    assert CORNERS.assign(flip.H[None]).tolist() == [1]


@pytest.mark.parametrize("spread", [1.0, 1e-2, 1e-4])  # a short run's coefficients hardly differ
def test_no_edit_of_one_part_is_shorter(spread):
    chance = np.random.default_rng(1)
    centres = Centres(0.5 + spread * chance.uniform(-0.5, 0.5, (10, 8)))
    for H in 0.5 + spread * chance.uniform(-0.5, 0.5, (1000 if spread == 1e-2 else 100, 8)):
        own = centres.assign(H[None])[0]
        direction = np.delete(centres.means, own, axis=0) - centres.means[own]
        others = np.delete(centres.means, own, axis=0)
        missing = ((others**2).sum(axis=1) - centres.means[own] @ centres.means[own]) / 2 - direction @ H
        exact = missing[:, None] / direction
        within = (H + exact >= 0) & (H + exact <= 1)
        flip = smallest_flip(centres, H)
        assert centres.assign(flip.H[None])[0] == flip.cluster != own
        if within.any():
            assert len(flip.parts) == 1
            assert flip.size <= 1.001 * np.abs(exact[within]).min() + 2e-7


def test_a_part_that_would_have_to_leave_0_to_1_is_not_taken():
    far = Centres(np.array([[0.0, 0.0], [3.0, 0.5]]))  # part 0 alone would have to be 1.54 and more
    flip = smallest_flip(far, np.array([0.2, 0.2]))
    assert flip is None
    near = Centres(np.array([[0.0, 0.0], [1.2, 1.0]]))  # the border is 1.2 x + y = 1.22
    both = smallest_flip(near, np.array([0.1, 0.05]))
    assert both.parts == (0,) or set(both.parts) == {0, 1}
    assert near.assign(both.H[None]).tolist() == [1]
    assert (both.H >= 0).all()
    assert (both.H <= 1).all()


def test_parts_at_their_limits_do_not_keep_others_from_being_the_fewest():
    centres = Centres(np.array([[1.0, 1.0, 0.0, 0.0], [1.8, 1.8, 0.7, 0.7]]))  # parts 0 and 1, the steepest, are at 1
    flip = smallest_flip(centres, centres.means[0])  # d H has to grow by |d|^2 / 2 = 1.13; 0.7 for each of the others
    assert set(flip.parts) == {2, 3}
    assert centres.assign(flip.H[None]).tolist() == [1]


def test_two_parts_are_taken_where_one_is_not_enough():
    diagonal = Centres(np.array([[0.0, 0.0], [1.0, 1.0]]))  # x + y = 1
    flip = smallest_flip(diagonal, np.array([0.0, 0.0]))
    assert flip.size == pytest.approx(1.0, abs=2e-3) or set(flip.parts) == {0, 1}
    assert diagonal.assign(flip.H[None]).tolist() == [1]


def test_noise_that_changes_nothing_leaves_a_part_whole_and_chance_drowns_it():
    generator = np.random.default_rng(0)
    clean = generator.random((5000, 3))
    noisy = np.stack([0.5 * clean[:, 0] + 0.2, generator.random(5000), np.full(5000, 0.7)], axis=1)
    assert survival(clean, noisy) == pytest.approx([1, 0, 0], abs=0.05)
