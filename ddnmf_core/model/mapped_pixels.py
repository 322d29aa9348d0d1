"""Pixels of a training: a tensor on its device, or rows read from the file of a memory-mapped array."""

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ddnmf_core.files.memory_map import blocks, memmap_of

MAX_DEVICE_SHARE = 0.5  # of a GPU's memory, for images


class MappedRows:
    """Rows of a memory-mapped array (n, d), indexed as a tensor of the whole array, with the same values.

    Rows are read from the file, not through the map. Training reads them in random order, and the system then maps and reads
    far more than the rows. Measured with a file of 235 MB, batches of 256 rows of 784 bytes: indexing the map leaves all
    235 MB in memory; with nothing in the file cache it reads 232 MB and 0.6 s a batch, reads from the file 1.2 MB and 0.03 s.
    """

    def __init__(self, pixels: NDArray[np.generic], device: torch.device) -> None:
        mapped = memmap_of(pixels)
        if mapped is None or mapped.filename is None or not pixels.flags.c_contiguous:
            raise ValueError(f"pixels of shape {pixels.shape}: should be mapped from a file, row by row")
        self.shape, self.dtype, self.device = pixels.shape, pixels.dtype, device
        self.start = mapped.offset + pixels.ctypes.data - mapped.ctypes.data  # of the first row in the file
        self.row_bytes = pixels[:1].nbytes
        self.file = open(mapped.filename, "rb", buffering=0)  # noqa: SIM115 - open as long as the trainer

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, samples: Tensor | slice) -> Tensor:
        """Read rows: (k,) -> (k, d) on the device."""
        numbers = range(len(self))[samples] if isinstance(samples, slice) else samples.tolist()
        rows = np.empty((len(numbers), self.shape[1]), self.dtype)
        for row, number in zip(rows, numbers, strict=True):
            if os.preadv(self.file.fileno(), [row], self.start + number * self.row_bytes) != self.row_bytes:
                raise OSError(f"{self.file.name}: has no row {number}, it was cut short")
        return torch.from_numpy(rows).to(self.device)

    def prefetch(self, samples: Tensor) -> None:
        """Let the system read rows (k,) while the current batch is computed.

        Measured with nothing in the file cache, 256 rows: reading them then takes 1 ms instead of 32.
        """
        if hasattr(os, "posix_fadvise"):  # not on macOS
            for number in samples.sort().values.tolist():
                place = self.start + number * self.row_bytes
                os.posix_fadvise(self.file.fileno(), place, self.row_bytes, os.POSIX_FADV_WILLNEED)


def pixels_on_device(pixels: NDArray[np.generic], device: torch.device) -> Tensor | MappedRows:
    """Copy pixels (n, d) to the device; a mapped array only to a GPU with enough memory, otherwise as MappedRows."""
    if memmap_of(pixels) is None:
        return torch.tensor(pixels, device=device)
    if device.type == "cuda" and pixels.nbytes < MAX_DEVICE_SHARE * torch.cuda.get_device_properties(device).total_memory:
        copied = torch.empty(pixels.shape, dtype=torch.from_numpy(pixels[:0].copy()).dtype, device=device)
        for rows in blocks(pixels):
            copied[rows] = torch.tensor(pixels[rows], device=device)
        return copied
    return MappedRows(pixels, device)
