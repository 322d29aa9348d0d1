"""Read pictures from a folder or zip file as rows of gray values, with their classes and names."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.image_files import check_size, count_pages, gray_picture, open_image, width_to_height
from ddnmf_core.data.user.image_folder import (
    IMAGE_SUFFIXES,
    STACK_SUFFIXES,
    FoundFile,
    FoundFiles,
    files_in_archive,
    files_in_folder,
    one_stack,
    open_archive,
)
from ddnmf_core.data.user.pictures.class_table import classes_in_table
from ddnmf_core.data.user.pictures.classes import classes_by_name, list_names
from ddnmf_core.data.user.pictures.gray_rows import GrayRow, on_one_scale, resize_to_row
from ddnmf_core.data.user.source import MAX_VALUES, MIN_SAMPLES, DataSource, ImportOptions, RawData, check_extent
from ddnmf_core.progress import Progress, ignore_progress

SIZE_RANGE = (4, 256)  # pixels of a resized picture
STRETCHED = 1.1  # times wider or higher than the common proportions
N_MEASURED = 200  # pictures used to choose the common proportions


def read_pictures(source: DataSource, name: str, choices: ImportOptions, report: Progress = ignore_progress) -> RawData:
    """Read and resize all pictures; raises DataError with the names of pictures that cannot be read."""
    if not SIZE_RANGE[0] <= choices.size <= SIZE_RANGE[1]:
        raise DataError(f"size = {choices.size}: should be {SIZE_RANGE[0]} to {SIZE_RANGE[1]} pixels for the longer side")
    with ExitStack() as opened:
        found = _find(source, name, choices, opened)
        if found.is_stack:
            choices = replace(choices, pages=True)
        if not found.pictures:
            raise DataError(_no_pictures(found))
        read = _read_all(found.pictures, choices, report)
        classes = (
            classes_by_name(read.paths, choices)
            if choices.labels is None
            else classes_in_table(read.paths, found.others, source, choices.labels, choices.y)
        )
    rows, notes = on_one_scale(read.rows)
    inverted = rows.dtype == np.uint8 and choices.white is None  # by another white the values are scaled first
    if choices.invert and inverted:
        rows = 255 - rows
    return RawData(
        rows,
        classes.labels,
        classes.names,
        read.shape,
        None,
        len(found.others),
        inverted=inverted,
        deep=rows.dtype != np.uint8,
        notes=(*found.notes, *read.notes, *classes.notes, *notes),
        sample_names=tuple(read.names),
        columns=classes.columns,
    )


def _find(source: DataSource, name: str, choices: ImportOptions, opened: ExitStack) -> FoundFiles:
    if isinstance(source, Path) and source.is_dir():
        return files_in_folder(source)
    if name.lower().endswith(STACK_SUFFIXES):
        return one_stack(source, name)
    return files_in_archive(opened.enter_context(open_archive(source, choices.encoding)))


def _no_pictures(found: FoundFiles) -> str:
    others = (
        f"; it holds {list_names([file.path for file in found.others])}: unpack it and add the file that is meant"
        if found.others
        else ""
    )
    return "; ".join([f"there are no pictures ({', '.join(IMAGE_SUFFIXES)}) in it{others}", *found.notes])


@dataclass
class _Read:
    """Pictures that were read: rows, the path and the name of each, and what was left out."""

    shape: tuple[int, int]
    rows: list[GrayRow] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    n_stretched: int = 0  # files of other proportions
    notes: tuple[str, ...] = ()


def _read_all(files: list[FoundFile], choices: ImportOptions, report: Progress) -> _Read:
    """Read all pictures, and their pages if these are samples; damaged ones are listed, or left out and counted."""
    damaged: dict[str, str] = {}
    middle = _middle_proportion(files[:N_MEASURED], damaged)
    if middle is None:
        raise DataError(_describe_damage(damaged, len(files)))
    shape = _shape(middle, choices.size)
    n_values = shape[0] * shape[1]
    if not choices.pages:
        check_extent(len(files), n_values)
    read = _Read(shape)
    n_left_out = 0
    for number, file in enumerate(files):
        report((number + 1) / len(files), "Reading")
        if file.path in damaged:
            continue
        try:
            rows, n_pages, proportion = _read_pages(file, shape, choices.pages)
        except DataError as error:
            damaged[file.path] = str(error)
            continue
        n_left_out += n_pages - len(rows)
        read.n_stretched += not 1 / STRETCHED <= proportion / middle <= STRETCHED
        read.rows += rows
        read.paths += [file.path] * len(rows)
        several = choices.pages and n_pages > 1
        read.names += [f"{file.path}, page {page + 1}" if several else file.path for page in range(len(rows))]
        check_extent(max(len(read.rows), MIN_SAMPLES), n_values)
    if damaged and (not choices.skip_damaged or not read.rows):
        raise DataError(_describe_damage(damaged, len(files)))
    check_extent(len(read.rows), n_values)
    if n_left_out:
        read.notes += (
            f"{n_left_out:,} pages left out: the first of each file is read. --pages (Every page is a sample) reads all",
        )
    if read.n_stretched:
        read.notes += (
            f"{read.n_stretched:,} of {len(files):,} pictures have other proportions and are stretched to "
            f"{shape[0]} x {shape[1]}: crop them first if that is not meant",
        )
    if damaged:
        noun = "picture" if len(damaged) == 1 else "pictures"
        read.notes += (f"{len(damaged):,} damaged {noun} left out ({list_names(list(damaged))})",)
    return read


def _describe_damage(damaged: dict[str, str], n_files: int) -> str:
    first = next(iter(damaged.values()))
    ways = "Replace or remove them" + ("" if len(damaged) == n_files else ", or leave them out (--skip-damaged)")
    if len(damaged) == 1:
        return f"{first}. {ways.replace('them', 'it')}"
    return f"{len(damaged):,} of {n_files:,} pictures cannot be read ({list_names(list(damaged))}): {first}. {ways}"


def _middle_proportion(files: list[FoundFile], damaged: dict[str, str]) -> float | None:
    """Return the median of width to height; None if no picture can be read."""
    proportions = []
    for file in files:
        try:
            with _opened(file) as picture:
                proportions.append(width_to_height(picture))
        except DataError as error:
            damaged[file.path] = str(error)
    return float(np.median(proportions)) if proportions else None


def _shape(proportion: float, size: int) -> tuple[int, int]:
    """Return (height, width) of a proportion of width to height, the longer side `size`."""
    shorter = max(SIZE_RANGE[0], round(size * min(proportion, 1 / proportion)))
    return (size, shorter) if proportion < 1 else (shorter, size)


def _read_pages(file: FoundFile, shape: tuple[int, int], all_pages: bool) -> tuple[list[GrayRow], int, float]:
    """Read the first page of a picture, or all of them; count them, and return the proportion of width to height."""
    with _opened(file) as picture:
        n_pages, rows, proportions = count_pages(picture), [], []
        for page in range(n_pages if all_pages else 1):
            if page:
                picture.seek(page)
                check_size(picture)
            gray = gray_picture(picture)
            proportions.append(gray.on_white.width / gray.on_white.height)
            rows.append(resize_to_row(gray, shape))
            if len(rows) * shape[0] * shape[1] > MAX_VALUES:
                raise DataError(f"{file.path} has {n_pages:,} pages, too many for a set: use smaller pictures, or fewer pages")
        return rows, n_pages, proportions[0]


@contextmanager
def _opened(file: FoundFile) -> Iterator[Any]:
    try:
        with open_image(file.read(), file.path) as picture:
            yield picture
    except ValueError as error:
        raise DataError(str(error)) from None
