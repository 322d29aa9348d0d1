"""List the arrays of an HDF5 file; MATLAB's (version 7.3) have their axes the other way round."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.hdf5.annotated import is_annotated
from ddnmf_core.data.hdf5.file import HDF5File, StoredObject
from ddnmf_core.data.user.array_formats import MATLAB_NUMBERS, StoredArray, check_n_values

PANDAS = (
    "this was written by pandas (to_hdf), with pickled names of columns: write it as a table, "
    "pandas.read_hdf('x.h5').to_parquet('x.parquet')"
)
MATLAB_OWN = ("#refs#", "#subsystem#")  # groups that hold what cells and objects refer to


def hdf5_arrays(file: HDF5File) -> dict[str, StoredArray]:
    """List the arrays by their paths, as group/x; cells, texts and objects of MATLAB are left out."""
    if is_annotated(file):
        raise DataError("this is an AnnData file, or one of 10x Genomics: call it .h5ad to read it as one")
    if any(file.attribute(path, "pandas_type") is not None for path in file.objects):
        raise DataError(PANDAS)
    sparse = [path for path in file.objects if file.attribute(path, "MATLAB_sparse") is not None]
    found = {path: _matlab_sparse(file, path) for path in sparse}
    for path, item in file.arrays().items():
        if any(path.startswith(f"{group}/") for group in (*sparse, *MATLAB_OWN)) or _is_no_number(item):
            continue
        shape = item.shape[::-1] if file.is_matlab else item.shape
        found[path] = StoredArray(shape, partial(_read, file, path), by_columns=file.is_matlab)
    return found


def _is_no_number(item: StoredObject) -> bool:
    """Return True for MATLAB's empty arrays, texts, cells and objects."""
    kind = item.attributes.get("MATLAB_class")
    return bool(item.attributes.get("MATLAB_empty")) or (kind is not None and kind not in MATLAB_NUMBERS)


def _read(file: HDF5File, path: str) -> NDArray[Any]:
    values = file.read(path)[0]
    if file.attribute(path, "MATLAB_class") == "logical":
        values = values.astype(bool)
    return values.T if file.is_matlab else values


def _matlab_sparse(file: HDF5File, group: str) -> StoredArray:
    """Describe a sparse matrix of MATLAB: values and rows of each column, as in the group's data, ir and jc."""
    columns = file.objects.get(f"{group}/jc")
    shape = (int(file.attribute(group, "MATLAB_sparse")), int(np.prod(columns.shape)) - 1 if columns else 0)
    return StoredArray(shape, partial(_dense, file, group, shape), by_columns=True)


def _dense(file: HDF5File, group: str, shape: tuple[int, int]) -> NDArray[Any]:
    from scipy.sparse import csc_matrix

    check_n_values(group, shape)
    if f"{group}/data" not in file.objects:  # a matrix of zeros
        return np.zeros(shape)
    data, rows, ends = file.read(f"{group}/data", f"{group}/ir", f"{group}/jc")
    try:
        matrix = csc_matrix((data.ravel(), rows.ravel().astype(np.int64), ends.ravel().astype(np.int64)), shape=shape)
        matrix.check_format(full_check=True)  # an index beyond the matrix would be read from other memory
    except (ValueError, TypeError) as error:
        raise DataError(f"{group} is not a sparse matrix that can be read: {error}") from None
    return matrix.toarray()
