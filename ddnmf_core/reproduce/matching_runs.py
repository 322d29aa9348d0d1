"""Which of a store's runs can show what the models of Figure 3 make of a noisy image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ddnmf_core.config import NoiseKind, RunConfig
from ddnmf_core.data.catalogue import dataset_family
from ddnmf_core.reproduce.protocol import Protocol
from ddnmf_core.store.entry import Entry

FIGURE3_NOISE: NoiseKind = "gaussian"  # of Figure 3: a level of another kind is another thing


@dataclass(frozen=True)
class MatchingRun:
    """A finished run, which of the figure's models it is, and whether it is the protocol's own at some level and seed."""

    entry: Entry
    config: RunConfig
    title: str
    own: bool


def find_matching_runs(entries: Iterable[Entry], protocol: Protocol) -> list[MatchingRun]:
    """Every finished run with the figure's kind of noise that is one of its models, in the order of the entries."""
    title_of = {settings.get("model", "ddnmf"): title for title, settings in protocol.noise_models.items()}
    found = []
    for entry in entries:
        config = entry.config
        if config.model in title_of and config.noise_kind == FIGURE3_NOISE and entry.finished:
            title = title_of[config.model]
            found.append(MatchingRun(entry, config, title, _is_own(config, protocol, title)))
    return found


def on_same_images(runs: Sequence[MatchingRun], dataset: str) -> list[MatchingRun]:
    """Those that can stand side by side: they were trained on the very same images of this set, or of its family.

    The protocol's own runs come first, then runs on the same set, then on as many images as there are.
    """
    wanted = dataset_family(dataset)
    fitting = [run for run in runs if dataset_family(run.config.dataset) == wanted]
    if not fitting:
        return []
    best = min(fitting, key=lambda run: (not run.own, run.config.dataset != dataset, run.config.n_samples is not None)).config
    return [run for run in fitting if (run.config.dataset, run.config.n_samples) == (best.dataset, best.n_samples)]


def nearest_run(runs: Sequence[MatchingRun], title: str, level: float) -> MatchingRun | None:
    """The model's run that was trained nearest to a noise level: the protocol's own where there is any, lowest seed first."""
    fitting = [run for run in runs if run.title == title]
    return min(
        fitting,
        default=None,
        key=lambda run: (not run.own, round(abs(run.config.noise_level - level), 6), run.config.noise_level, run.config.seed),
    )


def _is_own(config: RunConfig, protocol: Protocol, title: str) -> bool:
    return config.dataset in protocol.datasets and config == protocol.run(
        protocol.noise_models[title], config.dataset, config.seed, noise_level=config.noise_level
    )
