"""Tables as programs and people write them: titles, units, signs, totals, names of rows. None is misread without a word."""

import io

import numpy as np
import openpyxl
import pytest

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.headings import count_above, joined_heading
from ddnmf_core.data.user.numbers import as_number, sign_of, without_sign
from ddnmf_core.data.user.source import ImportOptions

N = 30
X = np.random.default_rng(0).uniform(1, 9, (N, 3)).round(2)


def read(text, name="x.csv", **options):
    content = text if isinstance(text, bytes) else text.encode()
    return user_sets.read_source(io.BytesIO(content), name, ImportOptions(**options))


def refused(text, message, name="x.csv", **options):
    with pytest.raises(DataError, match=message):
        user_sets.prepare(read(text, name, **options), name, ImportOptions(**options))


def rows(*heading, cells=None, separator=","):
    cells = cells or (lambda k: [f"{value:g}" for value in X[k]])
    return "\n".join([*heading, *(separator.join(cells(k)) for k in range(N))])


def workbook(*heading):
    book, file = openpyxl.Workbook(), io.BytesIO()
    for line in (*heading, *X.tolist()):
        book.active.append(line)
    book.save(file)
    return file.getvalue()


# ------------------------------------------------------------------------------------- headings


@pytest.mark.parametrize(
    "title",
    [
        ["Results of 2023"],
        ["Results of 2023,,"],
        ["Results of 2023,,", ",,"],
        ["Source: somebody", "", "Updated,2023"],
        ['"Results, of 2023",,'],
    ],
)
def test_lines_of_a_title_above_the_heading_are_left_out_and_said(title):
    raw = read(rows(*title, "a,b,c"))
    assert raw.feature_names == ("a", "b", "c")
    assert raw.values == pytest.approx(X)
    assert any("above the table left out" in note for note in raw.notes)


def test_a_title_in_a_workbook_is_left_out():
    raw = read(workbook(["Results of 2023"], [], ["a", "b", "c"]), "x.xlsx")
    assert raw.feature_names == ("a", "b", "c")
    assert "1 line above the table left out" in raw.notes


@pytest.mark.parametrize("heading", ["5,,", "a,b,c", '"a\nb",c,d', "a,b,", ",b,c"])
def test_a_first_line_of_the_table_is_no_title(heading):
    raw = read(rows(heading), missing="zero")
    assert not any("above the table" in note for note in raw.notes)
    assert len(raw.values) == N + (heading == "5,,")


def test_counts_of_samples_and_features_above_a_table_are_no_heading():
    text = "\n".join(["30,6,setosa", *(",".join(map(str, [*X[k], *X[k], k % 3])) for k in range(N))])
    raw = read(text)
    assert raw.values.shape == (N, 7)
    assert raw.sample_names is None


def test_a_line_of_units_is_joined_to_the_heading():
    raw = read(rows("time,speed,force", "[s],[m/s],-"))
    assert raw.feature_names == ("time [s]", "speed [m/s]", "force -")
    assert raw.values == pytest.approx(X)
    assert "two lines of headings joined" in raw.notes
    raw = read(workbook(["time", "speed", "force"], ["s", "m/s", "N"]), "x.xlsx")
    assert raw.feature_names == ("time s", "speed m/s", "force N")


def test_two_levels_of_names_are_joined_and_equal_ones_numbered():
    raw = read(rows("mean,,std", "x,y,y"))
    assert raw.feature_names == ("mean x", "mean y", "std y")
    raw = read(rows("mean,mean,std", "x,x,y"))
    assert raw.feature_names == ("mean x", "mean x.1", "std y")


def test_a_row_of_missing_values_is_no_heading():
    raw = read(rows("a,b,c", "n.d.,NA,?"), missing="zero")
    assert len(raw.values) == N + 1


def test_the_second_row_of_a_turned_table_holds_labels():
    heading = ",".join(["gene", *(f"s{k}" for k in range(N))])
    kinds = ",".join(["kind", *("ab"[k % 2] for k in range(N))])
    text = "\n".join([heading, kinds, *(",".join([f"g{j}", *map(str, X[:, j])]) for j in range(3))])
    raw = read(text, transpose=True, labels="kind")
    assert raw.class_names == ("a", "b")
    assert raw.values == pytest.approx(X)


