"""Analyse finished runs and pixels: maps, clusterings, a shallow NMF."""

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.engine.worker.provenance import provenance
from ddnmf_core.engine.worker.recorder import throttled
from ddnmf_core.labels import MAP_TITLES
from ddnmf_core.store.entry import (
    CLUSTERS_FILE,
    EARLY_FILE,
    FACTORS_FILE,
    POINTS_FILE,
    PROVENANCE_FILE,
    SCORES_FILE,
    Entry,
    Status,
)
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ddnmf_core.data.dataset import Images

EARLY_MAP_INTERVAL_S = 2.0  # seconds between pictures of a map that is being made


def embed_run(entry: Entry[EmbeddingConfig], device_name: str) -> Status:
    """Compute a two-dimensional map of a finished run's codes."""
    import pandas as pd

    from ddnmf_core.analysis import embeddings

    config = entry.config
    codes = Store(entry.root).run(config.run).codes(config.representation, noisy=config.noisy)
    samples = embeddings.mapped_samples(config, len(codes))
    state = replace(
        entry.state, status="running", device="CPU", message=f"{MAP_TITLES[config.method]} of {len(samples):,} points."
    )

    def report(share: float, message: str) -> None:
        entry.set_state(replace(state, progress=min(share, 1.0)))

    def look(points: "NDArray[np.floating]") -> None:
        with suppress(OSError):  # a full disk may have room again when the map is done
            entry.write_table(EARLY_FILE, table_of(points))

    def table_of(points: "NDArray[np.floating]") -> "pd.DataFrame":
        return pd.DataFrame({"sample": samples, "x": points[:, 0], "y": points[:, 1]})

    entry.set_state(state)
    try:
        points = embeddings.embed(
            codes[samples], config, throttled(report), lambda: entry.stop_requested, throttled(look, EARLY_MAP_INTERVAL_S)
        )
        entry.write_table(POINTS_FILE, table_of(points))
    except embeddings.EmbeddingStopped:
        return entry.end("stopped", "Stopped.")
    finally:
        entry.remove(EARLY_FILE)
    return entry.end("finished", "")


def cluster_representation(entry: Entry[ClusteringConfig], device_name: str) -> Status:
    """Cluster pixels or codes; score the clusters with labels, and without them by their silhouette."""
    import pandas as pd

    from ddnmf_core.analysis.baselines import transform
    from ddnmf_core.analysis.clustering import cluster, silhouette
    from ddnmf_core.analysis.metrics import contingency, scores_of
    from ddnmf_core.data.catalogue import load
    from ddnmf_core.labels import CLUSTERER_TITLES
    from ddnmf_core.labels import TRANSFORM_TITLES as TRANSFORMS

    config = entry.config
    state = replace(entry.state, status="running", message="Reading the images.", device="CPU")
    entry.set_state(state)
    images = load(config.dataset, config.n_samples, download=True)
    began = time.perf_counter()
    run = source_run(entry)
    x, error = _representation(run, config, images)
    if config.transform != "none":
        entry.set_state(replace(state, progress=0.2, message=f"{TRANSFORMS[config.transform]} of {len(x):,} samples."))
        x = transform(x, config)
    entry.set_state(replace(state, progress=0.7, message=f"{CLUSTERER_TITLES[config.clusterer]} of {len(x):,} samples."))
    clusters = cluster(x, config.clusterer, n_clusters(run, images), config.seed)
    seconds = round(time.perf_counter() - began, 3)
    entry.write_table(CLUSTERS_FILE, pd.DataFrame({"cluster": clusters}))
    entry.write_json(PROVENANCE_FILE, provenance("CPU", seconds=seconds))
    entry.write_json(
        SCORES_FILE,
        {
            **scores_of(images, clusters),
            "silhouette": silhouette(x, clusters, config.seed),
            "error": error,
            "contingency": contingency(images.labels, clusters).tolist(),
        },
    )
    return entry.end("finished", "")


def source_run(entry: Entry[ClusteringConfig] | Entry[InterpretationConfig]) -> FinishedRun | None:
    """Return the run of an analysis, which may still lack its scores; None for one of pixels. Raise ValueError if the run was
    trained on other images."""
    config = entry.config
    if config.run is None:
        return None
    run = FinishedRun(Store(entry.root).get("runs", config.run), scored=False)
    if (run.config.dataset, run.config.n_samples) != (config.dataset, config.n_samples):
        raise ValueError(f"run {run.id} was trained on {_images_of(run.config)}, not on {_images_of(config)}")
    return run


def _images_of(config: RunConfig | ClusteringConfig | InterpretationConfig) -> str:
    n = f"{config.n_samples:,}" if config.n_samples else "all"
    return f"{n} images of {config.dataset}"


def n_clusters(run: FinishedRun | None, images: "Images") -> int:
    """Return the run's number of clusters; for pixels the number of classes."""
    return images.n_clusters(run.config.n_clusters if run else None)


def _representation(
    run: FinishedRun | None, config: ClusteringConfig, images: "Images"
) -> "tuple[NDArray[np.float32], float | None]":
    """Return the pixels or codes to cluster (n, d), before the transform, and the run's mean squared reconstruction error
    on those images (None for pixels). Stored codes are not computed again."""
    if run is None:
        return images.scaled(), None
    assert config.representation != "pixels"
    if config.noise_level in (0, run.config.noise_level):
        noisy = config.noise_level > 0
        return run.codes(config.representation, noisy=noisy), float(run.errors(noisy=noisy).mean())
    from ddnmf_core.model.encoding import encode

    codes = encode(run.model(), run.config.replace(noise_level=config.noise_level), images, noisy=True)
    return codes[config.representation], float(codes["error"].mean())


def factorise_pixels(entry: Entry[PixelNMFConfig], device_name: str) -> Status:
    """Factorise the pixels by scikit-learn's NMF: H (n, r) and bases (r, n_pixels)."""
    from ddnmf_core.analysis.baselines import pixel_nmf
    from ddnmf_core.data.catalogue import load

    config = entry.config
    entry.set_state(replace(entry.state, progress=0.5, message=f"NMF of the pixels with {config.n_parts} parts.", device="CPU"))
    images = load(config.dataset, config.n_samples, download=True)
    entry.write_tensors(FACTORS_FILE, pixel_nmf(images.scaled(), config))
    return entry.end("finished", "")
