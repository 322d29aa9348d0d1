"""Classes of pictures, and further columns such as age and site, from a table of file names beside them."""

import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.sample_columns import sample_column
from ddnmf_core.data.tables.proposals import LIKELY_CLASSES, likely_labels, not_numeric
from ddnmf_core.data.user import tables
from ddnmf_core.data.user.dialect import MISSING_MARKERS
from ddnmf_core.data.user.image_folder import FoundFile
from ddnmf_core.data.user.pictures.classes import Classes, list_names
from ddnmf_core.data.user.source import ImportOptions, encode_classes

if TYPE_CHECKING:
    import pandas as pd

ROW_NAMES = "row names"  # title of the column that R writes without a heading


def classes_in_table(
    paths: Sequence[str], others: Sequence[FoundFile], source: object, table: str, column: str | None
) -> Classes:
    """Read classes from a table of file names and classes, beside the pictures or elsewhere on this machine.

    Parameters
    ----------
    paths : sequence of str of length n
        Of the pictures; a file whose pages are samples is named once for each.
    others : sequence of FoundFile
        What lies beside them.
    source : object
        The folder or file of pictures; a path may name a table elsewhere on this machine.
    table : str
        Name of the table.
    column : str, optional
        Column of the classes; empty for none, None for the likely one. The other columns are kept beside the samples.
    """
    content, title = _content(others, source, table)
    read = tables.read_frame(io.BytesIO(content), title, ImportOptions(index=False))
    frame = read.frame if read.row_names is None else read.frame.assign(**{ROW_NAMES: read.row_names})
    keys = {name: _matches(frame[name].astype(str).tolist(), paths) for name in frame}
    files = max(keys, key=lambda name: len(keys[name]), default="")
    rows = keys.get(files, {})
    without = [path for path in paths if path not in rows]
    if without:
        raise DataError(
            f"{title}: {len(without):,} of {len(paths):,} pictures have no row ({list_names(without)}). One column should "
            "hold the file names, another the classes; add the rows, or move these pictures away"
        )
    frame = frame.drop(columns=[files, *_unnamed(frame)], errors="ignore")
    if not frame.shape[1]:
        raise DataError(f"{title} has the column {files!r} alone: another should hold the classes")
    chosen = _class_column(frame, column, title)
    _check_rows(frame, rows, chosen, title)
    frame = frame.iloc[[rows[path][0] for path in paths]]
    columns = tuple(sample_column(str(name), frame[name].tolist(), MISSING_MARKERS) for name in frame if name != chosen)
    notes = _notes(rows, title, chosen)
    if chosen is None:
        return Classes(notes=notes, columns=columns)
    labels, names = encode_classes(frame[chosen].tolist(), f"column {chosen!r} of {title}")
    return Classes(labels, names, notes, columns)


def _content(others: Sequence[FoundFile], source: object, name: str) -> tuple[bytes, str]:
    wanted = PurePosixPath(name.replace("\\", "/"))
    for file in others:
        if file.path == wanted.as_posix() or PurePosixPath(file.path).name == wanted.as_posix():
            return file.read(), wanted.name
    path = Path(name).expanduser()
    if isinstance(source, Path) and path.is_file():  # never for an upload, which comes from elsewhere
        return path.read_bytes(), path.name
    beside = [file.path for file in others if file.path.lower().endswith((".csv", ".tsv", ".txt"))]
    there = f"there are {list_names(beside)}" if beside else "there is no table"
    raise DataError(f"labels = {name!r}: {there} beside the pictures. Name a table of file names and classes")


def _unnamed(frame: "pd.DataFrame") -> list[str]:
    """List the columns without a heading, which number the rows or are empty."""
    return [name for name in frame if str(name).startswith(tables.UNNAMED)]


def _class_column(frame: "pd.DataFrame", wanted: str | None, title: str) -> str | None:
    """Return the column of classes: that wanted, one of a usual name, the first of few words, or the first."""
    if wanted:
        if wanted not in frame:
            raise DataError(f"y = {wanted!r}: {title} has the columns {', '.join(map(str, frame))}")
        return wanted
    if wanted is not None:
        return None
    few = [name for name in not_numeric(frame) if 1 < frame[name].nunique() <= LIKELY_CLASSES]
    return likely_labels(frame) or next(iter(few), str(frame.columns[0]))


def _matches(cells: Sequence[str], paths: Sequence[str]) -> dict[str, list[int]]:
    """Return the rows of each picture that a cell names: by its path, its file name, or its name without the ending."""
    rows: dict[str, list[int]] = {}
    for row, cell in enumerate(cells):
        rows.setdefault(cell.strip().replace("\\", "/"), []).append(row)
    found = {}
    for path in dict.fromkeys(paths):
        pure = PurePosixPath(path)
        key = next((key for key in (path, *_tails(pure), pure.name, pure.stem, pure.stem.lstrip("0")) if key in rows), None)
        if key is not None:
            found[path] = rows[key]
    return found


def _tails(path: PurePosixPath) -> list[str]:
    """Return the path below each folder above it, the longest first."""
    return ["/".join(path.parts[start:]) for start in range(1, len(path.parts))]


def _check_rows(frame: "pd.DataFrame", rows: dict[str, list[int]], chosen: str | None, title: str) -> None:
    """Raise DataError for a picture with rows of different classes."""
    if chosen is None:
        return
    cells = frame[chosen].tolist()
    torn = [path for path, found in rows.items() if len({str(cells[row]) for row in found}) > 1]
    if torn:
        raise DataError(
            f"{title}: {len(torn):,} pictures have several rows of different classes ({list_names(torn)}). Leave one row for "
            "each picture, or name files by their paths where several have the same name"
        )


def _notes(rows: dict[str, list[int]], title: str, chosen: str | None) -> tuple[str, ...]:
    """Say where the classes come from, and where rows and pictures are not one to one."""
    n_several = sum(len(found) > 1 for found in rows.values())
    n_shared = len(rows) - len({found[0] for found in rows.values()})
    return (
        *((f"classes from column {chosen!r} of {title}",) if chosen is not None else ()),
        *((f"{n_several:,} pictures have several rows in {title}, of which the first counts",) if n_several else ()),
        *((f"{n_shared:,} pictures share the row of another one in {title}",) if n_shared else ()),
    )
