"""Estimate the duration of work from speeds measured on this machine."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from ddnmf_core.config import CLUSTERERS, ClusteringConfig, Config, EmbeddingConfig, InterpretationConfig, RunConfig
from ddnmf_core.data.catalogue import spec

CLUSTERED_PER_SECOND, MAPPED_PER_SECOND, EMBEDDED_PER_SECOND = 20_000, 500, 50  # samples, roughly
SHARED_OUT_PER_SECOND, INTERPRETED_PER_SECOND = 15, 2000


def count_weights(config: RunConfig) -> int:
    """Count the weights of all networks of a run, without biases."""
    n_pixels = spec(config.dataset).n_pixels
    sizes = (n_pixels, *config.encoder_layers, *config.decoder_layers, n_pixels)
    autoencoder = sum(n_in * n_out for n_in, n_out in pairwise(sizes))
    if config.model != "ddnmf":
        return autoencoder
    return 2 * autoencoder + 2 * config.code_size * config.n_parts


def same_speed_class(one: RunConfig, other: RunConfig) -> bool:
    """Whether the speed of one run predicts the other's: similar network sizes, equal batch sizes."""
    ratio = count_weights(one) / count_weights(other)
    return 1 / 3 < ratio < 3 and one.batch_size == other.batch_size


def training_seconds(config: RunConfig, measured: Iterable[Mapping[str, Any]]) -> float | None:
    """Estimate the seconds of training; None without a measurement.

    `measured` holds speeds (weights, images_per_second), the most trusted one last. The estimate is proportional to
    the number of images and of weights.
    """
    speeds = [row for row in measured if row.get("images_per_second", 0) > 0]
    if not speeds:
        return None
    speed = speeds[-1]["images_per_second"] * speeds[-1]["weights"]
    return (1 - config.test_share) * n_images(config) * config.epochs * count_weights(config) / speed


def measured_speed(config: RunConfig, history: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """Return the speed of a run: the median of its rows, of which some fall into pauses and bursts; None without rows."""
    speeds = [row["images_per_second"] for row in history if row.get("images_per_second", 0) > 0]
    return {"weights": count_weights(config), "images_per_second": median(speeds)} if speeds else None


def median_speed(measured: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Return the middle one of some speeds, by weights times images per second."""
    return sorted(measured, key=lambda speed: speed["weights"] * speed["images_per_second"])[len(measured) // 2]


def seconds_left(config: RunConfig, history: Sequence[Mapping[str, Any]]) -> float | None:
    """Estimate the seconds until a run in training is finished, from its own speed; None without rows."""
    speed = measured_speed(config, history)
    if speed is None:
        return None
    seconds = run_seconds(config, [speed]) or 0.0
    return seconds - (training_seconds(config, [speed]) or 0.0) * min(1.0, history[-1]["epoch"] / config.epochs)


def run_seconds(config: RunConfig, measured: Iterable[Mapping[str, Any]]) -> float | None:
    """Estimate the seconds of a run: training, and clustering of clean and noisy images in every representation."""
    training = training_seconds(config, measured)
    n_clusterings = 2 * len(config.representations) * len(CLUSTERERS)
    return None if training is None else training + n_clusterings * n_images(config) / CLUSTERED_PER_SECOND


def analysis_seconds(config: Config) -> float:
    """Estimate the seconds of an analysis of a run or of pixels."""
    if isinstance(config, ClusteringConfig):
        return n_images(config) / (MAPPED_PER_SECOND if config.transform == "umap" else CLUSTERED_PER_SECOND)
    if isinstance(config, InterpretationConfig):
        return config.n_pictures / SHARED_OUT_PER_SECOND + n_images(config) / INTERPRETED_PER_SECOND
    return config.n_points / EMBEDDED_PER_SECOND if isinstance(config, EmbeddingConfig) else 0.0


def n_images(config: RunConfig | ClusteringConfig | InterpretationConfig) -> int:
    """Return the number of images of a run or an analysis."""
    return config.n_samples or spec(config.dataset).n_samples


def format_duration(seconds: float) -> str:
    """Format a duration: '50 s', '3 min', '2 h 10 min'."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
