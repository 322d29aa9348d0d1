"""Read Parquet tables, with columns of lists: vectors or pictures."""

import io
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.source import MAX_UNPACKED, MAX_VALUES, DataSource

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

# Name of a column of lists to the shape of each: (d,) of vectors, (height, width) of pictures.
Lists = dict[str, tuple[int, ...]]


def read_parquet(source: DataSource, n_rows: int | None) -> tuple["pd.DataFrame", Lists]:
    """Read a Parquet table; its size is checked in the metadata first. A column of lists becomes a column for each value."""
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
        return _frame(pyarrow.Table.from_batches(batches, file.schema_arrow))
    except (pyarrow.ArrowException, ValueError, OSError, AttributeError, TypeError) as error:
        raise DataError(f"this is not a parquet table that can be read: {short_message(error)}") from None


def _frame(table: "pyarrow.Table") -> tuple["pd.DataFrame", Lists]:
    import pandas as pd
    from pyarrow import types

    shapes: Lists = {}
    frames = []
    lists = [types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) for kind in table.schema.types]
    for name, is_list in zip(table.column_names, lists, strict=True):
        if not is_list:
            continue
        values, shape = _unnested(table.column(name).combine_chunks(), name)
        shapes[str(name)] = shape
        frames.append(pd.DataFrame(values, columns=[f"{name} {number + 1}" for number in range(values.shape[1])]))
    others = [number for number, is_list in enumerate(lists) if not is_list and not holds_files(table.schema.types[number])]
    plain = table.select(others).to_pandas(ignore_metadata=True)
    plain.columns = [str(column) for column in plain.columns]
    return (pd.concat([plain, *frames], axis=1) if frames else plain), shapes


def holds_files(kind: Any) -> bool:
    """Return True for structs with the bytes of pictures, which are not values of a table."""
    from pyarrow import types

    return types.is_struct(kind) and any(field.name == "bytes" and types.is_binary(field.type) for field in kind)


def _unnested(column: Any, name: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """Turn lists, or lists of lists, into rows (n, d) and their shape; raises DataError for lists of unequal length."""
    from pyarrow import compute, types

    n, shape = len(column), []
    while types.is_list(column.type) or types.is_large_list(column.type) or types.is_fixed_size_list(column.type):
        lengths = compute.unique(compute.list_value_length(column)).to_pylist()
        if len(lengths) != 1 or lengths[0] is None:
            found = sorted(length for length in lengths if length is not None)
            said = f"from {found[0]:,} to {found[-1]:,} values" if len(found) > 1 else "values and missing ones"
            raise DataError(f"the lists of column {name!r} have {said}: they should be of one length. Leave out other rows")
        shape.append(int(lengths[0]))
        column = compute.list_flatten(column)
    d = int(np.prod(shape))
    if len(shape) > 2 or not (types.is_integer(column.type) or types.is_floating(column.type) or types.is_boolean(column.type)):
        raise DataError(
            f"column {name!r} holds lists of {column.type} in {len(shape)} levels: lists of numbers, or gray pictures as lists "
            "of rows of numbers, are read"
        )
    if n * d > MAX_VALUES:
        raise DataError(f"the lists of column {name!r} have {n * d:,} values: at most {MAX_VALUES:,}. Use fewer rows")
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64).reshape(n, d), tuple(shape)
