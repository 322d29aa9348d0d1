"""Suggest settings for the size of a data set, with a reason: small tables need smaller networks than images."""

import math
from dataclasses import dataclass
from typing import Any

from ddnmf_core.config import USER_DATASET, RunConfig, preset_fields
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DatasetSpec

LARGE_SAMPLES, LARGE_FEATURES = 5000, 256  # at least, for the default network
N_UPDATES = 1760  # at least, for the loss of a small set to settle
MIN_EPOCHS, MAX_EPOCHS = 15, 200
MANY_SAMPLES = 50_000  # from here on the default run has more steps than it needs
MIN_BATCHES = 12  # in an epoch
TABLE_NOISE = 0.2  # a table's features are not redundant as pixels are


@dataclass(frozen=True)
class Suggestion:
    """Suggested fields of a RunConfig, and the reason."""

    fields: dict[str, Any]
    reason: str


def suggestion_for(name: str, spec: DatasetSpec) -> Suggestion | None:
    """Suggest settings for a data set of the user's or one much larger than the default one; None where the defaults suit."""
    return suggest(spec) if USER_DATASET.fullmatch(name) or spec.n_samples >= MANY_SAMPLES else None


def preset_for(preset: str | None, spec: DatasetSpec) -> dict[str, Any]:
    """Return a preset's settings for a data set, none for None: at most half as many parts at the pixels as there are pixels.

    Raises
    ------
    ValueError
        If no preset has this name.
    """
    fields = preset_fields(preset)
    if fields.get("nmf_at") != "pixels":
        return fields
    return fields | {"n_parts": max(2, min(fields["n_parts"], spec.n_pixels // 2))}


def preset_for_data(preset: str | None, dataset: str | None) -> dict[str, Any]:
    """Return `preset_for` of a data set by its name; of the default one where it is none or not known."""
    known = dataset if dataset is not None and catalogue.is_known(dataset) else RunConfig().dataset
    return preset_for(preset, catalogue.spec(known))


def suggest(spec: DatasetSpec) -> Suggestion:
    """Suggest layers, parts, batch size and epochs for a data set of this size."""
    n, d = spec.n_samples, spec.n_pixels
    layers = _layers(n, d, len(spec.class_names))
    batch = max(16, min(RunConfig().batch_size, _power_of_two(n / MIN_BATCHES)))
    epochs = min(MAX_EPOCHS, max(MIN_EPOCHS, round(N_UPDATES / (n / batch) / 10) * 10))
    fields: dict[str, Any] = {"layers": layers, "n_parts": layers[-1], "batch_size": batch, "epochs": epochs}
    if not spec.labelled:
        fields["n_clusters"] = max(2, min(10, n // 20))
    if spec.feature_names:
        fields["noise_level"] = TABLE_NOISE
    return Suggestion(fields, _reason(spec, fields))


def _layers(n: int, d: int, n_classes: int) -> tuple[int, ...]:
    """Choose widths limited by features and samples; the code has half as many units as features, or one for each class."""
    if n >= LARGE_SAMPLES and d >= LARGE_FEATURES:
        return RunConfig().layers
    first = max(16, min(512, _power_of_two(2 * d), _power_of_two(n / 4)))
    return first, max(first // 2, 12), max(2, min(10, max((d + 1) // 2, min(d, n_classes))))


def _power_of_two(value: float) -> int:
    """Round down to a power of two."""
    return 1 << max(int(value), 1).bit_length() - 1


def _steps(spec: DatasetSpec, fields: dict[str, Any]) -> int:
    """Count the steps of the suggested training."""
    return fields["epochs"] * math.ceil(spec.n_samples / fields["batch_size"])


def _reason(spec: DatasetSpec, fields: dict[str, Any]) -> str:
    what = "features" if spec.feature_names else "pixels"
    layers = "-".join(map(str, fields["layers"]))
    sentences = [
        f"For {spec.n_samples:,} samples of {spec.n_pixels:,} {what}: layers {layers}, {fields['n_parts']} parts, "
        f"batches of {fields['batch_size']}, {fields['epochs']} epochs ({_steps(spec, fields):,} steps)"
    ]
    if "noise_level" in fields:
        sentences.append(f"noise {fields['noise_level']:.0%}, because columns of a table are less redundant than pixels")
    if "n_clusters" in fields:
        sentences.append(f"{fields['n_clusters']} clusters, because there are no labels to count")
    return "; ".join(sentences) + "."
