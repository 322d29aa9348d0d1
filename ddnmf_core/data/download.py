"""Download a full data set into the user's cache and verify every file."""

import gzip
import http.client
import socket
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

from ddnmf_core.data.dataset import DatasetFamily, Location
from ddnmf_core.data.idx import TORCHVISION_FOLDER, verified_content
from ddnmf_core.files.atomic import write_bytes

DOWNLOAD_TIMEOUT = 10.0  # seconds
NO_ANSWER = (OSError, RuntimeError, ValueError, EOFError, KeyError, zlib.error, http.client.HTTPException)


def cache_folder() -> Path:
    """Return the folder for downloads in the user's cache."""
    return user_cache_path("ddnmf") / "data"


def download(family: DatasetFamily, report: Callable[[str], None]) -> Location:
    """Download all files of a family from torchvision's mirrors into the cache; raises one of NO_ANSWER if all fail."""
    from torchvision import datasets  # slow to import

    source = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[family]
    folder = cache_folder() / TORCHVISION_FOLDER[family] / "raw"
    folder.mkdir(parents=True, exist_ok=True)
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
    return Location("user cache", folder)


def _fetch_from_mirrors(mirrors: list[str], file: str, scratch: Path) -> None:
    from torchvision.datasets.utils import download_url

    for mirror in mirrors:
        try:
            download_url(mirror + file, str(scratch), file)
            return
        except NO_ANSWER as error:
            failure = error
    raise RuntimeError(f"no mirror answered for {file} ({failure})")


def _keep(family: DatasetFamily, downloaded: Path, folder: Path) -> None:
    """Move a verified file into the cache."""
    name = downloaded.name.removesuffix(".gz")
    content = verified_content(family, name, downloaded)
    write_bytes(folder / f"{name}.gz", gzip.compress(content, compresslevel=6))
