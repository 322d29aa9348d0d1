"""HDF5: arrays of any program, MATLAB's version 7.3, AnnData and 10x Genomics; what leads elsewhere is refused."""

import io
import subprocess

import h5py
import numpy as np
import pytest
import scipy.sparse

from ddnmf_core.data import catalogue
from ddnmf_core.data.hdf5 import file as hdf5_file
from ddnmf_core.data.hdf5.annotated import describe_annotated
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from tests.data.test_array_formats import LABELS, N, by_columns, images, read, refused

TEXT = h5py.string_dtype()
rng = np.random.default_rng(0)


# ------------------------------------------------------------------------------------------ arrays


@pytest.mark.parametrize("ending", ["h5", "hdf5", "hdf"])
def test_samples_and_labels_are_read_by_their_names(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    with h5py.File(path, "w") as file:
        file["images"], file["labels"] = images(), np.array([f"kind {label}" for label in LABELS], TEXT)
    for source in (path, io.BytesIO(path.read_bytes())):
        raw = user_sets.read_source(source, path.name, ImportOptions())
        assert np.array_equal(raw.values.reshape(N, 10, 10), images())
        assert raw.class_names == ("kind 0", "kind 1", "kind 2")


PACKED = {"chunks": (5, 3), "compression": "gzip", "shuffle": True}


@pytest.mark.parametrize(
    ("dtype", "packing"),
    [("u1", {}), ("i2", PACKED), (">u2", {"maxshape": (None, 6)}), ("<f2", {}), (">f4", PACKED), ("f8", {}), ("bool", PACKED)],
)
def test_any_numbers_come_back_however_they_are_packed(tmp_path, dtype, packing):
    values = rng.integers(0, 2, (N, 6)) if dtype == "bool" else rng.integers(0, 100, (N, 6))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("deep/down/x", data=values.astype(dtype), **packing)
    found = read(tmp_path / "x.h5").values
    assert np.array_equal(found, 255 * values if dtype == "bool" else values)


def test_one_of_several_arrays_is_asked_for_by_its_path(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        for part, n in (("train", N), ("test", 20)):
            file[f"{part}/x"], file[f"{part}/y"] = images(n), LABELS[:n]
    refused(path, r"test/x \(20, 10, 10\).*--x train/x --y train/y")
    raw = read(path, x="train/x")
    assert raw.labels.tolist() == LABELS.tolist()
    assert read(path, x="test/x", y="").labels is None
    refused(path, "x = 'z': the file holds", x="z")


def test_what_holds_no_numbers_is_refused_by_its_kind(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["table"] = np.zeros(N, [("a", "f8"), ("b", "i4")])
    refused(path, r"table holds \[\('a'.*should be numbers")
    with h5py.File(path, "w") as file:
        file.create_group("nothing/here")
    refused(path, "the file holds nothing")


# --------------------------------------------------------------------------------- what leads elsewhere


def elsewhere(tmp_path, way):
    """A file whose array x lies in another file."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = rng.random((N, 6))
    (tmp_path / "raw.bin").write_bytes(rng.random((N, 6)).tobytes())
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        match way:
            case "link":
                file["x"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/x")
            case "group":
                file["g"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/")
                file["x"] = h5py.SoftLink("/g/x")
            case "virtual":
                layout = h5py.VirtualLayout((N, 6), "f8")
                layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (N, 6))
                file.create_virtual_dataset("x", layout)
            case "external":
                file.create_dataset("x", (N, 6), "f8", external=[(str(tmp_path / "raw.bin"), 0, h5py.h5f.UNLIMITED)])
    return path


@pytest.mark.parametrize("way", ["link", "group", "virtual", "external"])
def test_other_files_are_never_opened(tmp_path, way):
    path = elsewhere(tmp_path, way)
    with h5py.File(path) as file:
        assert file["x"].shape == (N, 6)  # h5py itself does open them
    refused(path, "other files are not opened.*h5repack")
    if way == "group":
        refused(path, "x = 'g/x': the file holds", x="g/x")
    else:
        refused(path, "other files are not opened", x="x")


def test_an_array_beside_a_link_to_elsewhere_is_read(tmp_path):
    path = elsewhere(tmp_path, "link")
    with h5py.File(path, "a") as file:
        file["own"] = images()
    assert len(read(path, x="own").values) == N


def test_a_group_that_contains_itself_and_soft_links_do_no_harm(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"] = images()
        group = file.create_group("a/b")
        group["again"], file["a/root"] = file["a"], file["/"]
        file["soft"], file["nowhere"] = h5py.SoftLink("/x"), h5py.SoftLink("/none")
    assert read(path, x="x").image_shape == (10, 10)


# ------------------------------------------------------------------------------------ sizes and damage


@pytest.mark.parametrize(
    "declared",
    [
        {"shape": (10**9, 10**6), "dtype": "f8", "chunks": (100, 100)},
        {"shape": (N, 9), "maxshape": (None, None), "dtype": "f8", "chunks": (2**14, 2**15 - 1)},
        {"shape": (N, 9), "dtype": np.dtype(("S", 2**28)), "chunks": (1, 1)},
    ],
)
def test_what_declares_too_much_is_refused_before_memory_is_taken(tmp_path, declared, monkeypatch):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", **declared)
    assert path.stat().st_size < 10_000

    def only_list(path, seconds, task, *rest):
        assert task == "list"
        return answer(path, seconds, task, *rest)

    answer = hdf5_file._answer
    monkeypatch.setattr(hdf5_file, "_answer", only_list)
    refused(path, "values in .* GiB: at most")


def test_damaged_files_are_refused_in_a_sentence(tmp_path):
    path = tmp_path / "x.h5"
    for content in (b"", b"no data", b"\x89HDF\r\n\x1a\n" + bytes(300)):
        path.write_bytes(content)
        refused(path, "not an HDF5 file that can be read.*save or download it again")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=rng.random((400, 90)), chunks=(10, 90), compression="gzip")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "truncated")
    packed = bytearray(whole)
    packed[-5000:-4000] = bytes(1000)
    path.write_bytes(bytes(packed))
    refused(path, "not an HDF5 file that can be read")


def test_a_library_that_crashes_or_runs_for_ever_ends_its_own_process_alone(tmp_path, monkeypatch):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"] = images()
    process = tmp_path / "process.py"
    monkeypatch.setattr(hdf5_file, "PROCESS", process)
    process.write_text("import os; os.abort()")
    refused(path, "crashed")
    process.write_text("while True: pass")
    monkeypatch.setattr(hdf5_file, "LIST_SECONDS", 0.2)
    refused(path, "did not end")


def test_the_process_limits_its_own_time(tmp_path):
    path = tmp_path / "limited.py"
    path.write_text(
        f"import sys; sys.path.insert(0, {str(hdf5_file.PROCESS.parent)!r})\n"
        "import reading_process\nreading_process._limit_resources(1)\nwhile True: pass"
    )
    command = [hdf5_file.sys.executable, str(path)]
    assert subprocess.run(command, timeout=60, check=False).returncode < 0


def test_a_filter_that_is_not_there_is_named_with_a_way_on(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        packing = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        packing.set_chunk((N, 9))
        packing.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)  # Blosc
        space = h5py.h5s.create_simple((N, 9))
        made = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_DOUBLE, space, packing)
        made.write_direct_chunk((0, 0), bytes(50))
    refused(path, r"packed by a filter that is not read .*h5repack -f GZIP")


# ------------------------------------------------------------------------------------------ MATLAB 7.3


def matlab(path, **arrays):
    """Write a file as MATLAB's version 7.3 does: 512 bytes of its own, axes the other way round, classes as attributes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in arrays.items():
            if scipy.sparse.issparse(value):
                group, matrix = file.create_group(name), value.tocsc()
                group.attrs["MATLAB_sparse"] = np.uint64(matrix.shape[0])
                group.attrs["MATLAB_class"] = np.bytes_("double")
                group["data"], group["ir"], group["jc"] = matrix.data, matrix.indices.astype("u8"), matrix.indptr.astype("u8")
                continue
            kind = {"f": "double", "u": f"uint{8 * value.itemsize}", "b": "logical"}[value.dtype.kind]
            stored = value.astype("u1") if kind == "logical" else value
            file.create_dataset(name, data=stored.T).attrs["MATLAB_class"] = np.bytes_(kind)
        text = file.create_dataset("note", data=np.frombuffer("text".encode("utf-16-le"), "u2")[:, None])
        text.attrs["MATLAB_class"] = np.bytes_("char")
        cells = file.create_dataset("cells", (1, 2), h5py.ref_dtype)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        file["#refs#/a"] = np.zeros((2, 30))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created by hand".ljust(116) + bytes(8) + b"\0\2IM")


def test_a_mat_file_of_version_7_3_is_read_as_one_of_version_7(tmp_path):
    path = tmp_path / "x.mat"
    matlab(path, fea=by_columns(images()).astype(float), gnd=LABELS[:, None] + 1.0)
    for source in (path, io.BytesIO(path.read_bytes())):
        raw = user_sets.read_source(source, "x.mat", ImportOptions())
        assert (raw.image_shape, raw.class_names) == ((10, 10), ("1", "2", "3"))
        assert np.array_equal(raw.values.reshape(N, 10, 10), images())
        assert any("column by column" in note for note in raw.notes)


def test_pictures_of_a_mat_file_of_version_7_3_stand_upright(tmp_path):
    path = tmp_path / "x.mat"
    wide = images()[:, :, :7]
    for x in (wide.transpose(1, 2, 0), np.stack([wide] * 3, 3).transpose(1, 2, 3, 0)):
        matlab(path, X=x, y=LABELS[None].astype(float))
        raw = read(path)
        assert raw.image_shape == (10, 7)
        assert np.abs(raw.values.reshape(N, 10, 7) - wide.astype(int)).max() <= 1


def test_sparse_and_logical_arrays_of_version_7_3(tmp_path):
    path, values = tmp_path / "x.mat", rng.random((N, 50)) * (rng.random((N, 50)) < 0.2)
    matlab(path, X=scipy.sparse.csc_matrix(values))
    assert np.array_equal(read(path).values, values)
    matlab(path, X=values > 0)
    assert np.array_equal(read(path).values, 255 * (values > 0))
    with h5py.File(path, "a") as file:
        del file["X"]
    matlab(path, X=scipy.sparse.csc_matrix(values))
    with h5py.File(path, "a") as file:
        file["X/ir"][0] = 10**6
    refused(path, "not a sparse matrix that can be read")


# ------------------------------------------------------------------------------------------- AnnData

COUNTS = rng.poisson(1.0, (N, 30)).astype("f4")


def frame(group, names, **columns):
    """Write a data frame as AnnData does."""
    group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index"})
    group.attrs["column-order"] = np.array([*columns], TEXT)
    group["_index"] = np.array(names, TEXT)
    for name, value in columns.items():
        if isinstance(value, tuple):
            part = group.create_group(name)
            first, second = ("codes", "categories") if value[1].dtype.kind in "OU" else ("values", "mask")
            part.attrs["encoding-type"] = {"codes": "categorical", "values": "nullable-integer"}[first]
            part[first] = value[0]
            part[second] = value[1].astype(TEXT) if second == "categories" else value[1]
        else:
            group[name] = np.array(value, TEXT) if np.asarray(value).dtype.kind == "U" else value


def sparse_group(file, path, matrix):
    group = file.create_group(path)
    group.attrs.update({"encoding-type": f"{matrix.format}_matrix", "encoding-version": "0.1.0", "shape": matrix.shape})
    group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr


def annotated(path, kind="csr"):
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        if kind == "dense":
            file["X"] = COUNTS
        else:
            sparse_group(file, "X", scipy.sparse.csr_matrix(COUNTS).asformat(kind))
        sparse_group(file, "layers/twice", scipy.sparse.csr_matrix(2 * COUNTS))
        file["obsm/X_pca"] = rng.random((N, 4))
        codes = LABELS.astype("i1")
        codes[0] = -1
        frame(
            file.create_group("obs"),
            [f"cell {number}" for number in range(N)],
            cell_type=(LABELS.astype("i1"), np.array(["B", "NK", "T"])),
            batch=(codes, np.array(["one", "two", "three"])),
            n_counts=COUNTS.sum(axis=1),
            age=(np.arange(N), np.arange(N) == 3),
            note=[f"text {number}" for number in range(N)],
        )
        frame(file.create_group("var"), [f"gene {number // 2}" for number in range(30)])
    return path


@pytest.mark.parametrize("kind", ["dense", "csr", "csc"])
@pytest.mark.parametrize("name", ["x.h5ad", "x.h5"])
def test_annotated_data_are_read_with_names_and_columns(tmp_path, kind, name):
    path = annotated(tmp_path / name, kind)
    raw = read(path, labels="cell_type")
    assert np.array_equal(raw.values, COUNTS)
    assert raw.feature_names[:3] == ("gene 0", "gene 0-1", "gene 1")
    assert raw.sample_names[:2] == ("cell 0", "cell 1")
    assert (raw.class_names, raw.labels.tolist()) == (("B", "NK", "T"), LABELS.tolist())
    columns = {column.name: column for column in raw.columns}
    assert [*columns] == ["batch", "n_counts", "age", "note"]
    assert [columns["batch"].text_of(sample) for sample in (0, 1, 2)] == ["", "two", "three"]
    assert np.array_equal(columns["n_counts"].values, COUNTS.sum(axis=1))
    assert np.isnan(columns["age"].values[3])
    assert columns["age"].values[4] == 4
    without = read(path)
    assert without.labels is None
    assert any("--labels 'cell_type'" in note for note in without.notes)


def test_matrices_of_annotated_data_are_chosen_and_prepared(tmp_path):
    path = annotated(tmp_path / "x.h5ad")
    assert np.array_equal(read(path, x="layers/twice").values, 2 * COUNTS)
    assert read(path, x="obsm/X_pca").feature_names == ("X_pca 1", "X_pca 2", "X_pca 3", "X_pca 4")
    kept = read(path, log1p=True, most_varying=5)
    places = np.sort(np.argsort(-np.log1p(COUNTS).var(axis=0), kind="stable")[:5])
    assert np.allclose(kept.values, np.log1p(COUNTS[:, places]))
    assert np.array_equal(read(path, leave_out=("gene 0",)).values, COUNTS[:, 1:])
    turned = read(path, transpose=True)
    assert np.array_equal(turned.values, COUNTS.T)
    assert turned.sample_names[2] == "gene 1"
    assert describe_annotated(path) == (["X", "layers/twice", "obsm/X_pca"], ["cell_type", "batch", "n_counts", "age", "note"])
    refused(path, "x = 'Y': the file holds X, layers/twice, obsm/X_pca", x="Y")
    refused(path, "no column 'kind' of the samples: there are cell_type", labels="kind")
    refused(path, "no feature 'batch' to leave out", leave_out=("batch",))
    refused(path, "batch.* is empty for 1 samples", labels="batch")


def test_columns_of_older_files_and_a_matrix_of_10x_genomics(tmp_path):
    path = annotated(tmp_path / "x.h5ad")
    with h5py.File(path, "a") as file:
        del file["obs/cell_type"]
        file["obs/cell_type"], file["obs/__categories/cell_type"] = LABELS.astype("i1"), np.array(["B", "NK", "T"], TEXT)
    assert read(path, labels="cell_type").class_names == ("B", "NK", "T")
    with h5py.File(path, "a") as file:
        del file["obs"]
        file["obs"] = np.zeros(N, [("index", "S8"), ("n", "f8")])
    refused(path, "before version 0.7.*write_h5ad")
    with h5py.File(tmp_path / "filtered.h5", "w") as file:
        by_cell = scipy.sparse.csr_matrix(COUNTS)
        group = file.create_group("matrix")
        group["data"], group["indices"], group["indptr"] = by_cell.data, by_cell.indices, by_cell.indptr
        group["shape"] = [30, N]
        group["barcodes"] = np.array([f"ACGT-{number}" for number in range(N)], "S")
        group["features/name"] = np.array([f"gene {number}" for number in range(30)], "S")
    raw = read(tmp_path / "filtered.h5")
    assert np.array_equal(raw.values, COUNTS)
    assert (raw.sample_names[0], raw.feature_names[29]) == ("ACGT-0", "gene 29")


def test_an_annotated_file_that_leads_elsewhere_or_beyond_is_refused(tmp_path):
    path = annotated(tmp_path / "x.h5ad")
    with h5py.File(path, "a") as file:
        file["X/indices"][0] = 10**6
    refused(path, "X is not a sparse matrix that can be read")
    with h5py.File(path, "a") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("other.h5ad", "/X")
    refused(path, "X is kept in another file")
    with h5py.File(path, "a") as file:
        del file["X"]
        file.create_dataset("X", (10**9, 10**6), "f4", chunks=(10, 10))
    refused(path, "values in .* GiB: at most")
    path.write_bytes(b"nothing")
    refused(path, "not an HDF5 file")


def test_an_annotated_set_is_stored_with_names_and_columns(tmp_path):
    path = annotated(tmp_path / "x.h5ad")
    set_of = catalogue.load(user_sets.add(path, path.name, ImportOptions(labels="cell_type")))
    assert set_of.title_of(1) == "sample 1, NK, cell 1"
    assert set_of.details_of(1) == ["batch: two", f"n_counts: {COUNTS[1].sum():.0f}", "age: 1", "note: text 1"]
