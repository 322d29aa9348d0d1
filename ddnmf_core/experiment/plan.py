"""What an experiment is: a TOML file with settings of a run, a grid of values, seeds, and clusterings of what comes out.

seeds = [1, 2, 3]
[run]
preset = "quick"                # and any field of RunConfig
dataset = "mnist-10k"
[grid]
gamma = [0.1, 1.0]              # every combination is trained with every seed
[[clusterings]]                 # and any field of ClusteringConfig
transform = "umap"
clusterer = "gmm"
"""

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from ddnmf_core.config import PRESETS, ClusteringConfig, Config, Device, RunConfig, Seed
from ddnmf_core.experiment.sweeps import MAX_RUNS

MAX_PLAN_BYTES = 1_000_000
OTHER_PLACES = {
    "seed": "seeds = [1, 2] at the top of the file",
    "run": "the runs of this file",
    "dataset": "[run] or [grid]",
    "n_samples": "[run] or [grid]",
}


class Experiment(Config):
    """Every combination of the grid's values with every seed; raises ValueError with a sentence for what is wrong."""

    device: Device = "auto"
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1,)
    run: Annotated[dict[str, Any], Field(default_factory=dict)]
    grid: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(default_factory=dict)]
    clusterings: tuple[dict[str, Any], ...] = ()

    @field_validator("run", "grid")
    @classmethod
    def _seeds_have_their_own_place(cls, fields: dict[str, Any]) -> dict[str, Any]:
        if "seed" in fields:
            raise ValueError(f"seed: belongs into {OTHER_PLACES['seed']}")
        return fields

    @field_validator("clusterings")
    @classmethod
    def _a_clustering_is_of_the_runs(cls, clusterings: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for name in (name for clustering in clusterings for name in clustering if name in OTHER_PLACES):
            raise ValueError(f"{name}: is not a clustering's own, it comes from {OTHER_PLACES[name]}")
        return clusterings


@dataclass(frozen=True)
class ExperimentItem:
    """One result of an experiment: a run, or clusters of its codes, at a point of the grid."""

    point: dict[str, Any]  # the grid's settings by name
    config: RunConfig | ClusteringConfig
    run: RunConfig | None  # what has to be trained before


def read_plan(path: Path) -> Experiment:
    """The experiment in a file; raises ValueError with what is wrong with it."""
    if path.stat().st_size > MAX_PLAN_BYTES:
        raise ValueError(f"{path} has more than {MAX_PLAN_BYTES:,} bytes: it should be a short text")
    try:
        return Experiment(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None


def experiment_items(experiment: Experiment) -> list[ExperimentItem]:
    """The runs, the whole grid of the first seed first, then what is made of them; each once."""
    axes = experiment.grid
    n_runs = math.prod(map(len, axes.values())) * len(experiment.seeds)
    if n_runs > MAX_RUNS:
        raise ValueError(f"{n_runs:,} runs: should be at most {MAX_RUNS} in one experiment; take fewer values or fewer seeds")
    points = [dict(zip(axes, point, strict=True)) for point in product(*axes.values())]
    runs = [ExperimentItem(point, _config(experiment.run, point, seed), None) for seed in experiment.seeds for point in points]
    made = [each for run in runs for each in _clusterings(run, experiment)]
    return list({each.config: each for each in [*runs, *made]}.values())


def _config(fields: dict[str, Any], point: dict[str, Any], seed: int) -> RunConfig:
    merged = {**fields, **point}
    preset = merged.pop("preset", None)
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"preset = {preset!r}: should be one of {', '.join(PRESETS)}")
    return RunConfig(**{**PRESETS.get(preset, {}), **merged, "seed": seed})


def _clusterings(trained: ExperimentItem, experiment: Experiment) -> Iterator[ExperimentItem]:
    """Of what the run has: an autoencoder has no coefficients of parts."""
    run = trained.config
    assert isinstance(run, RunConfig)
    for fields in experiment.clusterings:
        config = ClusteringConfig.of(run, **fields)
        if config.representation in run.representations:
            yield ExperimentItem(trained.point, config, run)
