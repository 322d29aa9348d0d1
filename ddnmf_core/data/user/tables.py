"""Read tables: rows are samples, columns are features, and one column may hold the classes."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.hdf5.annotated import read_annotated
from ddnmf_core.data.hdf5.file import HDF5_ENDINGS
from ddnmf_core.data.sample_columns import sample_column
from ddnmf_core.data.tables.parquet import Lists, read_parquet
from ddnmf_core.data.tables.proposals import columns_beside, doubts_of, is_numeric, items_of, not_numeric, proposals
from ddnmf_core.data.tables.selection import select
from ddnmf_core.data.tables.sparse import read_sparse
from ddnmf_core.data.tables.text import read_text
from ddnmf_core.data.tables.unpacking import unpacked
from ddnmf_core.data.tables.workbook import read_workbook
from ddnmf_core.data.user.dialect import MISSING_MARKERS, Dialect
from ddnmf_core.data.user.numbers import as_number, read_signs
from ddnmf_core.data.user.source import (
    MAX_COLUMNS,
    MAX_NAME,
    NO_PICTURES,
    DataSource,
    ImportOptions,
    RawData,
    check_extent,
    encode_classes,
    source_size,
)

if TYPE_CHECKING:
    import pandas as pd

INDEX_NAMES = ("", "#", "id", "index", "no", "no.", "nr", "nr.", "row", "rownames", "__index_level_0__")  # in lower case
LIBSVM = r"\d+:[-+.\deE]+"  # number and value of a feature
UNNAMED = "Unnamed: "  # what pandas calls a column without a heading


def read_table(source: DataSource, name: str, choices: ImportOptions) -> RawData:
    """Read a table or a matrix; raises DataError for a column of words unless it holds the labels or is left out.

    With a shape, or a column of pictures, the rows are pictures. Columns that are no features are kept beside the samples.
    """
    source_size(source)
    with unpacked(source, name) as (file, inner):
        if inner.lower().endswith((".mtx", ".npz")):
            return read_sparse(file, inner, choices)
        if inner.lower().endswith((".h5ad", ".loom", *HDF5_ENDINGS)):
            return read_annotated(file, choices)
        table = read_frame(file, inner, choices)
    frame = table.frame
    unknown = [column for column in (choices.labels, *choices.leave_out) if column is not None and column not in frame]
    if unknown:
        raise DataError(f"there is no column {unknown[0]!r}: there are {_join_names(list(frame))}")
    beside = columns_beside([str(column) for column in frame], table.lists, choices)
    features = frame.drop(columns=[*beside, *([choices.labels] if choices.labels is not None else [])])
    if not features.columns.is_unique:
        twice = features.columns[features.columns.duplicated()][0]
        raise DataError(f"two columns have the same name, {twice!r}: rename one")
    values, marker = _values(features, table.dialect)
    n_samples, n_columns = features.shape
    _check_size(n_samples, n_columns, choices)
    chosen = None if choices.shape == NO_PICTURES else choices.shape
    shape = chosen or (None if choices.shape else _only_pictures(list(features), table.lists))
    _check_shape(shape, n_columns)
    labels, names = (
        (None, ()) if choices.labels is None else encode_classes(frame[choices.labels].tolist(), f"column {choices.labels!r}")
    )
    columns = [str(column)[:MAX_NAME] for column in features]
    hints = proposals(frame, values, columns, choices) if choices.shape is None and shape is None else ()
    raw = select(
        RawData(
            values,
            labels,
            names,
            shape,
            None if shape else tuple(columns),
            notes=(*table.notes, *hints),
            warnings=doubts_of(frame, values, columns, choices),
            sample_names=table.row_names,
            columns=tuple(sample_column(name, frame[name].tolist(), MISSING_MARKERS) for name in beside),
            marker=marker,
        ),
        choices,
    )
    check_extent(*raw.values.shape)
    return raw


def _values(features: "pd.DataFrame", dialect: Dialect | None) -> tuple[NDArray[np.float64], str]:
    """Return the numbers (n, d) of all columns, and the first marker of a missing value."""
    markers, read = [], {}
    for column in not_numeric(features):
        read[column], marker = _numbers(features[column], str(column), dialect)
        markers += [marker] if marker else []
    if read:
        features = features.assign(**read) if len(read) < 100 else _replaced(features, read)
    return features.to_numpy(np.float64, na_value=np.nan), next(iter(markers), "")


def _replaced(features: "pd.DataFrame", read: dict[str, Any]) -> "pd.DataFrame":
    """Replace many columns at once: one after another takes time with their square."""
    import pandas as pd

    return pd.DataFrame({column: read[column] if column in read else features[column] for column in features})


def _check_size(n: int, d: int, choices: ImportOptions) -> None:
    """Raise DataError for too many rows or columns; columns that are not kept count up to MAX_COLUMNS."""
    if choices.most_varying is None:
        check_extent(n, d)
    elif d > MAX_COLUMNS:
        raise DataError(f"the table has {d:,} columns: at most {MAX_COLUMNS:,}. Use fewer")


def _only_pictures(features: list[str], lists: Lists) -> tuple[int, int] | None:
    """Return the shape of the pictures in a column of nested lists if there are no other features."""
    pictures = [(name, shape) for name, shape in lists.items() if len(shape) == 2 and features == items_of(name, shape)]
    return (pictures[0][1][0], pictures[0][1][1]) if pictures else None


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
    row_names: tuple[str, ...] | None = None
    lists: Lists = {}  # noqa: RUF012


def read_frame(source: DataSource, name: str, choices: ImportOptions, n_rows: int | None = None) -> Table:
    """Read the whole table, or its first n_rows for a preview; a column that only numbers the rows is left out.

    A table that is to be transposed is read as a whole.
    """
    source_size(source)
    n_rows = None if choices.transpose else n_rows
    dialect: Dialect | None = None
    lists: Lists = {}
    notes: tuple[str, ...] = ()
    named = True
    lower = name.lower()
    if choices.sheet is not None and not lower.endswith(".xlsx"):
        raise DataError(f"sheet = {choices.sheet!r}: only workbooks (.xlsx) have sheets; leave it out")
    if lower.endswith(".parquet"):
        frame, lists = read_parquet(source, n_rows)
    elif lower.endswith(".xlsx"):
        frame, named, notes = read_workbook(source, choices.sheet, choices.header, n_rows, not choices.transpose)
        frame.columns = [str(column) if named else f"feature {n + 1}" for n, column in enumerate(frame.columns)]
    else:
        frame, dialect = read_text(source, choices, n_rows)
        named, notes = dialect.header, dialect.notes
    if not lower.endswith(".parquet"):
        frame, signs = read_signs(frame, *((dialect.decimal, dialect.thousands) if dialect else (".", None)), MISSING_MARKERS)
        notes = (*notes, *signs)
    if choices.transpose:
        frame, row_names = transposed(frame, choices.index, named)
        return Table(frame, dialect, (*notes, "transposed: columns are samples"), row_names)
    frame, left_out, row_names = _without_index(frame, choices.index, named)
    return Table(frame, dialect, (*notes, *left_out), row_names, lists)


def transposed(frame: "pd.DataFrame", index: bool | None, named: bool) -> tuple["pd.DataFrame", tuple[str, ...] | None]:
    """Turn a table of features x samples; return it with the names of the samples, which are its heading.

    Row names, or else a first column of words or one that is named as an index is, name the features.
    """
    import pandas as pd

    if not isinstance(frame.index, pd.RangeIndex):
        names, body = [str(name) for name in frame.index], frame
    elif index or (index is None and _names_rows(frame, named)):
        names, body = [str(name) for name in frame.iloc[:, 0]], frame.iloc[:, 1:]
    else:
        names, body = [f"feature {number + 1}" for number in range(len(frame))], frame
    samples = tuple(str(column) for column in body.columns) if named else None
    turned = pd.DataFrame(body.to_numpy().T, columns=names)
    if not is_numeric(turned.iloc[:, 0]):
        turned = turned.infer_objects()
    return turned, samples


def _names_rows(frame: "pd.DataFrame", named: bool) -> bool:
    """Return True if the first column holds words, or has no heading or one such as id."""
    heading = str(frame.columns[0])
    is_index_name = heading.startswith(UNNAMED) or heading.strip().lower() in INDEX_NAMES
    return frame.shape[1] > 1 and (not is_numeric(frame.iloc[:, 0]) or (named and is_index_name))


def _without_index(
    frame: "pd.DataFrame", wanted: bool | None, named: bool
) -> tuple["pd.DataFrame", tuple[str, ...], tuple[str, ...] | None]:
    """Leave out row names, a first column that counts the rows, and empty columns without a name; return notes and names."""
    import pandas as pd

    notes: list[str] = []
    names: tuple[str, ...] | None = None
    if not isinstance(frame.index, pd.RangeIndex):  # one name fewer than columns: row names, as R writes them
        names = tuple(str(name) for name in frame.index)
        frame = frame.reset_index(drop=True)
        notes.append("row names left out")
    elif wanted or (wanted is None and frame.shape[1] > 2 and _is_index(frame, named)):
        heading = str(frame.columns[0])
        notes.append(
            f"column {1 if heading.startswith(UNNAMED) or not heading else repr(heading)} left out: it numbers the rows"
        )
        names = None if _is_index(frame, named) else tuple(str(name) for name in frame.iloc[:, 0])
        frame = frame.iloc[:, 1:]
    elif wanted is None and named and frame.shape[1] > 2 and _are_row_names(frame):
        names = tuple(str(name) for name in frame.iloc[:, 0])
        notes.append(f"column 1 holds the names of the rows ({names[0][:MAX_NAME]}, {names[1][:MAX_NAME]}, …)")
        frame = frame.iloc[:, 1:]
    nameless = [column for column in frame if not named or str(column).startswith(UNNAMED)]
    empty = [column for column in nameless if frame[column].isna().all()]
    return (frame.drop(columns=empty) if empty else frame), tuple(notes), names


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


def _are_row_names(frame: "pd.DataFrame") -> bool:
    """Return True if the first column has no heading and holds different words, as programs write the names of rows."""
    column = frame.iloc[:, 0]
    nameless = str(frame.columns[0]).startswith(UNNAMED) and len(column) > 1
    return nameless and not is_numeric(column) and bool(column.is_unique and column.notna().all())


def _numbers(column: "pd.Series[Any]", name: str, dialect: Dialect | None) -> tuple["pd.Series[Any]", str]:
    """Read a column of numbers and markers of missing values; return it and the first marker. Raises DataError for words."""
    import pandas as pd

    present = column.dropna().astype(str).str.strip()
    sign, thousands = (dialect.decimal, dialect.thousands) if dialect else (".", None)
    values = pd.to_numeric(present.map(lambda text: as_number(text, sign, thousands)), errors="coerce")
    others = present[values.isna()]
    if others.str.fullmatch(LIBSVM).any():
        raise DataError(
            "this looks like the sparse format of LIBSVM (1:0.5 3:0.2 …): load it with sklearn.datasets.load_svmlight_file and "
            "write its matrix with scipy.sparse.save_npz"
        )
    words = others[~others.str.lower().isin(MISSING_MARKERS)]
    if len(words):
        if len(words) > len(present) / 2:
            raise DataError(
                f"column {name!r} does not hold numbers ({words.iloc[0][:40]!r}): use it for the labels, or leave it out"
            )
        count = f"{len(words):,} values are no numbers, the first" if len(words) > 1 else "one value is no number,"
        raise DataError(
            f"column {name!r} does not hold numbers alone: {count} {words.iloc[0][:40]!r} in row {words.index[0] + 1:,}. "
            "Correct it or remove the row, use the column for the labels, or leave it out"
        )
    marker = f"{others.iloc[0]!r} in row {others.index[0] + 1:,} of column {name!r}" if len(others) else ""
    return values.reindex(column.index), marker


def _join_names(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
