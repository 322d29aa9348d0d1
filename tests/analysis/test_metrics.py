"""Equations 17 to 19 at known points and against brute force, and the clusterings they judge."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddnmf_core.analysis import metrics
from ddnmf_core.analysis.clustering import cluster
from ddnmf_core.config import CLUSTERERS

LABELS = [0, 0, 1, 1]


@st.composite
def labelled_clusters(draw):
    """Labels of up to 5 classes beside clusters of up to 5; the two numbers may differ."""
    n = draw(st.integers(1, 30))
    return tuple(draw(st.lists(st.integers(0, draw(st.integers(0, 4))), min_size=n, max_size=n)) for _ in range(2))


def best_share(labels, clusters):
    """Every way to name the clusters, tried."""
    hits = (sum(name[c] == label for label, c in zip(labels, clusters, strict=True)) for name in permutations(range(5)))
    return max(hits) / len(labels)


def blobs(n=60):
    """Three clouds in the plane, far apart, and which cloud each point is from."""
    labels = np.arange(n) % 3
    centres = np.array([[0, 0], [10, 0], [0, 10]])
    return (centres[labels] + np.random.default_rng(0).normal(size=(n, 2))).astype(np.float32), labels


@given(labelled_clusters())
def test_accuracy_is_the_best_over_all_one_to_one_matchings(case):
    labels, clusters = case
    assert metrics.accuracy(labels, clusters) == pytest.approx(best_share(labels, clusters))


def test_accuracy_at_known_points():
    assert metrics.accuracy(LABELS, [1, 1, 0, 0]) == 1.0
    assert metrics.accuracy(LABELS, [0, 0, 0, 0]) == 0.5  # one cluster is matched to one class
    assert metrics.accuracy(LABELS, [0, 1, 2, 3]) == 0.5  # two of four clusters stay unmatched
    assert metrics.accuracy([0, 0, 0, 1], [5, 5, 7, 7]) == 0.75


def test_accuracy_is_the_best_matching_where_a_greedy_one_is_not():
    labels = [0] * 7 + [1] * 4
    clusters = [0] * 4 + [1] * 3 + [0] * 4  # 4 in (0, 0), 3 in (0, 1), 4 in (1, 0)
    assert metrics.accuracy(labels, clusters) == pytest.approx(7 / 11)  # 3 + 4, not 4 + 0


def test_nmi_divides_by_the_mean_of_both_entropies():
    assert metrics.nmi(LABELS, [0, 1, 2, 3]) == pytest.approx(2 / 3)  # 2 log 2 / (log 2 + log 4)
    assert metrics.nmi(LABELS, [0, 1, 0, 1]) == pytest.approx(0, abs=1e-12)


def test_ari_at_known_points():
    assert metrics.ari(LABELS, [0, 1, 0, 1]) == pytest.approx(-0.5)  # (0 - 2/3) / (2 - 2/3)
    assert metrics.ari(LABELS, [0, 0, 1, 2]) == pytest.approx(4 / 7)  # (1 - 1/3) / (3/2 - 1/3)


def test_permuted_labels_score_1_in_all_three():
    labels = np.arange(100) % 10
    scores = metrics.scores(labels, (labels * 3 + 1) % 10)
    assert tuple(scores) == ("acc", "nmi", "ari")
    assert scores == pytest.approx({"acc": 1, "nmi": 1, "ari": 1})


def test_random_clusters_score_about_0_in_ari_and_a_tenth_in_accuracy():
    generator = np.random.default_rng(0)
    scores = metrics.scores(generator.integers(10, size=20_000), generator.integers(10, size=20_000))
    assert abs(scores["ari"]) < 0.002
    assert 0.1 <= scores["acc"] < 0.12
    assert scores["nmi"] < 0.002


def test_the_matching_pairs_the_classes_with_their_clusters():
    counts = metrics.contingency([0, 0, 1, 2], [2, 2, 0, 1])
    assert counts.tolist() == [[0, 0, 2], [1, 0, 0], [0, 1, 0]]
    assert [line.tolist() for line in metrics.best_matching(counts)] == [[0, 1, 2], [2, 0, 1]]


@pytest.mark.parametrize("clusterer", CLUSTERERS)
def test_clouds_far_apart_are_found(clusterer):
    codes, labels = blobs()
    clusters = cluster(codes, clusterer, 3, seed=1)
    assert (clusters.shape, clusters.dtype) == ((60,), np.int64)
    assert metrics.accuracy(labels, clusters) == 1.0


@pytest.mark.parametrize("clusterer", CLUSTERERS)
def test_one_seed_gives_one_clustering(clusterer):
    codes = np.random.default_rng(0).uniform(size=(100, 4)).astype(np.float32)  # no clusters: starts decide
    first = cluster(codes, clusterer, 5, seed=1)
    assert np.array_equal(first, cluster(codes, clusterer, 5, seed=1))
    assert not np.array_equal(first, cluster(codes, clusterer, 5, seed=2))


def test_a_mixture_tells_a_tight_cloud_from_the_wide_one_around_it_and_k_means_does_not():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    codes = generator.normal(size=(400, 2)) * np.where(labels, 0.1, 3.0)[:, None] + [3, 0] * labels[:, None]
    assert metrics.accuracy(labels, cluster(codes.astype(np.float32), "gmm", 2, seed=1)) > 0.97
    assert metrics.accuracy(labels, cluster(codes.astype(np.float32), "kmeans", 2, seed=1)) < 0.9


def test_a_mixture_survives_a_constant_column():
    codes, labels = blobs()
    codes = np.concatenate([codes, np.zeros((60, 2), np.float32)], axis=1)  # two dead units
    assert metrics.accuracy(labels, cluster(codes, "gmm", 3, seed=1)) == 1.0


def test_an_unknown_clusterer_is_refused():
    with pytest.raises(ValueError, match="clusterer = 'dbscan': should be one of kmeans, gmm"):
        cluster(blobs()[0], "dbscan", 3, seed=1)


def test_the_majority_class_of_a_cluster_and_its_share():
    assert metrics.majority_class([3, 3, 1, 1, 1], [0, 0, 0, 1, 1], 0) == (3, 2 / 3)
    assert metrics.majority_class([3, 3, 1, 1, 1], [0, 0, 0, 1, 1], 1) == (1, 1.0)


def test_clusterings_that_agree_are_stable_whatever_their_clusters_are_called():
    labels = np.arange(30) % 3
    assert metrics.stability([labels, labels, (labels + 1) % 3]) == 1.0


def test_independent_clusterings_have_a_stability_of_about_0():
    generator = np.random.default_rng(0)
    assert abs(metrics.stability([generator.integers(5, size=20_000) for _ in range(3)])) < 0.002


def test_stability_is_the_mean_over_all_pairs():
    assert metrics.stability([LABELS, LABELS, [0, 1, 0, 1]]) == pytest.approx((1 - 0.5 - 0.5) / 3)


def test_one_clustering_alone_has_no_stability():
    with pytest.raises(ValueError, match="1 clusterings: should be at least 2"):
        metrics.stability([LABELS])


def test_each_clusterings_agreement_is_with_the_others_alone():
    odd = [0, 1, 0, 1]
    assert metrics.agreements([LABELS, LABELS, odd]).tolist() == pytest.approx([(1 - 0.5) / 2, (1 - 0.5) / 2, -0.5])
