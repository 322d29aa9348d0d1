"""TensorBoard Projector: its files read back, by its own parser where it is installed, and what it can load."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from stored import trained

from benchmarks.common.hostile_names import KNOWN, store_of_names
from ddnmf_core.config import RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import UNLABELLED, Images
from ddnmf_core.export.projector import config_text, sprite, thumbnail_shape
from ddnmf_core.export.write import export
from ddnmf_core.progress import ignore_progress
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4, epochs=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(Store(tmp_path_factory.mktemp("projector")), RUN)


def blocks_of(text):
    """The embeddings of a configuration, each a dict; written for the lines of this export alone."""
    blocks = []
    for line in map(str.strip, text.splitlines()):
        if line == "embeddings {":
            blocks.append({"single_image_dim": []})
        elif ":" in line:
            name, _, value = line.partition(": ")
            if name == "single_image_dim":
                blocks[-1][name].append(int(value))
            else:
                blocks[-1][name] = value.strip('"')
    return blocks


def test_vectors_metadata_and_thumbnails_are_those_of_the_run(run, tmp_path):
    export(run, "projector", tmp_path / "p")
    blocks = blocks_of((tmp_path / "p" / "projector_config.pbtxt").read_text())
    assert [block["tensor_name"] for block in blocks] == ["z", "H", "z_hat"]
    finished, images = FinishedRun(run), catalogue.load("digits", 300)
    for block in blocks:
        vectors = np.loadtxt(tmp_path / "p" / block["tensor_path"], delimiter="\t")
        np.testing.assert_allclose(vectors, finished.codes(block["tensor_name"]), rtol=1e-4)
        assert block["single_image_dim"] == [8, 8]
    metadata = pd.read_csv(tmp_path / "p" / blocks[0]["metadata_path"], sep="\t", dtype={"class": str})
    assert len(metadata) == 300
    assert metadata["class"].tolist() == [images.class_of(sample) for sample in range(300)]
    assert (metadata["cluster_H_gmm"] - 1).tolist() == finished.clusters("H", "gmm").tolist()
    sheet = np.asarray(Image.open(tmp_path / "p" / blocks[0]["image_path"]))
    assert sheet.shape == (18 * 8, 18 * 8)  # 18 x 18 = 324 places
    row, column = divmod(200, 18)
    assert sheet[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].ravel().tolist() == images.shown(200).tolist()


def test_projector_s_own_parser_reads_the_configuration():
    plugin = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    from google.protobuf import text_format

    config = text_format.Parse(config_text(("z", "H"), (20, 30)), plugin.ProjectorConfig())
    assert [each.tensor_path for each in config.embeddings] == ["z.tsv", "H.tsv"]
    assert list(config.embeddings[1].sprite.single_image_dim) == [30, 20]  # width, height
    without = text_format.Parse(config_text(("z",), None), plugin.ProjectorConfig())
    assert not without.embeddings[0].HasField("sprite")


def pictures_of(n, height, width):
    pixels = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None], (n, height * width))
    return Images("x", pixels, np.zeros(n, np.int64), (height, width), UNLABELLED)


@pytest.mark.parametrize(
    ("n", "shape", "wanted"),
    [
        (70_000, (28, 28), (28, 28)),  # 265 columns of 28 are 7,420
        (100_000, (28, 28), (25, 25)),  # 317 columns: 8,192 / 317 = 25
        (4, (300, 150), (100, 50)),
        (1, (8, 6), (8, 6)),
    ],
)
def test_the_sheet_of_thumbnails_fits_a_texture(n, shape, wanted):
    images = pictures_of(n, 1, 1)
    object.__setattr__(images, "image_shape", shape)
    height, width = thumbnail_shape(images)
    assert (height, width) == wanted
    assert max(height, width) * np.ceil(np.sqrt(n)) <= 8192


def test_reduced_thumbnails_stay_in_their_places():
    images = pictures_of(5, 12, 6)
    sheet = sprite(images, (4, 2), ignore_progress)
    assert sheet.shape == (12, 6)  # 3 x 3 places
    assert sheet[::4, ::2].ravel().tolist() == [0, 1, 2, 3, 4, 0, 0, 0, 0]


def test_names_from_data_stay_one_cell(tmp_path, monkeypatch):
    monkeypatch.setenv("DDNMF_HOME", str(tmp_path / "home"))
    store, config = store_of_names(tmp_path)
    export(store.entry(config), "projector", tmp_path / "p")
    lines = (tmp_path / "p" / "metadata.tsv").read_text("utf-8").splitlines()
    assert len({line.count("\t") for line in lines}) == 1
    classes = {line.split("\t")[1] for line in lines[1:]}
    assert classes == {" ".join(name.split()) for name in KNOWN.classes}
    assert not (tmp_path / "p" / "sprite.png").exists()  # rows of a table
    assert "sprite" not in (tmp_path / "p" / "projector_config.pbtxt").read_text()