def test_equal_headings_are_said():
    raw = read(rows("a,b,a"))
    assert raw.feature_names == ("a", "b", "a.1")
    assert "equal headings numbered ('a')" in raw.notes


def test_a_first_column_of_words_without_a_heading_names_the_rows():
    raw = read(rows(",a,b,c", cells=lambda k: [f"cell-{k}", *map(str, X[k])]))
    assert raw.feature_names == ("a", "b", "c")
    assert raw.sample_names[:2] == ("cell-0", "cell-1")
    assert any("names of the rows (cell-0, cell-1, …)" in note for note in raw.notes)
    refused(rows(",a,b,c", cells=lambda k: [f"cell-{k % 4}", *map(str, X[k])]), "does not hold numbers")


def test_headings_are_found_by_the_fields_of_most_rows():
    table = [["1", "2", "3"]] * 9
    assert count_above([["title"], ["a", "b", "c"], *table], as_number) == 1
    assert count_above([["a", "b"], *table], as_number) == 0
    assert count_above([["1"], ["1", "2"], ["1"], ["2", "3"]], as_number) == 0
    assert joined_heading([["a", "b"], ["1", "2"], *[["1", "2"]] * 9], as_number, {""}) == ()


# ------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("written", "separator", "decimal"),
    [
        (lambda x: f"{x:.2f}%", ",", "."),
        (lambda x: f"{x:.2f} %", ",", "."),
        (lambda x: f"${x:.2f}", ",", "."),
        (lambda x: f"{x:.2f} €".replace(".", ","), ";", ","),
        (lambda x: f'"{x:.2f}"'.replace(".", ","), ",", ","),
        (lambda x: f"{x:.3E}".replace("E", "D"), ",", "."),
        (lambda x: f"\u2212{x:.2f}", ",", "."),
    ],
)
def test_numbers_with_signs_are_read(written, separator, decimal):
    raw = read(rows(separator.join("abc"), cells=lambda k: [written(x) for x in X[k]], separator=separator))
    assert np.abs(raw.values) == pytest.approx(X, abs=0.006)


@pytest.mark.parametrize("gap", ["'", "’", " ", "\u00a0", "\u202f"])
def test_thousands_by_apostrophe_or_space_are_read(gap):
    cells = [[f"{x * 1e6:,.0f}".replace(",", gap) for x in row] for row in X]
    raw = read(rows("a;b;c", cells=cells.__getitem__, separator=";"))
    assert raw.values == pytest.approx(X * 1e6)


def test_quoted_thousands_in_a_table_of_commas_are_read_beside_small_numbers():
    cells = [["950", f'"{1000 * x:,.0f}"', f'"${1000 * x:,.2f}"'] for x in X[:, 0]]
    raw = read(rows("a,b,c", cells=cells.__getitem__))
    assert raw.values == pytest.approx(np.stack([np.full(N, 950), *[1000 * X[:, 0]] * 2], 1))
    assert "thousands ','" in raw.notes


def test_signs_that_differ_within_a_column_are_refused():
    refused(rows("a,b,c", cells=lambda k: ["5%" if k % 2 else "0.05", "1", "2"]), "'5%' in row 2")
    refused(rows("a,b,c", cells=lambda k: ["$5" if k % 2 else "€5", "1", "2"]), "column 'a' does not hold numbers")


def test_numbers_in_text_are_told_from_words():
    assert [as_number(text) for text in ("1 234 567", "12 34", "0 123 456", "1'000.5", "a 123", "1.5d-3")] == [
        1234567,
        None,
        None,
        1000.5,
        None,
        0.0015,
    ]
    assert (sign_of("-5 %"), sign_of("-$5"), sign_of("5"), sign_of("")) == ("%", "$", "", "")
    assert (without_sign("-$5"), without_sign("5 €"), without_sign("")) == ("-5", "5", "")


def test_utf_16_without_a_mark_is_read():
    for encoding in ("utf-16-le", "utf-16-be"):
        raw = read(rows("a,b,c").encode(encoding))
        assert raw.feature_names == ("a", "b", "c")
        assert raw.values == pytest.approx(X)


