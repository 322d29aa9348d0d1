"""Stored runs that match the models of Figure 3."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ddnmf_core.config import NoiseKind, RunConfig
from ddnmf_core.data.catalogue import dataset_family
from ddnmf_core.reproduce.protocol import Protocol
from ddnmf_core.store.entry import Entry

FIGURE3_NOISE: NoiseKind = "gaussian"  # of Figure 3; levels of other kinds are not comparable


@dataclass(frozen=True)
class MatchingRun:
    """A finished run, its model in the figure, and whether it has exactly the protocol's settings."""

    entry: Entry
    config: RunConfig
    title: str
    own: bool


def find_matching_runs(entries: Iterable[Entry], protocol: Protocol) -> list[MatchingRun]:
    """Find the finished runs with the figure's models and kind of noise, in the order of the entries."""
    settings_of = _distinguishing_settings(protocol)
    matches = []
    for entry in entries:
        config = entry.config
        if config.noise_kind == FIGURE3_NOISE and entry.finished and (title := _nearest_title(config, settings_of)):
            matches.append(MatchingRun(entry, config, title, _is_own(config, protocol, title)))
    return matches


def _distinguishing_settings(protocol: Protocol) -> dict[str, dict[str, Any]]:
    """Return each model's value of every field that one of the figure's models sets."""
    names = dict.fromkeys(name for settings in protocol.noise_models.values() for name in settings)
    defaults = {name: RunConfig.model_fields[name].default for name in names}
    return {title: defaults | {**protocol.base, **settings} for title, settings in protocol.noise_models.items()}


def _nearest_title(config: RunConfig, settings_of: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Name the model of the figure with the run's kind of network and the fewest other settings; None if it has none."""
    differences = {
        title: sum(getattr(config, name) != value for name, value in settings.items())
        for title, settings in settings_of.items()
        if settings["model"] == config.model
    }
    return min(differences, key=differences.__getitem__, default=None)


def on_same_images(runs: Sequence[MatchingRun], dataset: str) -> list[MatchingRun]:
    """Select runs trained on the same images of this data set, or of its family, so that they are comparable.

    Prefers the protocol's own runs, then the same data set, then all of its images.
    """
    wanted = dataset_family(dataset)
    related = [run for run in runs if dataset_family(run.config.dataset) == wanted]
    if not related:
        return []
    best = min(related, key=lambda run: (not run.own, run.config.dataset != dataset, run.config.n_samples is not None)).config
    return [run for run in related if (run.config.dataset, run.config.n_samples) == (best.dataset, best.n_samples)]


def nearest_run(runs: Sequence[MatchingRun], title: str, level: float, like: RunConfig | None = None) -> MatchingRun | None:
    """Find a model's run nearest to a noise level.

    Prefers the protocol's own runs, then those with the settings of `like` but for model, noise level and seed, then the
    nearest level and the lowest seed.
    """

    def order(run: MatchingRun) -> tuple[bool, bool, float, float, int]:
        distance = round(abs(run.config.noise_level - level), 6)
        return (
            not run.own,
            like is not None and not _is_like(run.config, like),
            distance,
            run.config.noise_level,
            run.config.seed,
        )

    return min((run for run in runs if run.title == title), default=None, key=order)


def _is_like(config: RunConfig, other: RunConfig) -> bool:
    same = {"model": config.model, "noise_level": config.noise_level, "seed": config.seed}
    return config == other.replace(**same)


def _is_own(config: RunConfig, protocol: Protocol, title: str) -> bool:
    return config.dataset in protocol.datasets and config == protocol.run(
        protocol.noise_models[title], config.dataset, config.seed, noise_level=config.noise_level
    )
