"""The measures of all parts together: what each is called, how it is written, which way is better, what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

NOT_DEFINED = "–"


@dataclass(frozen=True)
class Measure:
    """One number of a factorisation."""

    name: str  # in scores.json of an interpretation
    title: str
    form: str  # of format()
    better: Literal["high", "low", ""]
    meaning: str

    def text(self, value: float | None, deviation: float | None = None) -> str:
        """As it is shown: '0.71', '71.0 %', '0.71 ± 0.02'; a dash where it is not defined."""
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
            "Hoyer's sparsity of what a part does to the picture (its swing): 1 for one pixel, 0 for all pixels alike.",
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
            "Largest share of a part's activation mass in one class, mean over parts (Kim and Park 2007).",
        ),
        Measure(
            "additivity_gap",
            "Additivity gap",
            ".2f",
            "low",
            "How far the plain sum of singly decoded parts is from the true picture, relative to it; 0: the decoder adds.",
        ),
        Measure(
            "cancellation",
            "Cancellation",
            ".2f",
            "low",
            "Ink that a part takes away while it adds elsewhere (or the other way round), as a share of all that it does: 0 "
            "where a part only adds, .5 where it does both alike.",
        ),
        Measure(
            "deletion_auc",
            "Deletion AUC",
            ".2f",
            "low",
            "Area under how much of the picture is left while parts are taken out, the most important first (RISE).",
        ),
        Measure("deletion_random_auc", "Deletion AUC, random", ".2f", "", "The control: the same, parts in random order."),
        Measure("insertion_auc", "Insertion AUC", ".2f", "high", "The same while parts are put in."),
        Measure("insertion_random_auc", "Insertion AUC, random", ".2f", "", "The control: the same, parts in random order."),
        Measure("constant_parts", "Dead parts", ".0f", "low", "Parts whose coefficient is the same for every image."),
        Measure(
            "saturated_share",
            "Saturated coefficients",
            ".1%",
            "",
            "Share of coefficients within .01 of the sigmoid's ends; there is no sigmoid in the other models.",
        ),
        Measure(
            "completeness_error",
            "Completeness error",
            ".0e",
            "low",
            "Largest pixel that baseline and contributions together miss of the reconstruction.",
        ),
    )
}


def measure_rows(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Title and text of each measure that there is, for one factorisation alone."""
    return [(measure.title, measure.text(scores[measure.name])) for measure in MEASURES.values() if measure.name in scores]
