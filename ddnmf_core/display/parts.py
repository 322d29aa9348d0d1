"""Parts of a model as a table by feature name, and as what a notebook shows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data import pictures
from ddnmf_core.display.markup import table, tile, titled

if TYPE_CHECKING:
    import pandas as pd

Ranges = NDArray[np.floating] | float  # of the features, or one for all
N_TOP_FEATURES = 10  # of a part
MAX_SHOWN_PARTS = 100  # in a notebook


def strongest_features(values: NDArray[np.floating], most: int = N_TOP_FEATURES) -> NDArray[np.intp]:
    """Return the features with the largest absolute values, largest first."""
    return np.argsort(-np.abs(values), kind="stable")[:most]


def pixel_names(shape: tuple[int, int]) -> tuple[str, ...]:
    """Name the pixels of a picture by row and column, from 0: 'pixel_0_0', 'pixel_0_1'."""
    return tuple(f"pixel_{row}_{column}" for row in range(shape[0]) for column in range(shape[1]))


def feature_words(values: NDArray[np.floating], names: tuple[str, ...], most: int, ranges: Ranges = 1.0) -> str:
    """Write the strongest features, relative to their ranges, with their values: 'alcohol +1.2, hue -0.3'."""
    chosen = [feature for feature in strongest_features(values / ranges, most).tolist() if values[feature]]
    return ", ".join(f"{names[feature]} {values[feature]:+.2g}" for feature in chosen) or "none"


@dataclass(frozen=True)
class Parts:
    """Parts of a trained model. A notebook shows pictures of them, or of a table the strongest features.

    Parameters
    ----------
    effects : ndarray of shape (r, d)
        Effect of each part on a sample over the 5-95 % range of its coefficient, signed.
    titles : tuple of str
        Titles of the r parts.
    feature_names : tuple of str
        Names of the d features or pixels.
    image_shape : tuple of int, optional
        Height and width of a sample; None for rows of a table.
    atoms : ndarray of shape (r, d), optional
        Pictures of the parts alone, at least 0, for a model whose pictures are sums of parts.
    ranges : float or ndarray of shape (d,)
        Ranges of the features, above 0, in the unit of the effects: features are ranked by effect / range.
    """

    effects: NDArray[np.floating]
    titles: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, int] | None = None
    atoms: NDArray[np.floating] | None = None
    ranges: Ranges = 1.0

    def __len__(self) -> int:
        return len(self.effects)

    def __repr__(self) -> str:
        return f"Parts(n_parts={len(self)}, n_features={len(self.feature_names)})"

    def frame(self) -> "pd.DataFrame":
        """Return the effects as a data frame: a row for each part, by its title, a column for each feature, by its name."""
        import pandas as pd

        return pd.DataFrame(self.effects, index=pd.Index(self.titles, name="part"), columns=list(self.feature_names))

    def top_features(self, part: int, n: int = N_TOP_FEATURES) -> "pd.Series[float]":
        """Return the effects on the features that a part changes most, relative to their ranges, by name, largest first.

        Parameters
        ----------
        part : int
            Number of the part, from 0.
        n : int
            Number of features, at least 1.

        Raises
        ------
        ValueError
            If there is no such part, or n is less than 1.
        """
        import pandas as pd

        if not 0 <= part < len(self):
            raise ValueError(f"part = {part}: should be a number from 0 to {len(self) - 1}")
        if n < 1:
            raise ValueError(f"n = {n}: should be at least 1")
        order = strongest_features(self.effects[part] / self.ranges, n)
        names = [self.feature_names[feature] for feature in order]
        return pd.Series(self.effects[part][order], index=pd.Index(names, name="feature"), name=self.titles[part])

    def _repr_html_(self) -> str:
        """Show a grid of pictures, or a row of the strongest features for each part."""
        shown = min(len(self), MAX_SHOWN_PARTS)
        rest = f" The first {shown} of {len(self)} parts." if shown < len(self) else ""
        if self.image_shape is None:
            rows = [
                (self.titles[part], feature_words(self.effects[part], self.feature_names, N_TOP_FEATURES, self.ranges))
                for part in range(shown)
            ]
            note = f"Effect over the 5-95 % range of the part's coefficient.{rest}"
            return titled(
                f"{len(self)} parts", table(rows, ("part", f"strongest of {len(self.feature_names):,} features")), note=note
            )
        if self.atoms is not None:
            drawn = pictures.to_u8(pictures.brightest_at_one(self.atoms[:shown]).reshape(-1, *self.image_shape))
            note = f"Each part alone, scaled to its brightest pixel.{rest}"
        else:
            drawn = pictures.differences(self.effects[:shown].reshape(-1, *self.image_shape))
            note = (
                f"Red pixels get brighter as the coefficient rises from its 5 % to its 95 % quantile, blue ones darker.{rest}"
            )
        return titled(f"{len(self)} parts", *map(tile, drawn, self.titles), note=note)
