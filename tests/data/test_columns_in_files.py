"""Columns beside the samples from other places than tables: a table beside pictures, Parquet, arrays of the samples' length."""

import io
import json

import h5py
import numpy as np
import pyarrow
import pytest
import scipy.io
from PIL import Image
from pyarrow import parquet

from ddnmf_core.config import RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.export import csv
from ddnmf_core.store.run_store import Store

N = 24
X = np.random.default_rng(0).integers(0, 256, (N, 8, 8)).astype(np.uint8)
AGES = [20 + 3 * number for number in range(N)]
SITES = ["Bern", "Łódź"] * (N // 2)
KINDS = ["a", "b", "c"] * (N // 3)


def encoded(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def read(path, **options):
    return user_sets.read_source(path, path.name, ImportOptions(**options))


def refused(path, message, **options):
    with pytest.raises(DataError, match=message):
        read(path, **options)
    assert user_sets.names() == []


def columns(raw):
    return {column.name: [column.text_of(sample) for sample in range(N)] for column in raw.columns}


KEPT = {"age": [str(age) for age in AGES], "site": SITES}


# ------------------------------------------------------------------------------------- a table beside pictures


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "scans"
    place.mkdir()
    for number in range(N):
        (place / f"s{number}.png").write_bytes(encoded(X[number]))
    return place


def write_table(folder, heading, cells, order=range(N)):
    (folder / "labels.csv").write_text("\n".join([heading, *(cells(number) for number in order)]), "utf-8")


def test_further_columns_of_a_table_beside_pictures_are_kept_by_file_name(folder):
    write_table(folder, "age,file,kind,site", lambda k: f"{AGES[k]},s{k}.png,{KINDS[k]},{SITES[k]}", reversed(range(N)))
    raw = read(folder, labels="labels.csv", y="kind")
    order = [int(name[1:-4]) for name in raw.sample_names]
    assert order == list(range(N))
    assert [raw.class_names[label] for label in raw.labels] == KINDS
    assert columns(raw) == KEPT
    assert any("kept beside the samples: 'age', 'site'" in note for note in raw.notes)
    images = catalogue.load(user_sets.add(folder, "scans", ImportOptions(labels="labels.csv", y="kind", size=8)))
    assert images.details_of(3)[:2] == ["age: 29", "site: Łódź"]


def test_the_column_of_classes_can_be_chosen_or_left_out(folder):
    write_table(folder, "file,age,site", lambda k: f"s{k}.png,{AGES[k]},{SITES[k]}")
    assert read(folder, labels="labels.csv").class_names == ("Bern", "Łódź")
    none = read(folder, labels="labels.csv", y="")
    assert none.labels is None
    assert columns(none) == KEPT
    refused(folder, r"y = 'kind': labels\.csv has the columns age, site", labels="labels.csv", y="kind")


def test_file_names_may_be_the_row_names_of_r(folder):
    write_table(folder, '"kind","age"', lambda k: f'"s{k}.png","{KINDS[k]}",{AGES[k]}')
    raw = read(folder, labels="labels.csv")
    assert [raw.class_names[label] for label in raw.labels] == KINDS
    assert columns(raw) == {"age": KEPT["age"]}


def test_rows_of_one_picture_that_disagree_are_refused(folder):
    write_table(folder, "file,kind,age", lambda k: f"s{k // 2}.png,{KINDS[k]},{AGES[k]}")
    for number in range(N // 2, N):
        (folder / f"s{number}.png").unlink()
    (folder / "more").mkdir()
    for number in range(N // 2):
        (folder / "more" / f"s{number}.png").write_bytes(encoded(X[number]))
    refused(folder, r"labels\.csv: 24 pictures have several rows of different classes \(", labels="labels.csv")
    write_table(folder, "file,kind,age", lambda k: f"s{k // 2}.png,{KINDS[k // 2]},{AGES[k]}")
    notes = read(folder, labels="labels.csv").notes
    assert "24 pictures have several rows in labels.csv, of which the first counts" in notes
    assert "12 pictures share the row of another one in labels.csv" in notes


def test_exported_codes_have_the_columns_of_the_table_beside_pictures(folder, tmp_path):
    write_table(folder, "file,kind,age", lambda k: f"s{k}.png,{KINDS[k]},{AGES[k]}")
    store = Store()
    name = user_sets.add(folder, "scans", ImportOptions(labels="labels.csv", size=8))
    entry = store.create(RunConfig(dataset=name, layers=(8, 4), n_parts=3, epochs=1, batch_size=8))
    assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    csv.write(store.run(entry.id), tmp_path / "x.csv", lambda share, message: None)
    assert (tmp_path / "x.csv").read_text().splitlines()[0].split(",")[4:6] == ["name", "age"]


# ------------------------------------------------------------------------------------- Parquet


def table_file(path, metadata=None, **cells):
    table = pyarrow.table(cells)
    parquet.write_table(table.replace_schema_metadata(metadata) if metadata else table, path)
    return path


def pictures_of_bytes():
    return [{"bytes": encoded(values), "path": f"{number}.png"} for number, values in enumerate(X)]


def test_columns_beside_pictures_in_parquet_are_kept(tmp_path):
    content = {"image": pictures_of_bytes(), "label": [1, 0] * (N // 2), "age": AGES, "site": SITES, "box": [[1, 2]] * N}
    names = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    path = table_file(tmp_path / "x.parquet", {"huggingface": json.dumps(names)}, **content)
    raw = read(path, labels="label")
    assert raw.class_names == ("cat", "dog")
    assert raw.labels.tolist() == [1, 0] * (N // 2)
    assert columns(raw) == KEPT
    without = read(path)
    assert columns(without)["label"] == ["dog", "cat"] * (N // 2)
    assert "column 'label' may hold labels (--labels 'label')" in without.notes
    table_file(path, {"huggingface": "[]"}, **content)
    assert read(path, labels="label").class_names == ("0", "1")


@pytest.mark.parametrize("nested", [True, False])
def test_columns_beside_lists_in_parquet_are_kept(tmp_path, nested):
    values = X.tolist() if nested else X.reshape(N, 64).astype(float).tolist()
    path = table_file(tmp_path / "x.parquet", x=values, age=AGES, site=SITES, kind=KINDS)
    raw = read(path, labels="kind")
    assert np.array_equal(raw.values, X.reshape(N, 64))
    assert raw.image_shape == ((8, 8) if nested else None)
    assert columns(raw) == KEPT


def test_columns_beside_pixels_in_rows_are_kept(tmp_path):
    heading = ",".join(["age", "kind", *(f"pixel{number}" for number in range(64)), "site"])
    rows = [",".join(map(str, [AGES[k], KINDS[k], *X[k].ravel(), SITES[k]])) for k in range(N)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join([heading, *rows]), "utf-8")
    raw = read(path, labels="kind", shape=(8, 8))
    assert np.array_equal(raw.values, X.reshape(N, 64))
    assert columns(raw) == KEPT
    refused(path, "shape = 4x4: 16 values", labels="kind", shape=(4, 4), leave_out=("site",))


# ------------------------------------------------------------------------------------- arrays


def write_npz(path, arrays):
    np.savez(path, **arrays)


def write_mat(path, arrays):
    as_cells = {
        name: np.array(value.tolist(), object)[:, None] if value.dtype.kind == "U" else value for name, value in arrays.items()
    }
    scipy.io.savemat(path, as_cells)


def write_h5(path, arrays):
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file[name] = value.astype(object) if value.dtype.kind == "U" else value


@pytest.mark.parametrize(("ending", "write"), [("npz", write_npz), ("mat", write_mat), ("h5", write_h5)])
def test_arrays_of_the_samples_length_are_kept(tmp_path, ending, write):
    path = tmp_path / f"x.{ending}"
    further = {
        "age": np.array(AGES),
        "site": np.array(SITES),
        "names": np.array(["left", "right", "up"]),
        "scale": np.array(2.0),
    }
    write(path, {"x": X.reshape(N, 64), "y": np.array(KINDS), **further})
    raw = read(path, shape=(0, 0))
    assert [raw.class_names[label] for label in raw.labels] == KINDS
    assert columns(raw) == KEPT
    assert "not kept, as there are 24 samples: names (3)" in raw.notes
    no_labels = read(path, y="", shape=(0, 0))
    assert set(columns(no_labels)) == {"age", "site", "y"}


def test_labels_of_the_test_part_are_no_column_of_the_training_part(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x_train=X, y_train=KINDS, x_test=X, y_test=KINDS, age=AGES)
    assert list(columns(read(path, x="x_train"))) == ["age"]


def test_objects_beside_samples_are_left_out_and_said(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=X, who=np.array(["a", None] * (N // 2), object))
    raw = read(path)
    assert columns(raw) == {}
    assert any(note.startswith("not kept: who.npy holds object") for note in raw.notes)


def test_one_column_for_each_class_are_labels(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=X, y=np.eye(3)[np.arange(N) % 3])
    assert read(path).labels.tolist() == [0, 1, 2] * (N // 3)
    np.savez(path, x=X, y=np.full((N, 3), 0.5))
    refused(path, r"the labels have the shape \(24, 3\)")


def test_samples_are_the_last_axis_where_labels_say_so(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=np.moveaxis(X, 0, -1), y=KINDS)
    raw = read(path)
    assert np.array_equal(raw.values.reshape(N, 8, 8), X)
    assert "the samples are the last axis" in raw.notes
