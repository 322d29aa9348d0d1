"""Pictures and arrays as people have them: mixed proportions, masks, arrays turned round, options of another kind of data."""

import io

import numpy as np
import pytest
from PIL import Image

from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions

N = 24
MASKS = np.stack([np.pad(np.ones((4, 4), np.uint8), ((k % 8, 8 - k % 8), (4, 4))) for k in range(N)])


def folder_of(path, pictures, kind="PNG", **options):
    path.mkdir()
    for number, picture in enumerate(pictures):
        (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(
            path / f"{number}.{kind.lower()}", **options
        )
    return path


def read(path, **options):
    return user_sets.read_source(path, path.name, ImportOptions(**options))


def refused(path, message, **options):
    with pytest.raises(DataError, match=message):
        read(path, **options)


def npy(path, values):
    np.save(path, values)
    return path


def test_pictures_of_other_proportions_are_counted(tmp_path):
    pictures = [np.random.default_rng(k).integers(0, 256, (20, 60 if k % 3 else 20)).astype(np.uint8) for k in range(N)]
    notes = read(folder_of(tmp_path / "p", pictures)).notes
    assert any(note.startswith("8 of 24 pictures have other proportions and are stretched to 9 x 28") for note in notes)
    pictures = [np.resize(picture, (20, 20 + k % 2)) for k, picture in enumerate(pictures)]
    assert not any("stretched" in note for note in read(folder_of(tmp_path / "q", pictures)).notes)


@pytest.mark.parametrize("invert", [False, True])
def test_masks_of_0_and_1_get_a_white(tmp_path, invert):
    path = folder_of(tmp_path / "p", MASKS)
    assert any(
        "1 of 255, so that pictures are nearly black: give the value of white (--white 1)" in each
        for each in read(path).warnings
    )
    images = catalogue.load(user_sets.add(path, "p", ImportOptions(size=12, white=1, invert=invert)))
    assert np.array_equal(images.pixels, (invert != MASKS).reshape(N, 144) * 255)


def test_white_of_an_array_of_bytes_is_not_ignored(tmp_path):
    path = npy(tmp_path / "x.npy", MASKS * 3)
    images = catalogue.load(user_sets.add(path, path.name, ImportOptions(white=3)))
    assert np.array_equal(images.pixels, MASKS.reshape(N, 144) * 255)


def test_pictures_in_other_modes_are_the_same_pictures(tmp_path):
    gray = [Image.fromarray(np.random.default_rng(k).integers(0, 256, (28, 28)).astype(np.uint8)) for k in range(N)]
    plain = read(folder_of(tmp_path / "gray", gray)).values
    opaque = Image.new("L", (28, 28), 255)
    for name, mode in (("la", lambda p: Image.merge("LA", (p, opaque))), ("palette", lambda p: p.convert("P"))):
        assert np.array_equal(read(folder_of(tmp_path / name, map(mode, gray))).values, plain)
    inked = [picture.convert("RGB").convert("CMYK") for picture in gray]
    assert np.abs(read(folder_of(tmp_path / "cmyk", inked, "TIFF")).values.astype(int) - plain).max() <= 1
    one_bit = [picture.point(lambda v: 255 * (v > 99)).convert("1") for picture in gray]
    assert np.array_equal(read(folder_of(tmp_path / "bits", one_bit, "TIFF")).values, np.where(plain > 99, 255, 0))
    turned = Image.Exif()
    turned[0x0112] = 6
    wide = [Image.fromarray(np.asarray(picture)[:14]) for picture in gray]
    assert read(folder_of(tmp_path / "exif", wide, "PNG", exif=turned)).image_shape == (28, 14)


def test_samples_along_the_last_axis_are_warned_of(tmp_path):
    path = npy(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (20, 20, 30)).astype(np.uint8))
    assert any("read as 20 pictures of 20 x 30. If the samples are the last axis" in each for each in read(path).warnings)
    assert read(npy(path, np.random.default_rng(0).integers(0, 256, (30, 20, 20)).astype(np.uint8))).warnings == ()


def test_rows_of_features_are_turned(tmp_path):
    x = np.random.default_rng(0).random((5, 40))
    path = npy(tmp_path / "x.npy", x)
    assert np.array_equal(read(path, transpose=True).values, x.T)
    with pytest.raises(DataError, match=r"there are 5 samples: .* turn the table \(--transpose\)"):
        user_sets.add(path, path.name, ImportOptions())
    refused(npy(path, np.zeros((5, 5, 40))), "transpose = True: the samples have the shape", transpose=True)


@pytest.mark.parametrize("dtype", [">f4", "<f2", "f8", ">u2", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_order_and_type_are_the_same_table(tmp_path, dtype, order):
    x = np.random.default_rng(0).integers(0, 200, (N, 5))
    assert np.array_equal(read(npy(tmp_path / "x.npy", np.asarray(x, dtype, order=order))).values, x)


@pytest.mark.parametrize(
    ("kind", "option", "message"),
    [
        ("array", {"labels": "kind"}, r"labels = 'kind': this is not for files of arrays.*\(--y\)"),
        ("array", {"leave_out": ("a",)}, "leave-out = .*: this is not for files of arrays"),
        ("array", {"pages": True}, "this is not for files of arrays"),
        ("pictures", {"transpose": True}, "this is not for pictures"),
        ("pictures", {"x": "a"}, "this is not for pictures"),
        ("table", {"y": "kind"}, r"y = 'kind': this is not for tables.*\(--labels\)"),
        ("table", {"class_from": "(a)"}, "this is not for tables"),
    ],
)
def test_options_of_another_kind_of_data_are_not_ignored(tmp_path, kind, option, message):
    path = npy(tmp_path / "x.npy", MASKS) if kind == "array" else tmp_path / "x.csv"
    path.write_text("a,b\n" + "1,2\n" * N) if kind == "table" else None
    refused(folder_of(tmp_path / "p", MASKS) if kind == "pictures" else path, message, **option)


@pytest.mark.parametrize(
    ("values", "way_out"),
    [
        (np.array([[1, None]] * N, object), r"y\.astype\(str\)"),
        (np.zeros((N, 3), complex), "its absolute value"),
        (np.zeros(N, [("a", "f4")]), "its fields as columns"),
    ],
)
def test_arrays_of_no_numbers_are_refused_with_the_way_out(values, way_out):
    file = io.BytesIO()
    np.save(file, values)
    with pytest.raises(DataError, match=f"should be numbers. Objects are never loaded. Save .*{way_out}"):
        user_sets.read_source(file, "x.npy", ImportOptions())
