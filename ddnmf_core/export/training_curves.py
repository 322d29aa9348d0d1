"""Settings, epoch values and final results of a run, for experiment trackers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ddnmf_core.store.finished_run import FinishedRun

_Nested: TypeAlias = "dict[str, _Nested] | list[_Nested] | float | str"
NOT_VALUES = ("kind", "epoch", "step")


@dataclass(frozen=True)
class Epoch:
    """Values of one epoch, and its end in seconds since 1970."""

    number: int
    ended: float
    values: dict[str, float]


def epoch_values(run: FinishedRun) -> Iterator[Epoch]:
    """Yield all epochs with flat names ('L_sym', 'weighted/L_sym', 'layer_shares/1'), timed as if never interrupted."""
    history = run.epochs()
    ended = run.entry.state.updated - sum(row["seconds"] for row in history)
    for row in history:
        ended += row["seconds"]
        yield Epoch(round(row["epoch"]), ended, dict(_flat({k: v for k, v in row.items() if k not in NOT_VALUES})))


def flat_settings(run: FinishedRun) -> dict[str, str | int | float]:
    """Convert all settings to numbers or text."""
    return {
        name: value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)
        for name, value in run.config.settings().items()
    }


def final_results(run: FinishedRun) -> dict[str, float]:
    """Return scores and errors: 'acc/clean/z/kmeans', 'error/noisy'; the last losses are in the last epoch."""
    return {name: value for name, value in run.results().items() if "/" in name}


def _flat(values: "dict[str, _Nested] | list[_Nested]", prefix: str = "") -> Iterator[tuple[str, float]]:
    items = values.items() if isinstance(values, dict) else zip(map(str, range(1, len(values) + 1)), values, strict=True)
    for name, value in items:
        if isinstance(value, dict | list):
            yield from _flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", float(value)
