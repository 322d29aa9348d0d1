"""Tables in other files: packed, workbooks, lists in Parquet, sparse matrices; turned, transformed, with columns chosen."""

import gzip
import io

import numpy as np
import pandas as pd
import pyarrow
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet
from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.tables import unpacking
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.data.user.tables import read_frame

N = 30
X = np.random.default_rng(0).uniform(0, 9, (N, 4)).round(3)
FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"])
KINDS = ["rose", "iris"] * (N // 2)


def read(content, name, **choices):
    return user_sets.read_source(io.BytesIO(content), name, ImportOptions(**choices))


def refused(content, name, message, **choices):
    with pytest.raises(DataError, match=message):
        read(content, name, **choices)
    assert user_sets.names() == []


def workbook(**sheets):
    file = io.BytesIO()
    with pd.ExcelWriter(file) as writer:
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name, index=False)
    return file.getvalue()


def parquet_file(**columns):
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def npz(matrix):
    file = io.BytesIO()
    scipy.sparse.save_npz(file, matrix)
    return file.getvalue()


def mtx(matrix):
    file = io.BytesIO()
    scipy.io.mmwrite(file, matrix)
    return file.getvalue()


# ------------------------------------------------------------------------------------ round trips


@given(
    ending=st.sampled_from([".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".CSV.GZ", ".xlsx", ".parquet"]),
    labelled=st.booleans(),
    header=st.booleans(),
    index=st.booleans(),
    transpose=st.booleans(),
    gaps=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_a_table_in_any_file_is_read_back_as_it_was(ending, labelled, header, index, transpose, gaps, seed):
    chance = np.random.default_rng(seed)
    x = chance.uniform(0, 1000, (N, 5)).round(3)
    if gaps:
        x[3, 2] = np.nan
    frame = pd.DataFrame(x, columns=["Länge", "b c", "d", "e\nf", "g"], index=[f"s{n}" for n in range(N)])
    if labelled:
        frame["kind"] = chance.permutation(KINDS)
    header = header or ending == ".parquet" or transpose
    named = not transpose and ending != ".parquet" and header and index and not labelled
    table, file, lower = (frame.T if transpose else frame), io.BytesIO(), ending.lower()
    if lower == ".xlsx":
        table.to_excel(file, index=transpose or named, header=header)
    elif lower == ".parquet":
        kept = table.reset_index(names="name") if transpose else table
        (kept.astype(str) if transpose and labelled else kept).to_parquet(file, index=False)
    else:
        separator = "," if ".csv" in lower else "\t"
        text = table.to_csv(index=transpose or named, header=header, sep=separator, na_rep="").encode()
        file.write(gzip.compress(text) if lower.endswith(".gz") else text)
    labels = None if not labelled else "kind" if header else "feature 6"
    raw = read(
        file.getvalue(),
        f"table{ending}",
        labels=labels,
        transpose=transpose,
        index=named or None,
        missing="mean",
        header=header,
    )
    assert np.array_equal(raw.values, x, equal_nan=True)
    if header:
        assert raw.feature_names == ("Länge", "b c", "d", "e\nf", "g")
    if labelled:
        assert [raw.class_names[label] for label in raw.labels] == frame["kind"].tolist()


@given(
    ending=st.sampled_from([".npz", ".mtx", ".mtx.gz"]),
    kind=st.sampled_from(["csr_matrix", "csc_array", "coo_array"]),
    transpose=st.booleans(),
    log1p=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_a_sparse_matrix_is_read_back_as_it_was(ending, kind, transpose, log1p, seed):
    x = np.random.default_rng(seed).poisson(0.3, (N, 7)).astype(float)
    matrix = getattr(scipy.sparse, kind)(x.T if transpose else x)
    content = npz(matrix) if ending == ".npz" else mtx(matrix)
    content = gzip.compress(content) if ending.endswith(".gz") else content
    raw = read(content, f"counts{ending}", transpose=transpose, log1p=log1p)
    assert np.array_equal(raw.values, np.log1p(x) if log1p else x)
    assert raw.feature_names == tuple(f"feature {number + 1}" for number in range(7))


@given(
    comments=st.lists(st.integers(0, N), max_size=4),
    quoted=st.lists(st.integers(0, N - 1), max_size=4),
    above=st.integers(0, 2),
    blank=st.lists(st.integers(0, N), max_size=2),
    separator=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=100, deadline=None)
def test_comments_blank_lines_and_quoted_line_breaks_are_no_samples(
    comments, quoted, above, blank, separator, encoding, newline
):
    lines = [separator.join(["a", '"b\nc"', "d", "kind"])]
    for number in range(N):
        kind = '"two\n# lines"' if number in quoted else "one"
        lines.append(separator.join([*map(str, X[number, :3]), kind]))
    for place in sorted(comments, reverse=True):
        lines.insert(1 + place, f"# measured{separator}again")
    for place in sorted(blank, reverse=True):
        lines.insert(1 + place, "")
    text = newline.join([*["# a comment"] * above, *lines, ""])
    raw = read(text.encode(encoding), "table.csv", labels="kind")
    assert np.array_equal(raw.values, X[:, :3])
    assert raw.feature_names == ("a", "b\nc", "d")
    expected = ["two # lines" if number in quoted else "one" for number in range(N)]
    assert [raw.class_names[label] for label in raw.labels] == expected
    if comments:
        assert any("comment line" in note for note in raw.notes)


def test_a_comment_right_above_the_numbers_may_be_the_heading():
    text = "# made by a program\n#start,end,depth\n" + "\n".join(f"{a},{b},{c}" for a, b, c, _ in X)
    raw = read(text.encode(), "table.csv")
    assert raw.feature_names == ("start", "end", "depth")
    assert raw.values.shape == (N, 3)


# --------------------------------------------------------------------------------------- workbooks


def test_a_sheet_of_a_workbook_is_chosen_and_said():
    content = workbook(Notes=pd.DataFrame({"text": ["x"]}), Values=FRAME.assign(kind=KINDS))
    raw = read(content, "book.xlsx", sheet="Values", labels="kind")
    assert np.array_equal(raw.values, X)
    assert raw.class_names == ("iris", "rose")
    assert "sheet 'Values' of 2" in raw.notes
    refused(content, "book.xlsx", "there is no sheet 'values': there are 'Notes', 'Values'", sheet="values")
    refused(b"a,b\n1,2\n", "table.csv", "only workbooks", sheet="values")
    refused(b"PK nothing", "book.xlsx", "not a workbook that can be read")
    refused(workbook(Empty=pd.DataFrame()), "book.xlsx", "the sheet 'Empty' is empty")


def test_empty_rows_and_columns_around_a_sheet_are_left_out():
    file = io.BytesIO()
    FRAME.to_excel(file, startrow=3, startcol=2, index=False)
    raw = read(file.getvalue(), "book.xlsx")
    assert np.array_equal(raw.values, X)
    assert raw.feature_names == ("a", "b", "c", "d")


def test_errors_in_cells_count_as_missing():
    frame = FRAME.astype(object)
    frame.loc[4, "b"] = "#DIV/0!"
    refused_text = "1 of 120 values are missing"
    with pytest.raises(DataError, match=refused_text):
        user_sets.prepare(read(workbook(A=frame), "book.xlsx"), "book.xlsx", ImportOptions())


# ----------------------------------------------------------------------------------------- Parquet


def test_a_column_of_vectors_becomes_columns():
    content = parquet_file(name=KINDS, vector=pyarrow.array(X.tolist(), pyarrow.list_(pyarrow.float32())))
    raw = read(content, "table.parquet", labels="name")
    assert raw.values == pytest.approx(X, abs=1e-6)
    assert raw.feature_names == ("vector 1", "vector 2", "vector 3", "vector 4")


@pytest.mark.parametrize("list_of", [pyarrow.list_, pyarrow.large_list, lambda kind: pyarrow.list_(kind, 6)])
def test_a_column_of_nested_lists_is_a_picture_in_each_row(list_of):
    pictures = np.random.default_rng(1).integers(0, 256, (N, 5, 6))
    column = pyarrow.array(pictures.tolist(), pyarrow.list_(list_of(pyarrow.uint8())))
    raw = read(parquet_file(label=KINDS, image=column), "table.parquet", labels="label")
    assert raw.image_shape == (5, 6)
    assert np.array_equal(raw.values, pictures.reshape(N, 30))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, 2.0]] * 29 + [[1.0]], "from 1 to 2 values: they should be of one length"),
        ([[1.0, 2.0]] * 29 + [None], "values and missing ones"),
        ([["x", "y"]] * N, "holds lists of string"),
    ],
)
def test_lists_that_are_no_vectors_are_refused(rows, message):
    refused(parquet_file(v=rows), "table.parquet", message)


