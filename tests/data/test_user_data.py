"""A user's own images and tables: read, treated, kept, trained on, removed; what is bad is refused in one sentence."""

import io
import json
import os
import shutil
import zipfile
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.config import InterpretationConfig, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.image_files import EXIF_ORIENTATION
from ddnmf_core.data.suggestions import suggest
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store import trash, user_data
from ddnmf_core.store.entry import CLUSTERS_FILE, SCORES_FILE
from ddnmf_core.store.run_store import Store

N = 24


def png(values: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


def flat(level: int, side: int = 10) -> np.ndarray:
    return np.full((side, side), level, np.uint8)


@pytest.fixture
def pictures(tmp_path):
    """A zip of two folders: 12 dark pictures, 12 light ones; beside them what no user means."""
    path = tmp_path / "shades.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(12):
            archive.writestr(f"shades/dark/{number}.png", png(flat(20)))
            archive.writestr(f"shades/light/{number}.jpg", png(flat(200), "JPEG"))
        archive.writestr("shades/notes.txt", "no picture")
        archive.writestr("__MACOSX/shades/dark/._0.png", "no picture either")
    return path


def table(tmp_path, text: str = "", name: str = "table.csv", n: int = N):
    path = tmp_path / name
    path.write_text(text or "a,b,kind\n" + "".join(f"{i},{i * i},{'odd' if i % 2 else 'even'}\n" for i in range(n)))
    return path


def saved(tmp_path, **arrays):
    path = tmp_path / "arrays.npz"
    np.savez(path, **arrays)
    return path


def added(path, **choices) -> catalogue.Images:
    return catalogue.load(user_sets.add(path, path.name, ImportOptions(**choices)))


# ---------------------------------------------------------------------------------------- pictures


def test_folders_of_a_zip_are_classes_and_pictures_become_gray_and_small(pictures):
    images = added(pictures, size=8)
    assert images.class_names == ("dark", "light")
    assert images.labels.tolist() == [0] * 12 + [1] * 12
    assert (images.pixels.dtype, images.pixels.shape, images.image_shape) == (np.uint8, (24, 64), (8, 8))
    assert set(images.pixels[0].tolist()) == {20}
    assert user_sets.meta(images.name)["skipped_files"] == 1


@pytest.mark.parametrize("ending", ["PNG", "JPEG", "PPM", "TIFF", "BMP", "WEBP"])
def test_every_format_is_read_from_a_folder(tmp_path, ending):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.{'pgm' if ending == 'PPM' else ending.lower()}").write_bytes(png(flat(100), ending))
    images = added(folder, size=4)
    assert not images.labelled
    assert abs(int(images.pixels.mean()) - 100) <= 1


def test_colour_depth_and_transparency_become_gray_values(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    of_kind = {
        "red": np.full((4, 4, 3), (255, 0, 0), np.uint8),
        "deep": np.full((4, 4), 257 * 50, np.uint16),
        "clear": np.zeros((4, 4, 4), np.uint8),
    }
    for number, pixels in enumerate([*of_kind.values()] + [flat(9)] * 20):
        (folder / f"{number:02}.png").write_bytes(png(pixels))
    assert added(folder, size=4).pixels[:3, 0].tolist() == [76, 50, 255]  # luma of red; 16 bits; white behind what is clear


@pytest.mark.parametrize(
    ("shape", "odd", "expected"),
    [((60, 40), (20, 20), (12, 8)), ((30, 90), (90, 30), (4, 12)), ((50, 50), (20, 40), (12, 12)), ((8, 400), (8, 8), (4, 12))],
)
def test_pictures_keep_the_proportions_that_most_of_them_have(tmp_path, shape, odd, expected):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(22):
        (folder / f"{number}.png").write_bytes(png(np.full(odd if number < 3 else shape, number, np.uint8)))
    images = added(folder, size=12)
    assert images.image_shape == expected
    assert images.pixels.shape == (22, expected[0] * expected[1])


def test_a_picture_that_lies_on_its_side_is_set_up(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    for number in range(20):
        Image.fromarray(np.tile(np.arange(40, dtype=np.uint8) * 6, (20, 1))).save(folder / f"{number}.jpg", exif=exif)
    images = added(folder, size=12)
    assert images.image_shape == (12, 6)
    assert images.pixels[0].reshape(12, 6)[:, 0].tolist() == sorted(images.pixels[0].reshape(12, 6)[:, 0].tolist())


def test_dark_figures_can_be_turned_round(pictures):
    assert added(pictures, invert=True).pixels[0, 0] == 235
    assert not added(pictures, by_folder=False).labelled


# ---------------------------------------------------------------------------------- arrays and tables


def test_arrays_are_pictures_or_tables_by_their_shape(tmp_path):
    x = np.linspace(0, 2, N * 12).reshape(N, 12)
    np.save(tmp_path / "x.npy", x)
    rows, pictured = added(tmp_path / "x.npy"), added(tmp_path / "x.npy", shape=(3, 4))
    assert rows.feature_names == tuple(f"feature {k}" for k in range(1, 13))
    assert (rows.pixels.dtype, rows.image_shape) == (np.float32, (1, 12))
    assert (pictured.pixels.dtype, pictured.image_shape, pictured.feature_names) == (np.uint8, (3, 4), None)
    assert pictured.pixels.max() == 255  # of the greatest value of the set
    labelled = added(saved(tmp_path, x=x.reshape(N, 3, 4), y=np.arange(N) % 3))
    assert labelled.class_names == ("0", "1", "2")
    assert np.array_equal(labelled.pixels, pictured.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.float64])
def test_arrays_can_be_turned_round_whatever_their_numbers_are(tmp_path, monkeypatch, dtype):
    x = np.zeros((N, 3, 4), dtype)
    x[:, 0, 0] = True if dtype is np.bool_ else 250
    np.save(tmp_path / "x.npy", x)
    plain, turned = added(tmp_path / "x.npy"), added(tmp_path / "x.npy", invert=True)
    assert np.array_equal(turned.pixels, 255 - plain.pixels)
    monkeypatch.setenv("DDNMF_MEMORY_SHARE", "0")  # and so does one that is mapped
    assert np.array_equal(added(tmp_path / "x.npy", invert=True).pixels, turned.pixels)


def test_a_table_is_not_turned_round(tmp_path):
    with pytest.raises(catalogue.DataError, match="invert = True: only pictures can be inverted"):
        added(table(tmp_path), labels="kind", invert=True)


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_columns_are_names_and_no_sample(tmp_path, first):
    frame = pd.DataFrame(np.random.default_rng(0).random((N, 4)), columns=range(first, first + 4))
    frame.to_csv(tmp_path / "x.csv", index=False)
    images = added(tmp_path / "x.csv")
    assert len(images) == N
    assert images.feature_names == tuple(str(first + n) for n in range(4))


def test_a_table_keeps_its_column_names_and_takes_its_classes_from_one(tmp_path):
    images = added(table(tmp_path), labels="kind")
    assert images.feature_names == ("a", "b")
    assert images.class_names == ("even", "odd")
    assert (images.pixels.min(axis=0).tolist(), images.pixels.max(axis=0).tolist()) == ([0, 0], [1, 1])
    assert np.allclose(images.pixels[:, 0], np.arange(N) / (N - 1))
    whole = added(table(tmp_path), labels="kind", scale="set")
    assert whole.pixels[:, 0].max() == pytest.approx(1 / (N - 1))  # 23 of 23 * 23
    assert not added(table(tmp_path), leave_out=("kind",)).labelled


def test_numbers_as_classes_stand_in_the_order_of_numbers(tmp_path):
    path = table(tmp_path, "x;w;y\n" + "".join(f"{i};{i};{[10, 9, 2][i % 3]}\n" for i in range(N)))
    assert added(path, labels="y").class_names == ("2", "9", "10")


def test_parquet_and_a_table_without_a_heading_are_read(tmp_path):
    frame = pd.DataFrame({"a": range(N), "b": [1.5, 2.5] * (N // 2), "kind": pd.Categorical(["u", "v"] * (N // 2))})
    frame.to_parquet(tmp_path / "t.parquet")
    assert added(tmp_path / "t.parquet", labels="kind").class_names == ("u", "v")
    assert added(table(tmp_path, "".join(f"{i}\t{-0.5 * i}\n" for i in range(N))), negative="clip").feature_names == (
        "feature 1",
        "feature 2",
    )


# ------------------------------------------------------------------------------ what has to be chosen

GAPS = "a,b\n" + "".join(f"{i},{'' if i == 3 else i - 2}\n" for i in range(N))


def test_missing_and_negative_values_are_refused_until_something_is_chosen(tmp_path):
    path = table(tmp_path, GAPS)
    with pytest.raises(
        DataError, match=r"1 of 48 values are missing.*in 1 sample: choose mean \(of their column\) or zero for missing values"
    ):
        added(path)
    with pytest.raises(DataError, match=r"2 of 48 values are negative \(down to -2\), in 2 samples.*shift"):
        added(path, missing="zero")
    shifted = added(path, missing="zero", negative="shift", scale="maximum").pixels[:, 1]
    assert np.allclose(shifted[[0, 1, 3]], np.array([0, 1, 2]) / 23)  # 0 was the gap: raised by 2
    clipped = added(path, missing="mean", negative="clip", scale="maximum").pixels[:, 1]
    assert np.allclose(clipped[[0, 1, 2]], 0)
    assert clipped[3] == pytest.approx(np.mean([i - 2 for i in range(N) if i != 3]) / 21)
    assert "1 missing values: the mean of their column; 2 negative values: 0" in user_sets.describe(user_sets.names()[-1])


def test_one_other_pixel_is_another_set(tmp_path):
    x = np.zeros((N, 3, 3), np.uint8)
    one = added(saved(tmp_path, x=x)).name
    x[7, 1, 1] = 1
    assert added(saved(tmp_path, x=x)).name != one


def test_a_choice_that_changed_nothing_makes_no_other_set(tmp_path):
    path = table(tmp_path)
    assert added(path, labels="kind").name == added(path, labels="kind", negative="clip", title="other").name
    assert added(path, labels="kind").name != added(path, leave_out=("kind",)).name


# --------------------------------------------------------------------------------------------- refused


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\0" * 5_000_000)
    return path


def archive_of(path, name: str, content: bytes):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
    return path


def test_a_path_of_a_zip_file_that_climbs_out_is_refused(tmp_path):
    for name in ("../up.png", "/etc/passwd.png", "a/../../b.png", "C:\\a.png"):
        with pytest.raises(DataError, match="leads out of its folder"):
            added(archive_of(tmp_path / "climbs.zip", name, png(flat(1))))


def test_links_are_taken_by_the_name_given(tmp_path):
    """git-annex, DVC and caches keep a file under the digest of its content."""
    kept, folder = tmp_path / "annex", tmp_path / "inside"
    kept.mkdir()
    folder.mkdir()
    for number in range(20):
        (kept / f"SHA256E-{number}").write_bytes(png(flat(number * 10)))
        (folder / f"{number}.png").symlink_to(kept / f"SHA256E-{number}")
    assert len(added(folder)) == 20
    (kept / "SHA256E-t").write_bytes(table(tmp_path).read_bytes())
    (tmp_path / "mine.csv").symlink_to(kept / "SHA256E-t")
    assert CliRunner().invoke(main_app, ["data", "add", str(tmp_path / "mine.csv"), "--labels", "kind"]).exit_code == 0
    assert "mine" in CliRunner().invoke(main_app, ["data", "list"]).stdout
    (folder / "gone.png").symlink_to(kept / "SHA256E-gone")
    with pytest.raises(DataError, match=r"gone\.png is a link to .*SHA256E-gone, which is not there. Fetch the file first"):
        added(folder)
    with pytest.raises(DataError, match="is a link to"):
        added(folder / "gone.png")


def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "data.csv")
    with pytest.raises(DataError, match=r"data\.csv is not a file: a pipe"):
        added(tmp_path / "data.csv")
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"zero\.npy is not a file"):
        added(tmp_path / "zero.npy")
    folder = tmp_path / "inside"
    folder.mkdir()
    os.mkfifo(folder / "a.png")
    with pytest.raises(DataError, match=r"a\.png is not a file"):
        added(folder)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("ddnmf_core.data.user.image_folder.MAX_UNPACKED", 1_000_000)
    with pytest.raises(DataError, match="unpacks to"):
        added(bomb(tmp_path / "bomb.npz"))
    monkeypatch.setattr("ddnmf_core.data.image_files.MAX_PIXELS", 50)
    with pytest.raises(DataError, match="10 x 10 pixels: at most 50"):
        added(one_picture_too_many(tmp_path))


def one_picture_too_many(tmp_path):
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.png", png(flat(1)))
    return path


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x": np.array([{"a": 1}] * N, dtype=object)}, "Objects are never loaded"),
        ({"x": np.zeros((N, 2, 2)), "y": np.zeros(5)}, r"labels have the shape \(5,\)"),
        ({"a": np.zeros((N, 2)), "b": np.zeros((N, 2))}, "the samples should be called x"),
        ({"x": np.zeros((5, 9))}, "at least 20 are needed"),
        ({"x": np.zeros(N)}, r"should be \(n, d\)"),
        ({"x": np.array([["a", "b"]] * N)}, "should be numbers"),
    ],
)
def test_bad_arrays_are_one_sentence(tmp_path, arrays, reason):
    with pytest.raises(DataError, match=reason):
        added(saved(tmp_path, **arrays))
    assert user_sets.names() == []


def test_a_header_that_lies_is_refused_before_anything_is_allocated(tmp_path):
    path = tmp_path / "lies.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10_000, 9_999)})
    with pytest.raises(DataError, match="cut short"):
        added(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b,name\n" + "1,2,ann\n" * N, r"column 'name' does not hold numbers \('ann'\)"),
        ("a,b\n" + "1,2\n" * 3, "there are 3 samples"),
        ("", "not a table"),
        ("a\n" + "1\n" * N, "a sample has 1 value"),
        ("a,b\n1,2\n1,2,3\n", "not a table"),
    ],
)
def test_bad_tables_are_one_sentence(tmp_path, text, reason):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=reason):
        added(path)


