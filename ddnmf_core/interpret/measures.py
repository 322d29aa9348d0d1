"""Measures of a factorisation: name, title, number format, better direction and definition of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

NOT_DEFINED = "–"


@dataclass(frozen=True)
class Measure:
    """Description of one measure of a factorisation.

    Attributes
    ----------
    name : str
        Key in an interpretation's scores.json.
    title : str
        Title in tables.
    form : str
        Format specification, for `format`.
    better : str
        "high", "low", or "" for a control.
    meaning : str
        Definition, a sentence.
    """

    name: str
    title: str
    form: str
    better: Literal["high", "low", ""]
    meaning: str

    def text(self, value: float | None, deviation: float | None = None) -> str:
        """Format a value.

        Parameters
        ----------
        value : float or None
            Value; None or NaN if undefined.
        deviation : float, optional
            Standard deviation over seeds; None or NaN if undefined.

        Returns
        -------
        str
            For example "0.71", "71.0%" or "0.71 ± 0.02"; a dash for an undefined value.
        """
        if value is None or value != value:
            return NOT_DEFINED
        spread = "" if deviation is None or deviation != deviation else f" ± {deviation:{self.form}}"
        return f"{value:{self.form}}{spread}"


MEASURES = {
    measure.name: measure
    for measure in (
        Measure(
            "explained_variance",
            "Explained variance",
            ".1%",
            "high",
            "1 - |x - decode(H)|² / |x - mean|², over all clean images.",
        ),
        Measure(
            "code_r2",
            "Linear R²",
            ".2f",
            "high",
            "Fraction of the code's variance that a linear map of the read-out's coefficients explains.",
        ),
        Measure(
            "stability",
            "Stability over seeds",
            ".2f",
            "high",
            "Mean cosine between a seed's parts and the matched parts of every other seed (Hungarian matching of swings).",
        ),
        Measure(
            "hoyer_parts",
            "Sparsity of pictures",
            ".2f",
            "high",
            "Hoyer's sparsity of a part's effect on the picture (its swing): 1 for a single pixel, 0 for equal pixels.",
        ),
        Measure("hoyer_H", "Sparsity of H", ".2f", "high", "Hoyer's sparsity of a sample's coefficients, mean over samples."),
        Measure("redundancy_mean", "Redundancy, mean", ".2f", "low", "Mean |cosine| between the pictures of two parts."),
        Measure(
            "redundancy_max", "Redundancy, largest", ".2f", "low", "The largest |cosine| between the pictures of two parts."
        ),
        Measure(
            "purity",
            "Class purity",
            ".2f",
            "high",
            "Largest fraction of a part's activation mass in one class, mean over parts (Kim and Park 2007).",
        ),
        Measure(
            "additivity_gap",
            "Additivity gap",
            ".2f",
            "low",
            "Distance of the sum of singly decoded parts from the reconstruction, relative to its norm; 0: additive decoder.",
        ),
        Measure(
            "cancellation",
            "Cancellation",
            ".2f",
            "low",
            "The smaller of a part's brightening and darkening effects, as a fraction of both: 0 if a part only adds, .5 if "
            "it removes as much as it adds.",
        ),
        Measure(
            "deletion_auc",
            "Deletion AUC",
            ".2f",
            "low",
            "Area under the fraction of the picture left while parts are deleted, the most important first (RISE).",
        ),
        Measure("deletion_random_auc", "Deletion AUC, random", ".2f", "", "Control: the same with parts in random order."),
        Measure("insertion_auc", "Insertion AUC", ".2f", "high", "The same while parts are inserted."),
        Measure("insertion_random_auc", "Insertion AUC, random", ".2f", "", "Control: the same with parts in random order."),
        Measure("constant_parts", "Constant parts", ".0f", "low", "Parts with the same coefficient for every image."),
        Measure(
            "saturated_share",
            "Saturated coefficients",
            ".1%",
            "",
            "Fraction of coefficients below .01 or above .99; undefined for models without a sigmoid.",
        ),
        Measure(
            "completeness_error",
            "Completeness error",
            ".0e",
            "low",
            "Largest difference of a pixel between baseline plus contributions and the reconstruction.",
        ),
    )
}


def measure_rows(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the measures of one factorisation.

    Parameters
    ----------
    scores : mapping of str to float
        Contents of an interpretation's scores.json; other keys are ignored.

    Returns
    -------
    list of (str, str)
        Title and formatted value of each measure in `scores`.
    """
    return [(measure.title, measure.text(scores[measure.name])) for measure in MEASURES.values() if measure.name in scores]