# ---------------------------------------------------------------------------------------- bounds


def test_a_packed_table_that_is_too_large_or_damaged_is_refused(monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_UNPACKED", 2**20)
    refused(gzip.compress(b"0" * 2**24), "table.csv.gz", "unpacked: use a part of it")
    refused(gzip.compress(FRAME.to_csv().encode())[:-20], "table.csv.gz", "cannot be unpacked and may be damaged")
    refused(b"not packed", "table.tsv.gz", "cannot be unpacked and may be damaged")


@pytest.mark.parametrize(("name", "way_out"), [("old.xls", "Save it as .xlsx or .csv"), ("t.feather", "Write it as .parquet")])
def test_files_that_are_not_read_say_how_to_turn_them_into_one(name, way_out):
    refused(b"something", name, way_out)


def test_damaged_sparse_matrices_are_refused():
    good = scipy.sparse.csr_array(X)
    bad = scipy.sparse.csr_array(X)
    bad.indices[5] = 2**20
    refused(npz(bad), "m.npz", "not a sparse matrix that can be read")
    refused(npz(good.astype(complex)), "m.npz", "no real numbers")
    refused(npz(good.tobsr()), "m.npz", r"convert it with .tocsr\(\)")
    refused(b"%%MatrixMarket matrix coordinate real general\n3 3 9\n1 1", "m.mtx", "not a Matrix Market file")
    refused(npz(good), "m.npz", "neither names of columns nor pictures", labels="kind")


# ----------------------------------------------------------------------- turned, counted, selected


def planted(n_genes=400, n_informative=20):
    rng = np.random.default_rng(0)
    group = np.arange(60) % 3
    rates = rng.uniform(0.5, 2, n_genes)[None] * np.ones((60, 1))
    rates[:, :n_informative] *= np.where(np.arange(n_informative) % 3 == group[:, None], 20, 1)
    return pd.DataFrame(rng.poisson(rates), columns=[f"gene{number}" for number in range(n_genes)])


@pytest.mark.parametrize("kind", ["csv", "npz", "parquet", "csv turned"])
def test_counts_are_transformed_and_the_columns_that_vary_most_are_kept_and_said(kind, tmp_path):
    counts = planted()
    path = tmp_path / f"counts.{kind.split()[0]}"
    if kind == "npz":
        scipy.sparse.save_npz(path, scipy.sparse.csr_array(counts.to_numpy()))
    elif kind == "parquet":
        counts.to_parquet(path)
    else:
        (counts.T if "turned" in kind else counts).to_csv(path, index="turned" in kind)
    command = ["data", "add", str(path), "--log1p", "--most-varying", "20", *(["--transpose"] if "turned" in kind else [])]
    result = CliRunner().invoke(main_app, command)
    assert result.exit_code == 0, result.output
    assert "20 of 400 columns kept, those that vary most" in result.output
    assert "Log(1 + x); the 20 columns that vary most; scaled to [0, 1]" in result.output
    name = result.output.split()[0]
    about = user_sets.meta(name)
    numbers = [int(column.removeprefix("gene").removeprefix("feature ")) - (kind == "npz") for column in about["feature_names"]]
    assert numbers == list(range(20))
    assert about["done"]["log1p"] is True
    x = np.log1p(counts.to_numpy()[:, :20])
    expected = (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))
    assert catalogue.load(name).pixels == pytest.approx(expected, abs=1e-6)


