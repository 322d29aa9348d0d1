"""Read tables: rows are samples, columns are features, and one column may hold the classes."""

import csv
import io
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.dialect import FALLBACK_ENCODING, MISSING_MARKERS, Dialect, as_number, detect
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
FIRST_BYTES = 1024**2  # bytes that decide how a table is written
INDEX_NAMES = ("", "#", "id", "index", "no", "no.", "nr", "nr.", "row", "rownames", "__index_level_0__")  # in lower case
UNNAMED = "Unnamed: "  # what pandas calls a column without a heading


def read_table(source: DataSource, name: str, choices: ImportOptions) -> RawData:
    """Read a table; raises DataError for a column without numbers, unless it holds the labels or is left out.

    With a shape the rows are pictures.
    """
    table = read_frame(source, name, choices)
    frame = table.frame
    unknown = [column for column in (choices.labels, *choices.leave_out) if column is not None and column not in frame]
    if unknown:
        raise DataError(f"there is no column {unknown[0]!r}: there are {_join_names(list(frame))}")
    features = frame.drop(columns=[*choices.leave_out, *([choices.labels] if choices.labels is not None else [])])
    if len(set(features)) < len(list(features)):
        raise DataError("two columns have the same name: rename one")
    markers = []
    for column in list(features):
        if not _is_numeric(features[column]):
            features[column], marker = _numbers(features[column], str(column), table.dialect)
            markers += [marker] if marker else []
    check_extent(*features.shape)
    _check_shape(choices.shape, features.shape[1])
    labels, names = (
        (None, ()) if choices.labels is None else encode_classes(frame[choices.labels].tolist(), f"column {choices.labels!r}")
    )
    return RawData(
        features.to_numpy(np.float64, na_value=np.nan),
        labels,
        names,
        choices.shape,
        None if choices.shape else tuple(str(column)[:MAX_NAME] for column in features),
        notes=table.notes,
        marker=next(iter(markers), ""),
    )


def _check_shape(shape: tuple[int, int] | None, n_values: int) -> None:
    if shape is not None and shape[0] * shape[1] != n_values:
        raise DataError(
            f"shape = {shape[0]}x{shape[1]}: {shape[0] * shape[1]:,} values, but the rows have {n_values:,} without labels and "
            "columns that are left out"
        )


class Table(NamedTuple):
    """A table as read, its dialect (None: not a text), and what was decided in words."""

    frame: "pd.DataFrame"
    dialect: Dialect | None
    notes: tuple[str, ...]


def read_frame(source: DataSource, name: str, choices: ImportOptions, n_rows: int | None = None) -> Table:
    """Read the whole table, or its first n_rows for a preview; a column that only numbers the rows is left out."""
    source_size(source)
    dialect: Dialect | None
    if name.lower().endswith(".parquet"):
        frame, dialect = _parquet(source, n_rows), None
    else:
        frame, dialect = _text(source, choices, n_rows)
    frame, left_out = _without_index(frame, choices.index, dialect is None or dialect.header)
    return Table(frame, dialect, (*(dialect.notes if dialect else ()), *left_out))


def _without_index(frame: "pd.DataFrame", wanted: bool | None, named: bool) -> tuple["pd.DataFrame", tuple[str, ...]]:
    """Leave out row names, a first column that counts the rows, and empty columns without a name."""
    import pandas as pd

    notes: list[str] = []
    if not isinstance(frame.index, pd.RangeIndex):  # one name fewer than columns: row names, as R writes them
        frame = frame.reset_index(drop=True)
        notes.append("row names left out")
    elif wanted or (wanted is None and frame.shape[1] > 2 and _is_index(frame, named)):
        heading = str(frame.columns[0])
        notes.append(f"column {1 if heading.startswith(UNNAMED) else repr(heading)} left out: it numbers the rows")
        frame = frame.iloc[:, 1:]
    nameless = [column for column in frame if not named or str(column).startswith(UNNAMED)]
    empty = [column for column in nameless if frame[column].isna().all()]
    return frame.drop(columns=empty), tuple(notes)


