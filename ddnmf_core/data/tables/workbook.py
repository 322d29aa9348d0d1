"""Read a sheet of an Excel workbook (.xlsx)."""

import zipfile
from itertools import islice
from typing import TYPE_CHECKING, Any

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.dialect import MISSING_MARKERS, Dialect, has_header
from ddnmf_core.data.user.headings import count_above, joined_heading
from ddnmf_core.data.user.numbers import as_number
from ddnmf_core.data.user.source import MAX_SAMPLES, MAX_UNPACKED, MAX_VALUES, DataSource

if TYPE_CHECKING:
    import pandas as pd

N_DECIDING = 200  # rows that decide whether there is a heading


def read_workbook(
    source: DataSource, sheet: str | None, header: bool | None, n_rows: int | None, joins: bool = True
) -> tuple["pd.DataFrame", bool, tuple[str, ...]]:
    """Read one sheet, the first by default; return the table, whether its first row names the columns, and notes.

    Rows and columns around the table that are empty are left out. Formulas have the values that were stored with them.
    """
    import pandas as pd
    from openpyxl import load_workbook

    _check_size(source)
    try:
        book = load_workbook(source, read_only=True, data_only=True)
    except Exception as error:  # a damaged workbook raises any error
        raise DataError(f"this is not a workbook that can be read: {short_message(error)}") from None
    try:
        names = [worksheet.title for worksheet in book.worksheets]
        if sheet is not None and sheet not in names:
            raise DataError(f"there is no sheet {sheet!r}: there are {', '.join(map(repr, names[:12]))}")
        worksheet = book[sheet] if sheet is not None else book.worksheets[0]
        worksheet.reset_dimensions()  # what the file says of its size may be wrong
        rows = _rows(worksheet.iter_rows(values_only=True), n_rows)
    finally:
        book.close()
    if not rows:
        raise DataError(f"the sheet {worksheet.title!r} is empty: choose another one of {', '.join(map(repr, names[:12]))}")
    texts = [["" if cell is None else str(cell).strip() for cell in row] for row in rows[:N_DECIDING]]
    above = count_above(texts, as_number) if header is not False else 0
    texts, rows = texts[above:], rows[above:]
    notes: tuple[str, ...] = (f"sheet {worksheet.title!r} of {len(names)}",) if len(names) > 1 else ()
    notes += (f"{above} line{'s' if above > 1 else ''} above the table left out",) if above else ()
    if joins and header is not False and (joined := joined_heading(texts, as_number, MISSING_MARKERS)):
        return pd.DataFrame(rows[2:], columns=list(joined)), True, (*notes, "two lines of headings joined")
    named = has_header(texts, Dialect()) if header is None else header
    columns = [_column_name(cell, number) for number, cell in enumerate(rows[0])] if named else None
    frame = pd.DataFrame(rows[1:] if named else rows, columns=columns)
    return frame, named, (*notes, *(() if named else ("no heading",)))


def _rows(cells: Any, n_rows: int | None) -> list[list[Any]]:
    """Collect the rows that are not empty, of equal length, without columns that are empty at the left and right."""
    rows: list[list[Any]] = []
    n_cells = 0
    for row in cells:
        if all(cell is None for cell in row):
            continue
        rows.append(list(row))
        n_cells += len(row)
        if len(rows) > MAX_SAMPLES + 1 or n_cells > MAX_VALUES:
            raise DataError(f"the sheet has more than {MAX_SAMPLES:,} rows or {MAX_VALUES:,} cells: use a part of it")
        if n_rows and len(rows) > n_rows:
            break
    filled = [number for row in rows for number, cell in enumerate(row) if cell is not None]
    left, width = min(filled, default=0), max(filled, default=-1) + 1
    return [list(islice([*row, *[None] * (width - len(row))], left, width)) for row in rows]


def _column_name(cell: Any, number: int) -> str:
    return f"Unnamed: {number}" if cell is None else str(cell).strip()


def _check_size(source: DataSource) -> None:
    """Raise DataError for a workbook, a zip file, that is too large unpacked."""
    try:
        with zipfile.ZipFile(source) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())
    except (OSError, zipfile.BadZipFile):
        raise DataError("this is not a workbook that can be read: save it as .xlsx or .csv again") from None
    if n_bytes > MAX_UNPACKED:
        raise DataError(f"the workbook has {n_bytes / 2**30:.1f} GiB unpacked: at most {MAX_UNPACKED / 2**30:.0f}. Use .csv")
