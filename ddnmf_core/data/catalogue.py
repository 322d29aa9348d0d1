"""Catalogue of data sets: find their files, verify and load them.

The t10k halves of MNIST (CC BY-SA 3.0) and Fashion-MNIST (MIT) ship inside the package; scikit-learn
brings the digits. The full sets (70,000 = train + test, as in the paper) are searched in DDNMF_DATA,
the user cache and Debian's folder, and downloaded if none has them. The decompressed content of every
file is checked by SHA-256 before use. Images stay one u8 array, labels int64.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data import download as downloads
from ddnmf_core.data.dataset import DataError, DatasetFamily, DatasetSpec, Images, Location
from ddnmf_core.data.download import NO_ANSWER, cache_folder
from ddnmf_core.data.idx import TORCHVISION_FOLDER, find_file, read_idx
from ddnmf_core.data.sample_columns import SampleColumn
from ddnmf_core.data.user import user_sets
from ddnmf_core.files.memory_map import is_mapped, total_memory
from ddnmf_core.seeds import derive

DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
SHIPPED_FOLDER = Path(__file__).parent / "shipped"
DEBIAN_FOLDER = Path("/usr/share/datasets")


DATASETS: dict[str, DatasetSpec] = {
    "mnist-10k": DatasetSpec("MNIST, 10,000 test images", 10_000, (28, 28), DIGIT_NAMES, "mnist", ("t10k",), "CC BY-SA 3.0"),
    "fashion-mnist-10k": DatasetSpec(
        "Fashion-MNIST, 10,000 test images", 10_000, (28, 28), FASHION_NAMES, "fashion-mnist", ("t10k",), "MIT"
    ),
    "mnist": DatasetSpec("MNIST, all 70,000 images", 70_000, (28, 28), DIGIT_NAMES, "mnist", ("train", "t10k"), "CC BY-SA 3.0"),
    "fashion-mnist": DatasetSpec(
        "Fashion-MNIST, all 70,000 images", 70_000, (28, 28), FASHION_NAMES, "fashion-mnist", ("train", "t10k"), "MIT"
    ),
    "digits": DatasetSpec("scikit-learn's digits, 8 x 8", 1_797, (8, 8), DIGIT_NAMES, None, (), "CC BY 4.0"),
}


# --------------------------------------------------------------------------------------- finding


def spec(name: str) -> DatasetSpec:
    """Describe a data set, without reading its images.

    Parameters
    ----------
    name : str
        Name of a built-in set, such as "mnist-10k", or the id of user data, "own-...".

    Returns
    -------
    DatasetSpec
        Title, number of samples, shape and classes.

    Raises
    ------
    DataError
        If no set has this name, or the description of user data is missing or damaged.
    """
    if name in DATASETS:
        return DATASETS[name]
    if USER_DATASET.fullmatch(name):
        return user_sets.user_spec(name)
    raise DataError(f"data set {name!r}: there is none of this name; known are {', '.join([*DATASETS, *user_sets.names()])}")


def is_known(name: str) -> bool:
    """Return True if the data set can be described; user data may have been removed."""
    return name in DATASETS or user_sets.is_readable(name)


def dataset_family(name: str) -> DatasetFamily | None:
    """Return the family of a built-in set; None for the digits and for user data. Reads no file."""
    return DATASETS[name].family if name in DATASETS else None


def short_name(name: str) -> str:
    """Return the name of a data set for a line of text: built-in sets by name, user data by title."""
    return user_sets.user_spec(name).title if name not in DATASETS and is_known(name) else name


def available() -> dict[str, DatasetSpec]:
    """List the data sets on this machine.

    Returns
    -------
    dict of str to DatasetSpec
        Built-in sets with all files present, then user data with a readable description. The content of files is checked
        by `load` only.
    """
    # No variable is called `spec`: up to Python 3.12.3 the next line would take it for the function (CPython issue 118513).
    built_in = {name: DATASETS[name] for name in DATASETS if find(name)}
    return {**built_in, **{name: spec(name) for name in user_sets.names() if user_sets.is_readable(name)}}


def find(name: str) -> Location | None:
    """Find the files of a data set, without reading them.

    Parameters
    ----------
    name : str
        Name of a built-in set, or the id of user data.

    Returns
    -------
    Location or None
        First location with every file of the set, in the order: package, DDNMF_DATA, user cache, Debian package; None if
        there is none.

    Raises
    ------
    KeyError
        If no set has this name.
    """
    if USER_DATASET.fullmatch(name):
        return Location("your own", user_sets.folder(name)) if name in user_sets.names() else None
    spec = DATASETS[name]
    if spec.family is None:
        return Location("scikit-learn", None)
    for location in _locations(spec):
        if location.folder and all(find_file(location.folder, file) for file in spec.files):
            return location
    return None


def _locations(spec: DatasetSpec) -> Iterator[Location]:
    assert spec.family
    if spec.halves == ("t10k",):
        yield Location("bundled with DDNMF", SHIPPED_FOLDER / spec.family)
    if root := os.environ.get("DDNMF_DATA"):
        yield Location("DDNMF_DATA", Path(root).expanduser() / TORCHVISION_FOLDER[spec.family] / "raw")
    yield Location("user cache", cache_folder() / TORCHVISION_FOLDER[spec.family] / "raw")
    yield Location("Debian package", DEBIAN_FOLDER / spec.family)


def ways_to_get(name: str) -> str:
    """Describe in one sentence how to get a missing data set."""
    if USER_DATASET.fullmatch(name):
        return "To get it: add its file or folder again."
    spec = DATASETS[name]
    if spec.family is None or spec.halves == ("t10k",):
        return "It is part of the installation."
    folder = TORCHVISION_FOLDER[spec.family]
    ways = [
        f"run `ddnmf data --get {name}` with a network connection",
        f"set DDNMF_DATA to a folder with {folder}/raw/*-ubyte.gz",
    ]
    if spec.family == "fashion-mnist":
        ways.append("install Debian's package dataset-fashion-mnist")
    return "To get it: " + ", or ".join(ways) + "."


# --------------------------------------------------------------------------------------- loading


def check_n_samples(name: str, n_samples: int | None) -> None:
    """Raise DataError unless the data set has n_samples samples; None means all."""
    n_available = spec(name).n_samples
    if n_samples is not None and not 1 <= n_samples <= n_available:
        raise DataError(f"n_samples = {n_samples}: {name} has {n_available:,} images")


def load(
    name: str, n_samples: int | None = None, *, download: bool = False, report: Callable[[str], None] = lambda message: None
) -> Images:
    """Load a data set, verified by SHA-256.

    Parameters
    ----------
    name : str
        Name of a built-in set, or the id of user data.
    n_samples : int, optional
        Size of a random subset, in the set's order; the same for every call with this size, and part of every larger one.
        By default the whole set.
    download : bool
        Download a built-in set that is not on this machine, from torchvision's mirrors into the user cache.
    report : callable
        Receives a message for each file downloaded.

    Returns
    -------
    Images
        Read-only arrays: pixels (n, d), u8 or float32 in [0, 1], memory-mapped if too large for memory; labels (n,), int64.

    Raises
    ------
    DataError
        If the set is unknown, not found or not downloaded, if the content of a file has the wrong SHA-256, if n_samples is
        not 1 to the size of the set, or if a subset of a mapped set does not fit into memory.
    """
    check_n_samples(name, n_samples)
    about, sample_names = spec(name), None
    columns: tuple[SampleColumn, ...] = ()
    if USER_DATASET.fullmatch(name):
        pixels, labels = user_sets.arrays(name)
        sample_names, columns = user_sets.sample_names(name), user_sets.sample_columns(name)
    else:
        location = find(name)
        if location is None and download:
            location = _download(name, report)
        if location is None:
            raise DataError(f"{about.title}: not found on this machine. {ways_to_get(name)}")
        pixels, labels = _read(about, location)
    if n_samples is not None:
        order = np.random.default_rng(derive("subset", name)).permutation(len(pixels))
        chosen = np.sort(order[:n_samples])
        if is_mapped(pixels) and (n_bytes := n_samples * pixels[:1].nbytes) > total_memory() // 2:
            raise DataError(
                f"n_samples = {n_samples}: these samples take {n_bytes / 2**30:.1f} GiB of memory, and this machine has "
                f"{total_memory() / 2**30:.1f}. Use all samples (they are read from the disk), or fewer"
            )
        pixels, labels = pixels[chosen], labels[chosen]
        sample_names = sample_names and tuple(sample_names[sample] for sample in chosen.tolist())
        columns = tuple(column.of(chosen) for column in columns)
    pixels.flags.writeable = labels.flags.writeable = False
    return Images(name, pixels, labels, about.image_shape, about.class_names, about.feature_names, sample_names, columns)


def _read(spec: DatasetSpec, location: Location) -> tuple[np.ndarray, np.ndarray]:
    if spec.family is None:
        return _read_digits()
    assert location.folder
    contents = [read_idx(spec.family, location.folder, file) for file in spec.files]
    pixels = np.frombuffer(b"".join(contents[0::2]), np.uint8).reshape(spec.n_samples, spec.n_pixels)
    return pixels, np.frombuffer(b"".join(contents[1::2]), np.uint8).astype(np.int64)


def _read_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # 3 s to import: only when needed

    digits = load_digits()
    return (digits.data * (255 / 16)).round().astype(np.uint8), digits.target.astype(np.int64)


def _download(name: str, report: Callable[[str], None]) -> Location:
    """Download a built-in set. Raises DataError, with the other ways to get it, if that fails."""
    spec = DATASETS[name]
    assert spec.family
    try:
        return downloads.download(spec.family, report)
    except NO_ANSWER as error:
        raise DataError(f"{spec.title}: the download failed ({error}). {ways_to_get(name)}") from None
