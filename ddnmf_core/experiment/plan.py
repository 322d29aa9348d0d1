"""Experiments: a TOML file with run settings, a grid of values, seeds and clusterings.

seeds = [1, 2, 3]
[run]
preset = "quick"                # and any field of RunConfig
dataset = "mnist-10k"
[grid]
gamma = [0.1, 1.0]              # every combination is trained with every seed
[[clusterings]]                 # any field of ClusteringConfig
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

from ddnmf_core.config import ClusteringConfig, Config, Device, RunConfig, Seed, preset_fields
from ddnmf_core.experiment.sweeps import MAX_RUNS

MAX_PLAN_BYTES = 1_000_000
OTHER_PLACES = {  # field of a run or clustering to where the file sets it
    "seed": "seeds = [1, 2] at the top of the file",
    "run": "the runs of this file",
    "dataset": "[run] or [grid]",
    "n_samples": "[run] or [grid]",
}


class Experiment(Config):
    """Settings of an experiment: every combination of the grid's values with every seed.

    Raises
    ------
    ValueError
        One sentence per invalid field.
    """

    device: Device = "auto"
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1,)
    run: Annotated[dict[str, Any], Field(default_factory=dict)]
    grid: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(default_factory=dict)]
    clusterings: tuple[dict[str, Any], ...] = ()

    @field_validator("run", "grid")
    @classmethod
    def _reject_seed(cls, fields: dict[str, Any]) -> dict[str, Any]:
        if "seed" in fields:
            raise ValueError(f"seed: should be set by {OTHER_PLACES['seed']}")
        return fields

    @field_validator("clusterings")
    @classmethod
    def _reject_fields_of_the_run(cls, clusterings: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for name in (name for clustering in clusterings for name in clustering if name in OTHER_PLACES):
            raise ValueError(f"{name}: cannot be set in [[clusterings]]; it comes from {OTHER_PLACES[name]}")
        return clusterings


@dataclass(frozen=True)
class ExperimentItem:
    """One result of an experiment: a run or a clustering of its codes, at a grid point."""

    point: dict[str, Any]  # the grid point's settings by name
    config: RunConfig | ClusteringConfig
    run: RunConfig | None  # to train first; None for a run


def read_plan(path: Path) -> Experiment:
    """Read an experiment file; raise ValueError if it is too large, not TOML or invalid."""
    if path.stat().st_size > MAX_PLAN_BYTES:
        raise ValueError(f"{path} has more than {MAX_PLAN_BYTES:,} bytes: should be a short TOML file")
    try:
        return Experiment(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None


def experiment_items(experiment: Experiment) -> list[ExperimentItem]:
    """List the runs, grid by grid for each seed, then their clusterings, without duplicates."""
    axes = experiment.grid
    n_runs = math.prod(map(len, axes.values())) * len(experiment.seeds)
    if n_runs > MAX_RUNS:
        raise ValueError(f"{n_runs:,} runs: should be at most {MAX_RUNS} per experiment; use fewer values or seeds")
    points = [dict(zip(axes, point, strict=True)) for point in product(*axes.values())]
    configs = [(point, _config(experiment.run, point, seed)) for seed in experiment.seeds for point in points]
    runs = [ExperimentItem(point, config, None) for point, config in configs]
    clusterings = [item for point, config in configs for item in _clusterings(point, config, experiment)]
    return list({item.config: item for item in [*runs, *clusterings]}.values())


def _config(fields: dict[str, Any], point: dict[str, Any], seed: int) -> RunConfig:
    merged = {**fields, **point}
    preset = preset_fields(merged.pop("preset", None))
    return RunConfig(**{**preset, **merged, "seed": seed})


def _clusterings(point: dict[str, Any], run: RunConfig, experiment: Experiment) -> Iterator[ExperimentItem]:
    """Yield the clusterings of a run, without representations that it lacks (H of an autoencoder)."""
    for fields in experiment.clusterings:
        config = ClusteringConfig.of(run, **fields)
        if config.representation in run.representations:
            yield ExperimentItem(point, config, run)
