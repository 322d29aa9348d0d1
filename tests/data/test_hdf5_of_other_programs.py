"""HDF5 of other programs: loom is read, old AnnData and files of pandas are refused with the way on."""

import h5py
import numpy as np
import pytest

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.hdf5.annotated import describe_annotated
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions

N, D = 24, 6
X = np.random.default_rng(0).integers(0, 9, (N, D)).astype(float)
KINDS = ["a", "b"] * (N // 2)


def texts(values):
    return np.array(values, dtype=h5py.string_dtype())


@pytest.fixture
def loom(tmp_path):
    path = tmp_path / "cells.loom"
    with h5py.File(path, "w") as file:
        file["matrix"] = X.T
        file["layers/spliced"] = 2 * X.T
        file["row_attrs/Gene"] = texts([f"gene {number}" for number in range(D)])
        file["row_attrs/length"] = np.arange(D)
        file["col_attrs/CellID"] = texts([f"cell {number}" for number in range(N)])
        file["col_attrs/kind"] = texts(KINDS)
        file["col_attrs/age"] = np.arange(N)
        file["col_attrs/embedding"] = np.zeros((N, 2))
        file.create_group("col_graphs")
    return path


def read(path, name=None, **options):
    return user_sets.read_source(path, name or path.name, ImportOptions(**options))


def test_loom_has_cells_as_samples_and_keeps_their_columns(loom):
    raw = read(loom, labels="kind")
    assert np.array_equal(raw.values, X)
    assert raw.feature_names == tuple(f"gene {number}" for number in range(D))
    assert raw.sample_names[:2] == ("cell 0", "cell 1")
    assert [raw.class_names[label] for label in raw.labels] == KINDS
    assert [column.name for column in raw.columns] == ["age"]
    assert np.array_equal(read(loom, x="layers/spliced").values, 2 * X)
    assert np.array_equal(read(loom, "cells.h5").values, X)
    assert describe_annotated(loom) == (["matrix", "layers/spliced"], ["age", "embedding", "kind"])


def test_genes_of_loom_can_be_samples(loom):
    with pytest.raises(DataError, match="there are 6 samples"):
        user_sets.add(loom, loom.name, ImportOptions(transpose=True))
    raw = read(loom, transpose=True)
    assert raw.sample_names[0] == "gene 0"
    assert [column.name for column in raw.columns] == ["length"]


@pytest.mark.parametrize("name", ["x.loom", "x.h5ad"])
def test_hdf5_without_rows_and_columns_is_no_annotated_file(tmp_path, name):
    with h5py.File(tmp_path / name, "w") as file:
        file["matrix"] = X
    with pytest.raises(DataError, match=r"Call it \.h5 to read its arrays"):
        read(tmp_path / name)


def test_old_anndata_is_refused_with_the_way_on(tmp_path):
    path = tmp_path / "old.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = X
        file["obs"] = np.zeros(N, [("index", "S9"), ("kind", "i1")])
        file["var"] = np.zeros(D, [("index", "S9")])
    with pytest.raises(DataError, match="read it with anndata, and write it again with write_h5ad"):
        read(path)


@pytest.mark.parametrize("kind", ["frame", "frame_table"])
def test_files_of_pandas_are_refused_with_the_way_on(tmp_path, kind):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["df/block0_values"] = X
        file["df/axis1"] = np.arange(N)
        file["df"].attrs["pandas_type"] = np.bytes_(kind)
    with pytest.raises(DataError, match=r"written by pandas \(to_hdf\).*pandas\.read_hdf\('x\.h5'\)\.to_parquet"):
        read(path)
