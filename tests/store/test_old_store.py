"""A store that version 0.1.0 wrote opens as it is: the same ids, scores, codes and names, and nothing in it changes."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from ddnmf_core.cli.runs import run_summary
from ddnmf_core.config import InterpretationConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.user import user_sets
from ddnmf_core.model.encoding import encode
from ddnmf_core.store import trash
from ddnmf_core.store.entry import SCORES_FILE
from ddnmf_core.store.part_names import part_names
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify

WRITTEN = Path(__file__).with_name("store-0.1.0.zip")
RUN, SIBLING, AUTOENCODER, PARTS, ON_OWN_DATA = (
    "9c820a4d337dedbc",
    "16ecc61832dd3c9c",
    "c0281affdf64ba3e",
    "ae0e430d54c23374",
    "2c127d5e29306495",
)
DATA, DELETED = "own-1deb6358b22c4500", "efe32352a0e12683"


@pytest.fixture
def store(home):
    with zipfile.ZipFile(WRITTEN) as written:
        written.extractall(home)
    return Store(home)


def files(store):
    return {path.relative_to(store.root): path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


def test_it_lists_verifies_and_shows_what_it_holds_and_changes_nothing(store):
    before = files(store)
    assert {entry.id for entry in store.entries()} == {RUN, SIBLING, AUTOENCODER, PARTS, ON_OWN_DATA}
    assert all(entry.config.id == entry.id for entry in store.entries())
    checked = verify(store)
    assert (checked.whole, checked.n_entries, checked.findings) == (True, 9, [])
    assert [deletion.id for deletion in trash.deletions(store)] == [DELETED]
    assert part_names(store.get("runs", RUN)) == {1: "hook"}
    assert user_sets.names() == [DATA]
    assert (store.run(ON_OWN_DATA).images().class_names, len(catalogue.load(DATA))) == (("x", "y"), 120)
    assert files(store) == before


def test_its_scores_are_read_as_they_were_written(store):
    run, summary = store.run(RUN), run_summary(store.get("runs", RUN))
    assert len(run.scores()) == len(summary["scores"]) == 2 * 3 * 2
    for row, written in zip(run.scores(), store.get("runs", RUN).read_json(SCORES_FILE), strict=True):
        assert {"input": row.input, "representation": row.representation, "clusterer": row.clusterer, **row.values} == written
    assert [store.run(run_id).results()["acc/clean/z/gmm"] for run_id in (RUN, AUTOENCODER)] == [
        next(
            row["acc"]
            for row in store.get("runs", run_id).read_json(SCORES_FILE)
            if (row["input"], row["representation"], row["clusterer"]) == ("clean", "z", "gmm")
        )
        for run_id in (RUN, AUTOENCODER)
    ]


@pytest.mark.parametrize("run_id", [RUN, AUTOENCODER, PARTS, ON_OWN_DATA])
def test_its_models_compute_the_codes_that_were_kept(store, run_id):
    run = store.run(run_id)
    for noisy in (False, True):
        codes = encode(run.model(), run.config, run.images(), noisy)
        for name in run.config.representations:
            np.testing.assert_allclose(run.codes(name, noisy=noisy), codes[name], rtol=1e-4, atol=1e-5)


def test_what_was_made_of_its_runs_belongs_to_them(store):
    run = store.get("runs", RUN)
    assert {entry.kind for entry in trash.derived_entries(run)} == {"embeddings", "clusterings", "interpretations"}
    assert store.entry(InterpretationConfig.of(run.config, n_pictures=10)).available
