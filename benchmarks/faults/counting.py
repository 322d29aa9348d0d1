"""What is counted: how often a fault was tried, what survived, how long the recovery took."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Count:
    """How often a fault was tried and what became of it."""

    fault: str
    what: str
    full: int  # tries of the full round
    tries: int = 0
    lost: list[str] = field(default_factory=list)  # a sentence for each try that did not survive
    seconds: list[float] = field(default_factory=list)  # that the recovery took
    figures: str = ""  # what else was measured

    def attempts(self, most: int) -> range:
        """The tries of this round: at most so many."""
        return range(min(most, self.full))

    def add(self, lost: str = "", seconds: float | None = None) -> None:
        self.tries += 1
        self.lost += [lost] if lost else []
        self.seconds += [] if seconds is None else [seconds]

    def row(self) -> dict[str, object]:
        p50, p99 = (float(np.percentile(self.seconds, share)) if self.seconds else None for share in (50, 99))
        return {
            "fault": self.fault,
            "what": self.what,
            "tries": self.tries,
            "survived": self.tries - len(self.lost),
            "lost": len(self.lost),
            "p50, s": p50,
            "p99, s": p99,
            "figures": self.figures or None,
            "why": "; ".join(sorted(set(self.lost)))[:200] or None,
        }
