"""Sweeps: runs that differ only in loss weights, noise level, number of parts and seed.

Sweeps are not stored. Their runs are found by configuration, so an existing run that fits belongs to a new sweep.
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
INTEGER_FIELDS = ("n_parts",)
MAX_RUNS = 500  # of a sweep or experiment

Number = int | float


@dataclass(frozen=True)
class Sweep:
    """Runs with the same base settings, and the settings that vary, with their values in ascending order."""

    id: str  # independent of the swept settings
    base: RunConfig  # configuration of the newest run
    axes: dict[str, list[Number]]
    entries: list[RunEntry]


def parse_values(name: str, text: str) -> list[Number]:
    """Parse text such as '0.01, 0.1, 1' to distinct numbers in ascending order; empty text gives none."""
    kind, example = (int, "5, 10, 20") if name in INTEGER_FIELDS else (float, "0.01, 0.1, 1")
    try:
        return sorted({kind(part) for part in text.split(",") if part.strip()})
    except ValueError:
        what = "whole numbers" if name in INTEGER_FIELDS else "numbers"
        raise ValueError(f"{name} = {text!r}: should be {what} separated by commas, such as {example}") from None


def make_grid(base: RunConfig, axes: Mapping[str, Sequence[Number]], seeds: Sequence[int]) -> list[RunConfig]:
    """Combine the values of all axes with every seed, seed by seed.

    An empty axis keeps the base's value. Settings that the model does not have (gamma of an autoencoder) add no runs. Raises
    ValueError for an axis that cannot be swept, or for more than MAX_RUNS runs.
    """
    if unknown := sorted(set(axes) - set(SWEEPABLE)):
        raise ValueError(f"{', '.join(unknown)}: cannot be swept; should be one of {', '.join(SWEEPABLE)}")
    varied = {name: axes[name] for name in axes if axes[name]}
    n_runs = math.prod(map(len, varied.values())) * len(seeds)
    if n_runs > MAX_RUNS:
        raise ValueError(f"{n_runs:,} runs: should be at most {MAX_RUNS} per sweep; use fewer values or seeds")
    points = [dict(zip(varied, point, strict=True)) for point in product(*varied.values())]
    return list(dict.fromkeys(base.replace(**point, seed=seed) for seed in seeds for point in points))


def sweep_id(config: RunConfig) -> str:
    """Compute the id shared by all runs that differ only in swept settings and seed."""
    fields = type(config).model_fields
    return config.replace(**{name: fields[name].default for name in (*SWEEPABLE, "seed")}).id


def find_sweeps(entries: Iterable[RunEntry]) -> list[Sweep]:
    """Find groups of runs of which two differ in one swept setting alone, in the order of their first entries."""
    groups: dict[str, list[tuple[RunEntry, RunConfig]]] = {}
    for entry in entries:
        config = entry.config
        groups.setdefault(sweep_id(config), []).append((entry, config))
    sweeps = []
    for name, members in groups.items():
        values = {axis: sorted({getattr(config, axis) for _, config in members}) for axis in SWEEPABLE}
        points = {tuple(getattr(config, axis) for axis in SWEEPABLE) for _, config in members}
        if _have_neighbours(points):
            axes = {axis: numbers for axis, numbers in values.items() if len(numbers) > 1}
            sweeps.append(Sweep(name, members[0][1], axes, [entry for entry, _ in members]))
    return sweeps


def _have_neighbours(points: set[tuple[Number, ...]]) -> bool:
    """Return whether two grid points differ in one coordinate alone, so that they are two cells of one axis."""
    lines = [(i, point[:i] + point[i + 1 :]) for point in points for i in range(len(point))]
    return len(set(lines)) < len(lines)


def run_table(
    entries: Iterable[RunEntry],
    results_of: Callable[[RunEntry], Mapping[str, float]] = lambda entry: FinishedRun(entry).results(),
) -> "pd.DataFrame":
    """Build a table with one row per run: swept settings, seed, run, status, message and, if finished, results."""
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
    """Summarise a measure per grid cell.

    Columns: x, y, mean, std (NaN for one seed), n, runs, measured (runs with a value), states (status to count). Raises
    ValueError if a setting other than x and y varies within a cell.
    """
    import pandas as pd

    axes = [x, y] if y else [x]
    if mixed := [name for name in SWEEPABLE if name not in axes and frame[name].nunique() > 1]:
        raise ValueError(f"{', '.join(mixed)}: varies within a cell; should be fixed or an axis")
    rows = []
    for point, cell in frame.groupby(axes):
        measured = cell[cell[measure].notna()] if measure in cell else cell.iloc[:0]
        numbers = measured[measure] if len(measured) else pd.Series(dtype=float)
        rows.append(
            {
                **dict(zip(axes, point, strict=True)),
                "mean": numbers.mean(),
                "std": numbers.std(ddof=1),
                "n": len(measured),
                "runs": list(cell["run"]),
                "measured": list(measured["run"]),
                "states": cell["status"].value_counts().to_dict(),
            }
        )
    return pd.DataFrame(rows)
