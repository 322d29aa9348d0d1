"""Images in, verified: where each data set is looked for, and how it is loaded.

The t10k halves of MNIST (CC BY-SA 3.0) and Fashion-MNIST (MIT) ship inside the package; scikit-learn
brings the digits. The full sets (70,000 = train + test, as the paper) are looked for in DDNMF_DATA,
the user cache and Debian's folder, and only then downloaded. Every file's decompressed content is
checked by SHA-256 before use. Images stay one u8 array, labels int64.
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
    """What a data set is, ours or one of the user's own. Raises DataError where there is none of this name."""
    if name in DATASETS:
        return DATASETS[name]
    if USER_DATASET.fullmatch(name):
        return user_sets.user_spec(name)
    raise DataError(f"data set {name!r}: there is none of this name; known are {', '.join([*DATASETS, *user_sets.names()])}")


def is_known(name: str) -> bool:
    """Whether there is a description of this set; one of the user's own may have been removed."""
    return name in DATASETS or user_sets.is_readable(name)


def dataset_family(name: str) -> DatasetFamily | None:
    """The family of one of our data sets; None for the digits and for a set of the user's own. It reads no file."""
    return DATASETS[name].family if name in DATASETS else None


def short_name(name: str) -> str:
    """What to call a set in a line of text: our sets by their names, the user's own by the title that they gave."""
    return user_sets.user_spec(name).title if name not in DATASETS and is_known(name) else name


def available() -> dict[str, DatasetSpec]:
    """The sets that are on this machine, the user's own last."""
    ours = {name: spec for name, spec in DATASETS.items() if find(name)}
    return {**ours, **{name: spec(name) for name in user_sets.names() if user_sets.is_readable(name)}}


def find(name: str) -> Location | None:
    """The first place that has every file of the set, or None; reads no file."""
    if USER_DATASET.fullmatch(name):
        return Location("your own", user_sets.folder(name)) if name in user_sets.names() else None
    spec = DATASETS[name]
    if spec.family is None:
        return Location("scikit-learn", None)
    for location in _places(spec):
        if location.folder and all(find_file(location.folder, file) for file in spec.files):
            return location
    return None


def _places(spec: DatasetSpec) -> Iterator[Location]:
    assert spec.family
    if spec.halves == ("t10k",):
        yield Location("shipped with DDNMF", SHIPPED_FOLDER / spec.family)
    if root := os.environ.get("DDNMF_DATA"):
        yield Location("DDNMF_DATA", Path(root) / TORCHVISION_FOLDER[spec.family] / "raw")
    yield Location("user cache", cache_folder() / TORCHVISION_FOLDER[spec.family] / "raw")
    yield Location("Debian package", DEBIAN_FOLDER / spec.family)


def ways_to_get(name: str) -> str:
    """One sentence with every way to a missing set."""
    if USER_DATASET.fullmatch(name):
        return "To get it: add the file or folder again that it was made of."
    spec = DATASETS[name]
    if spec.family is None or spec.halves == ("t10k",):
        return "It comes with the installation."
    folder = TORCHVISION_FOLDER[spec.family]
    ways = [
        f"run `ddnmf data --get {name}` where there is a network",
        f"set DDNMF_DATA to a folder that holds {folder}/raw/*-ubyte.gz",
    ]
    if spec.family == "fashion-mnist":
        ways.append("install Debian's package dataset-fashion-mnist")
    return "To get it: " + ", or ".join(ways) + "."


# --------------------------------------------------------------------------------------- loading


def load(
    name: str, n_samples: int | None = None, *, download: bool = False, report: Callable[[str], None] = lambda message: None
) -> Images:
    """The whole set, or a random subset that is the same for every run that asks for that size.

    Raises DataError where the set is not found (and `download` is off or failed), where a file's
    content has the wrong SHA-256, or where more samples are asked for than there are.
    """
    about = spec(name)
    if n_samples is not None and not 1 <= n_samples <= about.n_samples:
        raise DataError(f"n_samples = {n_samples}: {name} has {about.n_samples:,} images")
    if USER_DATASET.fullmatch(name):
        pixels, labels = user_sets.arrays(name)
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
        if is_mapped(pixels) and (taken := n_samples * pixels[:1].nbytes) > total_memory() // 2:
            raise DataError(
                f"n_samples = {n_samples}: that many take {taken / 2**30:.1f} GiB, and a part of a set is held in "
                f"memory, of which there are {total_memory() / 2**30:.1f}. Take all, or fewer"
            )
        pixels, labels = pixels[chosen], labels[chosen]
    pixels.flags.writeable = labels.flags.writeable = False
    return Images(name, pixels, labels, about.image_shape, about.class_names, about.feature_names)


def _read(spec: DatasetSpec, location: Location) -> tuple[np.ndarray, np.ndarray]:
    if spec.family is None:
        return _read_digits()
    assert location.folder
    contents = [read_idx(spec.family, location.folder, file) for file in spec.files]
    pixels = np.frombuffer(b"".join(contents[0::2]), np.uint8).reshape(spec.n_samples, spec.n_pixels)
    return pixels, np.frombuffer(b"".join(contents[1::2]), np.uint8).astype(np.int64)


def _read_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # 3 s cold: only when asked for

    digits = load_digits()
    return (digits.data * (255 / 16)).round().astype(np.uint8), digits.target.astype(np.int64)


def _download(name: str, report: Callable[[str], None]) -> Location:
    """Raises DataError, with every other way to the set, where the download fails."""
    spec = DATASETS[name]
    assert spec.family
    try:
        return downloads.download(spec.family, report)
    except NO_ANSWER as error:
        raise DataError(f"{spec.title}: the download failed ({error}). {ways_to_get(name)}") from None
