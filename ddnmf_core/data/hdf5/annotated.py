"""Read annotated matrices: AnnData's .h5ad, loom, the .h5 of 10x Genomics. Samples and features have names, samples columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.hdf5.file import HDF5File, check_n_stored, opened_hdf5
from ddnmf_core.data.sample_columns import SampleColumn, sample_column
from ddnmf_core.data.tables.proposals import LIKELY_LABELS
from ddnmf_core.data.tables.selection import select
from ddnmf_core.data.tables.sparse import wide_rows, without_pictures
from ddnmf_core.data.user.source import MAX_CLASSES, MAX_NAME, DataSource, ImportOptions, RawData, check_extent, encode_classes

SPARSE_FORMATS = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}
SPARSE_PARTS = ("data", "indices", "indptr")
NAMES_IN_LOOM = {"col_attrs": ("CellID", "obs_names"), "row_attrs": ("Gene", "var_names", "Accession")}
OLD = (
    "this AnnData file keeps its columns in an old way (before version 0.7): read it with anndata, and write it again with "
    "write_h5ad"
)
LIKELY_OBS = (*LIKELY_LABELS, "cell_type", "celltype", "cell type", "leiden", "louvain", "cluster", "clusters")


class AnnotatedFile(NamedTuple):
    """Where a file keeps its matrices and what it says of samples and features."""

    matrices: list[str]  # paths, the usual one first
    obs: str  # group of the samples' columns; that of 10x Genomics holds barcodes alone
    of_10x: bool = False
    of_loom: bool = False  # genes x cells


def is_annotated(file: HDF5File) -> bool:
    """Return True for AnnData, loom, and for a matrix of features and barcodes."""
    return (
        _is_10x(file)
        or _is_loom(file)
        or file.attribute("", "encoding-type") == "anndata"
        or {"obs", "var"} <= file.objects.keys()
    )


def holds_annotated_matrix(source: DataSource) -> bool:
    """Return True if an HDF5 file holds an annotated matrix; False also for a file that cannot be read."""
    try:
        with opened_hdf5(source) as file:
            return is_annotated(file)
    except DataError:
        return False


def _is_10x(file: HDF5File) -> bool:
    return {"matrix/barcodes", "matrix/indptr", "matrix/shape"} <= file.objects.keys()


def _is_loom(file: HDF5File) -> bool:
    return {"matrix", "row_attrs", "col_attrs"} <= file.objects.keys() and file.objects["matrix"].kind != "group"


def layout_of(file: HDF5File) -> AnnotatedFile:
    """List the matrices of a file; raises DataError if it is no annotated matrix."""
    if _is_10x(file):
        return AnnotatedFile(["matrix"], "matrix", True)
    if _is_loom(file):
        found = ["matrix", *(path for path in file.objects if path.startswith("layers/"))]
        return AnnotatedFile([path for path in found if _shape(file, path)], "col_attrs", of_loom=True)
    if not is_annotated(file):
        raise DataError("this is not an AnnData file: it has no obs and var. Call it .h5 to read its arrays")
    if any(file.objects[group].kind != "group" for group in ("obs", "var") if group in file.objects):
        raise DataError(OLD)
    single, groups = ("X", "raw/X"), ("layers/", "obsm/")
    found = [path for path in file.objects if path in single or path.startswith(groups)]
    found.sort(key=lambda path: [path != "X", path.startswith("obsm/")])
    return AnnotatedFile([path for path in found if _shape(file, path)], "obs")


def describe_annotated(source: DataSource, transpose: bool = False) -> tuple[list[str], list[str]]:
    """List the matrices of a file, and the columns of its samples, those that are likely to hold labels first."""
    with opened_hdf5(source) as file:
        layout = layout_of(file)
        group = _features_of("", layout) if transpose else layout.obs
        names = _column_names(file, group)
        likely = [name.lower() in LIKELY_OBS for name in names]
        categories = [f"{group}/{name}/categories" in file.objects for name in names]
        order = sorted(range(len(names)), key=lambda k: (not likely[k], not categories[k]))
        return layout.matrices, [names[k] for k in order]


def read_annotated(source: DataSource, choices: ImportOptions) -> RawData:
    """Read a matrix, X or that of the option `x`, as a table; columns of the samples are kept beside it, or hold the labels."""
    without_pictures(choices, "an annotated matrix")
    with opened_hdf5(source) as file:
        layout = layout_of(file)
        path = choices.x or ("X" if "X" in file.objects and not layout.of_loom else next(iter(layout.matrices), "X"))
        if path in file.objects and file.objects[path].elsewhere:
            file.read(path)  # says what is wrong
        if path not in layout.matrices:
            raise DataError(f"x = {path!r}: the file holds {', '.join(layout.matrices[:12]) or 'no matrix that can be read'}")
        matrix = _matrix(file, path, layout)
        rows, names = (layout.obs, _features_of(path, layout))
        if choices.transpose:
            matrix, rows, names = matrix.T, names, rows
        samples, columns = _annotations(file, rows, matrix.shape[0])
        features = _annotations(file, names, matrix.shape[1], with_columns=False)[0]
    if path.startswith("obsm/") and not choices.transpose:
        features = [f"{path[5:]} {number + 1}" for number in range(matrix.shape[1])]
    raw = _raw(matrix, features, choices)
    return _with_columns(replace(raw, sample_names=tuple(samples) if samples else None), columns, choices, path)


def _raw(matrix: Any, names: list[str] | None, choices: ImportOptions) -> RawData:
    """Select features of a matrix (n, d), sparse or not, and call them by their names, equal ones numbered."""
    names, n_equal = _distinct(names or [f"feature {number + 1}" for number in range(matrix.shape[1])])
    unknown = [name for name in choices.leave_out if name not in set(names)]
    if unknown:
        raise DataError(f"there is no feature {unknown[0]!r} to leave out; columns of obs are none")
    used = np.array([name not in choices.leave_out for name in names], bool)
    matrix, names = matrix[:, used], [name for name, is_used in zip(names, used, strict=True) if is_used]
    notes = (f"{n_equal:,} equal names of features numbered",) if n_equal else ()
    if not isinstance(matrix, np.ndarray):
        raw = wide_rows(matrix, tuple(names), choices)
        return replace(raw, notes=(*notes, *raw.notes))
    values = np.ascontiguousarray(matrix, np.float64)
    raw = select(RawData(values, None, (), None, tuple(names), notes=notes), choices)
    check_extent(*raw.values.shape)
    return raw


def _with_columns(raw: RawData, columns: Sequence[SampleColumn], choices: ImportOptions, path: str) -> RawData:
    """Take the labels from a column, keep the others beside the samples, and say both."""
    by_name = {column.name: column for column in columns}
    notes = (f"matrix {path}", *raw.notes)
    if choices.labels is None:
        few = [c for c in columns if c.texts is not None and 2 <= len(c.texts) <= MAX_CLASSES and len(c.texts) < len(c.values)]
        likely = sorted((column.name for column in few), key=lambda name: name.lower() not in LIKELY_OBS)
        hint = (f"labels may be in {', '.join(map(repr, likely[:4]))} (--labels {likely[0]!r})",) if likely else ()
        return replace(raw, notes=(*notes, *hint), columns=tuple(columns))
    if choices.labels not in by_name:
        raise DataError(f"there is no column {choices.labels!r} of the samples: there are {', '.join(by_name) or 'none'}")
    chosen = by_name[choices.labels]
    labels, names = encode_classes(chosen.cells().tolist(), f"column {chosen.name!r}")
    others = tuple(column for column in columns if column is not chosen)
    return replace(raw, labels=labels, class_names=names, notes=notes, columns=others)


# ------------------------------------------------------------------------------------------ matrices


def _shape(file: HDF5File, path: str) -> tuple[int, int] | None:
    """Return the shape of a matrix of numbers, sparse or not; None for anything else."""
    item = file.objects[path]
    if item.kind == "array":
        return (item.shape[0], item.shape[1]) if len(item.shape) == 2 and item.holds == "number" else None
    given = file.attribute(path, "shape") or file.attribute(path, "h5sparse_shape")
    is_matrix = all(f"{path}/{part}" in file.objects for part in SPARSE_PARTS) and _format(file, path) is not None
    return (int(given[0]), int(given[1])) if is_matrix and isinstance(given, list) and len(given) == 2 else None


def _format(file: HDF5File, path: str) -> str | None:
    return SPARSE_FORMATS.get(str(file.attribute(path, "encoding-type") or file.attribute(path, "h5sparse_format")))


def _matrix(file: HDF5File, path: str, layout: AnnotatedFile) -> Any:
    """Read a matrix (n, d): dense as an array, else in SciPy's CSR or CSC format."""
    from scipy.sparse import csc_matrix, csr_matrix

    if file.objects[path].kind == "array":
        values = file.read(path)[0]
        return values.T if layout.of_loom else values
    for part in SPARSE_PARTS:
        if f"{path}/{part}" in file.objects:
            check_n_stored(f"{path}/{part}", file.objects[f"{path}/{part}"])
    parts = [f"{path}/{part}" for part in SPARSE_PARTS]
    if layout.of_10x:  # features x barcodes, column by column: barcodes x features, row by row
        data, indices, ends, given = file.read(*parts, f"{path}/shape")
        kind, shape = csr_matrix, (int(given[1]), int(given[0]))
    else:
        data, indices, ends = file.read(*parts)
        shape = _shape(file, path) or (0, 0)
        kind = csr_matrix if _format(file, path) == "csr" else csc_matrix
    try:
        matrix = kind((np.asarray(data, np.float64), indices, ends), shape=shape)
        matrix.check_format(full_check=True)  # an index beyond the matrix would be read from other memory
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} is not a sparse matrix that can be read: {error}") from None
    return matrix


