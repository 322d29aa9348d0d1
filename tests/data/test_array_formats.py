"""Arrays as people have them: IDX, MATLAB, Keras's .npz, channels first; and what is never loaded."""

import gzip
import io
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as s
from hypothesis.extra.numpy import arrays

from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions, shape_of

N = 24
CODES = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}


def images(n=N, side=10):
    """Smooth bumps that are higher than wide: (n, side, side)."""
    y, x = np.indices((side, side)) - side / 2
    centres = np.random.default_rng(0).uniform(-2, 2, (n, 2, 1, 1))
    bumps = np.exp(-((y - centres[:, 0]) ** 2) / 12 - (x - centres[:, 1]) ** 2 / 3)
    return (255 * bumps).astype(np.uint8)


LABELS = np.arange(N, dtype=np.uint8) % 3


def idx(values, dtype="u1"):
    values = np.asarray(values)
    return struct.pack(f">2x2B{values.ndim}I", CODES[dtype], values.ndim, *values.shape) + values.astype(dtype).tobytes()


def read(path, **options):
    return user_sets.read_source(path, path.name, ImportOptions(**options))


def refused(path, reason, **options):
    with pytest.raises(DataError, match=reason) as error:
        user_sets.add(path, path.name, ImportOptions(**options))
    assert user_sets.names() == []
    assert len(str(error.value)) < 400


# --------------------------------------------------------------------------------------------- IDX


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files_are_read_with_the_labels_beside_them_or_in_the_same_zip(tmp_path, pack):
    ending = "" if pack is bytes else ".gz"
    files = {f"t10k-images-idx3-ubyte{ending}": pack(idx(images())), f"t10k-labels-idx1-ubyte{ending}": pack(idx(LABELS))}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "mnist.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(f"raw/{name}", content)
    for path in (tmp_path / "mnist.zip", tmp_path / next(iter(files))):
        raw = read(path)
        assert (raw.image_shape, raw.class_names, raw.labels.tolist()) == ((10, 10), ("0", "1", "2"), LABELS.tolist())
        assert np.array_equal(raw.values.reshape(N, 10, 10), images())
    alone = user_sets.read_source(io.BytesIO(files[next(iter(files))]), next(iter(files)), ImportOptions())
    assert alone.labels is None


@settings(max_examples=40, deadline=None)
@given(s.data(), s.sampled_from(sorted(CODES)))
def test_any_idx_array_comes_back(data, code):
    shape = (N, data.draw(s.integers(2, 4)), data.draw(s.integers(2, 4)))
    values = data.draw(arrays(code.replace(">", "<"), shape, elements={"allow_nan": False} if "f" in code else None))
    raw = user_sets.read_source(io.BytesIO(idx(values, code)), "x.idx", ImportOptions())
    assert np.array_equal(raw.values.reshape(shape), values)


def test_damaged_idx_files_are_refused(tmp_path):
    (tmp_path / "x-idx3-ubyte").write_bytes(idx(images())[:-5])
    refused(tmp_path / "x-idx3-ubyte", "cut short")
    (tmp_path / "x.gz").write_bytes(gzip.compress(idx(images()))[:-30])
    refused(tmp_path / "x.gz", "not an array that can be read")
    (tmp_path / "y.idx").write_bytes(b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 2**31))
    refused(tmp_path / "y.idx", "values: at most")


# ------------------------------------------------------------------------------------------ MATLAB


def by_columns(values):
    """Rows as MATLAB writes pictures: column by column."""
    return values.transpose(0, 2, 1).reshape(len(values), -1)


@pytest.mark.parametrize("compressed", [False, True])
def test_rows_of_a_mat_file_are_pictures_the_right_way_up(tmp_path, compressed):
    path = tmp_path / "x.mat"
    content = {
        "fea": by_columns(images()).astype(float),
        "gnd": LABELS[:, None] + 1.0,
        "note": "text",
        "cells": np.array(["a", "bc"], object),
    }
    scipy.io.savemat(path, content, do_compression=compressed)
    raw = read(path)
    assert (raw.image_shape, raw.class_names) == ((10, 10), ("1", "2", "3"))
    assert np.array_equal(raw.values.reshape(N, 10, 10), images())
    assert any("column by column" in note for note in raw.notes)
    assert read(path, shape=(5, 20)).image_shape == (5, 20)
    assert read(path, shape=shape_of("none")).feature_names is not None
    assert read(path, y="").labels is None


