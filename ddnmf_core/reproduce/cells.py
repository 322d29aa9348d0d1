"""Cells of the tables and figures: the configurations behind every number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ddnmf_core.config import CLUSTERERS, ClusteringConfig, EmbeddingConfig, InterpretationConfig, RunConfig
from ddnmf_core.labels import CLUSTERER_TITLES
from ddnmf_core.reproduce.protocol import Protocol

Target = Literal["table1", "table2", "table3", "figure2", "figure3", "selection", "parts"]
TARGETS: tuple[Target, ...] = get_args(Target)


@dataclass(frozen=True)
class TargetCell:
    """One number for one seed: a method on a data set, for Table 3 and Figure 3 at a noise level."""

    dataset: str
    method: str
    seed: int
    run: RunConfig | None  # to train first; None: no model
    config: ClusteringConfig | EmbeddingConfig | InterpretationConfig  # derived result
    noise_level: float | None = None  # Table 3, Figure 3: noise level of the training
    test_level: float | None = None  # ... and of the clustered images


def target_cells(target: Target, protocol: Protocol, seeds: Sequence[int]) -> list[TargetCell]:
    """List the cells of a target, ordered by seed so that complete seeds finish first."""
    make = {
        "table1": lambda seed: _table(protocol, protocol.datasets[0], seed),
        "table2": lambda seed: _table(protocol, protocol.datasets[1], seed),
        "table3": lambda seed: _noise(protocol, seed, everywhere=False),
        "figure3": lambda seed: _noise(protocol, seed, everywhere=True),
        "selection": lambda seed: _candidates(protocol, seed),
        "parts": lambda seed: _factorisations(protocol, seed),
    }
    if target == "figure2":
        return list(_maps(protocol, seeds[0]))
    return [cell for seed in seeds for cell in make[target](seed)]


def _table(protocol: Protocol, dataset: str, seed: int) -> Iterator[TargetCell]:
    for source in protocol.sources:
        run = protocol.run(protocol.models[source.model], dataset, seed) if source.model else None
        for clusterer in source.clusterers:
            settings = {**source.settings, "clusterer": clusterer, "seed": seed}
            config = (
                ClusteringConfig.of(run, **settings)
                if run
                else ClusteringConfig(**{"dataset": dataset, "n_samples": protocol.n_samples, **settings})
            )
            yield TargetCell(dataset, source.method(clusterer), seed, run, config)


def _noise(protocol: Protocol, seed: int, everywhere: bool) -> Iterator[TargetCell]:
    """Yield models trained at each level and tested at the same level, or everywhere: at all levels and on clean images."""
    for level in protocol.noise_levels:
        for dataset in protocol.datasets:
            for title, settings in protocol.noise_models.items():
                run = protocol.run(settings, dataset, seed, noise_level=level)
                for test_level in (0.0, *protocol.noise_levels) if everywhere else (level,):
                    config = ClusteringConfig.of(run, noise_level=test_level)
                    yield TargetCell(dataset, title, seed, run, config, level, test_level)


def _candidates(protocol: Protocol, seed: int) -> Iterator[TargetCell]:
    """Yield the candidate settings of DDNMF with both clusterers."""
    for title, settings in protocol.candidates.items():
        for dataset in protocol.datasets:
            run = protocol.run(settings, dataset, seed)
            for clusterer in CLUSTERERS:
                yield TargetCell(
                    dataset, f"{title}+{CLUSTERER_TITLES[clusterer]}", seed, run, ClusteringConfig.of(run, clusterer=clusterer)
                )


def _factorisations(protocol: Protocol, seed: int) -> Iterator[TargetCell]:
    """Yield the factorisations whose parts are evaluated."""
    for dataset in protocol.datasets:
        for source in protocol.part_sources:
            run = protocol.run(protocol.models[source.model], dataset, seed) if source.model else None
            settings = {**source.settings, "seed": seed, "n_pictures": protocol.n_pictures}
            config = (
                InterpretationConfig.of(run, **settings)
                if run
                else InterpretationConfig(**{"dataset": dataset, "n_samples": protocol.n_samples, **settings})
            )
            yield TargetCell(dataset, source.title, seed, run, config)


def _maps(protocol: Protocol, seed: int) -> Iterator[TargetCell]:
    for dataset in protocol.datasets:
        for title in ("DDNMF", "AE1"):
            run = protocol.run(protocol.models[title], dataset, seed)
            yield TargetCell(dataset, title, seed, run, EmbeddingConfig(run=run.id, n_points=protocol.n_map_points, seed=seed))