def _is_index(frame: "pd.DataFrame", named: bool) -> bool:
    """Return True if the first column is nameless, or named as an index is, and holds 0, 1, 2, ... or 1, 2, 3, ..."""
    from pandas.api import types

    heading, column = str(frame.columns[0]), frame.iloc[:, 0]
    if named and not heading.startswith(UNNAMED) and heading.strip().lower() not in INDEX_NAMES:
        return False
    if not types.is_integer_dtype(column) or len(column) < 3:
        return False
    values = column.to_numpy()
    return bool(values[0] in (0, 1) and (np.diff(values) == 1).all())


def _numbers(column: "pd.Series[Any]", name: str, dialect: Dialect | None) -> tuple["pd.Series[Any]", str]:
    """Read a column of numbers and markers of missing values; return it and the first marker. Raises DataError for words."""
    import pandas as pd

    present = column.dropna().astype(str).str.strip()
    sign, thousands = (dialect.decimal, dialect.thousands) if dialect else (".", None)
    values = pd.to_numeric(present.map(lambda text: as_number(text, sign, thousands)), errors="coerce")
    others = present[values.isna()]
    words = others[~others.str.lower().isin(MISSING_MARKERS)]
    if len(words):
        if len(words) > len(present) / 2:
            raise DataError(
                f"column {name!r} does not hold numbers ({words.iloc[0][:40]!r}): use it for the labels, or leave it out"
            )
        count = f"{len(words):,} values are no numbers, the first" if len(words) > 1 else "one value is no number,"
        raise DataError(
            f"column {name!r} does not hold numbers alone: {count} {words.iloc[0][:40]!r} in row {words.index[0] + 1:,}. "
            "Correct it, use the column for the labels, or leave it out"
        )
    marker = f"{others.iloc[0]!r} in row {others.index[0] + 1:,} of column {name!r}" if len(others) else ""
    return values.reindex(column.index), marker


def likely_labels(frame: "pd.DataFrame") -> str | None:
    """Guess the column of labels: by its name, or as the only column of words if it has few different ones."""
    words = [column for column in frame if not _is_numeric(frame[column])]
    few = words if len(words) == 1 and 1 < frame[words[0]].nunique() <= LIKELY_CLASSES else []
    return next((str(column) for column in frame if str(column).lower() in LIKELY_LABELS), few[0] if few else None)


def _text(source: DataSource, choices: ImportOptions, n_rows: int | None) -> tuple["pd.DataFrame", Dialect]:
    """Read a text table in the dialect that its first lines and the options give."""
    import pandas as pd

    try:
        dialect = detect(_head(source), choices.separator, choices.decimal, choices.encoding, choices.header)
        try:
            frame = _parsed(source, dialect, n_rows)
        except UnicodeDecodeError:
            if choices.encoding is not None or dialect.encoding != "utf-8-sig":
                raise
            dialect = replace(dialect, encoding=FALLBACK_ENCODING)  # another letter after the first lines
            frame = _parsed(source, dialect, n_rows)
    except (ValueError, LookupError, pd.errors.ParserError, OSError, OverflowError, csv.Error) as error:
        raise DataError(f"this is not a table that can be read: {short_message(error)}") from None
    frame.columns = [str(column) if dialect.header else f"feature {n + 1}" for n, column in enumerate(frame.columns)]
    return frame, dialect


def _parsed(source: DataSource, dialect: Dialect, n_rows: int | None) -> "pd.DataFrame":
    import pandas as pd

    if not isinstance(source, Path):
        source.seek(0)
    return pd.read_csv(
        source,
        sep=dialect.separator,
        decimal=dialect.decimal,
        thousands=dialect.thousands,
        encoding=dialect.encoding,
        skiprows=dialect.skipped,
        header=0 if dialect.header else None,
        index_col=False if dialect.trailing else None,
        nrows=n_rows or MAX_SAMPLES + 1,
        keep_default_na=False,  # a class may be called None or NA
        na_values=[""],
        low_memory=False,
        skipinitialspace=True,
    )


def _head(source: DataSource) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(FIRST_BYTES)
    source.seek(0)
    return source.read(FIRST_BYTES)


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


def _join_names(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
