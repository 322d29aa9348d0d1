"""Sweeps: runs that differ in nothing but a few weights, the noise, the number of parts and the seed.

No sweep is stored as such. Its runs are found by their configurations, whoever asked for them, so that an old run
that fits is a part of a new sweep.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from ddnmf_core.config import RunConfig
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    import pandas as pd

SWEEPABLE = ("alpha", "beta", "gamma", "noise_level", "n_parts")
WEIGHTS = ("alpha", "beta", "gamma")
INTEGER_FIELDS = ("n_parts",)  # counted, not measured
MAX_RUNS = 500  # that are started at once

Number = int | float


@dataclass(frozen=True)
class Sweep:
    """Runs of one base, and the settings in which they differ, each with its values in ascending order."""

    id: str  # the same whatever the swept settings are
    base: RunConfig  # of the newest run
    axes: dict[str, list[Number]]
    entries: list[RunEntry]


def parse_values(name: str, text: str) -> list[Number]:
    """The numbers of a list such as '0.01, 0.1, 1', ascending and each once; none of an empty text."""
    kind, example = (int, "5, 10, 20") if name in INTEGER_FIELDS else (float, "0.01, 0.1, 1")
    try:
        return sorted({kind(part) for part in text.split(",") if part.strip()})
    except ValueError:
        what = "whole numbers" if name in INTEGER_FIELDS else "numbers"
        raise ValueError(f"{name} = {text!r}: should be {what} with commas between them, such as {example}") from None


def make_grid(base: RunConfig, axes: Mapping[str, Sequence[Number]], seeds: Sequence[int]) -> list[RunConfig]:
    """Every combination of the axes' values with every seed; the whole grid of the first seed comes first.

    An empty axis keeps the base's value. What a model does not have makes no second run of it: an autoencoder's gamma.
    """
    if unknown := sorted(set(axes) - set(SWEEPABLE)):
        raise ValueError(f"{', '.join(unknown)}: cannot be swept; should be one of {', '.join(SWEEPABLE)}")
    varied = {name: axes[name] for name in axes if axes[name]}
    n_runs = math.prod(map(len, varied.values())) * len(seeds)
    if n_runs > MAX_RUNS:
        raise ValueError(f"{n_runs:,} runs: should be at most {MAX_RUNS} at once; take fewer values or fewer seeds")
    points = [dict(zip(varied, point, strict=True)) for point in product(*varied.values())]
    return list(dict.fromkeys(base.replace(**point, seed=seed) for seed in seeds for point in points))


def sweep_id(config: RunConfig) -> str:
    """The same for all runs that differ in swept settings and the seed alone."""
    fields = type(config).model_fields
    return config.replace(**{name: fields[name].default for name in (*SWEEPABLE, "seed")}).id


def find_sweeps(entries: Iterable[RunEntry]) -> list[Sweep]:
    """Groups of runs with two grid points or more, in the order of their first entries."""
    groups: dict[str, list[tuple[RunEntry, RunConfig]]] = {}
    for entry in entries:
        config = entry.config
        groups.setdefault(sweep_id(config), []).append((entry, config))
    found = []
    for name, members in groups.items():
        seen = {axis: sorted({getattr(config, axis) for _, config in members}) for axis in SWEEPABLE}
        if axes := {axis: there for axis, there in seen.items() if len(there) > 1}:
            found.append(Sweep(name, members[0][1], axes, [entry for entry, _ in members]))
    return found


def run_table(
    entries: Iterable[RunEntry],
    results_of: Callable[[RunEntry], Mapping[str, float]] = lambda entry: FinishedRun(entry).results(),
) -> "pd.DataFrame":
    """One row a run: its swept settings, seed, run, status and message, and where it is finished what it has come to."""
    import pandas as pd

    rows = []
    for entry in entries:
        config, state = entry.config, entry.state
        rows.append(
            {
                **{name: getattr(config, name) for name in (*SWEEPABLE, "seed")},
                "run": entry.id,
                "status": state.status,
                "message": state.message,
                **(results_of(entry) if state.status == "finished" else {}),
            }
        )
    return pd.DataFrame(rows).sort_values([*SWEEPABLE, "seed"], ignore_index=True)


def summarise_cells(frame: "pd.DataFrame", x: str, y: str | None, measure: str) -> "pd.DataFrame":
    """One row a grid cell: x, y, mean and std (NaN for one seed) of n runs, the runs, those with a number, all states."""
    import pandas as pd

    axes = [x, y] if y else [x]
    if mixed := [name for name in SWEEPABLE if name not in axes and frame[name].nunique() > 1]:
        raise ValueError(f"{', '.join(mixed)}: takes several values in one cell; should be fixed or be an axis")
    rows = []
    for point, cell in frame.groupby(axes):
        found = cell[cell[measure].notna()] if measure in cell else cell.iloc[:0]
        numbers = found[measure] if len(found) else pd.Series(dtype=float)
        rows.append(
            {
                **dict(zip(axes, point, strict=True)),
                "mean": numbers.mean(),
                "std": numbers.std(ddof=1),
                "n": len(found),
                "runs": list(cell["run"]),
                "measured": list(found["run"]),
                "states": cell["status"].value_counts().to_dict(),
            }
        )
    return pd.DataFrame(rows)