def test_what_is_not_a_table_of_counts_is_not_transformed():
    content = FRAME.to_csv(index=False).encode()
    refused((FRAME - 5).to_csv(index=False).encode(), "t.csv", "log1p is for counts, and .* negative", log1p=True)
    refused(content, "t.csv", "most_varying = 1: should be at least 2", most_varying=1)
    refused(content, "t.csv", "for tables of columns", most_varying=2, shape=(2, 2))
    assert "4 of 4 columns kept, those that vary most" in read(content, "t.csv", most_varying=9).notes


def test_gaps_do_not_count_in_what_varies():
    frame = FRAME.copy()
    frame["d"] = 1.0
    frame.loc[3, "a"] = np.nan
    assert read(frame.to_csv(index=False).encode(), "t.csv", most_varying=3).feature_names == ("a", "b", "c")


def test_more_columns_than_a_sample_may_have_are_chosen_from():
    x = np.zeros((25, 70_000))
    x[:, [5, 60_000]] = np.arange(50).reshape(25, 2) * [1, 2]
    content = npz(scipy.sparse.csr_array(x))
    refused(content, "m.npz", r"Keep the columns that vary most, such as --most-varying 2000")
    assert read(content, "m.npz", most_varying=2).feature_names == ("feature 6", "feature 60001")


