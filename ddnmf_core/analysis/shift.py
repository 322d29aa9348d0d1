"""Compare new samples with the data that a run was trained on: is a result for them to be trusted?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import Images
from ddnmf_core.data.pictures import to_unit
from ddnmf_core.files.memory_map import blocks

MEAN_SHIFT = 1.0  # standard deviations of a column by which its mean may differ
STANDARD_ERRORS = 4.0  # that chance adds to a mean or a share
LEAST_DEVIATION = 0.02  # of values in [0, 1]; a column that hardly varies has a smaller one
SHIFTED_COLUMNS, OUTSIDE, LARGE_ERRORS = 0.05, 0.05, 0.25  # shares of columns, values and samples from which a warning is due
ERROR_QUANTILE = 0.99  # of the training samples' errors


@dataclass(frozen=True)
class ColumnStatistics:
    """Mean, standard deviation, least and largest value of each column, values in [0, 1]: (d,) each."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    least: NDArray[np.float32]
    most: NDArray[np.float32]

    @classmethod
    def of(cls, pixels: NDArray[np.generic]) -> "ColumnStatistics":
        """Compute them of all rows (n, d), u8 or floats, block by block."""
        d = pixels.shape[1]
        sums, squares = np.zeros(d), np.zeros(d)
        least, most = np.full(d, np.inf, np.float32), np.full(d, -np.inf, np.float32)
        for rows in blocks(pixels):
            x = to_unit(pixels[rows])
            sums += x.sum(axis=0, dtype=np.float64)
            squares += np.square(x, dtype=np.float64).sum(axis=0)
            least, most = np.minimum(least, x.min(axis=0)), np.maximum(most, x.max(axis=0))
        mean = sums / len(pixels)
        return cls(mean, np.sqrt(np.maximum(squares / len(pixels) - mean**2, 0)), least, most)


def describe_shift(
    training: Images, pixels: NDArray[np.generic], training_errors: NDArray[np.floating], errors: NDArray[np.floating]
) -> str:
    """Say in a sentence how new samples differ from the training data; an empty text if they do not differ much.

    Three measures: the share of columns whose mean lies more than one standard deviation from that of the training data,
    reported from 5 %; the share of values outside their column's range, from 5 %; the share of samples with a larger
    reconstruction error than 99 % of the training samples, from 25 %. Four standard errors are added to each for chance.

    Parameters
    ----------
    training : Images
        Data set that the run was trained on.
    pixels : ndarray of shape (m, d)
        New samples, scaled as the data set: u8, or float32 in [0, 1] where they are within its range.
    training_errors, errors : ndarray of shape (n,), (m,)
        Reconstruction errors.
    """
    known, new = ColumnStatistics.of(training.pixels), to_unit(pixels)
    unit, names = ("column", training.feature_names) if training.feature_names else ("pixel", None)
    findings = []
    away = np.abs(new.mean(axis=0, dtype=np.float64) - known.mean) / np.maximum(known.deviation, LEAST_DEVIATION)
    n_shifted = int((away > MEAN_SHIFT + STANDARD_ERRORS / np.sqrt(len(new))).sum())
    if n_shifted > SHIFTED_COLUMNS * len(away):
        largest = f", most in {names[away.argmax()]!r} ({away.max():.1f})" if names else ""
        findings.append(
            f"the means of {n_shifted:,} of {len(away):,} {unit}s are more than {MEAN_SHIFT:g} standard deviation off{largest}"
        )
    outside = float(((new < known.least) | (new > known.most)).mean())
    if outside > OUTSIDE + _chance(2 / (len(training) + 1), new.size):  # a new value is the least or the largest one
        findings.append(f"{outside:.0%} of the values lie outside the range of their {unit}")
    badly = float((errors > np.quantile(training_errors, ERROR_QUANTILE)).mean())
    if badly > LARGE_ERRORS + _chance(1 - ERROR_QUANTILE, len(errors)):
        findings.append(f"{badly:.0%} of the samples are reconstructed worse than {ERROR_QUANTILE:.0%} of the training samples")
    if not findings:
        return ""
    return (
        f"The new samples differ from the training data, and their parts and clusters may mean little: {'; '.join(findings)}."
    )


def _chance(share: float, n: int) -> float:
    """Return the standard errors that chance adds to a share of n."""
    return float(STANDARD_ERRORS * np.sqrt(share * (1 - share) / n))
