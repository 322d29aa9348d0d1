"""Read tables: rows are samples, columns are features, and one column may hold the classes."""

import io
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.source import (
    MAX_NAME,
    MAX_SAMPLES,
    MAX_UNPACKED,
    MAX_VALUES,
    DataSource,
    ImportOptions,
    RawData,
    check_extent,
    encode_classes,
    source_size,
)

if TYPE_CHECKING:
    import pandas as pd

LIKELY_LABELS = ("label", "labels", "class", "target", "species", "category", "y")  # usual names of the column of classes
LIKELY_CLASSES = 20  # different words in a column of labels, at most
FIRST_BYTES = 1024**2  # bytes; the first line must fit


def read_table(source: DataSource, name: str, choices: ImportOptions) -> RawData:
    """Read a table; raises DataError for a column without numbers, unless it holds the labels or is left out."""
    frame = read_frame(source, name)
    unknown = [column for column in (choices.labels, *choices.leave_out) if column is not None and column not in frame]
    if unknown:
        raise DataError(f"there is no column {unknown[0]!r}: there are {_join_names(list(frame))}")
    features = frame.drop(columns=[*choices.leave_out, *([choices.labels] if choices.labels is not None else [])])
    if len(set(features)) < len(list(features)):
        raise DataError("two columns have the same name: rename one")
    for column in features:
        if not _is_numeric(features[column]):
            raise DataError(
                f"column {column!r} does not hold numbers ({_first_text(features[column])!r}): use it for the "
                "labels, or leave it out"
            )
    check_extent(*features.shape)
    labels, names = (
        (None, ()) if choices.labels is None else encode_classes(frame[choices.labels].tolist(), f"column {choices.labels!r}")
    )
    return RawData(
        features.to_numpy(np.float64, na_value=np.nan),
        labels,
        names,
        None,
        tuple(str(column)[:MAX_NAME] for column in features),
    )


def read_frame(source: DataSource, name: str, n_rows: int | None = None) -> "pd.DataFrame":
    """Read the whole table, or its first n_rows for a preview."""
    source_size(source)
    return _parquet(source, n_rows) if name.lower().endswith(".parquet") else _text(source, n_rows)


def likely_labels(frame: "pd.DataFrame") -> str | None:
    """Guess the column of labels: by its name, or as the only column of words if it has few different ones."""
    words = [column for column in frame if not _is_numeric(frame[column])]
    few = words if len(words) == 1 and 1 < frame[words[0]].nunique() <= LIKELY_CLASSES else []
    return next((str(column) for column in frame if str(column).lower() in LIKELY_LABELS), few[0] if few else None)


def _text(source: DataSource, n_rows: int | None) -> "pd.DataFrame":
    """Read a text table, separated by the most frequent of , ; and tab in the first line.

    A first line of numbers is a sample, unless it numbers the columns.
    """
    import pandas as pd

    try:
        first = _first_line(source)
        separator = max(",;\t", key=first.count)
        no_header = all(map(_is_number, words := first.split(separator))) and not _are_column_numbers(words)
        frame = pd.read_csv(
            source,
            sep=separator,
            header=None if no_header else 0,
            nrows=n_rows or MAX_SAMPLES + 1,
            low_memory=False,
            encoding="utf-8-sig",
            skipinitialspace=True,
        )
    except (ValueError, UnicodeError, pd.errors.ParserError, OSError, OverflowError) as error:
        raise DataError(f"this is not a table that can be read: {short_message(error)}") from None
    frame.columns = [f"feature {n + 1}" if no_header else str(column) for n, column in enumerate(frame.columns)]
    return frame


def _first_line(source: DataSource) -> str:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.readline(FIRST_BYTES).decode("utf-8-sig")
    line = source.readline(FIRST_BYTES).decode("utf-8-sig")
    source.seek(0)
    return line


def _parquet(source: DataSource, n_rows: int | None) -> "pd.DataFrame":
    """Read a Parquet table; its size is checked in the metadata first."""
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(source.read_bytes()) if isinstance(source, Path) else source)
        about = file.metadata
        unpacked = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
        if about.num_rows * about.num_columns > MAX_VALUES or unpacked > MAX_UNPACKED:
            raise DataError(
                f"the table has {about.num_rows:,} rows of {about.num_columns:,} columns: at most {MAX_VALUES:,} "
                "values. Use fewer rows or columns"
            )
        batches = islice(file.iter_batches(n_rows), 1) if n_rows else file.iter_batches()
        frame = pyarrow.Table.from_batches(batches, file.schema_arrow).to_pandas(ignore_metadata=True)
        frame.columns = [str(column) for column in frame.columns]
        return frame
    except (pyarrow.ArrowException, ValueError, OSError, AttributeError, TypeError) as error:
        raise DataError(f"this is not a parquet table that can be read: {short_message(error)}") from None


def _is_numeric(column: "pd.Series[Any]") -> bool:
    from pandas.api import types

    return bool(types.is_numeric_dtype(column) and not types.is_complex_dtype(column)) or bool(column.isna().all())


def _first_text(column: "pd.Series[Any]") -> str:
    return str(next((value for value in column.dropna() if not isinstance(value, int | float)), column.dropna().iloc[0]))[:40]


def _is_number(text: str) -> bool:
    try:
        float(text)
        return True
    except ValueError:
        return False


def _are_column_numbers(words: list[str]) -> bool:
    """Return True for 0, 1, 2, ... or 1, 2, 3, ..., pandas' unnamed columns; at least three, since two may be a sample."""
    numberings = [[str(number + first) for number in range(len(words))] for first in (0, 1)]
    return len(words) > 2 and [word.strip() for word in words] in numberings


def _join_names(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
