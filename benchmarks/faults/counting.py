"""Counts of a fault: tries, losses, seconds of the recovery."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Count:
    """Tries of one fault and their outcomes."""

    fault: str
    what: str
    full: int  # tries of the full round
    tries: int = 0
    lost: list[str] = field(default_factory=list)  # a sentence for each try that did not survive
    seconds: list[float] = field(default_factory=list)  # that the recovery took
    figures: str = ""  # what else was measured

    def attempts(self, most: int) -> range:
        """Return the tries of this round, at most `most`."""
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
            "why": " ".join("; ".join(sorted(set(self.lost))).split())[:200] or None,  # on one line
        }
