"""One sample as a sum of its parts: what a notebook shows of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data import pictures
from ddnmf_core.display.markup import table, tile, titled
from ddnmf_core.display.parts import Ranges, feature_words

SHOWN_INK = 0.95  # share of the sample that the shown parts give
MAX_TERMS = 12  # parts that are shown
N_TERM_FEATURES = 6  # of a term of a table's row
VISIBLE = 1 / 255  # of the largest value


def shown_terms(shares: NDArray[np.floating], order: NDArray[np.integer]) -> list[int]:
    """Choose the strongest parts that give SHOWN_INK of the sample together, at most MAX_TERMS.

    Parameters
    ----------
    shares : ndarray of shape (r,)
        Share of each part in the sample.
    order : ndarray of shape (r,)
        Parts, strongest first.
    """
    enough = int((np.cumsum(shares[order]) < SHOWN_INK).sum()) + 1
    return [int(part) for part in order[: min(enough, MAX_TERMS)]]


@dataclass(frozen=True)
class Equation:
    """A sample as the sum of what its parts give. A notebook shows it: 'image = .8 x [part] + .5 x [part] + ...'.

    Parameters
    ----------
    title : str
        Title of the sample.
    sample : ndarray of shape (d,)
        The sample itself.
    contributions : ndarray of shape (r, d)
        What each part gives; with the baseline they sum to the reconstruction.
    baseline : ndarray of shape (d,)
        Reconstruction without the parts, or with all of them at their means.
    H : ndarray of shape (r,)
        Coefficients of the sample.
    part_titles : tuple of str
        Titles of the parts.
    feature_names : tuple of str
        Names of the features or pixels.
    image_shape : tuple of int or None
        Height and width; None for a row of a table.
    additive : bool
        Whether parts only add; the baseline is then what is there without them.
    white : float
        Value that is drawn white.
    ranges : float or ndarray of shape (d,)
        Ranges of the features, above 0: features are ranked by value / range.
    """

    title: str
    sample: NDArray[np.floating]
    contributions: NDArray[np.floating]
    baseline: NDArray[np.floating]
    H: NDArray[np.floating]
    part_titles: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, int] | None
    additive: bool
    white: float = 1.0
    ranges: Ranges = 1.0

    def __repr__(self) -> str:
        return f"Equation({self.title!r}, n_parts={len(self.H)}, error={self.error:.3g})"

    @cached_property
    def reconstruction(self) -> NDArray[np.floating]:
        """The sum of all terms, (d,)."""
        return np.asarray(self.baseline + self.contributions.sum(axis=0))

    @property
    def error(self) -> float:
        """Mean squared error of the reconstruction."""
        return float(np.square(self.sample - self.reconstruction).mean())

    @cached_property
    def terms(self) -> list[int]:
        """The strongest parts, largest first: those that are shown."""
        strength = np.abs(self.contributions / self.ranges).sum(axis=1)
        return shown_terms(strength / max(strength.sum(), 1e-12), np.argsort(-strength, kind="stable"))

    def _repr_html_(self) -> str:
        """Show the sample, its terms and the reconstruction, as pictures or as a table of features."""
        ink = (
            "brightness of the part's brightest pixel"
            if self.image_shape
            else "share of its range that the part gives a feature"
        )
        note = f"Mean squared error {self.error:.3g}. " + (
            f"Coefficient: {ink} in this sample; what one part gives depends on no other."
            if self.additive
            else "Each term: what the part changes when the parts are set one after another from their means, strongest first."
        )
        shown = self._pictures() if self.image_shape is not None else [self._table()]
        return titled(self.title, *shown, note=note)

    @cached_property
    def _rest(self) -> NDArray[np.floating]:
        """What all other parts give together, (d,)."""
        return np.asarray(self.contributions.sum(axis=0) - self.contributions[self.terms].sum(axis=0))

    @property
    def _n_others(self) -> int:
        return len(self.H) - len(self.terms)

    def _peak(self, part: int) -> float:
        return max(float((self.contributions[part] / self.ranges).max()), 1e-12)

    def _term_name(self, part: int) -> str:
        title = self.part_titles[part].lower()
        return f"{self._peak(part):.2f} x {title}" if self.additive else f"{title} (H {self.H[part]:.2f})"

    def _pictures(self) -> list[str]:
        assert self.image_shape is not None
        signed = np.abs(self.contributions[self.terms]).max(initial=1e-12)

        def gray(row: NDArray[np.floating], caption: str, white: float = self.white) -> str:
            return tile(pictures.to_u8(row.reshape(self.image_shape) / white), caption)

        def change(row: NDArray[np.floating], caption: str) -> str:
            return tile(pictures.differences(row.reshape(self.image_shape), scale=float(signed)), caption)

        tiles = [gray(self.sample, "image ="), *([] if self.additive else [gray(self.baseline, "all parts at their means")])]
        for place, part in enumerate(self.terms):
            values, name = self.contributions[part], self._term_name(part)
            tiles.append(
                gray(values, f"{'+ ' if place else ''}{name}", self.white * self._peak(part))
                if self.additive
                else change(values, f"+ {name}")
            )
        if self._n_others:
            tiles.append((gray if self.additive else change)(self._rest, f"+ {self._n_others} more"))
        if self.additive and np.abs(self.baseline).max() > VISIBLE * max(float(np.abs(self.sample).max()), 1e-12):
            tiles.append(gray(self.baseline, "+ background"))
        return [*tiles, gray(self.reconstruction, "= reconstruction")]

    def _table(self) -> str:
        def words(row: NDArray[np.floating]) -> str:
            return feature_words(row, self.feature_names, N_TERM_FEATURES, self.ranges)

        rows = [("row =", words(self.sample))]
        rows += [] if self.additive else [("all parts at their means", words(self.baseline))]
        for place, part in enumerate(self.terms):
            sign = "+ " if place or not self.additive else ""
            rows.append(
                (sign + self._term_name(part), words(self.contributions[part] / (self._peak(part) if self.additive else 1)))
            )
        rows += [(f"+ {self._n_others} more", words(self._rest))] if self._n_others else []
        rows += [("+ background", words(self.baseline))] if self.additive and np.abs(self.baseline).max() > 0 else []
        return table([*rows, ("= reconstruction", words(self.reconstruction))], ("term", "strongest features"))