def test_a_turned_table_takes_its_names_from_its_first_column_and_heading():
    turned = FRAME.T
    turned.columns = [f"patient {number}" for number in range(N)]
    text = turned.to_csv(index_label="gene")
    table = read_frame(io.BytesIO(text.encode()), "t.csv", ImportOptions(transpose=True))
    assert list(table.frame) == ["a", "b", "c", "d"]
    assert table.row_names == tuple(turned.columns)
    without_corner = text.removeprefix("gene,")  # as R writes it
    table = read_frame(io.BytesIO(without_corner.encode()), "t.csv", ImportOptions(transpose=True))
    assert table.row_names == tuple(turned.columns)
    assert np.array_equal(table.frame.to_numpy(), X)


# --------------------------------------------------------------------------------------- proposals


@pytest.mark.parametrize("names", ["pixel{}", "px_{}", "plain {}"])
def test_pictures_in_rows_and_labels_are_proposed(names):
    side = 28
    x = np.random.default_rng(0).integers(0, 256, (N, side * side))
    frame = pd.DataFrame(x, columns=[names.format(number) for number in range(side * side)])
    frame.insert(0, "label", np.arange(N) % 3)
    content = frame.to_csv(index=False).encode()
    notes = " ".join(read(content, "t.csv").notes)
    assert "the rows may be pictures (--shape 28x28)" in notes
    assert "column 'label' may hold labels (--labels 'label')" in notes
    assert not any("may" in note for note in read(content, "t.csv", labels="label", shape=(28, 28)).notes)


def test_rows_of_other_numbers_are_not_taken_for_pictures():
    for x in (np.random.default_rng(0).uniform(0, 1, (N, 784)), np.random.default_rng(0).integers(0, 2, (N, 784))):
        frame = pd.DataFrame(x, columns=[f"gene {number}" for number in range(784)])
        assert not any("pictures" in note for note in read(frame.to_csv(index=False).encode(), "t.csv").notes)


def test_pictures_as_files_in_a_column_are_read_with_their_classes():
    cells, levels = [], np.arange(N) * 5
    for number in range(N):
        file = io.BytesIO()
        Image.fromarray(np.full((12, 12), levels[number], np.uint8)).save(file, "PNG")
        cells.append({"bytes": file.getvalue(), "path": f"picture-{N - number}.png"})
    content = parquet_file(image=cells, label=KINDS)
    raw = read(content, "train.parquet", labels="label", size=12)
    assert raw.image_shape == (12, 12)
    assert np.array_equal(raw.values[:, 0], levels)
    assert [raw.class_names[label] for label in raw.labels] == KINDS
    assert raw.sample_names[:2] == ("picture-30.png", "picture-29.png")
    refused(content, "train.parquet", "there is no column 'kind': beside the pictures there are label", labels="kind")
    refused(parquet_file(image=[*cells[:-1], None]), "t.parquet", "1 rows have no picture, the first in row 30")


@given(
    which=st.sampled_from(["xlsx", "npz", "mtx", "mtx.gz", "csv.gz", "parquet"]),
    places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.floats(0, 1),
)
@settings(max_examples=120, deadline=None)
def test_whatever_is_changed_in_a_file_it_is_read_or_refused_in_one_sentence(which, places, cut):
    content = bytearray(GOOD_FILES[which])
    for place, value in places:
        content[min(int(place * len(content)), len(content) - 1)] = value
    content = bytes(content[: int(len(content) * cut)] if cut < 0.3 else content)
    sentence = "it was read"
    try:
        read(content, f"file.{which}")
    except DataError as error:
        sentence = str(error)
    assert 10 < len(sentence) < 1000
    assert "\n" not in sentence


GOOD_FILES = {
    "xlsx": workbook(A=FRAME),
    "npz": npz(scipy.sparse.csr_array(X)),
    "mtx": mtx(scipy.sparse.coo_array(X)),
    "mtx.gz": gzip.compress(mtx(scipy.sparse.coo_array(X))),
    "csv.gz": gzip.compress(FRAME.to_csv().encode()),
    "parquet": parquet_file(v=X.tolist()),
}
