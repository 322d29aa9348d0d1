"""Clusters computed on the device are those that scikit-learn finds on the CPU."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from ddnmf_core.analysis.gpu_clustering import gpu_kmeans
from ddnmf_core.analysis.metrics import ari


@pytest.fixture(scope="module")
def codes():
    """Twelve overlapping groups far from the origin, in ten dimensions."""
    random = np.random.default_rng(1)
    means = random.normal(0, 2.0, (12, 10)) + 50
    return (means[random.integers(0, 12, 3000)] + random.normal(0, 1.0, (3000, 10))).astype(np.float32)


def inertia_of(codes, clusters):
    return sum(((codes[clusters == k] - codes[clusters == k].mean(axis=0)) ** 2).sum() for k in np.unique(clusters))


def test_its_inertia_is_scikit_learns_within_one_percent(codes):
    theirs = KMeans(12, n_init=10, random_state=1).fit(codes.astype(np.float64))
    clusters, inertia = gpu_kmeans(torch.from_numpy(codes), 12, seed=1)
    assert inertia == pytest.approx(theirs.inertia_, rel=0.01)
    assert inertia == pytest.approx(inertia_of(codes.astype(np.float64), clusters.numpy()), rel=1e-3)
    assert ari(theirs.labels_, clusters.numpy()) > 0.9


def test_groups_that_are_apart_are_found_whatever_the_seed():
    x = torch.cat([torch.randn(50, 3, generator=torch.Generator().manual_seed(k)) * 0.1 + 10 * k for k in range(5)])
    for seed in range(5):
        clusters, _ = gpu_kmeans(x, 5, seed, n_starts=3)
        assert ari(np.repeat(np.arange(5), 50), clusters.numpy()) == 1


def test_one_seed_repeats_itself_and_equal_rows_are_no_trouble(codes):
    x = torch.from_numpy(codes[:500])
    assert torch.equal(gpu_kmeans(x, 4, 7)[0], gpu_kmeans(x, 4, 7)[0])
    assert gpu_kmeans(torch.ones(20, 3), 4, 1)[1] == 0
    with pytest.raises(ValueError, match="at least as many"):
        gpu_kmeans(x[:3], 4, 1)


ON_DEVICE = """
import numpy as np, torch
from unittest import mock
from ddnmf_core.analysis import clustering; from ddnmf_core.analysis import gpu_clustering as device_clustering
from ddnmf_core.analysis.metrics import ari
random = np.random.default_rng(1)
means = random.normal(0, 2, (5, 6))
x = (means[random.integers(0, 5, 2000)] + random.normal(0, 1, (2000, 6))).astype(np.float32)
seen = []
on_device = device_clustering.gpu_mixture
with mock.patch.object(device_clustering, "gpu_mixture", lambda x, *rest: seen.append(x.dtype) or on_device(x, *rest)):
    move = torch.Tensor.to                                          # this machine has no such device
    stay = lambda x, *of, **named: x if of and str(of[0]) == "cuda" else move(x, *of, **named)
    with mock.patch.object(torch.Tensor, "to", stay):
        there = clustering.cluster(x, "gmm", 5, 1, torch.device("cuda"))
assert seen == [torch.float64] and there.dtype == np.int64
print(ari(clustering.cluster(x, "gmm", 5, 1), there))
"""


def test_a_mixture_on_the_device_is_scikit_learns():
    done = subprocess.run(
        [sys.executable, "-c", ON_DEVICE], env={**os.environ, "SCIPY_ARRAY_API": "1"}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "1.0", done.stderr
