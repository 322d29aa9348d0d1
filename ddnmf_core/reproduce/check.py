"""Compute a published cell again, from nothing, and say whether it agrees."""

import math
from dataclasses import dataclass
from typing import Any

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.reproduce.cells import TargetCell, target_cells
from ddnmf_core.reproduce.protocol import Protocol
from ddnmf_core.reproduce.results import Record, Results, summarise

SINGLE_SEED_TOLERANCE = 0.05  # where there is one seed and so no deviation
ROUNDING = 0.005  # of sums, where all seeds come to nearly the same


@dataclass(frozen=True)
class CheckResult:
    """What came out, against what was published."""

    published: Record
    recomputed: Record
    allowed: dict[str, float]  # the largest difference that agrees, by score
    rule: str  # where these come from, a sentence

    @property
    def identical(self) -> bool:
        return all(self.published[score] == self.recomputed[score] for score in SCORE_NAMES)

    @property
    def agrees(self) -> bool:
        return all(abs(self.published[score] - self.recomputed[score]) <= self.allowed[score] for score in SCORE_NAMES)

    def __str__(self) -> str:
        """The numbers side by side, and what the agreement is worth."""
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
    """The cell that fits, the one that took least time first; raises ValueError where none does."""
    fitting = [
        record
        for record in results.cells
        if "acc" in record
        and method in (None, record["method"])
        and seed in (None, record["seed"])
        and noise_level in (None, record.get("noise_level"))
    ]
    if not fitting:
        methods = ", ".join(dict.fromkeys(record["method"] for record in results.cells))
        raise ValueError(
            f"{results.target} has no cell with method {method!r}, seed {seed}, noise {noise_level}. "
            f"Its seeds are {results.seeds}, its methods {methods}"
        )
    return min(fitting, key=lambda record: record.get("training_seconds", 0.0) + record["seconds"])


def cell_of(results: Results, record: Record) -> TargetCell:
    """The configurations behind a record; raises ValueError where the protocol no longer makes them."""
    protocol = Protocol.described(results.protocol)
    for cell in target_cells(results.target, protocol, [record["seed"]]):
        if cell.config.id == record["id"]:
            return cell
    raise ValueError(f"the cell {record['id']} is not one that this version makes: it was published by another one")


def compare_record(results: Results, published: Record, recomputed: dict[str, Any]) -> CheckResult:
    """Identical on the same machine. On another one the same seed is as good as another seed, so that it may differ as two
    draws do whose deviation was estimated from the published seeds: in 95 of 100 cases by no more than t s sqrt(2)."""
    from scipy.stats import t

    keys = ("dataset", "method", "noise_level", "test_level")
    peers = [record for record in results.cells if all(record.get(key) == published.get(key) for key in keys)]
    row = summarise(peers).iloc[0]
    n_seeds = len(peers)
    if n_seeds < 2:
        allowed, rule = (
            dict.fromkeys(SCORE_NAMES, SINGLE_SEED_TOLERANCE),
            f"One seed has no deviation: {SINGLE_SEED_TOLERANCE} is a guess",
        )
    else:
        factor = float(t.ppf(0.975, n_seeds - 1)) * math.sqrt(2)
        allowed = {score: max(ROUNDING, factor * float(row[f"{score}_std"])) for score in SCORE_NAMES}
        rule = f"In about 95 of 100 cases another seed differs by no more in one score, as far as {n_seeds} seeds tell"
    return CheckResult(published, {**published, **recomputed}, allowed, rule)
