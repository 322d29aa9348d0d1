"""Read pictures from a folder or zip file as rows of gray values; a picture's class is the name of its folder."""

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.image_files import open_image, to_gray, width_to_height
from ddnmf_core.data.user.source import (
    MAX_SAMPLES,
    MAX_UNPACKED,
    DataSource,
    ImportOptions,
    RawData,
    check_extent,
    check_is_file,
    encode_classes,
    source_size,
)
from ddnmf_core.progress import Progress, ignore_progress

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".pbm", ".tif", ".tiff", ".bmp", ".webp", ".gif")
MAX_IMAGE_BYTES = 64 * 1024**2  # of one file
MAX_ENTRIES = 2 * MAX_SAMPLES  # files in a folder or zip file
SIZE_RANGE = (4, 256)  # pixels of a resized picture
N_MEASURED = 200  # pictures used to choose the common proportions

ImageFile = tuple[str, Callable[[], bytes]]  # path, and a function that reads it


def read_pictures(source: DataSource, choices: ImportOptions, report: Progress = ignore_progress) -> RawData:
    """Read and resize all pictures; raises DataError with the name of a picture that cannot be read."""
    if not SIZE_RANGE[0] <= choices.size <= SIZE_RANGE[1]:
        raise DataError(f"size = {choices.size}: should be {SIZE_RANGE[0]} to {SIZE_RANGE[1]} pixels for the longer side")
    with ExitStack() as opened:
        files, skipped = (
            _in_folder(source)
            if isinstance(source, Path) and source.is_dir()
            else _in_archive(opened.enter_context(open_archive(source)))
        )
        if not files:
            raise DataError(f"there are no pictures ({', '.join(IMAGE_SUFFIXES)}) in it")
        shape = _common_shape(files[:N_MEASURED], choices.size)
        n_pixels = shape[0] * shape[1]
        check_extent(len(files), n_pixels)
        rows = np.empty((len(files), n_pixels), np.uint8)
        for number, (name, read) in enumerate(files):
            rows[number] = read_gray(read(), name, shape).ravel()
            report((number + 1) / len(files), "Reading")
    labels, names = _classes([name for name, _ in files]) if choices.by_folder else (None, ())
    return RawData(255 - rows if choices.invert else rows, labels, names, shape, None, skipped, inverted=True)


def _common_shape(files: Sequence[ImageFile], size: int) -> tuple[int, int]:
    """Choose the shape of all pictures: (height, width) with the median proportions, the longer side `size`."""
    proportions = []
    for name, read in files:
        with _opened(read(), name) as picture:
            proportions.append(width_to_height(picture))
    middle = float(np.median(proportions))
    shorter = max(SIZE_RANGE[0], round(size * min(middle, 1 / middle)))
    return (size, shorter) if middle < 1 else (shorter, size)


def read_gray(content: bytes, name: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Read a picture as gray values (height, width); its size is checked before it is decoded."""
    from PIL import Image

    with _opened(content, name) as picture:
        return np.asarray(to_gray(picture).resize(shape[::-1], Image.Resampling.LANCZOS), np.uint8)


@contextmanager
def _opened(content: bytes, name: str) -> Iterator[Any]:
    try:
        with open_image(content, name) as picture:
            yield picture
    except ValueError as error:
        raise DataError(str(error)) from None


def _classes(names: Sequence[str]) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    folders = [PurePosixPath(name).parent.name or "(no folder)" for name in names]
    return encode_classes(folders, "the folder of a picture") if len(set(folders)) > 1 else (None, ())


# ------------------------------------------------------------------------------------------ folders


def pictures_in(folder: Path) -> tuple[list[Path], int]:
    """List the pictures in a folder and below, sorted, and count the other files; raises DataError if there are too many."""
    root, pictures, n_files = folder.resolve(), [], 0
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _is_user_file(name))
        n_files += len(names)
        if n_files > MAX_ENTRIES:
            raise DataError(f"there are more than {MAX_ENTRIES:,} files in {folder}: choose a smaller folder")
        pictures += [Path(place, name) for name in sorted(names) if _is_picture(name)]
    return pictures, n_files - len(pictures)


def _in_folder(folder: Path) -> tuple[list[ImageFile], int]:
    """List the pictures in a folder. A link counts as the file that it leads to: data managers keep files elsewhere."""
    root, (pictures, skipped) = folder.resolve(), pictures_in(folder)
    return [(path.relative_to(root).as_posix(), partial(_content, path)) for path in pictures], skipped


def _content(path: Path) -> bytes:
    check_is_file(path)
    if path.stat().st_size > MAX_IMAGE_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size:,} bytes: at most {MAX_IMAGE_BYTES:,} for one picture")
    return path.read_bytes()


# ------------------------------------------------------------------------------------------ archives


def open_archive(source: DataSource) -> zipfile.ZipFile:
    """Open a zip file after a check of its paths and sizes; it is never unpacked to the disk."""
    source_size(source)
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"this is not a zip file that can be read: {short_message(error)}") from None
    entries = archive.infolist()
    climbing = next((entry.filename for entry in entries if _leaves_folder(entry.filename)), None)
    if climbing is not None:
        raise DataError(f"the zip file holds {climbing!r}, a path that leads out of its folder: the file is refused")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED or len(entries) > MAX_ENTRIES:
        raise DataError(
            f"the zip file unpacks to {len(entries):,} files of {unpacked / 1024**3:.1f} GiB: at most "
            f"{MAX_ENTRIES:,} files of {MAX_UNPACKED / 1024**3:.0f} GiB in all"
        )
    return archive


def _leaves_folder(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def _in_archive(archive: zipfile.ZipFile) -> tuple[list[ImageFile], int]:
    entries = [
        entry
        for entry in archive.infolist()
        if not entry.is_dir() and all(map(_is_user_file, PurePosixPath(entry.filename).parts))
    ]
    pictures = sorted((entry for entry in entries if _is_picture(entry.filename)), key=lambda entry: entry.filename)
    return [(entry.filename, partial(read_member, archive, entry)) for entry in pictures], len(entries) - len(pictures)


def read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int = MAX_IMAGE_BYTES) -> bytes:
    """Read an entry of a zip file; raises DataError if it is larger than `most` bytes or cannot be read."""
    if entry.file_size > most:
        raise DataError(f"{entry.filename} has {entry.file_size:,} bytes: at most {most:,}")
    try:
        return archive.read(entry)
    except Exception as error:  # zlib, lzma and encryption raise different errors
        raise DataError(f"{entry.filename} in the zip file cannot be read: {short_message(error)}") from None


def _is_picture(name: str) -> bool:
    return _is_user_file(PurePosixPath(name).name) and name.lower().endswith(IMAGE_SUFFIXES)


def _is_user_file(name: str) -> bool:
    """Return False for hidden files and __MACOSX."""
    return not name.startswith(".") and name != "__MACOSX"
