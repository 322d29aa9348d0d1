"""Classes of pictures: from their folders, or from a pattern in their names."""

import re
from collections import defaultdict
from collections.abc import Sequence
from os.path import commonpath
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.sample_columns import SampleColumn
from ddnmf_core.data.user.source import MAX_NAME, ImportOptions, encode_classes

NO_FOLDER = "(no folder)"
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}  # in lower case
N_NAMES = 10  # names of files in a message
MAX_LISTED_NAME = 30  # letters of a name in a list


class Classes(NamedTuple):
    """Labels (n,) of the pictures, or None; the names of the classes, how they were found, and further columns beside them."""

    labels: NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    columns: tuple[SampleColumn, ...] = ()


def classes_by_name(paths: Sequence[str], choices: ImportOptions) -> Classes:
    """Find the classes of pictures in their paths, as the options say; by default from their folders."""
    if choices.class_from is not None:
        return _from_names(paths, choices.class_from)
    return _from_folders(paths, choices.class_level) if choices.by_folder or choices.class_level is not None else Classes()


def list_names(paths: Sequence[str]) -> str:
    """List the first names of files, each by its last letters."""
    names = [path if len(path) <= MAX_LISTED_NAME else f"…{path[1 - MAX_LISTED_NAME :]}" for path in paths[:N_NAMES]]
    return ", ".join(names) + (f" and {len(paths) - N_NAMES:,} more" if len(paths) > N_NAMES else "")


# ----------------------------------------------------------------------------------------- folders


def _from_folders(paths: Sequence[str], level: int | None) -> Classes:
    parents = [PurePosixPath(path).parent for path in paths]
    root = PurePosixPath(commonpath(parents))
    below = [parent.relative_to(root).parts for parent in parents]
    names, notes = _folder_names(parents, below) if level is None else (_at_level(below, level), ())
    if len(set(names)) < 2:
        return Classes()
    remedy = "Choose a level of folders (--class-level 1: the first below the common folder), or none (--no-folders)"
    labels, found = encode_classes([_shortened(name) for name in names], "the folder of a picture", remedy)
    return Classes(labels, found, notes)


def _folder_names(parents: Sequence[PurePosixPath], below: Sequence[tuple[str, ...]]) -> tuple[list[str], tuple[str, ...]]:
    """Name each picture's folder; by its path where different folders have the same name, but for parts of a split."""
    parts = [tuple(part for part in path if part.lower() not in SPLITS) for path in below]
    merged = sorted({part for path in below for part in path if part.lower() in SPLITS})
    places = defaultdict(set)
    for parent, path in zip(parents, parts, strict=True):
        places[parent.name].add(path)
    if all(len(found) == 1 for found in places.values()):
        several = len(merged) > 1 and len(set(parents)) > len(places)
        notes = (f"{' and '.join(merged)} taken together",) if several else ()
        return [parent.name or NO_FOLDER for parent in parents], notes
    paths = ["/".join(path) or NO_FOLDER for path in parts]
    return paths, ("classes are paths of folders, as folders of the same name lie in different places",)


def _at_level(below: Sequence[tuple[str, ...]], level: int) -> list[str]:
    """Return the folder at a level: 1 is right below the common folder, -1 the picture's own."""
    deepest = max(map(len, below))
    if not 1 <= abs(level) <= deepest:
        raise DataError(
            f"class-level = {level}: the folders below the common one are {deepest} deep, so choose "
            f"{'1' if deepest == 1 else f'1 to {deepest}'}, or -1 for the picture's own"
            if deepest
            else f"class-level = {level}: all pictures lie in one folder. Use --class-from PATTERN or --labels FILE"
        )
    index = level - 1 if level > 0 else level
    return [path[index] if len(path) >= abs(level) else NO_FOLDER for path in below]


def _shortened(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"…{name[1 - MAX_NAME :]}"


# ------------------------------------------------------------------------------------------- names


def _from_names(paths: Sequence[str], pattern: str) -> Classes:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise DataError(f"class-from = {pattern!r}: not a regular expression ({short_message(error)})") from None
    if expression.groups != 1:
        raise DataError(
            f"class-from = {pattern!r}: should have one group in parentheses, which is the class, as 'subject([0-9]+)'"
        )
    matches = [expression.search(PurePosixPath(path).name) or expression.search(path) for path in paths]
    without = [path for path, match in zip(paths, matches, strict=True) if match is None or not match[1]]
    if without:
        raise DataError(
            f"class-from = {pattern!r}: {len(without):,} of {len(paths):,} file names do not match ({list_names(without)}). "
            "Change the pattern, or move these pictures away"
        )
    labels, names = encode_classes(
        [match[1] for match in matches if match], "the group of class-from", "Change the pattern, or use no classes"
    )
    return Classes(labels, names, (f"classes by {pattern} in the file names",)) if len(names) > 1 else Classes()
