"""Images in, verified: where they are looked for, and what is said when they cannot be had."""

import gzip
import hashlib
import http.client
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ddnmf_core.data import catalogue, download
from ddnmf_core.data import idx as idx_files
from ddnmf_core.data.dataset import DataError, Images, Location

FILES = [f"{half}-{kind}" for half in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILES


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No place outside the package has any data, and there is no network; the folder of those places."""
    monkeypatch.setenv("DDNMF_DATA", str(tmp_path / "pointed"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(catalogue, "cache_folder", lambda: tmp_path / "cache" / "ddnmf" / "data")
    monkeypatch.setattr(catalogue, "DEBIAN_FOLDER", tmp_path / "debian")
    return tmp_path


@pytest.fixture
def tiny(nowhere, monkeypatch):
    """MNIST shrunk to three training and two test images of 2 x 2; the content of its four files."""

    def idx(*shape, values):
        return bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape) + bytes(values)

    contents = {
        TRAIN_IMAGES: idx(3, 2, 2, values=range(12)),
        TRAIN_LABELS: idx(3, values=[0, 1, 2]),
        TEST_IMAGES: idx(2, 2, 2, values=range(100, 108)),
        TEST_LABELS: idx(2, values=[3, 4]),
    }
    monkeypatch.setitem(
        idx_files.SHA256, "mnist", {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    )
    monkeypatch.setitem(catalogue.DATASETS, "mnist", replace(catalogue.DATASETS["mnist"], n_samples=5, image_shape=(2, 2)))
    monkeypatch.setitem(
        catalogue.DATASETS, "mnist-10k", replace(catalogue.DATASETS["mnist-10k"], n_samples=2, image_shape=(2, 2))
    )
    return contents


def put(folder, contents, compressed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def places(root):
    """Where a full MNIST may be, in the order of the search."""
    return {
        "DDNMF_DATA": root / "pointed" / "MNIST" / "raw",
        "user cache": root / "cache" / "ddnmf" / "data" / "MNIST" / "raw",
        "Debian package": root / "debian" / "mnist",
    }


# ---------------------------------------------------------------------------------- what ships


@pytest.mark.parametrize(
    ("name", "shape", "class_names", "fewest"),
    [
        ("mnist-10k", (10_000, 784), tuple("0123456789"), 892),
        ("digits", (1797, 64), tuple("0123456789"), 174),
        ("fashion-mnist-10k", (10_000, 784), catalogue.FASHION_NAMES, 1000),
    ],
)
def test_the_sets_of_the_installation_load_without_anything_else(nowhere, name, shape, class_names, fewest):
    images = catalogue.load(name)
    assert images.pixels.shape == shape == (len(images), catalogue.DATASETS[name].n_pixels)
    assert (images.pixels.dtype, images.labels.dtype) == (np.uint8, np.int64)
    assert (images.pixels.min(), images.pixels.max()) == (0, 255)
    assert images.class_names == class_names
    assert images.image_shape == ((8, 8) if name == "digits" else (28, 28))
    counts = np.bincount(images.labels)
    assert (len(counts), counts.min(), counts.sum()) == (10, fewest, len(images))


def test_images_cannot_be_written_to(digits, few_digits):
    for images in (digits, few_digits):
        for array in (images.pixels, images.labels):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_scaled_pixels_are_float32_from_0_to_1(digits):
    scaled = digits.scaled(np.array([5, 3]))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, digits.pixels[[5, 3]] / 255, rtol=1e-6)
    assert (digits.scaled().min(), digits.scaled().max()) == (0, 1)


def test_the_first_sample_of_each_class_stands_for_it():
    labels = np.array([2, 0, 2, 1, 0])
    images = Images("digits", np.zeros((5, 4), np.uint8), labels, (2, 2), ("a", "b", "c"))
    assert images.one_of_each_class().tolist() == [1, 3, 0]


@pytest.mark.parametrize(("name", "n_train"), [("mnist", 60_000), ("fashion-mnist", 60_000)])
def test_a_full_set_is_the_training_images_and_then_the_test_images(name, n_train):
    if not os.environ.get("DDNMF_DATA"):
        pytest.skip("DDNMF_DATA does not point at the full sets")
    images, test_images = catalogue.load(name), catalogue.load(f"{name}-10k")
    assert images.pixels.shape == (70_000, 784)
    assert np.array_equal(images.pixels[n_train:], test_images.pixels)
    assert np.array_equal(images.labels[n_train:], test_images.labels)
    assert np.bincount(images.labels).min() >= 6313  # the fives of MNIST


# ------------------------------------------------------------------------------------- subsets


def test_a_subset_is_the_same_each_time(few_digits):
    again = catalogue.load("digits", 300)
    assert np.array_equal(again.pixels, few_digits.pixels)
    assert np.array_equal(again.labels, few_digits.labels)
    assert again.pixels.shape == (300, 64)


def test_a_subset_is_a_random_choice_in_the_sets_own_order_and_part_of_every_larger_one(digits):
    def positions(n):
        rows = {row.tobytes(): at for at, row in enumerate(digits.pixels)}
        subset = catalogue.load("digits", n)
        found = [rows[row.tobytes()] for row in subset.pixels]
        assert np.array_equal(subset.labels, digits.labels[found])
        return found

    small, large = positions(200), positions(600)
    assert (small, large) == (sorted(small), sorted(large))
    assert set(small) < set(large)
    assert max(small) > 1700  # not the first ones
    assert positions(1797) == list(range(1797))


@pytest.mark.parametrize("n", [0, -1, 1798])
def test_more_images_than_there_are_are_refused(n):
    with pytest.raises(DataError, match=f"n_samples = {n}: digits has 1,797 images"):
        catalogue.load("digits", n)


def test_an_unknown_set_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match="'cifar': there is none of this name; known are mnist-10k, "):
        catalogue.load("cifar")


# -------------------------------------------------------------------------------------- search


def test_the_first_place_with_every_file_wins(nowhere):
    for folder in places(nowhere).values():
        put(folder, dict.fromkeys(FILES, b""))
    for source, folder in places(nowhere).items():
        assert catalogue.find("mnist") == Location(source, folder)
        (folder / f"{TEST_LABELS}.gz").unlink()  # three of four files are none
    assert catalogue.find("mnist") is None


def test_the_bundled_half_comes_before_all_others(nowhere, monkeypatch):
    for folder in places(nowhere).values():
        put(folder, dict.fromkeys([TEST_IMAGES, TEST_LABELS], b""))
    assert catalogue.find("mnist-10k").source == "bundled with DDNMF"
    monkeypatch.setattr(catalogue, "SHIPPED_FOLDER", nowhere / "empty")
    assert catalogue.find("mnist-10k").source == "DDNMF_DATA"
    monkeypatch.delenv("DDNMF_DATA")
    assert catalogue.find("mnist-10k").source == "user cache"


def test_fashion_mnist_has_folders_of_its_own(nowhere):
    put(places(nowhere)["DDNMF_DATA"], dict.fromkeys(FILES, b""))
    assert catalogue.find("fashion-mnist") is None
    folder = put(nowhere / "debian" / "fashion-mnist", dict.fromkeys(FILES, b""))
    assert catalogue.find("fashion-mnist") == Location("Debian package", folder)


def test_the_digits_need_no_folder(nowhere):
    assert catalogue.find("digits") == Location("scikit-learn", None)


@pytest.mark.skipif(os.name != "posix" or os.uname().sysname != "Linux", reason="XDG is Linux's way")
def test_the_cache_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert download.cache_folder() == tmp_path / "ddnmf" / "data"


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("mnist", ["MNIST, all 70,000 images: not found", "ddnmf data --get mnist", "DDNMF_DATA", "MNIST/raw"]),
        ("fashion-mnist", ["ddnmf data --get fashion-mnist", "FashionMNIST/raw", "dataset-fashion-mnist"]),
    ],
)
def test_a_missing_set_is_explained_with_every_way_out(nowhere, name, ways):
    with pytest.raises(DataError) as caught:
        catalogue.load(name)
    assert all(way in str(caught.value) for way in ways)


# ----------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("compressed", [True, False])
def test_a_set_is_read_whether_its_files_are_compressed_or_plain(tiny, nowhere, compressed):
    put(places(nowhere)["DDNMF_DATA"], tiny, compressed)
    images = catalogue.load("mnist")
    assert images.pixels.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [100, 101, 102, 103], [104, 105, 106, 107]]
    assert images.labels.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda packed: b"<html>no such file</html>", "cannot be read"),
        (lambda packed: b"", "SHA-256 differs"),
        (lambda packed: packed[: len(packed) // 2], "cannot be read"),
        (lambda packed: packed[:-1], "cannot be read"),
        (lambda packed: packed[:14] + bytes([packed[14] ^ 255]) + packed[15:], "cannot be read|SHA-256 differs"),
        (lambda packed: gzip.compress(gzip.decompress(packed)[:-1] + b"x"), "SHA-256 differs"),
        (lambda packed: gzip.compress(gzip.decompress(packed) + b"x"), "SHA-256 differs"),
    ],
    ids=["a web page", "empty", "half", "one byte short", "a flipped byte", "other content", "more content"],
)
def test_a_damaged_file_is_named_and_never_used(tiny, nowhere, name, damage, complaint):
    path = put(places(nowhere)["DDNMF_DATA"], tiny) / f"{name}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=complaint) as caught:
        catalogue.load("mnist")
    assert str(caught.value).startswith(f"{path}: ")


def test_a_damaged_plain_file_is_named(tiny, nowhere):
    path = put(places(nowhere)["DDNMF_DATA"], tiny, compressed=False) / TRAIN_LABELS
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="SHA-256 differs") as caught:
        catalogue.load("mnist")
    assert str(caught.value).startswith(f"{path}: ")


def test_the_checksum_of_the_test_half_is_the_real_one(nowhere):
    content = gzip.decompress((catalogue.SHIPPED_FOLDER / "mnist" / f"{TEST_LABELS}.gz").read_bytes())
    assert content[:8] == bytes([0, 0, 8, 1, 0, 0, 0x27, 0x10])  # u8, one dimension, 10,000
    assert hashlib.sha256(content).hexdigest() == idx_files.SHA256["mnist"][TEST_LABELS]


# ------------------------------------------------------------------------------- downloading


def mirrors_that_serve(contents, monkeypatch):
    """torchvision's downloader over a table address -> bytes or error; the addresses asked for."""
    asked = []

    def download_url(address, root, filename):
        asked.append(address)
        answer = contents(address)
        if isinstance(answer, Exception):
            raise answer
        (Path(root) / filename).write_bytes(answer)

    monkeypatch.setattr("torchvision.datasets.utils.download_url", download_url)
    return asked


def file_of(address):
    return address.rsplit("/", 1)[1].removesuffix(".gz")


def test_what_is_downloaded_is_found_and_loaded(tiny, nowhere, monkeypatch):
    mirrors_that_serve(lambda address: gzip.compress(tiny[file_of(address)]), monkeypatch)
    images = catalogue.load("mnist", download=True)
    assert images.labels.tolist() == [0, 1, 2, 3, 4]
    assert catalogue.find("mnist") == Location("user cache", places(nowhere)["user cache"])


def test_nothing_is_downloaded_unasked_or_when_the_set_is_there(tiny, nowhere, monkeypatch):
    asked = mirrors_that_serve(lambda address: AssertionError("asked"), monkeypatch)
    with pytest.raises(DataError, match="not found"):
        catalogue.load("mnist")
    put(places(nowhere)["Debian package"], tiny)
    assert len(catalogue.load("mnist", download=True)) == 5
    assert asked == []


@pytest.mark.parametrize(("name", "other_way"), [("mnist", "DDNMF_DATA"), ("fashion-mnist", "dataset-fashion-mnist")])
def test_a_failed_download_says_what_went_wrong_and_what_else_there_is(nowhere, monkeypatch, name, other_way):
    mirrors_that_serve(lambda address: OSError("no route to host"), monkeypatch)
    with pytest.raises(DataError, match=rf"the download failed .*no route to host.*{other_way}"):
        catalogue.load(name, download=True)


def test_an_unwritable_cache_is_a_failed_download(nowhere, monkeypatch):
    (nowhere / "cache").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="the download failed"):
        catalogue.load("mnist", download=True)


