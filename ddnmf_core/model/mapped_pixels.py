"""Where a trainer's images come from: a tensor on its device, or rows that are gathered from a mapped array."""

import mmap

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ddnmf_core.files.memory_map import blocks, file_memory, is_mapped, map_of, offset_in_map, release

MAX_DEVICE_SHARE = 0.5  # of a GPU's memory that images may take
ROWS_PER_READ = 16  # rows after which it is looked how much stays
MAX_RESIDENT_BYTES = 2**25  # bytes of a map that may stay in memory, but for a piece


class MappedRows:
    """The rows of a mapped array (n, d), read in the order of the file and given in the order asked for.

    The same values as from a tensor of the whole array, so a training from it ends with the same bits.
    """

    def __init__(self, pixels: NDArray[np.generic], device: torch.device) -> None:
        self.pixels, self.device = pixels, device
        self.shape = pixels.shape
        self.map, self.floor = map_of(pixels), file_memory() or 0
        if self.map is not None:
            self.start = offset_in_map(pixels, self.map)
            self.map.madvise(mmap.MADV_RANDOM)  # one row, not the 128 KiB around it

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, samples: Tensor | slice) -> Tensor:
        """(k,) -> (k, d) on the device."""
        wanted = np.arange(len(self))[samples] if isinstance(samples, slice) else samples.cpu().numpy()
        order = np.argsort(wanted)
        rows = np.empty((len(wanted), self.pixels.shape[1]), self.pixels.dtype)
        for start in range(0, len(order), ROWS_PER_READ):
            some = order[start : start + ROWS_PER_READ]
            rows[some] = self.pixels[wanted[some]]
            self._give_back()
        return torch.from_numpy(rows).to(self.device)

    def _give_back(self) -> None:
        """What was read, once it is too much. It is measured: how much a system maps around a byte that is read, a page or
        2 MiB, depends on its version and on how the file came into its cache. Where it cannot be measured, always."""
        held = file_memory()
        if held is None or held - self.floor > MAX_RESIDENT_BYTES:
            release(self.pixels)
            self.floor = file_memory() or 0
        elif held < self.floor:  # somebody else gave some back
            self.floor = held

    def expect(self, samples: Tensor) -> None:
        """These come next: the system reads them while something else is computed."""
        if self.map is None:
            return
        size = self.pixels[:1].nbytes
        for place in (self.start + np.sort(samples.cpu().numpy()) * size).tolist():
            first = place - place % mmap.PAGESIZE
            self.map.madvise(mmap.MADV_WILLNEED, first, place + size - first)


def pixels_on_device(pixels: NDArray[np.generic], device: torch.device) -> Tensor | MappedRows:
    """A tensor there; rows of a mapped array, unless a GPU has the memory that this machine has not."""
    if not is_mapped(pixels):
        return torch.tensor(pixels, device=device)
    if device.type == "cuda" and pixels.nbytes < MAX_DEVICE_SHARE * torch.cuda.get_device_properties(device).total_memory:
        there = torch.empty(pixels.shape, dtype=torch.from_numpy(pixels[:0].copy()).dtype, device=device)
        for block in blocks(pixels):
            there[block] = torch.tensor(pixels[block], device=device)
        return there
    return MappedRows(pixels, device)