@pytest.mark.parametrize("key", ["X", "images", "data"])
def test_the_last_axis_of_a_mat_file_may_be_the_samples(tmp_path, key):
    for x in (images().transpose(1, 2, 0), np.stack([images()] * 3, 3).transpose(1, 2, 3, 0)):
        scipy.io.savemat(tmp_path / "x.mat", {key: x, "y": LABELS})
        raw = read(tmp_path / "x.mat")
        assert np.abs(raw.values.reshape(N, 10, 10) - images().astype(int)).max() <= 1
    scipy.io.savemat(tmp_path / "x.mat", {key: np.arange(5.0 * N).reshape(5, N), "labels": LABELS})
    assert read(tmp_path / "x.mat").values.shape == (N, 5)


def test_rows_that_are_no_pictures_stay_a_table(tmp_path):
    noise = np.random.default_rng(0).random((N, 100))
    scipy.io.savemat(tmp_path / "x.mat", {"X": noise})
    assert read(tmp_path / "x.mat").image_shape is None
    scipy.io.savemat(tmp_path / "x.mat", {"X": scipy.sparse.csc_matrix(noise)})
    assert np.array_equal(read(tmp_path / "x.mat").values, noise)


def test_what_is_no_array_in_a_mat_file_is_refused(tmp_path):
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"fea": np.array([[1], [2]], dtype=object)})
    refused(path, "fea holds cells of other things than texts")
    scipy.io.savemat(path, {"fea": {"a": 1}})
    refused(path, "the file holds nothing")
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(510) + b"IM" + b"\x89HDF\r\n\x1a\n" + bytes(400))
    refused(path, "not an HDF5 file that can be read")
    path.write_bytes(b"no data")
    refused(path, "not a .mat file")


@settings(max_examples=60, deadline=None)
@given(s.data())
def test_a_damaged_mat_file_is_read_or_refused(data):
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"fea": by_columns(images()), "gnd": LABELS}, do_compression=data.draw(s.booleans()))
    content = bytearray(buffer.getvalue())
    for place in data.draw(s.lists(s.integers(0, len(content) - 1), max_size=5)):
        content[place] = data.draw(s.integers(0, 255))
    content = content[: data.draw(s.integers(0, len(content)))]
    with suppress(DataError):
        assert len(user_sets.read_source(io.BytesIO(bytes(content)), "x.mat", ImportOptions()).values) >= 20


# ------------------------------------------------------------------------------------------- names


def keras(path, samples="x_train", labels="y_train"):
    np.savez(path, **{samples: images(), labels: LABELS, "x_test": images(20), "y_test": LABELS[:20]})
    return path


@pytest.mark.parametrize(("samples", "labels"), [("x_train", "y_train"), ("train_images", "train_labels"), ("X_tr", "y_tr")])
def test_one_of_several_arrays_is_asked_for_and_proposed(tmp_path, samples, labels):
    path = keras(tmp_path / "x.npz", samples, labels)
    refused(path, rf"{samples} \(24, 10, 10\), {labels} \(24,\).*--x {samples} --y {labels}")
    raw = read(path, x=samples)
    assert raw.labels.tolist() == LABELS.tolist()
    assert any(f"samples {samples}, labels {labels}" in note for note in raw.notes)
    assert read(path, x="x_test", y="").labels is None
    assert len(read(path, x="x_test", y="y_test").values) == 20
    refused(path, "x = 'z': the file holds", x="z")
    refused(path, "y = 'z': the file holds", x=samples, y="z")
    refused(path, "labels have the shape", x=samples, y="y_test")


def test_the_only_array_that_can_be_samples_is_taken(tmp_path):
    np.savez(tmp_path / "x.npz", faces=images(), ids=np.arange(N))
    assert read(tmp_path / "x.npz").image_shape == (10, 10)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_may_come_first(tmp_path, monkeypatch, channels):
    first = np.stack([images()] * channels, axis=1)
    np.save(tmp_path / "x.npy", first)
    raw = read(tmp_path / "x.npy")
    assert raw.image_shape == (10, 10)
    assert np.abs(raw.values.reshape(N, 10, 10) - images().astype(int)).max() <= 1
    assert "channels come first" in raw.notes
    if channels == 1:
        whole = user_sets.add(tmp_path / "x.npy", "x.npy", ImportOptions())
        monkeypatch.setenv("DDNMF_MEMORY_SHARE", "0")  # mapped
        assert user_sets.add(tmp_path / "x.npy", "x.npy", ImportOptions()) == whole
        assert np.array_equal(catalogue.load(whole).pixels.reshape(N, 10, 10), images())


@pytest.mark.parametrize(
    ("name", "way_out"),
    [("x.pkl", r"never loaded: save the arrays with numpy\.savez"), ("x.pt", r"numpy\.savez"),
     ("x.tar.gz", "unpack it and give the folder"), ("x.7z", "pack it as .zip"), ("x.png", "give the folder")],
)  # fmt: skip
def test_other_formats_are_refused_with_the_way_out(tmp_path, name, way_out):
    (tmp_path / name).write_bytes(b"anything")
    refused(tmp_path / name, way_out)
