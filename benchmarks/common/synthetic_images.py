"""Any number of images: the included digits repeated, each time with other noise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.common.harness import ROOT
from ddnmf_core.data.catalogue import load

NOISE = 8  # gray values up or down, at most
STORED = ROOT / "results"  # /tmp may be memory, and this is about the disk


def write(path: Path, n: int) -> None:
    """n images as a .npy (n, 28, 28), block by block; the first ones of any n are the same."""
    images = load("mnist-10k").pixels
    kept = np.lib.format.open_memmap(path, "w+", np.uint8, (n, 28, 28))
    for number, start in enumerate(range(0, n, len(images))):
        noise = np.random.default_rng(number).integers(-NOISE, NOISE + 1, images.shape, np.int16)
        rows = np.clip(images + noise, 0, 255).astype(np.uint8)[: n - start]
        kept[start : start + len(rows)] = rows.reshape(-1, 28, 28)
    kept.flush()


@contextmanager
def images(n: int) -> Iterator[Path]:
    """Provide a temporary file of n images."""
    with TemporaryDirectory(dir=STORED, prefix=".images-") as folder:
        path = Path(folder) / "images.npy"
        write(path, n)
        yield path
