"""Maps of codes in the plane (Figure 2): t-SNE (openTSNE), UMAP and PCA, with a fixed seed."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import EmbeddingConfig
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.seeds import derive

TSNE_ITERATIONS = (250, 500)  # early exaggeration, then the rest
N_CHECKED_CODES, SMALLEST_SHARE = 5000, 1e-10  # codes; of the second variance in the first
ITERATIONS_PER_CALLBACK = 10  # iterations between looks at the stop flag

ShowEarly = Callable[[NDArray[np.float64]], None]  # of a map that is still being made (n, 2)
ShouldStop = Callable[[], bool]


class EmbeddingStopped(Exception):
    """The work was stopped as asked; it has no result."""


def mapped_samples(config: EmbeddingConfig, n: int) -> NDArray[np.int64]:
    """Which samples are mapped: at most n_points of n, the same for every run on the same data."""
    if config.n_points >= n:
        return np.arange(n)
    order = np.random.default_rng(derive("map", config.seed)).permutation(n)
    return np.sort(order[: config.n_points])


def embed(
    codes: NDArray[np.float32],
    config: EmbeddingConfig,
    report: Progress = ignore_progress,
    should_stop: ShouldStop = lambda: False,
    show: ShowEarly = lambda points: None,
) -> NDArray[np.float32]:
    """Coordinates of every code: (n, d) -> (n, 2). Raises Stopped when should_stop says so. t-SNE shows how far it is; UMAP
    lets nobody see its map before the end."""
    if config.method == "t-sne":
        coordinates = _tsne(codes, config, report, should_stop, show)
    else:
        coordinates = {"umap": _umap, "pca": _pca}[config.method](codes, config, report, should_stop)
    if should_stop():
        raise EmbeddingStopped
    if not np.isfinite(coordinates).all():
        raise ValueError("the map has places that are no numbers: the codes may all be the same, as those of a collapsed run")
    return np.asarray(coordinates, dtype=np.float32)


def _tsne(
    codes: NDArray[np.float32], config: EmbeddingConfig, report: Progress, should_stop: ShouldStop, show: ShowEarly
) -> Any:
    from openTSNE import TSNE

    early, late = TSNE_ITERATIONS
    calls = 0

    def watch(iteration: int, error: float, embedding: NDArray[np.float64]) -> bool:
        nonlocal calls
        calls += 1
        report(calls * ITERATIONS_PER_CALLBACK / (early + late), "")
        show(np.asarray(embedding))
        return should_stop()

    perplexity = min(config.perplexity, (len(codes) - 1) / 3)
    start = "pca" if _fill_a_plane(codes) else "random"
    return TSNE(
        perplexity=perplexity,
        early_exaggeration_iter=early,
        n_iter=late,
        initialization=start,
        random_state=config.seed,
        n_jobs=1,
        callbacks=watch,
        callbacks_every_iters=ITERATIONS_PER_CALLBACK,
    ).fit(codes)


def _fill_a_plane(codes: NDArray[np.float32]) -> bool:
    """Whether there are two principal components to start from; by some of the codes, float32 in the accuracy that it has."""
    some = codes[:: max(1, len(codes) // N_CHECKED_CODES)].astype(np.float64)
    variances = np.linalg.eigvalsh(np.cov(some, rowvar=False).reshape(codes.shape[1], -1))
    return len(variances) > 1 and bool(variances[-2] > SMALLEST_SHARE * variances[-1])


def _umap(codes: NDArray[np.float32], config: EmbeddingConfig, report: Progress, should_stop: ShouldStop) -> Any:
    from umap import UMAP

    bar = {"file": _ProgressFile(report, should_stop), "disable": False, "bar_format": "{n}/{total} "}
    return UMAP(
        n_neighbors=min(config.n_neighbors, len(codes) - 1),
        min_dist=config.min_dist,
        random_state=config.seed,
        n_jobs=1,
        tqdm_kwds=bar,
    ).fit_transform(codes)


def _pca(codes: NDArray[np.float32], config: EmbeddingConfig, report: Progress, should_stop: ShouldStop) -> Any:
    from sklearn.decomposition import PCA

    if codes.shape[1] == 1:
        return np.column_stack([codes, np.zeros_like(codes)])
    return PCA(2, random_state=config.seed).fit_transform(codes)


class _ProgressFile:
    """What UMAP's progress bar writes to: its 'n/total' becomes a report, and a stop an exception."""

    def __init__(self, report: Progress, should_stop: ShouldStop) -> None:
        self.report, self.should_stop = report, should_stop

    def write(self, text: str) -> None:
        done, slash, total = text.strip().partition("/")
        if slash and done.isdigit():
            self.report(int(done) / max(int(total), 1), "")
        if self.should_stop():
            raise EmbeddingStopped

    def flush(self) -> None:
        pass
