"""Folders and zip files of pictures as people have them: scale, ground, stacks, classes, litter, damage."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as s
from PIL import Image
from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.data import catalogue, image_files
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions, in_natural_order

N = 24


def encoded(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def drawing(number, white=255, dtype=np.uint8):
    """A ramp in a box whose place depends on the number: (8, 8)."""
    values = np.zeros((8, 8))
    values[number % 3 + 1 : number % 3 + 5, 2:6] = np.linspace(0.1, 1, 16).reshape(4, 4) * (1 - number / 100)
    return (values * white).astype(dtype)


def drawings(kind="PNG", ending="png", folder="", **options):
    return {f"{folder}{number}.{ending}": encoded(drawing(number, **options), kind) for number in range(N)}


def read(path, **options):
    return user_sets.read_source(path, path.name, ImportOptions(**options))


def added(path, **options):
    return catalogue.load(user_sets.add(path, path.name, ImportOptions(**options)))


def refused(path, reason, **options):
    with pytest.raises(DataError, match=reason) as error:
        added(path, **options)
    assert user_sets.names() == []
    return str(error.value)


# ------------------------------------------------------------------------------------------- scale


@pytest.mark.parametrize(
    ("white", "dtype"),
    [(1023, np.uint16), (4095, np.uint16), (65535, np.uint16), (1, np.float32), (255, np.float32), (7e6, np.int32)],
)
def test_pictures_of_more_than_8_bits_share_a_scale_and_keep_their_levels(tmp_path, white, dtype):
    images = added(zipped(tmp_path / "deep.zip", drawings("TIFF", "tif", white=white, dtype=dtype)), size=8)
    expected = np.stack([drawing(number, white, dtype) for number in range(N)]).astype(float)
    assert images.pixels.dtype == np.float32
    assert images.pixels.reshape(N, 8, 8) == pytest.approx(expected / expected.max(), abs=1e-6)
    assert len(np.unique(images.pixels)) > 300
    assert f"by the maximum of the set ({expected.max():,.6g})" in user_sets.describe(images.name)


def test_a_set_of_8_bits_has_the_id_that_it_always_had(tmp_path):
    path = zipped(tmp_path / "x.zip", {f"{k:02}.png": encoded(drawing(k)) for k in range(N)})
    assert user_sets.add(path, "x.zip", ImportOptions(size=8)) == "own-28b9eee3bda8e0f9"


def test_deep_pictures_are_inverted_and_may_be_negative(tmp_path):
    path = zipped(tmp_path / "ct.zip", {f"{k}.tif": encoded(drawing(k, 2000, np.int32) - 1000, "TIFF") for k in range(N)})
    refused(path, "values are negative .down to -1000.*choose shift")
    shifted = added(path, size=8, negative="shift").pixels
    assert (shifted.min(), shifted.max()) == (0, 1)
    assert added(path, size=8, negative="shift", invert=True).pixels == pytest.approx(1 - shifted)


def test_colour_of_16_bits_keeps_its_lower_half(tmp_path):
    def png(values):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        lines = b"".join(b"\0" + np.repeat(line, 3).astype(">u2").tobytes() for line in values)
        head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")

    path = zipped(tmp_path / "x.zip", {f"{k}.png": png(drawing(k, 4095, np.uint16)) for k in range(N)})
    assert len(np.unique(added(path, size=8).pixels)) > 300


def test_among_8_bits_deeper_pictures_are_scaled_by_their_depth(tmp_path):
    path = zipped(tmp_path / "x.zip", drawings() | drawings("TIFF", "tif", white=4095, dtype=np.uint16))
    raw = read(path, size=8)
    assert raw.values.dtype == np.uint8
    assert np.abs(raw.values[0::2].astype(int) - raw.values[1::2]).max() <= 1  # 0.png, 0.tif, 1.png, ...
    assert "24 of 48 pictures have more than 8 bits: their values are divided by 4,095" in raw.notes


# ------------------------------------------------------------------------------------------- ground


@pytest.mark.parametrize(("figure", "note"), [(255, "opacity"), (0, "opacity"), (None, "black behind"), (-1, "white behind")])
def test_the_ground_of_transparent_pictures_is_chosen_against_the_figures(tmp_path, figure, note):
    def rgba(number):
        opaque = drawing(number) > 0
        light = {None: 155 + drawing(number) // 3, -1: 100 - drawing(number) // 3}.get(figure, figure)
        return np.dstack([np.where(opaque, light, 0)] * 3 + [opaque * 255]).astype(np.uint8)

    raw = read(zipped(tmp_path / "x.zip", {f"{k}.png": encoded(rgba(k)) for k in range(N)}), size=8)
    assert note in raw.notes[0]
    assert len(np.unique(raw.values, axis=0)) > 1
    ground, inside = raw.values.reshape(N, 8, 8)[:, 0, 0], raw.values.reshape(N, 8, 8)[:, 3, 3]
    assert set(ground.tolist()) == ({255} if figure == -1 else {0})
    assert np.abs(inside.astype(int) - ground).min() > 100


def test_a_light_background_is_noticed_and_inverting_proposed(tmp_path):
    light = zipped(tmp_path / "light.zip", {f"{k}.png": encoded(255 - drawing(k)) for k in range(N)})
    dark = zipped(tmp_path / "dark.zip", drawings())
    assert "--invert" in read(light).warnings[0]
    assert read(light, invert=True).warnings == ()
    assert read(dark).warnings == ()
    assert "leave out --invert" in read(dark, invert=True).warnings[0]
    np.save(tmp_path / "x.npy", np.stack([255 - drawing(k) for k in range(N)]))
    assert "--invert" in read(tmp_path / "x.npy").warnings[0]


def test_samples_that_are_all_alike_and_few_levels_are_warned_of(tmp_path):
    alike = zipped(tmp_path / "alike.zip", {f"{k}.png": encoded(drawing(1)) for k in range(N)})
    assert "All samples are the same" in read(alike).warnings[0]
    few = zipped(tmp_path / "few.zip", {f"{k}.png": encoded((drawing(k) > 99).astype(np.uint8)) for k in range(N)})
    assert "only 2 different gray values" in read(few, size=8).warnings[0]
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * N)
    assert "All samples are the same" in read(tmp_path / "t.csv").warnings[0]
    assert "Warning: All samples" in CliRunner().invoke(main_app, ["data", "add", str(alike)]).stdout


# ------------------------------------------------------------------------------------------- stacks


def stack(numbers, kind="TIFF"):
    first, *others = (Image.fromarray(drawing(number)) for number in numbers)
    return encoded(first, kind, save_all=True, append_images=others)


@pytest.mark.parametrize(("kind", "ending"), [("TIFF", "tif"), ("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png")])
def test_pages_are_samples_or_their_number_is_said(tmp_path, kind, ending):
    files = {f"{k}.{ending}": stack(range(k, k + 3), kind) for k in range(N)}
    path = zipped(tmp_path / "x.zip", files)
    first = read(path)
    assert len(first.values) == N
    assert any(note.startswith("48 pages left out") and "--pages" in note for note in first.notes)
    every = read(path, pages=True)
    assert len(every.values) == 3 * N
    assert every.sample_names[:4] == (
        f"0.{ending}, page 1",
        f"0.{ending}, page 2",
        f"0.{ending}, page 3",
        f"1.{ending}, page 1",
    )
    assert not np.array_equal(every.values[0], every.values[1])


def test_a_single_stack_is_a_set_of_its_pages(tmp_path):
    (tmp_path / "all.tif").write_bytes(stack(range(N)))
    assert len(added(tmp_path / "all.tif")) == N
    (tmp_path / "one.tif").write_bytes(stack([1]))
    with pytest.raises(DataError, match="1 samples: at least 20"):
        added(tmp_path / "one.tif")


# ------------------------------------------------------------------------------------------- classes


def test_folders_of_one_name_in_different_places_are_classes_by_their_path(tmp_path):
    places = ["all/Greek/character01/", "all/Greek/character02/", "all/Latin/character01/", "all/Runic/character02/"]
    path = zipped(tmp_path / "x.zip", {f"{places[k % 4]}{k}.png": encoded(drawing(k)) for k in range(N)})
    assert read(path).class_names == ("Greek/character01", "Greek/character02", "Latin/character01", "Runic/character02")
    assert read(path, class_level=1).class_names == ("Greek", "Latin", "Runic")
    assert read(path, class_level=2).class_names == read(path, class_level=-1).class_names == ("character01", "character02")
    assert read(path, by_folder=False).class_names == ()
    refused(path, "class-level = 3: .* 2 deep", class_level=3)


def test_parts_of_a_split_are_taken_together(tmp_path):
    places = ["set/train/cat/", "set/train/dog/", "set/test/cat/", "set/test/dog/"]
    raw = read(zipped(tmp_path / "x.zip", {f"{places[k % 4]}{k}.png": encoded(drawing(k)) for k in range(N)}))
    assert raw.class_names == ("cat", "dog")
    assert "test and train taken together" in raw.notes


def test_classes_come_from_a_pattern_of_the_file_names(tmp_path):
    path = zipped(tmp_path / "x.zip", {f"faces/subject{k % 12 + 1}.{k}.png": encoded(drawing(k)) for k in range(N)})
    assert read(path, class_from=r"subject(\d+)").class_names == tuple(map(str, range(1, 13)))
    for pattern, reason in (
        ("subject", "one group"),
        ("(", "not a regular expression"),
        (r"subject(1)\.", "22 of 24 file names"),
    ):
        refused(path, reason, class_from=pattern)


@pytest.mark.parametrize(
    "table",
    [
        "file,kind\n" + "".join(f"{k}.png,{'ab'[k % 2]}\n" for k in reversed(range(N))),
        "id;width;label\n" + "".join(f"{k};3,5;{'ab'[k % 2]}\n" for k in range(N)),
        "".join(f"p/{k}.png\t{'ab'[k % 2]}\n" for k in range(N)),
    ],
)
def test_classes_come_from_a_table_beside_the_pictures(tmp_path, table):
    path = zipped(tmp_path / "x.zip", drawings(folder="p/") | {"labels.csv": table.encode()})
    raw = read(path, labels="labels.csv")
    assert raw.class_names == ("a", "b")
    assert raw.labels.tolist() == [k % 2 for k in range(N)]
    refused(path, "labels = 'other.csv': there are labels.csv beside", labels="other.csv")


def test_a_picture_without_a_row_in_the_table_is_named(tmp_path):
    path = zipped(tmp_path / "x.zip", drawings() | {"t.csv": b"file,kind\n" + b"".join(b"%d.png,a\n" % k for k in range(1, N))})
    refused(path, r"1 of 24 pictures have no row \(0\.png\)", labels="t.csv")


@given(s.lists(s.integers(0, 10**20), min_size=2, max_size=9))
def test_numbers_in_names_are_in_the_order_of_numbers(numbers):
    names = [f"s{number}.png" for number in numbers]
    assert sorted(names, key=in_natural_order) == [f"s{number}.png" for number in sorted(numbers)]


@given(s.lists(s.text(), max_size=9, unique=True))
def test_any_names_have_an_order(names):
    assert sorted(names, key=in_natural_order) == sorted(set(names), key=in_natural_order)


# ------------------------------------------------------------------------------------------- litter


def test_what_systems_put_beside_pictures_is_left_out_and_counted(tmp_path):
    litter = [
        "__MACOSX/a/._0.png",
        "a/Thumbs.db",
        "a/@eaDir/0.png/SYNO.jpg",
        "a/.DS_Store",
        "desktop.ini",
        "$RECYCLE.BIN/9.png",
    ]
    files = drawings(folder="a/") | drawings(folder="b/") | dict.fromkeys(litter, encoded(drawing(5)))
    files |= {"b/photo.HEIC": b"x", "b/notes.txt": b"x"}
    path = zipped(tmp_path / "x.zip", files)
    (tmp_path / "x").mkdir()
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "x")
    for source in (path, tmp_path / "x"):
        raw = read(source)
        assert (len(raw.values), raw.class_names, raw.skipped) == (2 * N, ("a", "b"), 2)
        assert "6 hidden or system files left out" in raw.notes
        assert any("1 HEIC" in note and "save them as PNG or JPEG" in note for note in raw.notes)


def test_pictures_without_a_known_ending_are_recognised_by_content(tmp_path):
    kinds = ["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM"]
    files = {f"{k}.{kind.lower()}x": encoded(drawing(k), kind) for k in range(3) for kind in kinds}
    raw = read(zipped(tmp_path / "x.zip", files | {"a.text": b"P1 is not a picture", "b.bin": b"BM and more than that"}))
    assert (len(raw.values), raw.skipped) == (21, 2)


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8", "Käfer/Ωmega"), ("cp1252", "Käfer/Müß"), ("cp437", "Käfer/Mün"), ("cp850", "Käfer/Mün")]
)
def test_names_in_a_zip_that_are_not_marked_utf8_are_decoded(tmp_path, encoding, name):
    stand_in = "?" * len(name.encode(encoding))
    files = {f"{stand_in}/{k}.png": encoded(drawing(k)) for k in range(N)} | {"other/x.png": encoded(drawing(3))}
    content = zipped(tmp_path / "x.zip", files).read_bytes()
    (tmp_path / "x.zip").write_bytes(content.replace(stand_in.encode(), name.encode(encoding)))
    assert set(read(tmp_path / "x.zip", class_level=-1).class_names) == {name.split("/")[1], "other"}


def test_names_of_another_encoding_are_decoded_as_asked(tmp_path):
    stand_in, name = "????", "猫犬".encode("cp932")
    content = zipped(
        tmp_path / "x.zip", {f"{stand_in}/{k}.png": encoded(drawing(k)) for k in range(N)} | drawings()
    ).read_bytes()
    (tmp_path / "x.zip").write_bytes(content.replace(stand_in.encode(), name))
    assert "猫犬" in read(tmp_path / "x.zip", encoding="cp932").class_names
    refused(tmp_path / "x.zip", "no text encoding of this name", encoding="klingon")


def test_paths_with_backslashes_have_folders(tmp_path):
    path = zipped(tmp_path / "x.zip", {f"{'ab'[k % 2]}\\{k}.png": encoded(drawing(k)) for k in range(N)})
    assert read(path).class_names == ("a", "b")


# ------------------------------------------------------------------------------------------- damage


def test_all_damaged_pictures_are_listed_or_left_out_and_counted(tmp_path):
    broken = {f"broken{k}.png": encoded(drawing(k))[:40] for k in range(13)}
    path = zipped(tmp_path / "x.zip", drawings() | broken)
    said = refused(path, "13 of 37 pictures cannot be read")
    assert "broken0.png, broken1.png" in said
    assert "broken9.png and 3 more" in said
    assert "--skip-damaged" in said
    raw = read(path, skip_damaged=True)
    assert len(raw.values) == N
    assert any(note.startswith("13 damaged pictures left out (broken0.png") for note in raw.notes)
    refused(zipped(tmp_path / "all.zip", broken), "13 of 13 pictures cannot be read", skip_damaged=True)


def test_large_pictures_are_reduced_while_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "REDUCED_PIXELS", 1000)
    large = [np.kron(drawing(k), np.ones((16, 16), np.uint8)) for k in range(N)]
    for kind, ending in (("JPEG", "jpg"), ("PNG", "png")):
        path = zipped(tmp_path / f"{ending}.zip", {f"{k}.{ending}": encoded(large[k], kind) for k in range(N)})
        values = read(path, size=8).values.reshape(N, 8, 8)
        assert np.abs(values.astype(int) - np.stack([drawing(k) for k in range(N)])).mean() < 12
    monkeypatch.setattr(image_files, "MAX_PIXELS", 1000)
    assert len(read(tmp_path / "jpg.zip").values) == N  # decoded with 32 x 32 pixels
    refused(tmp_path / "png.zip", "128 x 128 pixels: at most 1,000")


@settings(max_examples=25, deadline=None)
@given(s.sampled_from(["PNG", "TIFF"]), s.integers(1, 65535), s.integers(0, 2**32 - 1))
def test_any_16_bit_set_reaches_white_and_keeps_its_order(kind, white, seed):
    chance = np.random.default_rng(seed)
    values = (chance.random((N, 6, 6)) * white).round().astype(np.uint16)
    values[0, 0, 0] = white
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(N):
            archive.writestr(f"{number}.{kind.lower()}", encoded(values[number], kind))
    raw = user_sets.read_source(buffer, "x.zip", ImportOptions(size=6))
    pixels = user_sets.prepare(raw, "x.zip", ImportOptions(size=6)).pixels
    assert pixels.reshape(N, 6, 6) == pytest.approx(values / white, abs=1e-5)


def test_names_that_are_marked_utf8_and_are_not_are_decoded(tmp_path):
    stand_in, name = "ÄÄ", "Mü".encode("cp1252") + b"n"  # four bytes, as two letters of UTF-8
    files = {f"{stand_in}/{k}.png": encoded(drawing(k)) for k in range(N)} | {"other/x.png": encoded(drawing(3))}
    content = zipped(tmp_path / "x.zip", files).read_bytes()
    (tmp_path / "x.zip").write_bytes(content.replace(stand_in.encode(), b"D" + name))
    assert set(read(tmp_path / "x.zip").class_names) == {"DMün", "other"}


def test_a_hot_pixel_is_warned_of_and_white_can_be_given(tmp_path):
    files = {f"{k}.tif": encoded(drawing(k, 4095, np.uint16), "TIFF") for k in range(N)}
    hot = drawing(0, 4095, np.uint16)
    hot[0, 0] = 65535
    path = zipped(tmp_path / "x.zip", files | {"hot.tif": encoded(hot, "TIFF")})
    assert "A few values up to 65,535" in read(path, size=8).warnings[0]
    pixels = added(path, size=8, white=4095).pixels
    assert pixels[:N].max() == 1
    assert len(np.unique(pixels)) > 300
    assert read(zipped(tmp_path / "y.zip", files), size=8).warnings == ()
    with pytest.raises(DataError, match="white = 0: should be a number above 0"):
        added(path, size=8, white=0)
