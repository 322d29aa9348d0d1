"""Which files are tables, and how those that are not read can be turned into one."""

import zipfile
from pathlib import Path

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.hdf5.annotated import holds_annotated_matrix
from ddnmf_core.data.hdf5.file import HDF5_ENDINGS
from ddnmf_core.data.user.source import DataSource, from_start

TEXTS = (".csv", ".tsv", ".txt", ".data", ".dat")
SPARSE_MEMBERS = {"format.npy", "shape.npy", "data.npy"}  # of a matrix that scipy.sparse.save_npz wrote
TABLES = (*TEXTS, ".mtx", *(f"{ending}.gz" for ending in (*TEXTS, ".mtx")), ".xlsx", ".parquet", ".h5ad", ".loom")
WAYS_OUT = {
    ".xls": "workbooks of this old kind are not read. Save it as .xlsx or .csv",
    ".xlsb": "workbooks of this kind are not read. Save it as .xlsx or .csv",
    ".ods": "OpenDocument tables are not read. Save it as .xlsx or .csv",
    ".feather": "Feather files are not read. Write it as .parquet: pandas.read_feather(path).to_parquet('x.parquet')",
    ".rds": "R objects are not read. Write it with write.csv or arrow::write_parquet",
    ".sav": "SPSS files are not read. Save it as .csv",
    ".arff": "ARFF files are not read. Write it as .csv: pandas.DataFrame(scipy.io.arff.loadarff(path)[0]).to_csv('x.csv')",
    ".json": "JSON files are not read. Write it as .parquet: pandas.read_json(path).to_parquet('x.parquet')",
    ".jsonl": "JSON files are not read. Write it as .parquet: pandas.read_json(path, lines=True).to_parquet('x.parquet')",
    ".dta": "Stata files are not read. Save it as .csv",
}


def is_table(source: DataSource, name: str) -> bool:
    """Return True for a table or a sparse matrix; raises DataError with the way out for tables that are not read."""
    lower = name.lower()
    if (ending := Path(lower).suffix) in WAYS_OUT:
        raise DataError(f"{name}: {WAYS_OUT[ending]}")
    return lower.endswith(TABLES) or (ending == ".npz" and is_sparse(source)) or is_annotated_matrix(source, name)


def is_matrix(source: DataSource, name: str) -> bool:
    """Return True for a sparse matrix, whose columns have no names."""
    lower = name.lower().removesuffix(".gz")
    return lower.endswith(".mtx") or (lower.endswith(".npz") and is_sparse(source))


def is_annotated_matrix(source: DataSource, name: str) -> bool:
    """Return True for AnnData and loom, by the ending, and for an HDF5 file that holds it or a matrix of 10x Genomics."""
    ending = Path(name.lower()).suffix
    return ending in (".h5ad", ".loom") or (ending in HDF5_ENDINGS and holds_annotated_matrix(source))


def is_sparse(source: DataSource) -> bool:
    """Return True for a .npz file that holds a sparse matrix of SciPy."""
    try:
        with zipfile.ZipFile(from_start(source)) as archive:
            return set(archive.namelist()) >= SPARSE_MEMBERS
    except (OSError, zipfile.BadZipFile):
        return False
