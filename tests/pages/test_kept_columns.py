"""Columns that are no features colour the map and stand beside samples; hover cards have the names of samples."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from opening import open_page, text_of

from dashboard.components.scatter import CardTexts
from ddnmf_core.config import EmbeddingConfig, RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.run_store import Store
from tests.data.test_array_formats import LABELS, images
from tests.data.test_hdf5 import annotated

N = 40


@pytest.fixture
def run(home, tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).random((N, 4)), columns=list("abcd"))
    frame["<b>site"] = ["north", "south"] * (N // 2)
    frame["age"] = np.arange(N)
    frame.to_csv(tmp_path / "x.csv", index=False)
    options = ImportOptions(leave_out=("<b>site", "age"))
    config = RunConfig(dataset=user_sets.add(tmp_path / "x.csv", "x.csv", options), layers=(8, 4), n_parts=3, epochs=1)
    store = Store()
    for each in (config, EmbeddingConfig(run=config.id)):
        entry = store.create(each)
        assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    return config


def test_texts_colour_the_map_as_classes_and_numbers_as_a_scale(run):
    def map_data(app):
        return next(json.loads(e.proto.json) for e in app.get("bidi_component") if "latent.left" in e.proto.id)

    app = open_page("latent", run=run.id, colour="kept")
    assert not app.exception
    assert app.selectbox(key="kept").options == ["<b>site", "age"]
    assert map_data(app)["names"][:2] == ["north", "south"]
    app = open_page("latent", run=run.id, colour="kept", kept="1", sample="7")
    assert any("age: 0.78 " in block.proto.body for block in app.get("html"))
    assert {"texts", "ends"} <= set(map_data(app)["files"])
    cards = "".join(element.proto.json for element in app.get("bidi_component") if "latent.sample" in element.proto.id)
    assert "<b>site: south" in cards
    assert "age: 7" in cards


def test_explain_names_the_columns_of_the_sample(run):
    assert r"\<b\>site: south · age: 7" in text_of(open_page("explain", run=run.id, sample="7"))


def test_texts_of_cards_are_found_by_their_ends():
    packed = CardTexts.of(["ä", "", "bc"])
    ends = np.frombuffer(packed.ends.data, "<u4").tolist()
    assert ends == [2, 2, 4]
    assert packed.texts.data[ends[1] : ends[2]] == b"bc"


def test_an_annotated_file_is_added_with_its_matrix_and_label_column_chosen(home, tmp_path):
    app = open_page("train")
    app.segmented_control(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").input(str(annotated(tmp_path / "x.h5ad"))).run()
    assert not app.exception
    matrix, labels = (next(box for box in app.selectbox if box.label == label) for label in ("Matrix", "Label column"))
    assert (matrix.value, labels.options[:2]) == ("X", ["(no labels)", "cell_type"])
    labels.select("cell_type").run()
    assert not app.exception
    assert "matrix X" in text_of(app)
    assert "kept beside the samples: 'batch', 'n\\_counts', 'age', 'note'" in text_of(app)
    app.button(key="train.own.add").click().run()
    (name,) = user_sets.names()
    assert user_sets.user_spec(name).class_names == ("B", "NK", "T")
    assert [column.name for column in user_sets.sample_columns(name)] == ["batch", "n_counts", "age", "note"]


def test_samples_and_labels_of_an_hdf5_file_are_chosen_in_the_form(home, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["test/x"], file["test/y"] = images(20), LABELS[:20]
        file["train/x"], file["train/y"] = images(), LABELS
    app = open_page("train")
    app.segmented_control(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").input(str(tmp_path / "x.h5")).run()
    assert not app.exception
    samples, labels = (next(box for box in app.selectbox if box.label == label) for label in ("Samples", "Labels"))
    assert (samples.value, labels.value) == ("train/x", "train/y")
    assert "24 images" in text_of(app)
