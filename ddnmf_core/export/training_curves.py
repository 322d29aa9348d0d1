"""What trackers of experiments show of a run: settings, numbers of every epoch, what it came to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ddnmf_core.store.finished_run import FinishedRun

NOT_VALUES = ("kind", "epoch", "step")


@dataclass(frozen=True)
class Epoch:
    """The numbers of one epoch and when it ended, in seconds since 1970."""

    number: int
    ended: float
    values: dict[str, float]


def epoch_values(run: FinishedRun) -> Iterator[Epoch]:
    """Every epoch with flat names: 'L_sym', 'weighted/L_sym', 'layer_shares/1'; the clock of an undisturbed training."""
    history = run.epochs()
    ended = run.entry.state.updated - sum(row["seconds"] for row in history)
    for row in history:
        ended += row["seconds"]
        yield Epoch(round(row["epoch"]), ended, dict(_flat({k: v for k, v in row.items() if k not in NOT_VALUES})))


def flat_settings(run: FinishedRun) -> dict[str, str | int | float]:
    """Every setting as a number or a text."""
    return {
        name: value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)
        for name, value in run.config.model_dump(mode="json").items()
    }


def final_results(run: FinishedRun) -> dict[str, float]:
    """Its scores and errors: 'acc/clean/z/kmeans', 'error/noisy'. Its last losses stand in the last epoch."""
    return {name: value for name, value in run.results().items() if "/" in name}


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    items = values.items() if isinstance(values, dict) else enumerate(values, 1)
    for name, value in items:
        if isinstance(value, dict | list):
            yield from _flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", float(value)
