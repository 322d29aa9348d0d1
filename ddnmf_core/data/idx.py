"""Read IDX files of MNIST and Fashion-MNIST, verified by SHA-256."""

import gzip
import hashlib
from pathlib import Path

from ddnmf_core.data.dataset import DataError, DatasetFamily

TORCHVISION_FOLDER = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}

# of the decompressed files, since compressed ones differ with the version of gzip
SHA256: dict[DatasetFamily, dict[str, str]] = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}


def find_file(folder: Path, name: str) -> Path | None:
    """Find the file, compressed or plain; None if there is none."""
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def read_idx(family: DatasetFamily, folder: Path, name: str) -> memoryview:
    """Read the values of a verified IDX file, after its header of 4 bytes and 4 more for each dimension."""
    path = find_file(folder, name)
    assert path is not None
    content = verified_content(family, name, path)
    dimensions = content[3]
    return memoryview(content)[4 + 4 * dimensions :]


def verified_content(family: DatasetFamily, name: str, path: Path) -> bytes:
    """Read and decompress a file; raises DataError if that fails or its SHA-256 is not that of the published file."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        raise DataError(f"{path}: cannot be read ({error}). Delete it and download it again.") from error
    if hashlib.sha256(content).hexdigest() != SHA256[family][name]:
        raise DataError(
            f"{path}: its content is not the published {name} of {family} (SHA-256 differs). Delete it and download it again."
        )
    return content
