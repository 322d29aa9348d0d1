"""Tables as people write them: separators, decimal signs, encodings, headings, row numbers, markers of missing values."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.tables.proposals import likely_labels
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.dialect import detect
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.data.user.tables import read_frame

N = 30
X = np.random.default_rng(0).uniform(0, 9, (N, 4)).round(3)
KINDS = ["Mild", "None", "Severe"]


def table(text, **choices):
    content = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return read_frame(content, "table.csv", ImportOptions(**choices))


def read(text, **choices):
    content = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return user_sets.read_source(content, "table.csv", ImportOptions(**choices))


def lines(rows, heading=None, separator=","):
    return "\n".join(separator.join(map(str, row)) for row in ([heading] if heading else []) + list(rows)) + "\n"


HEADING = ["length", "width", "height", "mass"]


@given(
    separator=st.sampled_from([",", ";", "\t", "|"]),
    decimal=st.sampled_from([".", ","]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    header=st.booleans(),
    trailing=st.booleans(),
    comments=st.integers(0, 3),
    labelled=st.booleans(),
    index=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_a_table_in_any_dialect_is_read_back_as_it_was(
    separator, decimal, encoding, header, trailing, comments, labelled, index, seed
):
    chance = np.random.default_rng(seed)
    x = chance.uniform(0, 1000, (N, 4)).round(3)
    if decimal == separator:
        separator = ";"
    frame = pd.DataFrame(x, columns=["Länge", "b c", "d", "e"])
    if labelled:
        frame["kind"] = chance.choice(["rot", "grün", "blau"], N)
    text = frame.to_csv(sep=separator, decimal=decimal, header=header, index=index, lineterminator="\n")
    if trailing:
        text = text.replace("\n", f"{separator}\n")
    content = ("# made by an instrument\n" * comments + text).encode(encoding)
    found = table(content)
    assert list(found.frame) == (list(frame) if header else [f"feature {n + 1 + index}" for n in range(frame.shape[1])])
    assert np.allclose(found.frame.iloc[:, :4].to_numpy(float), x)
    assert ("row" in " ".join(found.notes)) == index
    if labelled:
        assert found.frame.iloc[:, 4].tolist() == frame["kind"].tolist()
        assert likely_labels(found.frame) == found.frame.columns[4]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (lines(X, ["0", "1", "2", "3"]), ["0", "1", "2", "3"]),  # pandas' columns without names
        (lines(X, ["400", "410", "420", "430"]), ["400", "410", "420", "430"]),  # wavelengths
        (lines(X), [f"feature {n}" for n in range(1, 5)]),
        (lines(X, ['"a, mm"', '"b, mm"', "c", "d"]), ["a, mm", "b, mm", "c", "d"]),
        (lines([[f"r{n}", *row] for n, row in enumerate(X)], HEADING), HEADING),  # R's row names
        ("sep=;\n" + lines(X, HEADING, ";"), HEADING),  # a spreadsheet
        (lines(X, HEADING, "   "), HEADING),
        ("#" + lines(X, HEADING), HEADING),  # a heading that is a comment
        ("# " + lines(X, HEADING, " "), HEADING),  # numpy.savetxt
        ("# two lines,\n# four columns\n#" + lines(X, HEADING), HEADING),
        (lines(X, ['"# a"', '"b"', '"# c"', '"#d"']), ["# a", "b", "# c", "#d"]),  # names that begin with the sign
        (lines(X, ["a", "#b", "# c", "d"]), ["a", "#b", "# c", "d"]),
        ('"# made, by hand"\n"# on Monday",,,\n' + lines(X, HEADING), HEADING),  # a spreadsheet's comments
    ],
)
def test_headings_are_told_from_samples(text, columns):
    assert list(table(text).frame) == columns
    assert len(table(text).frame) == N


@pytest.mark.parametrize("header", [None, True, False])
def test_a_heading_in_a_comment_is_taken_unless_there_is_to_be_none(header):
    found = table("# made by hand\n#" + lines(X, HEADING), header=header)
    assert list(found.frame) == ([f"feature {n}" for n in range(1, 5)] if header is False else HEADING)
    assert len(found.frame) == N
    assert ("1 line above the table left out" in found.notes) == (header is not False)


def test_thousands_are_read():
    german = [[f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".") for value in row] for row in X * 1000]
    assert np.allclose(table(lines(german, HEADING, ";")).frame.to_numpy(float), (X * 1000).round(2))
    english = [[f"{value:,.2f}" for value in row] for row in X * 1000]
    assert np.allclose(table(lines(english, HEADING, ";")).frame.to_numpy(float), (X * 1000).round(2))


@pytest.mark.parametrize("marker", ["?", "-", "NA", "n.d.", "NULL", "k.A.", "NaN", "#N/A"])
def test_markers_of_missing_values_are_missing_and_named(marker):
    rows = X.astype(object)
    rows[4, 2] = rows[7, 1] = marker
    raw = read(lines(rows, HEADING))
    assert np.isnan(raw.values).sum() == 2
    assert np.nanmax(np.abs(raw.values - X)) == 0
    with pytest.raises(
        DataError, match=rf"2 of 120 values are missing.*'{marker.replace('.', r'[.]').replace('?', r'[?]')}' in row 8 of"
    ):
        user_sets.prepare(raw, "table.csv", ImportOptions())
    assert user_sets.prepare(raw, "table.csv", ImportOptions(missing="mean")).meta["done"]["missing"] == 2


def test_a_word_among_numbers_is_named_with_its_row_and_how_many_there_are():
    rows = X.astype(object)
    rows[20, 3] = "broken"
    with pytest.raises(
        DataError, match="column 'mass' does not hold numbers alone: one value is no number, 'broken' in row 21"
    ):
        read(lines(rows, HEADING))
    rows[25, 3] = "again"
    with pytest.raises(DataError, match="2 values are no numbers, the first 'broken' in row 21"):
        read(lines(rows, HEADING))


def test_a_class_may_be_called_none_or_na():
    rows = [[*row, KINDS[n % 3] if n else "NA"] for n, row in enumerate(X)]
    raw = read(lines(rows, [*HEADING, "grade"]), labels="grade")
    assert raw.class_names == ("Mild", "NA", "None", "Severe")


def test_a_first_column_that_numbers_the_rows_is_left_out_unless_it_is_kept():
    rows = [[n, *row] for n, row in enumerate(X)]
    for heading, said in (("", "column 1 left out"), ("id", "column 'id' left out")):
        text = lines(rows, [heading, *HEADING])
        assert list(table(text).frame) == HEADING
        assert said in " ".join(table(text).notes)
        assert table(text, index=False).frame.shape == (N, 5)
    rows[3][0] = 77
    assert table(lines(rows, ["id", *HEADING])).frame.shape == (N, 5)
    assert table(lines(rows, ["id", *HEADING]), index=True).frame.shape == (N, 4)


def test_rows_can_be_pictures():
    rows = np.random.default_rng(1).integers(0, 256, (N, 16))
    text = lines([[n % 3, *row] for n, row in enumerate(rows)], ["label", *(f"pixel{n}" for n in range(16))])
    raw = read(text, labels="label", shape=(4, 4))
    assert raw.image_shape == (4, 4)
    assert raw.feature_names is None
    prepared = user_sets.prepare(raw, "table.csv", ImportOptions(labels="label", shape=(4, 4)))
    assert prepared.pixels.dtype == np.uint8
    with pytest.raises(DataError, match="shape = 5x5: 25 values, but the rows have 16"):
        read(text, labels="label", shape=(5, 5))


def test_what_is_chosen_wins_over_what_is_found():
    assert detect(b"1,5;2,5\n3,5;4,5\n", separator=",").separator == ","
    assert detect(b"a,b\n1,2\n", header=False).header is False
    assert detect("ä,b\n1,2\n".encode(), encoding="latin-1").encoding == "latin-1"
    for choices in ({"encoding": "no such"}, {"encoding": "utf-16", "separator": ","}):
        with pytest.raises(DataError, match="not a table that can be read"):
            table(lines(X, HEADING), **choices)


def test_the_command_says_what_was_decided(tmp_path, monkeypatch):
    monkeypatch.setenv("DDNMF_HOME", str(tmp_path / "home"))
    german = [[str(value).replace(".", ",") for value in row] for row in X]
    (tmp_path / "t.csv").write_text("# made by hand\n" + lines(german, HEADING, ";"))
    done = CliRunner().invoke(main_app, ["data", "add", str(tmp_path / "t.csv")])
    assert done.exit_code == 0, done.output
    assert "Read as: separator semicolon; decimal comma; 1 line above the table left out." in done.output
    refused = CliRunner().invoke(main_app, ["data", "add", str(tmp_path / "t.csv"), "--separator", ",", "--decimal", "."])
    assert refused.exit_code == 2


@pytest.mark.parametrize("corner", ["", "gene"])
def test_numbers_as_headings_beside_names_of_rows_are_no_sample(corner):
    text = lines([[f"g{n}", *X[n], *X[n], *X[n]] for n in range(N)], [corner, *range(12)])
    assert list(table(text).frame)[-12:] == [str(number) for number in range(12)]
    assert len(table(text).frame) == N