def test_what_is_no_data_is_one_sentence(tmp_path):
    for name, content in (("a.zip", b"no zip"), ("a.npy", b"no array"), ("a.parquet", b"no table"), ("a.exe", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError):
            added(tmp_path / name)
    named = archive_of(tmp_path / "named.zip", "x.png", b"").read_bytes()
    (tmp_path / "nameless.zip").write_bytes(named.replace(b"x.png", b"/////"))
    with pytest.raises(DataError, match="leads out"):
        added(tmp_path / "nameless.zip")
    with pytest.raises(DataError, match="no column 'sort': there are a, b, kind"):
        added(table(tmp_path), labels="sort")
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.png", b"no picture" if number == 7 else png(flat(1)))
    with pytest.raises(DataError, match=r"7\.png is not a picture"):
        added(broken)


@pytest.mark.parametrize("name", ["shades.zip", "arrays.npz", "t.parquet"])
def test_whatever_is_changed_in_a_file_it_is_read_or_refused_in_one_sentence(tmp_path, pictures, name):
    pd.DataFrame({"a": range(N), "b": range(N)}).to_parquet(tmp_path / "t.parquet")
    saved(tmp_path, x=np.arange(N * 4.0).reshape(N, 4))
    content, chance = (tmp_path / name).read_bytes(), np.random.default_rng(1)
    said = []
    for _ in range(40):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[chance.integers(0, len(damaged), 6)] = chance.integers(0, 256, 6)
        try:
            user_sets.add(io.BytesIO(damaged.tobytes()), name, ImportOptions(size=4))
        except DataError as error:
            said.append(str(error))
    assert len(said) > 5
    assert all("\n" not in sentence and len(sentence) < 400 for sentence in said)


# ------------------------------------------------------------------------------------------------ kept


def test_a_set_is_private_whole_and_checked_when_it_is_read(tmp_path, pictures):
    images = added(pictures)
    folder = user_sets.folder(images.name)
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert [path.name for path in folder.parent.iterdir()] == [images.name]
    arrays = folder / user_sets.ARRAYS_FILE
    content = bytearray(arrays.read_bytes())
    content[-1] ^= 1
    arrays.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        catalogue.load(images.name)
    assert added(pictures).name == images.name  # adding it again repairs it
    (folder / user_sets.META_FILE).write_text("{}")
    with pytest.raises(DataError, match="damaged"):
        catalogue.spec(images.name)
    assert images.name not in catalogue.available()


@pytest.mark.parametrize("kind", ["link to itself", "link to nothing", "link to a device", "pipe", "file"])
def test_what_stands_in_the_place_of_a_set_is_said_removed_and_replaced(pictures, kind):
    name = added(pictures).name
    place = user_sets.folder(name)

    def put():
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        links = {"link to itself": place, "link to nothing": place.parent / "nowhere", "link to a device": "/dev/zero"}
        if kind in links:
            place.symlink_to(links[kind])
        else:
            os.mkfifo(place) if kind == "pipe" else place.write_bytes(b"x")

    put()
    with pytest.raises(DataError, match=f"the data set {name} "):
        catalogue.spec(name)
    assert user_sets.find_problem(name)
    assert (user_sets.names(), user_sets.size(name)) == ([name], 0)
    user_data.remove_data_set(name)
    assert user_sets.names() == []
    put()
    assert added(pictures).name == name  # adding it again puts it into its place
    assert user_sets.find_problem(name) == ""


def test_a_set_that_is_not_there_says_what_to_do():
    with pytest.raises(DataError, match="Add its file or folder again"):
        catalogue.spec("own-0123456789abcdef")
    with pytest.raises(DataError, match="known are mnist-10k"):
        catalogue.load("own-short")


# --------------------------------------------------------------------------------------------- trained


def finished(config) -> "Store":
    store = Store()
    entry = store.create(config)
    assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    return entry


def test_suggested_settings_are_small_for_small_sets_and_the_defaults_for_large_ones():
    small = catalogue.DatasetSpec("t", 200, (1, 64), ("",), None, feature_names=("a",) * 64)
    assert suggest(small).fields == {
        "layers": (32, 16, 10),
        "n_parts": 10,
        "batch_size": 16,
        "epochs": 140,
        "n_clusters": 10,
        "noise_level": 0.2,
    }
    assert "200 samples of 64 features" in suggest(small).reason
    large = suggest(catalogue.DATASETS["mnist-10k"]).fields
    assert {name: large[name] for name in ("layers", "batch_size")} == {"layers": RunConfig().layers, "batch_size": 256}


def test_a_run_on_labelled_pictures_is_scored_against_their_folders(pictures):
    images = added(pictures, size=8)
    run = finished(RunConfig(dataset=images.name, layers=(16, 4), n_parts=3, epochs=30, batch_size=8, noise_level=0.1))
    assert run.read_table(CLUSTERS_FILE)["clean/z/kmeans"].nunique() == 2
    assert next(row["acc"] for row in run.read_json(SCORES_FILE) if row["input"] == "clean") == 1.0
    with pytest.raises(DataError, match=f"1 run was trained on {images.name}"):
        user_data.remove_data_set(images.name)
    trash.delete_entry(run)
    user_data.remove_data_set(images.name)
    assert images.name not in user_sets.names()


def test_a_run_on_a_table_without_labels_needs_none(tmp_path):
    from ddnmf_core.export.report import report_html

    images = added(table(tmp_path, n=60), leave_out=("kind",), title="My <table>")
    config = RunConfig(dataset=images.name, layers=(16, 4), n_parts=3, epochs=2, batch_size=16, n_clusters=3)
    run = finished(config)
    assert run.read_table(CLUSTERS_FILE)["clean/z/kmeans"].nunique() == 3
    assert all("acc" not in row and -1 <= row["silhouette"] <= 1 for row in run.read_json(SCORES_FILE))
    measured = finished(InterpretationConfig.of(config, n_pictures=10)).read_json(SCORES_FILE)
    assert not {"acc", "purity"} & set(measured)
    assert measured["completeness_error"] < 1e-3
    report = report_html(run)
    assert "My &lt;table&gt;" in report
    assert "has no labels" in report
    assert "purity" not in report
    assert "from left to right:\na, b." in report


def test_the_number_of_clusters_changes_no_published_id():
    assert "n_clusters" not in RunConfig().model_dump()
    assert RunConfig(n_clusters=3).id != RunConfig().id


# -------------------------------------------------------------------------------------- command line


def test_the_command_line_adds_lists_and_removes(tmp_path):
    path, home, run = table(tmp_path), str(tmp_path / "elsewhere"), CliRunner()
    refused = run.invoke(main_app, ["data", "add", str(path), "--home", home])
    assert (refused.exit_code, "leave it out" in refused.output) == (2, True)
    made = run.invoke(main_app, ["data", "add", str(path), "--labels", "kind", "--json", "--home", home])
    name = json.loads(made.stdout.splitlines()[-1])["dataset"]
    assert (tmp_path / "elsewhere" / "data" / name).is_dir()
    assert "24 rows of 2 features, 2 classes" in run.invoke(main_app, ["data", "list", "--home", home]).output
    assert "mnist-10k" in run.invoke(main_app, ["data", "--home", home]).output
    assert run.invoke(main_app, ["data", "remove", name, "--home", home]).exit_code == 0
    assert json.loads(run.invoke(main_app, ["data", "list", "--json", "--home", home]).stdout) == []


def test_every_option_of_an_import_is_an_option_of_the_command():
    from ddnmf_core.cli.import_options import PANELS

    names = [name for panel in PANELS.values() for name in panel]
    assert sorted(names) == sorted(field.name for field in fields(ImportOptions))


def test_a_damaged_set_does_not_hide_the_others_from_a_program(tmp_path, home):
    from ddnmf_core.cli.main import main_app

    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((N, 4)))
    whole, damaged = (
        user_sets.add(path, path.name, ImportOptions(labels=labels))
        for path, labels in ((table(tmp_path), "kind"), (tmp_path / "x.npy", None))
    )
    (user_sets.folder(damaged) / "meta.json").write_text("{}")
    found = CliRunner().invoke(main_app, ["data", "list", "--json"])
    assert found.exit_code == 0
    assert [each["dataset"] for each in json.loads(found.stdout)] == [whole]
    assert damaged in found.stderr
