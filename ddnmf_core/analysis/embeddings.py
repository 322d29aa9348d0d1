"""Maps of codes in the plane (Figure 2): t-SNE (openTSNE), UMAP and PCA, with a fixed seed."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import EmbeddingConfig
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.seeds import derive

TSNE_ITERATIONS = (250, 500)  # iterations of early exaggeration, then of the main phase
N_CHECKED_CODES = 5000  # codes in the rank check
MIN_VARIANCE_RATIO = 1e-10  # smallest ratio of second to first variance for rank 2
ITERATIONS_PER_CALLBACK = 10  # iterations between checks of should_stop

ShowEarly = Callable[[NDArray[np.float64]], None]  # receives the current coordinates (n, 2) of an unfinished map
ShouldStop = Callable[[], bool]


class EmbeddingStopped(Exception):
    """Stopped on request, without a result."""


def mapped_samples(config: EmbeddingConfig, n: int) -> NDArray[np.int64]:
    """Choose at most n_points of n samples, the same for every run on the same data: sorted indices."""
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
    """Map codes to the plane (Figure 2 of the paper uses t-SNE).

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        Representation.
    config : EmbeddingConfig
        Method ("t-sne", "umap" or "pca"), its settings and the seed; equal settings give equal maps on one machine.
    report : callable
        Called with the share done, 0 to 1, and an empty message; not by PCA.
    should_stop : callable
        Called between iterations; True stops the computation.
    show : callable
        Called with the current coordinates (n, 2), by t-SNE only: UMAP exposes no intermediate map.

    Returns
    -------
    ndarray of shape (n, 2)
        Coordinates, float32.

    Raises
    ------
    EmbeddingStopped
        If `should_stop` returned True.
    ValueError
        If a coordinate is not finite.
    """
    coordinates: NDArray[np.floating]
    if config.method == "t-sne":
        coordinates = _tsne(codes, config, report, should_stop, show)
    else:
        coordinates = _umap(codes, config, report, should_stop) if config.method == "umap" else _pca(codes, config.seed)
    if should_stop():
        raise EmbeddingStopped
    if not np.isfinite(coordinates).all():
        raise ValueError(
            f"the {config.method} map has coordinates that are not finite: codes should differ (has the run collapsed?)"
        )
    return np.asarray(coordinates, dtype=np.float32)


def _tsne(
    codes: NDArray[np.float32], config: EmbeddingConfig, report: Progress, should_stop: ShouldStop, show: ShowEarly
) -> NDArray[np.float64]:
    """Compute a t-SNE with openTSNE."""
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
    start = "pca" if _has_rank_two(codes) else "random"
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


def _has_rank_two(codes: NDArray[np.float32]) -> bool:
    """Check on a subsample if codes (n, d) have rank >= 2 within float32 accuracy, so that PCA can initialise t-SNE."""
    subsample = codes[:: max(1, len(codes) // N_CHECKED_CODES)].astype(np.float64)
    variances = np.linalg.eigvalsh(np.cov(subsample, rowvar=False).reshape(codes.shape[1], -1))
    return len(variances) > 1 and bool(variances[-2] > MIN_VARIANCE_RATIO * variances[-1])


def _umap(
    codes: NDArray[np.float32], config: EmbeddingConfig, report: Progress, should_stop: ShouldStop
) -> NDArray[np.float32]:
    """Compute a UMAP."""
    from umap import UMAP

    bar = {"file": _ProgressFile(report, should_stop), "disable": False, "bar_format": "{n}/{total} "}
    return UMAP(
        n_neighbors=min(config.n_neighbors, len(codes) - 1),
        min_dist=config.min_dist,
        random_state=config.seed,
        n_jobs=1,
        tqdm_kwds=bar,
    ).fit_transform(codes)


def _pca(codes: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Compute the first two principal components; one-dimensional codes get a second coordinate of 0."""
    from sklearn.decomposition import PCA

    if codes.shape[1] == 1:
        return np.column_stack([codes, np.zeros_like(codes)])
    return PCA(2, random_state=seed).fit_transform(codes)


class _ProgressFile:
    """File for UMAP's progress bar: report its 'n/total', and raise EmbeddingStopped on a stop request."""

    def __init__(self, report: Progress, should_stop: ShouldStop) -> None:
        self.report, self.should_stop = report, should_stop

    def write(self, text: str) -> None:
        """Parse one update of the bar."""
        done, slash, total = text.strip().partition("/")
        if slash and done.isdigit():
            self.report(int(done) / max(int(total), 1), "")
        if self.should_stop():
            raise EmbeddingStopped

    def flush(self) -> None:
        """Do nothing; tqdm calls it."""
