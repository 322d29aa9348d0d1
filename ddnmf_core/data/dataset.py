"""What a data set is: its description before anything is read, and its images or rows, in memory or mapped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.files.memory_map import is_mapped, total_memory

DatasetFamily = Literal["mnist", "fashion-mnist"]
Samples = np.ndarray | slice | Sequence[int] | int  # which rows of a data set

UNLABELLED = ("",)  # the one class of a set that has no labels
N_CLUSTERS = 10  # where neither labels nor the run say how many
N_EXAMPLES = 10  # that stand for a set without labels


class DataError(RuntimeError):
    """A data set cannot be had or cannot be trusted; the message says what to do."""


@dataclass(frozen=True)
class DatasetSpec:
    """What a data set is, before anything is read.

    A set without labels has one class, whose name is empty. A table has the names of its columns; its row is pictured as
    a strip, one column of the picture for each feature.
    """

    title: str
    n_samples: int
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    family: DatasetFamily | None  # None: scikit-learn's digits, or a set of the user's own
    halves: tuple[str, ...] = ()
    licence: str = ""
    feature_names: tuple[str, ...] | None = None  # of a table

    @property
    def n_pixels(self) -> int:
        return self.image_shape[0] * self.image_shape[1]

    @property
    def labelled(self) -> bool:
        return len(self.class_names) > 1

    @property
    def files(self) -> list[str]:
        return [f"{half}-{kind}" for half in self.halves for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


@dataclass(frozen=True)
class Images:
    """A data set in memory, or mapped (`files/memory_map.py`).

    Pixels are u8, or float32 in [0, 1] (n, d), labels int64 (n,), both read-only.

    Without labels all samples are of one class, whose name is empty: what needs classes asks `labelled` first.
    """

    name: str
    pixels: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def labelled(self) -> bool:
        return len(self.class_names) > 1

    def n_clusters(self, wanted: int | None = None) -> int:
        """How many clusters to look for: as many as a run asks for, else one for each class, else N_CLUSTERS."""
        return min(wanted or (len(self.class_names) if self.labelled else N_CLUSTERS), len(self))

    def class_of(self, sample: int) -> str:
        """The name of its class; empty without labels."""
        return self.class_names[self.labels[sample]]

    def caption(self, sample: int) -> str:
        """What to write under a picture of it: its class, or without labels its number."""
        return self.class_of(sample) or f"sample {sample}"

    def scaled(self, samples: Samples = slice(None)) -> np.ndarray:
        """Pixels as float32 in [0, 1]: (n, d). Raises DataError where so many do not fit into memory."""
        chosen = self.pixels[samples]
        self._check_fits(chosen)
        return chosen.astype(np.float32) / 255 if chosen.dtype == np.uint8 else chosen

    def _check_fits(self, chosen: np.ndarray) -> None:
        if is_mapped(chosen) and 4 * chosen.size > total_memory() // 2:
            raise DataError(
                f"{self.name}: the values of all {len(self):,} samples at once take {4 * chosen.size / 2**30:.1f} "
                f"GiB, and this machine has {total_memory() / 2**30:.1f}. A set that is read from the disk can be "
                "trained on, but what needs all of it in memory takes fewer samples"
            )

    def shown(self, samples: Samples = slice(None)) -> np.ndarray:
        """Pixels as u8, to be looked at: (n, d)."""
        chosen = self.pixels[samples]
        return chosen if chosen.dtype == np.uint8 else (np.clip(chosen, 0, 1) * 255).round().astype(np.uint8)

    def one_of_each_class(self, number: int = 0) -> NDArray[np.int64]:
        """The first sample of each class, or its sample with this number, in the order of the classes; without labels
        samples from all over the set."""
        if not self.labelled:
            return (np.linspace(0, len(self) - 1, min(N_EXAMPLES, len(self))).astype(np.int64) + number) % len(self)
        return np.array([np.flatnonzero(self.labels == label)[number] for label in np.unique(self.labels)])


@dataclass(frozen=True)
class Location:
    """Where a data set was found."""

    source: str
    folder: Path | None


MAX_MESSAGE = 160  # letters of what a library says of a damaged file


def short_message(error: Exception) -> str:
    """What a library says of a file that it cannot read, short enough for a sentence; its bytes are no words."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(letter if letter.isprintable() and letter != "\\" else "?" for letter in text)
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + " …"
