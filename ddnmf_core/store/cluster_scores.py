"""Codes, clusters and scores inside a run's files: their keys ("clean/z/kmeans"), and the rows of scores.json."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ddnmf_core.config import ClustererName, Representation
from ddnmf_core.store.entry import SCORES_FILE, RunEntry

InputKind = Literal["clean", "noisy"]
HELD_OUT = "held_out"  # in a row of scores.json


def input_kind(noisy: bool) -> InputKind:
    """Name the encoded images: 'clean' or 'noisy'."""
    return "noisy" if noisy else "clean"


def images_title(input_title: str, held_out: bool) -> str:
    """Name the scored images: 'clean', 'noisy, held out'."""
    return f"{input_title}, held out" if held_out else input_title


def codes_key(representation: str, noisy: bool) -> str:
    """Build the key of an array in a run's codes: 'clean/z', 'noisy/H', 'clean/error'."""
    return f"{input_kind(noisy)}/{representation}"


def clusters_key(representation: str, clusterer: str, noisy: bool) -> str:
    """Build the column name of a run's clusters: 'clean/z/kmeans'."""
    return f"{input_kind(noisy)}/{representation}/{clusterer}"


@dataclass(frozen=True)
class ClusterScore:
    """Scores of one clustering of a run.

    Attributes
    ----------
    representation
        Clustered representation: "z", "H" or "z_hat".
    clusterer
        "kmeans" or "gmm".
    noisy
        Whether the noisy images were encoded.
    held_out
        Whether the scores are those of the held-out samples, which were assigned to the clusters of the others.
    values
        "acc", "nmi" and "ari" (eq 17 to 19, 0 to 1; ari can be negative), or without labels "silhouette" (-1 to 1).
    """

    representation: Representation
    clusterer: ClustererName
    noisy: bool
    held_out: bool
    values: Mapping[str, float]

    @property
    def input(self) -> InputKind:
        """Encoded images: 'clean' or 'noisy'."""
        return input_kind(self.noisy)

    @property
    def images(self) -> str:
        """Title of the scored images: 'clean', 'noisy, held out'."""
        return images_title(self.input, self.held_out)

    @property
    def key(self) -> str:
        """Column of the clusters, such as 'clean/z/kmeans'."""
        return clusters_key(self.representation, self.clusterer, self.noisy)


def read_scores(entry: RunEntry) -> Iterator[ClusterScore]:
    """Read the rows of a run's scores.json."""
    for row in entry.read_json(SCORES_FILE):
        held_out = bool(row.get(HELD_OUT))
        values = {name: value for name, value in row.items() if isinstance(value, int | float) and name != HELD_OUT}
        yield ClusterScore(row["representation"], row["clusterer"], row["input"] == "noisy", held_out, values)
