"""A finished run on new samples: the numbers of the training where these are its own, and refusals elsewhere."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from ddnmf_core.analysis.clustering import assign_by_mixture
from ddnmf_core.cli.main import main_app
from ddnmf_core.config import RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.interpret.apply import apply_run
from ddnmf_core.store.run_store import Store
from tests.stored import trained

TINY = {"layers": (16, 4), "n_parts": 3, "epochs": 2, "batch_size": 32}
N = 120


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("DDNMF_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def digits(home):
    return Store().run(trained(Store(), RunConfig(dataset="digits", **TINY)).id)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    values = rng.random((N, 3)) @ rng.random((3, 5)) * [1, 10, 100, 1000, 1]
    return pd.DataFrame(values.round(6), columns=["a", "b", "c", "d", "e"], index=[f"patient {n}" for n in range(N)])


def run_on(frame, **choices):
    content = io.BytesIO(frame.to_csv(index=False).encode())
    name = user_sets.add(content, "table.csv", ImportOptions(**choices))
    return Store().run(trained(Store(), RunConfig(dataset=name, **TINY)).id)


@pytest.fixture(scope="module")
def table_run(home, frame):
    return run_on(frame)


def applied(run, frame, name="new.csv", **choices):
    content = frame if isinstance(frame, bytes) else frame.to_csv(index=choices.pop("names", False)).encode()
    return apply_run(run, io.BytesIO(content), name, ImportOptions(**choices))[:2]


def test_pictures_of_a_shipped_set_get_the_codes_of_the_training(digits):
    images, file = catalogue.load("digits"), io.BytesIO()
    np.save(file, images.pixels.reshape(-1, 8, 8)[:200])
    found, _ = applied(digits, file.getvalue(), "new.npy")
    assert found[["H_1", "H_2", "H_3"]].to_numpy() == pytest.approx(digits.codes("H")[:200], abs=1e-5)
    assert found[["z_1", "z_2", "z_3", "z_4"]].to_numpy() == pytest.approx(digits.codes("z")[:200], abs=1e-4)
    assert found["error"].to_numpy() == pytest.approx(digits.errors()[:200], abs=1e-6)
    assert (found["cluster"] == digits.clusters("z", "kmeans")[:200] + 1).mean() > 0.99  # nearest means, as K-means ends


def test_pictures_in_rows_of_a_table_or_a_folder_are_taken_too(digits, tmp_path):
    images = catalogue.load("digits")
    rows = pd.DataFrame(images.pixels[:3], columns=[f"pixel{number}" for number in range(64)])
    found, _ = applied(digits, rows)
    assert found["H_1"].to_numpy() == pytest.approx(digits.codes("H")[:3, 0], abs=1e-5)
    for number in range(3):
        Image.fromarray(images.pixels[number].reshape(8, 8)).save(tmp_path / f"{number}.png")
    from_folder = apply_run(digits, tmp_path, tmp_path.name).frame
    assert from_folder["H_2"].to_numpy() == pytest.approx(digits.codes("H")[:3, 1], abs=1e-5)


def test_columns_are_found_by_name_and_one_row_is_enough(table_run, frame):
    everything, _ = applied(table_run, frame)
    assert everything["H_1"].to_numpy() == pytest.approx(table_run.codes("H")[:, 0], abs=1e-5)
    one, notes = applied(table_run, frame[["e", "c", "a", "d", "b"]].iloc[[7]])
    assert one.iloc[0, 1:].to_numpy(float) == pytest.approx(everything.iloc[7, 1:].to_numpy(float), abs=1e-5)
    assert "columns brought into the order of the data set" in notes


def test_names_of_rows_and_labels_are_in_the_result(table_run, frame):
    text = frame.to_csv().removeprefix(",")  # as R writes row names
    found, _ = applied(table_run, text.encode())
    assert found["sample"].tolist() == frame.index.tolist()
    labelled, _ = applied(table_run, frame.assign(kind=["x", "y"] * (N // 2)), labels="kind")
    assert labelled["label"].tolist()[:3] == ["x", "y", "x"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="c"), "there is no column 'c', on which the run was trained"),
        (lambda frame: frame.drop(columns=["b", "c"]), "there is no column 'b', nor 1 more"),
        (
            lambda frame: frame.assign(f=1.0),
            r"column 'f' is none on which the run was trained: leave it out \(--leave-out 'f'\)",
        ),
        (lambda frame: frame.assign(a=-1.0), "120 values are negative"),
        (lambda frame: frame.mask(frame["a"] < frame["a"].median()), "are missing or infinite: choose mean"),
    ],
)
def test_other_columns_and_values_are_refused(table_run, frame, change, message):
    with pytest.raises(DataError, match=message):
        applied(table_run, change(frame))


def test_other_pictures_and_scales_are_refused(digits, table_run, frame):
    for content, message in (
        (np.zeros((5, 9, 9), np.uint8), "a set of pictures of 9 x 9, and the run was trained on pictures of 8 x 8"),
        (np.full((5, 8, 8), 0.5), "numbers from 0.5 to 0.5: give whole numbers from 0 to 255"),
    ):
        file = io.BytesIO()
        np.save(file, content)
        with pytest.raises(DataError, match=message):
            applied(digits, file.getvalue(), "new.npy")
    with pytest.raises(DataError, match="scale = 'set': new samples are scaled as the data set was; leave it out"):
        applied(table_run, frame, scale="set")


def test_samples_of_the_same_kind_are_not_warned_of(digits, table_run, frame):
    images = catalogue.load("digits")
    for n in (1, 3, 50, 500):
        file = io.BytesIO()
        np.save(file, images.pixels.reshape(-1, 8, 8)[-n:])
        assert apply_run(digits, io.BytesIO(file.getvalue()), "new.npy").shift == ""
        assert apply_run(table_run, io.BytesIO(frame[-n:].to_csv(index=False).encode()), "new.csv").shift == ""


def test_samples_of_another_kind_are_told_in_one_sentence(digits, table_run, frame):
    wider = frame.assign(b=frame["b"] * 5)
    shift = apply_run(table_run, io.BytesIO(wider.to_csv(index=False).encode()), "new.csv").shift
    assert "the means of 1 of 5 columns are more than 1 standard deviation off, most in 'b'" in shift
    assert "% of the values lie outside the range of their column" in shift
    assert shift.count(". ") == 0
    images, file = catalogue.load("digits"), io.BytesIO()
    np.save(file, 255 - images.pixels.reshape(-1, 8, 8)[:20])
    shift = apply_run(digits, io.BytesIO(file.getvalue()), "new.npy").shift
    assert "of 64 pixels are more than 1 standard deviation off" in shift
    assert "100% of the samples are reconstructed worse than 99% of the training samples" in shift


@pytest.mark.parametrize(("representation", "clusterer"), [("z", "gmm"), ("H", "gmm"), ("z", "kmeans"), ("z_hat", "kmeans")])
def test_clusters_are_those_of_the_clusterer_asked_for_with_the_stored_numbers(digits, representation, clusterer):
    images, file = catalogue.load("digits"), io.BytesIO()
    np.save(file, images.pixels.reshape(-1, 8, 8))
    found = apply_run(digits, io.BytesIO(file.getvalue()), "new.npy", representation=representation, clusterer=clusterer).frame[
        "cluster"
    ]
    assert (found - 1 == digits.clusters(representation, clusterer)).mean() > 0.95
    others = [(r, c) for r in ("z", "H") for c in ("kmeans", "gmm") if (r, c) != (representation, clusterer)]
    assert all((found - 1 == digits.clusters(*other)).mean() < 0.9 for other in others)


def test_a_mixture_knows_ellipses_that_nearest_means_do_not_and_skips_empty_clusters():
    rng = np.random.default_rng(0)
    codes = np.vstack([rng.normal(0, (10, 0.1), (400, 2)), rng.normal((0, 2), (0.1, 0.1), (400, 2))]).astype(np.float32)
    clusters = np.repeat([3, 1], 400)
    new = np.array([[-15.0, 0.0], [0.0, 2.1], [0.5, 0.1]], np.float32)
    assert assign_by_mixture(codes, clusters, new).tolist() == [3, 1, 3]


def test_values_outside_the_range_are_counted(table_run, frame):
    _, notes = applied(table_run, frame * 2)
    assert any("lie outside the range of the data set" in note for note in notes)


@pytest.mark.parametrize("missing", ["mean", "zero"])
def test_missing_values_become_what_they_became_in_the_data_set(home, frame, missing):
    gaps = frame.copy()
    gaps.iloc[3, 1] = gaps.iloc[9, 4] = np.nan
    run = run_on(gaps, missing=missing)
    found, _ = applied(run, gaps)
    assert found["H_1"].to_numpy() == pytest.approx(run.codes("H")[:, 0], abs=1e-4)
    one, _ = applied(run, gaps.iloc[[3, 4]])
    assert one["H_1"].to_numpy() == pytest.approx(run.codes("H")[3:5, 0], abs=1e-4)


def test_counts_are_transformed_and_their_columns_chosen_as_in_the_data_set(home, frame):
    counts = (frame * 10).round()
    run = run_on(counts, log1p=True, most_varying=3)
    found, _ = applied(run, counts.assign(new=1.0))
    assert found["H_1"].to_numpy() == pytest.approx(run.codes("H")[:, 0], abs=1e-5)


def test_a_shifted_data_set_says_what_to_do(home, frame):
    run = run_on(frame - 50, negative="shift")
    with pytest.raises(DataError, match="shifted by amounts that it does not keep: shift them in the file"):
        applied(run, frame)


def test_the_command_writes_a_table_or_prints_it_and_overwrites_nothing(table_run, frame, tmp_path):
    frame.to_csv(tmp_path / "new.csv", index=False)

    def ddnmf(*more):
        return CliRunner().invoke(main_app, ["apply", table_run.id, str(tmp_path / "new.csv"), *map(str, more)])

    printed = ddnmf()
    assert printed.exit_code == 0, printed.output
    from_text = pd.read_csv(io.StringIO(printed.stdout))
    assert list(from_text) == ["sample", "cluster", "error", *(f"H_{n}" for n in (1, 2, 3)), *(f"z_{n}" for n in (1, 2, 3, 4))]
    for name, read in (("out.csv", pd.read_csv), ("out.parquet", pd.read_parquet)):
        assert ddnmf("--out", tmp_path / name, "--representation", "H").exit_code == 0
        assert read(tmp_path / name)["z_1"].to_numpy() == pytest.approx(from_text["z_1"].to_numpy(), abs=1e-5)
    again = ddnmf("--out", tmp_path / "out.csv")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert "should end in .csv or .parquet" in ddnmf("--out", tmp_path / "out.xlsx").stderr
    assert "should be one of z, H, z_hat" in ddnmf("--representation", "w").stderr
    assert "clusterer = 'dbscan': should be one of kmeans, gmm" in ddnmf("--clusterer", "dbscan").stderr
    mixture = pd.read_csv(io.StringIO(ddnmf("--clusterer", "gmm").stdout))["cluster"]
    assert (mixture - 1 == table_run.clusters("z", "gmm")).mean() > 0.95
    (frame * 3).set_axis([f"=HYPERLINK({n})" for n in range(N)]).to_csv(tmp_path / "new.csv", index_label="name")
    shifted = ddnmf("--index")
    assert shifted.stderr.count("Warning: The new samples differ from the training data") == 1
    assert pd.read_csv(io.StringIO(shifted.stdout))["sample"][0] == "'=HYPERLINK(0)"  # text in a spreadsheet