# ------------------------------------------------------------------------------------------ names and columns


def _features_of(path: str, layout: AnnotatedFile) -> str:
    if layout.of_10x:
        return "matrix/features"
    if layout.of_loom:
        return "row_attrs"
    return "raw/var" if path == "raw/X" else "var"


def _annotations(file: HDF5File, group: str, n: int, with_columns: bool = True) -> tuple[list[str] | None, list[SampleColumn]]:
    """Read names and columns of n samples or features from a data frame; columns of other lengths and kinds are left out."""
    index = _index_of(file, group)
    sources = {name: _sources(file, group, name) for name in _column_names(file, group) if with_columns}
    wanted = {name: paths for name, paths in sources.items() if paths and _length(file, paths[0]) == n}
    paths = list(dict.fromkeys([*([index] if index else []), *(path for found in wanted.values() for path in found)]))
    read = dict(zip(paths, file.read(*paths), strict=True)) if paths else {}
    names = [str(name) for name in read[index].tolist()] if index else None
    columns = [sample_column(name, _cells([read[path] for path in found], found)) for name, found in wanted.items()]
    return (names if names and len(names) == n else None), columns


def _index_of(file: HDF5File, group: str) -> str | None:
    """Return the path of the names of rows."""
    candidates = (file.attribute(group, "_index"), "_index", "index", "barcodes", "name", "id", *NAMES_IN_LOOM.get(group, ()))
    return next((f"{group}/{name}" for name in candidates if _is_vector(file, f"{group}/{name}")), None)


