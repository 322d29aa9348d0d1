"""Example runs: packed small, copied once into a new store, removed for good, and shown as any run."""

import shutil

import numpy as np
import pytest
import torch

from ddnmf_core.config import PRESETS, EmbeddingConfig, RunConfig
from ddnmf_core.files.atomic import read_document, write_document
from ddnmf_core.store import examples, trash
from ddnmf_core.store.entry import MODEL_FILE, STATE_FILE
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_names import run_name
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify


@pytest.fixture
def original(small, made):
    """A store with a finished run and its map."""
    config = small(nmf_at="pixels")
    return made(config, EmbeddingConfig(run=config.id, n_points=50, perplexity=5, method="pca"))


PACKAGED = examples.EXAMPLES


@pytest.fixture(autouse=True)
def folder(original, tmp_path, monkeypatch):
    """The package's examples: one."""
    place = tmp_path / "examples"
    place.mkdir()
    (run,), (embedding,) = original.entries(), original.entries("embeddings")
    examples.pack_example(run, [embedding], "Example, small", place / "small.zip")
    monkeypatch.setattr(examples, "EXAMPLES", place)
    monkeypatch.setenv(examples.SWITCH, "1")
    return place


def test_an_example_is_the_original_in_half_the_bytes(original, home):
    store = Store(home)
    examples.add_first_examples(store)
    (run,), (before,) = store.entries(), original.entries()
    assert run_name(run) == "Example, small"
    assert examples.example_runs(store) == [run]
    assert len(store.entries("embeddings")) == 1
    assert len(run.read_bytes(MODEL_FILE)) < len(before.read_bytes(MODEL_FILE)) / 3  # half the bytes of one network of two
    ours, theirs = FinishedRun(run), FinishedRun(before)
    assert ours.codes("H").dtype == np.float32
    assert ours.codes("H") == pytest.approx(theirs.codes("H"), rel=1e-3, abs=1e-6)
    assert ours.scores() == theirs.scores()
    assert (ours.has_supervisor, theirs.has_supervisor) == (False, True)
    x = torch.from_numpy(original_images(before))
    with torch.no_grad():
        assert torch.allclose(ours.model()(x), theirs.model()(x), atol=5e-3)
    assert verify(store).findings == []


def original_images(run):
    return FinishedRun(run).images().scaled(np.arange(20))


def test_examples_are_copied_once(home):
    store = Store(home)
    examples.add_first_examples(store)
    (run,) = examples.remove_examples(store)
    assert store.entries() == []
    examples.add_first_examples(store)
    assert store.entries() == []
    trash.restore_deletion(trash.latest_deletion(store, run.id))
    assert examples.example_runs(store) == [run]
    examples.remove_examples(store)
    assert [entry.id for entry in examples.add_examples(store) if entry.kind == "runs"] == [run.id]
    assert examples.add_examples(store) == []
    assert examples.example_runs(store) == [run]


def test_a_store_with_runs_gets_none(copy_of, small):
    store = copy_of(small())
    examples.add_first_examples(store)
    assert len(store.entries()) == 1
    trash.delete_entry(store.entries()[0])
    examples.add_first_examples(store)
    assert store.entries() == []


@pytest.mark.parametrize(("variable", "value"), [("DDNMF_EXAMPLES", "0"), ("DDNMF_READ_ONLY", "1")])
def test_they_can_be_switched_off(home, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    examples.add_first_examples(Store(home))
    assert not home.exists()


def test_a_run_trained_with_the_settings_of_an_example_is_none(original, home):
    store = Store(home)
    examples.add_first_examples(store)
    (run,) = examples.remove_examples(store)
    shutil.copytree(original.entries()[0].folder, run.folder)
    assert store.entries() == [run]
    assert examples.example_runs(store) == []


def test_an_example_that_a_newer_version_has_written_to_is_passed_over(home):
    store = Store(home)
    examples.add_first_examples(store)
    (run,) = store.entries()
    write_document(run.folder / STATE_FILE, read_document(run.folder / STATE_FILE) | {"status": "dreaming"})
    assert examples.example_runs(store) == []
    assert examples.remove_examples(store) == []
    assert store.entries() == []
    assert run.id in store.notices()[0]


def test_the_packages_examples_are_the_recommended_model_on_both_sets(home, monkeypatch):
    monkeypatch.setattr(examples, "EXAMPLES", PACKAGED)
    store = Store(home)
    examples.add_first_examples(store)
    runs = store.entries()
    assert runs
    assert set(examples.example_runs(store)) == set(runs)
    assert {run.config for run in runs} == {
        RunConfig(**PRESETS["recommended"], dataset=name, seed=2) for name in ("mnist-10k", "fashion-mnist-10k")
    }
    assert all({entry.run for entry in store.entries(kind)} == set(runs) for kind in ("embeddings", "interpretations"))
    assert sum(file.stat().st_size for file in PACKAGED.iterdir()) < 25e6
    assert FinishedRun(runs[0]).is_additive()
    assert verify(store).findings == []
