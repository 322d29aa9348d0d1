"""What a worker makes of finished runs and of pixels: maps, clusters, a shallow NMF."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ddnmf_core.config import MAP_TITLES, ClusteringConfig, EmbeddingConfig, InterpretationConfig, PixelNMFConfig
from ddnmf_core.engine.worker.provenance import provenance
from ddnmf_core.engine.worker.train import load_model
from ddnmf_core.store.entry import CLUSTERS, CODES, EARLY, FACTORS, POINTS, PROVENANCE, SCORES, Entry, Status
from ddnmf_core.store.run_store import Store

EARLY_EVERY = 2.0                                                   # seconds between pictures of a map that is being made


def embed(entry: Entry, device_name: str) -> Status:
    """A map of a finished run's codes."""
    import pandas as pd

    from ddnmf_core.analysis import embeddings
    config: EmbeddingConfig = entry.config
    run = finished_run(entry.store, config.run)
    codes = run.read_tensors(CODES)[f"{'noisy' if config.noisy else 'clean'}/{config.representation}"]
    samples = embeddings.sample_of(config, len(codes))
    state = replace(entry.state, status="running", device="CPU",
                    message=f"{MAP_TITLES[config.method]} of {len(samples):,} points.")
    report = throttled(lambda share: entry.set_state(replace(state, progress=min(share, 1.0))))
    def look(points: Any) -> None:
        with suppress(OSError):                                     # a full disk may have room again when the map is done
            entry.write_table(EARLY, table_of(points))

    def table_of(points: Any) -> "pd.DataFrame":
        return pd.DataFrame({"sample": samples, "x": points[:, 0], "y": points[:, 1]})

    entry.set_state(state)
    try:
        points = embeddings.embed(codes[samples], config, report, lambda: entry.stop_requested, throttled(look, EARLY_EVERY))
        entry.write_table(POINTS, table_of(points))
    except embeddings.Stopped:
        return entry.end("stopped", "Stopped.")
    finally:
        entry.remove(EARLY)
    return entry.end("finished", "")


def cluster_representation(entry: Entry, device_name: str) -> Status:
    """Clusters of pixels or codes, their scores, and how far apart they lie without any label."""
    import pandas as pd

    from ddnmf_core.analysis.baselines import TITLES as TRANSFORMS
    from ddnmf_core.analysis.baselines import transformed
    from ddnmf_core.analysis.clustering import TITLES, cluster, silhouette
    from ddnmf_core.analysis.metrics import contingency, scores_of
    from ddnmf_core.data.catalogue import load
    config: ClusteringConfig = entry.config
    state = replace(entry.state, status="running", message="Reading the images.", device="CPU")
    entry.set_state(state)
    images = load(config.dataset, config.n_samples, download=True)
    began = time.perf_counter()
    x, error = _representation(entry.store, config, images)
    if config.transform != "none":
        entry.set_state(replace(state, progress=0.2, message=f"{TRANSFORMS[config.transform]} of {len(x):,} samples."))
        x = transformed(x, config)
    entry.set_state(replace(state, progress=0.7, message=f"{TITLES[config.clusterer]} of {len(x):,} samples."))
    found = cluster(x, config.clusterer, n_clusters(entry.store, config, images), config.seed)
    seconds = round(time.perf_counter() - began, 3)
    entry.write_table(CLUSTERS, pd.DataFrame({"cluster": found}))
    entry.write_json(PROVENANCE, provenance("CPU", seconds=seconds))
    entry.write_json(SCORES, {**scores_of(images, found), "silhouette": silhouette(x, found, config.seed), "error": error,
                              "contingency": contingency(images.labels, found).tolist()})
    return entry.end("finished", "")


def n_clusters(store: Store, config: ClusteringConfig | InterpretationConfig, images: Any) -> int:
    """As many as the run behind it looks for; of pixels as many as there are classes."""
    return images.n_clusters(run_behind(store, config).config.n_clusters if config.run else None)


def _representation(store: Store, config: ClusteringConfig, images: Any) -> tuple[Any, float | None]:
    """What is clustered, before its transform: (n, d), and how far the run's reconstructions of those images are from
    the clean ones (mean square). Codes that the run has kept are not computed again."""
    if config.run is None:
        return images.scaled(), None
    run = run_behind(store, config)
    if config.noise_level in (0, run.config.noise_level):
        codes, seen = run.read_tensors(CODES), "noisy" if config.noise_level else "clean"
        return codes[f"{seen}/{config.representation}"], float(codes[f"{seen}/error"].mean())
    from ddnmf_core.model.encoding import encode
    codes = encode(load_model(run), run.config.replace(noise_level=config.noise_level), images, noisy=True)
    return codes[config.representation], float(codes["error"].mean())


def finished_run(store: Store, run_id: str) -> Entry:
    run = store.get("runs", run_id)
    if not run.finished:
        raise ValueError(f"run {run_id} is not finished: train it first")
    return run


def run_behind(store: Store, config: ClusteringConfig | InterpretationConfig) -> Entry:
    """The finished run that it names; raises ValueError where that was trained on other images."""
    run = finished_run(store, str(config.run))
    if (run.config.dataset, run.config.n_samples) != (config.dataset, config.n_samples):
        raise ValueError(f"run {run.id} was trained on {run.config.dataset}, not on {config.dataset}")
    return run


def factorise_pixels(entry: Entry, device_name: str) -> Status:
    """scikit-learn's NMF of the pixels: H (n, r) and bases (r, n_pixels)."""
    from ddnmf_core.analysis.baselines import pixel_nmf
    from ddnmf_core.data.catalogue import load
    config: PixelNMFConfig = entry.config
    entry.set_state(replace(entry.state, progress=0.5, message=f"NMF of the pixels with {config.n_parts} parts.", device="CPU"))
    images = load(config.dataset, config.n_samples, download=True)
    entry.write_tensors(FACTORS, pixel_nmf(images.scaled(), config))
    return entry.end("finished", "")


def throttled(report: Callable[[Any], None], every: float = 0.25) -> Callable[[Any], None]:
    last = -every

    def maybe(what: Any) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            report(what)
    return maybe