def _is_vector(file: HDF5File, path: str) -> bool:
    item = file.objects.get(path)
    return item is not None and len(item.shape) == 1 and item.holds in ("number", "text") and not item.elsewhere


def _column_names(file: HDF5File, group: str) -> list[str]:
    if group.startswith("matrix"):
        return []
    listed = file.attribute(group, "column-order")
    inside = [path[len(group) + 1 :] for path in file.objects if path.startswith(f"{group}/")]
    names = listed if isinstance(listed, list) else [name for name in inside if "/" not in name]
    index = _index_of(file, group)
    return [str(name) for name in names if name != "__categories" and f"{group}/{name}" != index]


def _sources(file: HDF5File, group: str, name: str) -> list[str]:
    """Return the arrays of a column: its values; codes and categories; or values and the mask of those that are missing."""
    place, old = f"{group}/{name}", f"{group}/__categories/{name}"
    for paths in ([f"{place}/codes", f"{place}/categories"], [f"{place}/values", f"{place}/mask"], [place, old], [place]):
        if all(_is_vector(file, path) for path in paths):
            return paths
    return []


def _length(file: HDF5File, path: str) -> int:
    return file.objects[path].shape[0]


def _cells(read: list[NDArray[Any]], paths: list[str]) -> list[Any]:
    """Return the values of a column, None where one is missing."""
    if len(read) == 1:
        return list(read[0].tolist())
    first, second = read
    if paths[1].endswith("/mask"):
        return [None if is_missing else value for value, is_missing in zip(first.tolist(), second.tolist(), strict=True)]
    texts = dict(enumerate(second.tolist()))
    return [texts.get(code) for code in first.tolist()]


def _distinct(names: Sequence[str]) -> tuple[list[str], int]:
    """Shorten names and number equal ones: a, a-1, a-2; return them and how many were numbered."""
    found: list[str] = []
    seen: Counter[str] = Counter()
    n_numbered = 0
    for name in (str(name)[:MAX_NAME] for name in names):
        new = name
        while new in seen:
            new = f"{name[: MAX_NAME - 8]}-{seen[name]}"
            seen[name] += 1
        n_numbered += new != name
        seen[new] += 1
        found.append(new)
    return found, n_numbered
