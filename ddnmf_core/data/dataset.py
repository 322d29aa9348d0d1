"""Data sets: the description of one, and its samples, in memory or memory-mapped."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.pictures import to_u8, to_unit
from ddnmf_core.data.sample_columns import SampleColumn
from ddnmf_core.files.memory_map import is_mapped, total_memory

DatasetFamily = Literal["mnist", "fashion-mnist"]
Samples = np.ndarray | slice | Sequence[int] | int  # indices of samples

UNLABELLED = ("",)  # class names of a data set without labels: one, empty
N_CLUSTERS = 10  # default without labels
MAX_DETAILS, TILE_DETAILS = 6, 1  # values of other columns on a sample's card, under its tile
MAX_TILE_NAME = 24  # letters of a sample's name under its tile
N_EXAMPLES = 10  # samples that represent a data set without labels


class DataError(RuntimeError):
    """A data set is missing, damaged or not valid; the message names the problem and the remedy."""


@dataclass(frozen=True)
class DatasetSpec:
    """Description of a data set, known before its files are read.

    Parameters
    ----------
    title : str
        Name shown to users; of the built-in sets, the family and then the number of images.
    n_samples : int
        Number of images, or of rows of a table.
    image_shape : tuple of int
        Height and width in pixels; of a table, (1, number of columns): a row is drawn as a strip.
    class_names : tuple of str
        Names of the classes; one empty name for a data set without labels.
    family : {"mnist", "fashion-mnist"} or None
        Family of a set in IDX files; None for scikit-learn's digits and for user data.
    halves : tuple of str
        Parts of the family that belong to the set: "train", "t10k".
    licence : str
        Licence of the data.
    feature_names : tuple of str, optional
        Names of the columns of a table; None for images.
    """

    title: str
    n_samples: int
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    family: DatasetFamily | None
    halves: tuple[str, ...] = ()
    licence: str = ""
    feature_names: tuple[str, ...] | None = None

    @property
    def n_pixels(self) -> int:
        """Number of pixels of an image, or of features of a table."""
        return self.image_shape[0] * self.image_shape[1]

    @property
    def labelled(self) -> bool:
        """True if the samples have labels of two classes or more."""
        return len(self.class_names) > 1

    @property
    def family_title(self) -> str:
        """Title without the number of images, such as 'MNIST'."""
        return self.title.split(",")[0]

    @property
    def files(self) -> list[str]:
        """Names of the set's IDX files, without .gz."""
        return [f"{half}-{kind}" for half in self.halves for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


@dataclass(frozen=True)
class Images:
    """Samples of a data set, in memory or memory-mapped.

    Parameters
    ----------
    name : str
        Name of the data set in the catalogue.
    pixels : ndarray of shape (n, d)
        Read-only: u8, 0 to 255, or float32 in [0, 1].
    labels : ndarray of shape (n,)
        Read-only, int64: index into `class_names`; all 0 without labels.
    image_shape : tuple of int
        Height and width, d = height * width.
    class_names : tuple of str
        Names of the classes; one empty name without labels.
    feature_names : tuple of str, optional
        Names of the d columns of a table; None for images.
    sample_names : tuple of str, optional
        Names of the n samples: files with their pages, or rows; None if they have none.
    columns : tuple of SampleColumn
        Columns of n values that are no features, such as identifiers and dates.
    """

    name: str
    pixels: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] | None = None
    sample_names: tuple[str, ...] | None = None
    columns: tuple[SampleColumn, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def labelled(self) -> bool:
        """True if the samples have labels of two classes or more."""
        return len(self.class_names) > 1

    def n_clusters(self, wanted: int | None = None) -> int:
        """Return the number of clusters to look for, at most one for each sample.

        Parameters
        ----------
        wanted : int, optional
            Number set in a run; by default the number of classes, or N_CLUSTERS = 10 without labels.
        """
        return min(wanted or (len(self.class_names) if self.labelled else N_CLUSTERS), len(self))

    def class_of(self, sample: int) -> str:
        """Return the name of a sample's class; empty without labels."""
        return self.class_names[self.labels[sample]]

    def name_of(self, sample: int) -> str:
        """Return the name of a sample, such as its file; empty if it has none."""
        return self.sample_names[sample] if self.sample_names else ""

    def title_of(self, sample: int, separator: str = ", ") -> str:
        """Return a sample's number, class and name, as far as there are: 'sample 42, cat, cat/042.png'."""
        return separator.join(filter(None, [f"sample {sample}", self.class_of(sample), self.name_of(sample)]))

    def tile_caption(self, sample: int, *more: str) -> str:
        """Return the lines under a sample's tile: number, class, more, end of its name, other columns, as far as there are."""
        name = self.name_of(sample).rpartition("/")[2]
        short = name if len(name) <= MAX_TILE_NAME else f"…{name[1 - MAX_TILE_NAME :]}"
        details = [
            text if len(text) <= MAX_TILE_NAME else f"{text[: MAX_TILE_NAME - 1]}…"
            for text in self.details_of(sample)[:TILE_DETAILS]
        ]
        return "\n".join(filter(None, [str(sample), self.class_of(sample), *more, short, *details]))

    def details_of(self, sample: int) -> list[str]:
        """Return what the columns beside the features say of a sample, 'age: 43', of the first MAX_DETAILS = 6 with a value."""
        found = ((column.name, column.text_of(sample)) for column in self.columns)
        return list(islice((f"{name}: {text}" for name, text in found if text), MAX_DETAILS))

    def caption(self, sample: int) -> str:
        """Return a sample's caption: its class, or without labels 'sample' and its number."""
        return self.class_of(sample) or f"sample {sample}"

    def scaled(self, samples: Samples = slice(None)) -> np.ndarray:
        """Return pixels as float32 in [0, 1].

        Parameters
        ----------
        samples : ndarray of int, slice, sequence of int, or int
            Samples to return; by default all n.

        Returns
        -------
        ndarray of shape (k, d), or (d,) for one sample
            u8 divided by 255; float32 unchanged.

        Raises
        ------
        DataError
            If the data set is mapped and the values take more than half of the memory.
        """
        chosen = self.pixels[samples]
        self._check_fits(chosen)
        return to_unit(chosen)

    def _check_fits(self, chosen: np.ndarray) -> None:
        if is_mapped(chosen) and 4 * chosen.size > total_memory() // 2:
            raise DataError(
                f"{self.name}: the values of all {len(self):,} samples at once take {4 * chosen.size / 2**30:.1f} "
                f"GiB, and this machine has {total_memory() / 2**30:.1f}. Runs can be trained on a data set that is larger "
                "than memory; this analysis needs it in memory, so choose fewer samples"
            )

    def shown(self, samples: Samples = slice(None)) -> np.ndarray:
        """Return pixels as u8 for display.

        Parameters
        ----------
        samples : ndarray of int, slice, sequence of int, or int
            Samples to return; by default all n.

        Returns
        -------
        ndarray of shape (k, d), or (d,) for one sample
            0 to 255; values in [0, 1] are multiplied by 255 and rounded.
        """
        return to_u8(self.pixels[samples])

    def one_of_each_class(self, number: int = 0) -> NDArray[np.int64]:
        """Return the index of one sample of each class.

        Parameters
        ----------
        number : int
            Position within the class: 0 for its first sample.

        Returns
        -------
        ndarray of shape (n_classes,)
            Indices in the order of the classes; without labels, at most N_EXAMPLES = 10 indices at equal distances.

        Raises
        ------
        IndexError
            If a class has no sample of that number.
        """
        if not self.labelled:
            return (np.linspace(0, len(self) - 1, min(N_EXAMPLES, len(self))).astype(np.int64) + number) % len(self)
        return np.array([np.flatnonzero(self.labels == label)[number] for label in np.unique(self.labels)])


@dataclass(frozen=True)
class Location:
    """Location of a data set's files.

    Parameters
    ----------
    source : str
        Kind of the location, such as "user cache".
    folder : Path or None
        Folder of the files; None for data inside scikit-learn.
    """

    source: str
    folder: Path | None


MAX_MESSAGE = 160  # letters of an error of a library


def short_message(error: Exception) -> str:
    """Shorten the message of a library's error to one line of at most MAX_MESSAGE printable letters.

    Parameters
    ----------
    error : Exception
        Error raised by a parser; its message may hold bytes of the file.

    Returns
    -------
    str
        The message, or the name of the error's class if it is empty.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(letter if letter.isprintable() and letter != "\\" else "?" for letter in text)
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + " …"
