"""Compute a published cell again, from nothing, and say whether it agrees."""

from dataclasses import dataclass
from typing import Any

from ddnmf_core.metrics import SCORE_NAMES
from ddnmf_core.reproduce.cells import Cell, cells
from ddnmf_core.reproduce.protocol import Protocol
from ddnmf_core.reproduce.results import Record, Results, summary

DEVIATIONS = 3.0                                                    # of the published seeds, within which it agrees
ALONE = 0.05                                                        # where there is one seed and so no deviation


@dataclass(frozen=True)
class Verdict:
    """What came out, against what was published."""

    published: Record
    recomputed: Record
    allowed: dict[str, float]                                       # the largest difference that agrees, by score

    @property
    def identical(self) -> bool:
        return all(self.published[score] == self.recomputed[score] for score in SCORE_NAMES)

    @property
    def agrees(self) -> bool:
        return all(abs(self.published[score] - self.recomputed[score]) <= self.allowed[score] for score in SCORE_NAMES)

    def __str__(self) -> str:
        numbers = ", ".join(f"{score.upper()} {self.recomputed[score]:.5f} (published {self.published[score]:.5f}, "
                            f"may differ by {self.allowed[score]:.5f})" for score in SCORE_NAMES)
        word = "identical" if self.identical else "agrees" if self.agrees else "does NOT agree"
        return f"{self.published['method']}, {self.published['dataset']}, seed {self.published['seed']}: {word}. {numbers}"


def choose(results: Results, method: str | None = None, seed: int | None = None, noise_level: float | None = None) -> Record:
    """The cell that fits, the one that took least time first; raises ValueError where none does."""
    fitting = [record for record in results.cells if "acc" in record and method in (None, record["method"])
               and seed in (None, record["seed"]) and noise_level in (None, record.get("noise_level"))]
    if not fitting:
        methods = ", ".join(dict.fromkeys(record["method"] for record in results.cells))
        raise ValueError(f"{results.target} has no cell with method {method!r}, seed {seed}, noise {noise_level}. "
                         f"Its seeds are {results.seeds}, its methods {methods}")
    return min(fitting, key=lambda record: record.get("training_seconds", 0.0) + record["seconds"])


def cell_of(results: Results, record: Record) -> Cell:
    """The configurations behind a record; raises ValueError where the protocol no longer makes them."""
    protocol = Protocol.described(results.protocol)
    for cell in cells(results.target, protocol, [record["seed"]]):
        if cell.config.id == record["id"]:
            return cell
    raise ValueError(f"the cell {record['id']} is not one that this version makes: it was published by another one")


def verdict(results: Results, published: Record, recomputed: dict[str, Any]) -> Verdict:
    """Identical on the same machine; elsewhere within DEVIATIONS of the seeds, or ALONE where there is one seed."""
    keys = ("dataset", "method", "noise_level", "test_level")
    peers = [record for record in results.cells if all(record.get(key) == published.get(key) for key in keys)]
    row = summary(peers).iloc[0]
    allowed = {score: DEVIATIONS * float(row[f"{score}_std"]) if len(peers) > 1 else ALONE for score in SCORE_NAMES}
    return Verdict(published, {**published, **recomputed}, allowed)
