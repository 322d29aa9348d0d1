"""Columns that are no features are kept beside a set, outside of its id: shown, exported, checked when imported."""

import numpy as np
import pandas as pd
import pytest

from ddnmf_core.config import RunConfig
from ddnmf_core.data import catalogue, sample_columns
from ddnmf_core.data.sample_columns import column_from_json, sample_column, table_cells, that_fit
from ddnmf_core.data.user import user_sets, validation
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.export import csv, parquet
from ddnmf_core.files.atomic import read_document, write_document
from ddnmf_core.interpret.apply import apply_run
from ddnmf_core.store.run_store import Store

N = 24
LEFT_OUT = ("id", "day", "age", "constant", "error")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((N, 3)).round(3), columns=["a", "b", "c"])
    frame["id"] = [f"=P{number}" for number in range(N)]
    frame["day"] = [f"2024-03-{1 + number % 4:02d}" for number in range(N)]
    frame["age"] = [str(20 + number) for number in range(N - 1)] + ["n.d."]
    frame["constant"] = 1
    frame["error"] = rng.random(N).round(3)
    frame["kind"] = ["x", "y"] * (N // 2)
    frame.to_csv(path, index=False)
    return path


def add(path, leave_out=LEFT_OUT):
    return user_sets.add(path, path.name, ImportOptions(labels="kind", leave_out=leave_out))


def test_columns_that_are_left_out_are_kept_and_shown(table):
    images = catalogue.load(add(table))
    assert tuple(column.name for column in images.columns) == LEFT_OUT
    assert images.details_of(5)[:4] == ["id: =P5", "day: 2024-03-02", "age: 25", "constant: 1"]
    assert images.details_of(N - 1)[2] == "constant: 1"  # its age is missing
    assert images.tile_caption(5) == "5\ny\nid: =P5"
    assert [column.can_colour for column in images.columns] == [True, True, True, True, True]
    few = catalogue.load(images.name, 5)
    place = np.flatnonzero((images.pixels == few.pixels[2]).all(axis=1))[0]
    assert few.details_of(2) == images.details_of(place)


def test_columns_are_no_part_of_the_id_and_come_to_an_old_set_when_it_is_added_again(table):
    name = add(table)
    path = user_sets.folder(name) / user_sets.META_FILE
    write_document(path, {key: value for key, value in read_document(path).items() if key != "columns"})
    assert user_sets.find_problem(name) == ""
    assert catalogue.load(name).columns == ()
    assert add(table) == name
    assert len(catalogue.load(name).columns) == len(LEFT_OUT)
    assert user_sets.as_json(name)["columns"] == [*LEFT_OUT]


def test_an_imported_set_has_columns_that_fit(table):
    name = add(table)
    folder, files = user_sets.folder(name), {user_sets.META_FILE, user_sets.ARRAYS_FILE}
    validation.check_data_set(folder, name, files)
    about = read_document(folder / user_sets.META_FILE)
    for wrong in (
        {"name": "x", "numbers": [1.0] * (N - 1)},
        {"name": "x", "texts": ["a"], "codes": [1] * N},
        {"name": "x", "texts": ["a"], "codes": [-2] * N},
        {"name": "x", "texts": ["a" * 1000], "codes": [0] * N},
        {"name": "x" * 100, "numbers": [1.0] * N},
        {"name": "x", "texts": ["a"]},
        {"name": "x"},
        {"name": "x", "numbers": ["1"] * N},
    ):
        write_document(folder / user_sets.META_FILE, about | {"columns": [wrong]})
        with pytest.raises(ValueError, match=r"does not have a value for each sample|does not describe"):
            validation.check_data_set(folder, name, files)


def test_exports_and_new_samples_have_the_columns(table, tmp_path):
    store = Store()
    config = RunConfig(dataset=add(table), layers=(8, 4), n_parts=3, epochs=1, batch_size=8)
    entry = store.create(config)
    assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    run = store.run(entry.id)
    for module, read, file, first in ((csv, pd.read_csv, "x.csv", "'=P0"), (parquet, pd.read_parquet, "x.parquet", "=P0")):
        module.write(run, tmp_path / file, lambda share, message: None)
        rows = read(tmp_path / file)
        assert rows["id"].tolist()[:: N - 1][0] == first
        assert rows["constant"].tolist() == [1] * 2 * N
        assert rows["age"].isna().sum() == 2
        assert list(rows.columns)[4:9] == ["id", "day", "age", "constant", "error (kept)"]
        assert not np.allclose(rows["error"], rows["error (kept)"])
    frame = apply_run(run, table, table.name, ImportOptions(labels="kind", leave_out=LEFT_OUT)).frame
    assert frame["id"].tolist() == [f"=P{number}" for number in range(N)]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1, 2.5, None], ["1", "2.5", ""]),
        (["1", "?", "3"], ["1", "", "3"]),
        ([2**60 + 1, 1, 2], [str(2**60 + 1), "1", "2"]),
        ([True, False, None], ["True", "False", ""]),
        ([pd.Timestamp("2024-03-01"), pd.NaT, pd.Timestamp("2024-03-01 12:30")], ["2024-03-01", "", "2024-03-01T12:30:00"]),
        ([float("inf"), 1.0, 2.0], ["", "1", "2"]),
        (["a\nb", "x" * 500, b"bytes"], ["a b", "x" * 119 + "…", "bytes"]),
        ([None, float("nan"), ""], ["", "", ""]),
    ],
)
def test_values_come_back_as_they_were_meant(values, texts):
    column = sample_column("x", values, ("", "?"))
    for each in (column, column_from_json(column.as_json())):
        assert [each.text_of(sample) for sample in range(3)] == texts


def test_what_is_too_much_is_left_out_and_named(monkeypatch):
    columns = [sample_column(f"c{number}", range(10)) for number in range(150)]
    kept, others = that_fit(columns)
    assert (len(kept), others[0], len(others)) == (100, "c100", 50)
    monkeypatch.setattr(sample_columns, "MAX_BYTES_BESIDE", 200)
    kept, others = that_fit(columns[:5])
    assert (len(kept), len(others)) == (3, 2)


def test_a_table_has_no_two_columns_of_one_name():
    columns = [sample_column("x", [1]), sample_column("x", [2])]
    assert list(table_cells(columns, ["x"])) == ["x (kept)", "x (kept) (kept)"]
