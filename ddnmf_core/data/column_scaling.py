"""Scale columns to [0, 1] and back."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

MAX_SPREAD = 100  # factor between the largest values of two columns above which one number does not suit both
RARE = 0.05  # share of values that are not 0, below which a column does not count as small, such as the border of pictures


@dataclass(frozen=True)
class ColumnScaling:
    """Map `low` to 0 and `high` to 1, each one number or one for each column.

    A column without extent becomes 0, and `low` on the way back.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of_table(cls, table: NDArray[Any], kind: str) -> Self:
        """Choose low and high for a table (n, d): "range", "feature" (each column by its maximum) or "set" (the table's)."""
        most = np.asarray(table.max() if kind == "set" else table.max(axis=0), np.float64)
        return cls(table.min(axis=0).astype(np.float64) if kind == "range" else np.zeros_like(most), most)

    @property
    def span(self) -> NDArray[np.float64]:
        """Difference between high and low."""
        return self.high - self.low

    def scaled(self, table: NDArray[Any]) -> NDArray[Any]:
        """Scale rows (n, d)."""
        span = self.span
        return np.where(span > 0, (table - self.low) / np.where(span > 0, span, 1), 0)

    def unscaled(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Undo the scaling of rows (n, d)."""
        return self.low + self.span * rows


def unequal_maxima(table: NDArray[Any]) -> tuple[float, float] | None:
    """Return the smallest and the largest maximum of the columns if they differ by more than MAX_SPREAD, else None."""
    most = table.max(axis=0)
    frequent = (most > 0) & ((table != 0).mean(axis=0) >= RARE)
    if not frequent.any() or most.max() <= MAX_SPREAD * most[frequent].min():
        return None
    return float(most[frequent].min()), float(most.max())
