"""What more starts, a consensus, codes of unit length or whitened ones change in the clusters of one code.

Codes of clean images by the published and the recommended model, three seeds each (`train_and_score`). Every way of clustering
is repeated from five seeds of its own. The mean ARI of their pairs needs no labels; the deviation of ACC over the five, on one
code, is the luck of a start. The tables of the paper use "K-means" and "mixture", as `ddnmf_core.analysis.clustering` has them.
"""

import warnings
from collections.abc import Callable, Iterator
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from benchmarks.common.harness import Result, Row
from benchmarks.common.scored_runs import train_and_score
from ddnmf_core.analysis.baselines import transform
from ddnmf_core.analysis.clustering import MIXTURE_FLOOR, cluster
from ddnmf_core.analysis.metrics import accuracy, best_matching, nmi, stability
from ddnmf_core.config import PRESETS, ClusteringConfig, RunConfig
from ddnmf_core.data.catalogue import load
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store

REPEATS = 3  # seeds of the model
SETS = ("mnist-10k", "fashion-mnist-10k")
MODELS: dict[str, dict[str, Any]] = {name: PRESETS[name] for name in ("published", "recommended")}
STARTS = range(1, 6)
FITS = 5  # mixtures behind a consensus, or the likeliest of which is taken
Codes = NDArray[np.float32]
Clusters = NDArray[np.int64]


def mixture(z: Codes, k: int, seed: int, n_init: int) -> GaussianMixture:
    """Fit the likeliest of several mixtures, each from a K-means of its own to convergence."""
    floor = MIXTURE_FLOOR * float(z.var(axis=0).mean())
    return GaussianMixture(k, reg_covar=floor, n_init=n_init, random_state=seed).fit(z)


def consensus(z: Codes, k: int, seed: int) -> Clusters:
    """Cluster by the mean posterior of several mixtures, their components matched to those of the first ones."""
    total = np.zeros((len(z), k))
    for fit in range(FITS):
        posterior = mixture(z, k, 100 * seed + fit, 1).predict_proba(z)
        shared = np.rint(1000 * total.T @ posterior).astype(np.int64)
        total += posterior[:, best_matching(shared)[1]]
    return total.argmax(axis=1)


def of_unit_length(z: Codes) -> Codes:
    return transform(z, ClusteringConfig(transform="unit_length"))


def whitened(z: Codes) -> Codes:
    return PCA(whiten=True).fit_transform(z)


WAYS: dict[str, Callable[[Codes, int, int], Clusters]] = {
    "K-means": lambda z, k, seed: cluster(z, "kmeans", k, seed),
    "K-means, unit length": lambda z, k, seed: cluster(of_unit_length(z), "kmeans", k, seed),
    "K-means, whitened": lambda z, k, seed: cluster(whitened(z), "kmeans", k, seed),
    "mixture": lambda z, k, seed: cluster(z, "gmm", k, seed),
    "mixture, unit length": lambda z, k, seed: cluster(of_unit_length(z), "gmm", k, seed),
    f"mixture, likeliest of {FITS} whole fits": lambda z, k, seed: mixture(z, k, seed, FITS).predict(z),
    f"mixture, consensus of {FITS} whole fits": consensus,
}


def measure(repeats: int) -> Iterator[Result]:
    """Compare the ways of clustering: a row for each of them, model and data set, yielded when it is there."""
    rows: list[Row] = []
    for dataset in SETS:
        images = load(dataset)
        for model, settings in MODELS.items():
            runs = [RunConfig(**settings | {"dataset": dataset, "seed": seed}) for seed in range(1, repeats + 1)]
            train_and_score(runs)
            codes = [FinishedRun(Store().entry(run)).codes("z") for run in runs]
            for way in WAYS:
                rows.append({"data": dataset, "model": model, **row_of(way, codes, images.labels, len(images.class_names))})
                yield Result("starts", rows, {}, repeats)


def row_of(way: str, codes: list[Codes], labels: Clusters, n_clusters: int) -> Row:
    """Measure one way of clustering on the codes of each seed."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = [[WAYS[way](z, n_clusters, start) for start in STARTS] for z in codes]
    acc = [[accuracy(labels, one) for one in of_code] for of_code in found]
    return {
        "clusters": way,
        "agreement of starts": f"{fmean(stability(of_code) for of_code in found):.3f}",
        "ACC": f"{fmean(map(fmean, acc)):.3f}",
        "NMI": f"{fmean(nmi(labels, one) for of_code in found for one in of_code):.3f}",
        "deviation of ACC over starts": f"{fmean(map(stdev, acc)):.3f}",
    }
