"""Memory-mapped arrays: when an array is mapped instead of read, and how to process one in blocks of bounded memory.

An array is mapped when it takes more than a share of the machine's memory: DEFAULT_MEMORY_SHARE, or DDNMF_MEMORY_SHARE
(0 maps every array that can be mapped).
"""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFAULT_MEMORY_SHARE = 0.1  # of the machine's memory; a worker may hold three copies of an array
CGROUP = Path("/sys/fs/cgroup/memory.max")  # memory limit of a container
BLOCK_VALUES = 2**22  # values of an array in a block


def memory_share() -> float:
    """Return the share of memory above which an array is mapped; raises ValueError if DDNMF_MEMORY_SHARE is not 0 to 1."""
    text = os.environ.get("DDNMF_MEMORY_SHARE", "")
    try:
        value = float(text) if text else DEFAULT_MEMORY_SHARE
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"DDNMF_MEMORY_SHARE = {text!r}: should be a number from 0 to 1")
    return value


def total_memory() -> int:
    """Return the bytes of memory of this machine, or the limit of its container."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = CGROUP.read_text().strip() if CGROUP.is_file() else ""
    return min(installed, int(limit)) if limit.isdigit() else installed


def too_large(n_bytes: int) -> bool:
    """Return True if an array of this size is to be mapped."""
    return n_bytes > memory_share() * total_memory()


def memmap_of(array: NDArray[Any]) -> np.memmap | None:
    """Return the memory map behind an array or a view of one; None for an array in memory, as fancy indexing returns."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) else None


def is_mapped(array: NDArray[Any]) -> bool:
    """Return True if the values are in a file, not in memory."""
    return memmap_of(array) is not None


def release(array: NDArray[Any]) -> None:
    """Remove the pages of a mapped array from the memory of this process. The system may keep them in its file cache.

    Without it every page read counts as memory of the process: 235 MB after one pass over a file of 235 MB, against 6 MB.
    """
    if (mapped := memmap_of(array)) is not None and isinstance(mapped.base, mmap.mmap):
        mapped.base.madvise(mmap.MADV_DONTNEED)


def blocks(array: NDArray[Any]) -> Iterator[slice]:
    """Split the rows of an array (n, d) into slices of about BLOCK_VALUES values; release each block after use."""
    step = max(1, BLOCK_VALUES // max(1, array[:1].size))
    for start in range(0, len(array), step):
        yield slice(start, min(start + step, len(array)))
        release(array)