# ------------------------------------------------------------------------------------- doubts that are said


def test_a_last_row_that_is_a_total_is_warned_of():
    city = rows("city,a,b,c", cells=lambda k: [f"c{k}", *map(str, X[k])])
    for last, words in (("Total,9,9,9", "begins with 'total'"), (f",{','.join(map(str, X.sum(axis=0)))}", "is the sum")):
        assert any(words in warning for warning in read(f"{city}\n{last}\n", leave_out=("city",)).warnings)
    assert read(city, leave_out=("city",)).warnings == ()


def test_identifiers_and_dates_among_features_are_proposed_to_be_left_out():
    text = rows("PassengerId,day,a", cells=lambda k: [str(1000 + 2 * k), f"202301{k % 28 + 1:02d}", str(X[k, 0])])
    assert any(note.startswith("'PassengerId', 'day' may number the samples or hold dates") for note in read(text).notes)
    text = rows("width,paid,grid", cells=lambda k: [str(1000 + k), str(2 * k), str(X[k, 0])])
    assert not any("may number" in note for note in read(text).notes)


def test_constant_columns_and_numbers_for_missing_values_are_warned_of():
    assert (
        "'b' has one value throughout, from which nothing is learnt."
        in read(rows("a,b,c", cells=lambda k: [str(k), "7", str(X[k, 0])])).warnings
    )
    text = rows("a,b,c", cells=lambda k: ["-999" if k == 3 else str(X[k, 0]), *map(str, X[k, 1:])])
    assert any("-999 in 'a' often stands for a missing value" in warning for warning in read(text).warnings)
    refused(text, "-999 often stands for a missing one")
    text = rows("a,b,c", cells=lambda k: ["-999" if k == 3 else str(X[k, 0]), str(k - 9), str(X[k, 1])])
    assert read(text).warnings == ()


def test_a_column_without_values_has_no_mean():
    refused(
        rows("a,b,c", cells=lambda k: [str(X[k, 0]), "", str(X[k, 1])]),
        "column 'b' has no values, and so no mean",
        missing="mean",
    )


# ------------------------------------------------------------------------------------- what is no table


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "x.csv", "a pointer of Git LFS"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "x.npy", "a pointer of Git LFS"),
        ("\n<!DOCTYPE html><html>", "x.csv", "is a web page, not the file"),
        ("@relation", "x.arff", "ARFF files are not read. Write it as .csv"),
        ("{}", "x.json", "JSON files are not read. Write it as .parquet"),
        (rows(cells=lambda k: [f"{k % 2} 1:0.5 3:{X[k, 0]}"]), "x.txt", "sparse format of LIBSVM"),
        (rows("a,b,c", cells=lambda k: ["1"] * (4 if k == 4 else 3)), "x.csv", "line 6 has 4 fields, and those above it 3"),
    ],
)
def test_what_is_no_table_is_refused_with_the_way_out(content, name, message):
    refused(content, message, name)


def test_files_called_data_are_tables():
    raw = read(rows(cells=lambda k: [*map(str, X[k]), "ab"[k % 2]]), "iris.data", labels="feature 4")
    assert raw.class_names == ("a", "b")
    assert raw.values == pytest.approx(X)
    assert read(rows(separator="  "), "x.dat").values == pytest.approx(X)


def test_a_point_that_may_separate_thousands_is_said():
    def incomes(form):
        return rows("age;income", cells=lambda k: [f"{20 + k}", form(1000 + 137 * k)], separator=";")

    raw = read(incomes(lambda n: f"{n // 1000}.{n % 1000:03d}"))
    assert "1.000 read with a decimal point, not as 1000 (--decimal , reads thousands)" in raw.notes
    chosen = read(incomes(lambda n: f"{n // 1000}.{n % 1000:03d}"), decimal=",")
    assert chosen.values[:2, 1].tolist() == [1000, 1137]
    assert not [note for note in chosen.notes if "decimal point" in note]
    for form in (lambda n: f"{n / 1000:.2f}", lambda n: f"0.{n % 1000:03d}", str):
        assert not [note for note in read(incomes(form)).notes if "decimal point" in note]
