"""Read a sparse matrix: `.npz` of SciPy, `.mtx` of Matrix Market."""

import zipfile
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.tables.selection import log1p, most_varying, with_selection
from ddnmf_core.data.user.source import (
    MAX_UNPACKED,
    MAX_VALUES,
    DataSource,
    ImportOptions,
    RawData,
    check_extent,
    from_start,
    opened,
)

FORMATS = ("csr", "csc", "coo")
MAX_LINE = 1000  # letters of the first lines of a Matrix Market file
ENTRY_BYTES = 24  # of an entry of a Matrix Market file in memory, at least


def read_sparse(source: DataSource, name: str, choices: ImportOptions) -> RawData:
    """Read a matrix (samples, features), or with `transpose` (features, samples); columns have no names."""
    if choices.labels is not None or choices.leave_out or choices.shape is not None:
        raise DataError(
            "a sparse matrix has neither names of columns nor pictures: leave out the label column, columns and shape"
        )
    matrix = _matrix_market(source) if name.lower().endswith(".mtx") else _scipy(source)
    return wide_rows(matrix.T if choices.transpose else matrix, None, choices)


def without_pictures(choices: ImportOptions, what: str) -> None:
    """Raise DataError for a shape of pictures."""
    if choices.shape is not None:
        raise DataError(f"shape = {choices.shape}: {what} holds no pictures; leave it out")


def wide_rows(matrix: Any, names: Sequence[str] | None, choices: ImportOptions) -> RawData:
    """Turn a sparse matrix (n, d) into rows, after `log1p` and the choice of the columns that vary most."""
    from sklearn.utils.sparsefuncs import mean_variance_axis

    matrix = matrix.tocsc()
    matrix.sum_duplicates()
    n, d = matrix.shape
    if choices.log1p:
        matrix.data = log1p(matrix.data)
    kept = np.arange(d)
    if choices.most_varying is not None:
        kept = most_varying(mean_variance_axis(matrix, axis=0)[1], choices.most_varying)
    if n * len(kept) > MAX_VALUES:
        raise DataError(
            f"the matrix has {n:,} x {d:,} values: at most {MAX_VALUES:,} are kept. Keep the columns that vary most "
            f"(--most-varying {min(2000, MAX_VALUES // n)}), or use fewer rows"
        )
    check_extent(n, len(kept))
    notes = ("sparse matrix", *(("transposed",) if choices.transpose else ()))
    called = tuple(f"feature {column + 1}" if names is None else names[column] for column in kept)
    return with_selection(RawData(matrix[:, kept].toarray(), None, (), None, called, notes=notes), choices, d)


def _scipy(source: DataSource) -> Any:
    from scipy.sparse import load_npz

    with zipfile.ZipFile(from_start(source)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED:
            raise DataError(f"the matrix has more than {MAX_UNPACKED / 2**30:.0f} GiB unpacked: use fewer rows or columns")
    try:
        matrix = load_npz(from_start(source))
        if matrix.format not in FORMATS:
            raise DataError(f"the matrix has the format {matrix.format}: convert it with .tocsr() before it is saved")
        if matrix.format != "coo":
            matrix.check_format(full_check=True)  # an index beyond the matrix would be read from other memory
        matrix.data = _numbers(matrix.data)
    except (ValueError, KeyError, TypeError, NotImplementedError, AttributeError) as error:
        raise DataError(f"this is not a sparse matrix that can be read: {short_message(error)}") from None
    return matrix


def _matrix_market(source: DataSource) -> Any:
    """Read a Matrix Market file; scipy.io.mmread can end the whole process on a damaged one."""
    with opened(source) as file:
        return _entries(file)


def _entries(file: IO[bytes]) -> Any:
    import pandas as pd
    from scipy.sparse import coo_array

    words = file.readline(MAX_LINE).decode("latin-1").lower().split()
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"] or words[2] not in ("coordinate", "array"):
        raise DataError("this is not a Matrix Market file that can be read: its first line is '%%MatrixMarket matrix …'")
    kind, field, symmetry = words[2:]
    if field not in ("real", "double", "integer", "pattern") or symmetry != "general":
        raise DataError(f"the matrix is {field} and {symmetry}: real and general ones are read. Save it with scipy.io.mmwrite")
    size = b"%"
    while size.startswith(b"%") or size.isspace():
        size = file.readline(MAX_LINE)
    try:
        n, d, *rest = (int(word) for word in size.split())
        n_entries = rest[0] if kind == "coordinate" else n * d
        if n_entries * ENTRY_BYTES > MAX_UNPACKED or min(n, d, n_entries) < 0:
            raise DataError(f"the matrix has {n_entries:,} entries: use fewer rows or columns")
        body = pd.read_csv(file, sep=r"\s+", header=None, comment="%", nrows=n_entries + 1, dtype=np.float64)
        columns = body.to_numpy().T
        n_columns = 1 if kind == "array" else 2 if field == "pattern" else 3
        if columns.shape != (n_columns, n_entries):
            raise ValueError(f"it has {columns.shape[1]:,} lines of {len(columns)} numbers, not {n_entries:,} of {n_columns}")
        if kind == "array":
            return coo_array(columns[0].reshape(d, n).T)
        rows, places = columns[:2].astype(np.int64) - 1
        return coo_array((columns[2] if n_columns == 3 else np.ones(n_entries), (rows, places)), shape=(n, d))
    except (ValueError, IndexError, OverflowError) as error:
        raise DataError(f"this is not a Matrix Market file that can be read: {short_message(error)}") from None


def _numbers(data: np.ndarray) -> np.ndarray:
    if data.dtype.kind not in "biuf":
        raise ValueError(f"its values are {data.dtype}, no real numbers")
    return data.astype(np.float64)
