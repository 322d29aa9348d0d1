"""Arrays that stay on the disk and are mapped: which ones, how they are read ahead, and how little of them stays in memory.

An array is mapped when it takes more than a share of the machine's memory, SHARE or DDNMF_MEMORY_SHARE (0 maps whatever can
be mapped). What was read of a map counts as memory of the process until it is released; the system's cache may keep it.
"""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFAULT_MEMORY_SHARE = 0.1  # of memory; a worker may hold an array three times
CGROUP = Path("/sys/fs/cgroup/memory.max")  # a container's limit
BLOCK_VALUES = 2**22  # of an array that is worked through block by block
BLOCK_BYTES = 2**24  # of a file that is read block by block


def memory_share() -> float:
    """The share of memory from which an array is mapped."""
    text = os.environ.get("DDNMF_MEMORY_SHARE", "")
    try:
        value = float(text) if text else DEFAULT_MEMORY_SHARE
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"DDNMF_MEMORY_SHARE = {text!r}: should be a number from 0 to 1")
    return value


def total_memory() -> int:
    """Bytes of this machine, or of the container that it is."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = CGROUP.read_text().strip() if CGROUP.is_file() else ""
    return min(whole, int(limit)) if limit.isdigit() else whole


def too_large(n_bytes: int) -> bool:
    """Whether an array of that many bytes is mapped."""
    return n_bytes > memory_share() * total_memory()


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether its values lie in a file; what is gathered from it is an array of its own."""
    return map_of(array) is not None


def map_of(array: Any) -> mmap.mmap | None:
    """The map behind an array or a view of it."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array if isinstance(array, mmap.mmap) else None


def release(array: NDArray[Any]) -> None:
    """Give back the memory that a map took so far; it is read again where it is asked for again."""
    if (found := map_of(array)) is not None and hasattr(mmap, "MADV_DONTNEED"):
        found.madvise(mmap.MADV_DONTNEED)


def file_memory() -> int | None:
    """Bytes of mapped files, programs among them, that this process holds in memory; None where the system does not say."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:
            return int(file.read().split()[2]) * mmap.PAGESIZE
    except FileNotFoundError:
        return None


def offset_in_map(array: NDArray[Any], its_map: mmap.mmap) -> int:
    """Where in its map an array begins."""
    return array.ctypes.data - np.frombuffer(its_map, np.uint8).ctypes.data


def prefetch(array: NDArray[Any], rows: slice) -> None:
    """These rows come next: where they are on the disk, they are read in one go, not page by page."""
    if (found := map_of(array)) is not None and hasattr(mmap, "MADV_WILLNEED"):
        asked = array[rows]
        place = offset_in_map(asked, found)
        first = place - place % mmap.PAGESIZE
        found.madvise(mmap.MADV_WILLNEED, first, place + asked.nbytes - first)


def blocks(array: NDArray[Any]) -> Iterator[slice]:
    """Rows that are worked on together: (n, d) -> slices of n, the same for every array of this shape."""
    step = max(1, BLOCK_VALUES // max(1, array[:1].size))
    for start in range(0, len(array), step):
        rows = slice(start, min(start + step, len(array)))
        prefetch(array, rows)
        yield rows
        release(array)
