"""Comparison of a published cell with its recomputation."""

import math
from dataclasses import dataclass
from typing import Any

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.reproduce.cells import TargetCell, target_cells
from ddnmf_core.reproduce.protocol import Protocol
from ddnmf_core.reproduce.results import Record, Results, summarise

SINGLE_SEED_TOLERANCE = 0.05  # for a single seed, which has no standard deviation
ROUNDING = 0.005  # minimal tolerance, when all seeds nearly agree


@dataclass(frozen=True)
class CheckResult:
    """Recomputed scores of a cell compared with the published ones."""

    published: Record
    recomputed: Record
    allowed: dict[str, float]  # largest difference that agrees, by score
    rule: str  # sentence on the origin of these tolerances

    @property
    def identical(self) -> bool:
        """Whether all scores are identical."""
        return all(self.published[score] == self.recomputed[score] for score in SCORE_NAMES)

    @property
    def agrees(self) -> bool:
        """Whether all scores differ by no more than allowed."""
        return all(abs(self.published[score] - self.recomputed[score]) <= self.allowed[score] for score in SCORE_NAMES)

    def __str__(self) -> str:
        """Format verdict, scores, tolerances and rule."""
        numbers = ", ".join(
            f"{score.upper()} {self.recomputed[score]:.5f} (published {self.published[score]:.5f}, "
            f"may differ by {self.allowed[score]:.5f})"
            for score in SCORE_NAMES
        )
        word = "identical" if self.identical else "agrees" if self.agrees else "does NOT agree"
        return (
            f"{self.published['method']}, {self.published['dataset']}, seed {self.published['seed']}: {word}. {numbers}. "
            f"{self.rule}"
        )


def choose_record(
    results: Results, method: str | None = None, seed: int | None = None, noise_level: float | None = None
) -> Record:
    """Find the matching cell that took least time; raise ValueError if there is none."""
    matching = [
        record
        for record in results.cells
        if "acc" in record
        and method in (None, record["method"])
        and seed in (None, record["seed"])
        and noise_level in (None, record.get("noise_level"))
    ]
    if not matching:
        methods = ", ".join(dict.fromkeys(record["method"] for record in results.cells))
        raise ValueError(
            f"{results.target} has no cell with method {method!r}, seed {seed}, noise {noise_level}. "
            f"Its seeds are {results.seeds}, its methods {methods}"
        )
    return min(matching, key=lambda record: record.get("training_seconds", 0.0) + record["seconds"])


def cell_of(results: Results, record: Record) -> TargetCell:
    """Return the cell of a record; raise ValueError if the current protocol has no such cell."""
    protocol = Protocol.described(results.protocol)
    for cell in target_cells(results.target, protocol, [record["seed"]]):
        if cell.config.id == record["id"]:
            return cell
    raise ValueError(f"cell {record['id']} is not in this version's protocol: it was published by another version")


def compare_record(results: Results, published: Record, recomputed: dict[str, Any]) -> CheckResult:
    """Compare a recomputed cell with the published one.

    On the same machine the scores are identical. On another machine the same seed behaves like another seed, so the tolerance
    is that of two draws whose standard deviation s is estimated from the published seeds: t s sqrt(2) in 95 of 100 cases.
    """
    from scipy.stats import t

    keys = ("dataset", "method", "noise_level", "test_level")
    peers = [record for record in results.cells if all(record.get(key) == published.get(key) for key in keys)]
    row = summarise(peers).iloc[0]
    n_seeds = len(peers)
    if n_seeds < 2:
        allowed, rule = (
            dict.fromkeys(SCORE_NAMES, SINGLE_SEED_TOLERANCE),
            f"A single seed has no standard deviation; the tolerance {SINGLE_SEED_TOLERANCE} is a guess",
        )
    else:
        factor = float(t.ppf(0.975, n_seeds - 1)) * math.sqrt(2)
        allowed = {score: max(ROUNDING, factor * float(row[f"{score}_std"])) for score in SCORE_NAMES}
        rule = f"Another seed differs by no more in about 95 of 100 cases, estimated from {n_seeds} seeds"
    return CheckResult(published, {**published, **recomputed}, allowed, rule)