@pytest.mark.parametrize("error", [OSError("silent"), RuntimeError("corrupted"), http.client.IncompleteRead(b"half")])
def test_the_second_mirror_is_asked_when_the_first_fails(tiny, nowhere, monkeypatch, error):
    from torchvision.datasets import MNIST

    first, second = MNIST.mirrors[:2]
    asked = mirrors_that_serve(
        lambda address: error if address.startswith(first) else gzip.compress(tiny[file_of(address)]), monkeypatch
    )
    said = []
    assert len(catalogue.load("mnist", download=True, report=said.append)) == 5
    assert [address.startswith(second) for address in asked] == [False, True] * 4
    assert len(said) == 4
    assert said[0] == "downloading train-images-idx3-ubyte.gz (1 of 4)"


def test_wrong_content_from_a_mirror_is_not_kept(tiny, nowhere, monkeypatch):
    mirrors_that_serve(lambda address: gzip.compress(b"a login page"), monkeypatch)
    with pytest.raises(DataError, match=r"the download failed.*SHA-256 differs"):
        catalogue.load("mnist", download=True)
    assert list(places(nowhere)["user cache"].iterdir()) == []


def test_importing_the_data_module_loads_no_heavy_library(loaded_by):
    assert not loaded_by("ddnmf_core.data.catalogue") & {"torch", "torchvision", "sklearn", "scipy", "pandas"}
