"""Entries as a worker leaves them: made by one, or in a millisecond, the real files with a few numbers in them."""

import json

import numpy as np
import pandas as pd

from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.entry import (
    CLUSTERS_FILE,
    CODES_FILE,
    FACTORS_FILE,
    HISTORY_FILE,
    INTERPRETATION_FILE,
    MODEL_FILE,
    PARTS_FILE,
    POINTS_FILE,
    PROVENANCE_FILE,
    SCORES_FILE,
    State,
)

CONFIG = RunConfig(dataset="digits", layers=(16, 4), n_parts=3, epochs=1)


def trained(store, config):
    """The finished entry, by the worker's own work."""
    entry = store.create(config)
    assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    return entry


def train_a_little(store, config=CONFIG):
    """A run that was stopped after its first epoch."""
    run = store.create(config)
    run.rewind_history(0)
    terms = {"L_sym": 0.5, "L_ap": 0.25, "L_nc": 0.125}
    run.append_history(
        {
            "kind": "epoch",
            "step": 8,
            "epoch": 1.0,
            "seconds": 0.1,
            "images_per_second": 100.0,
            **terms,
            "L_in": 0.875,
            "weighted": terms,
            "layer_shares": [0.25, 0.25, 0.25, 0.25],
        }
    )
    run.write_tensors("snapshots/000001.safetensors", {"parts": np.ones((2, 3), np.float32)})
    run.write_tensors("checkpoint-000000008.safetensors", {"weights": np.full(4, config.seed, np.float32)})
    run.set_state(State("stopped", 0.5, "Stopped."))
    return run


def finish(store, config=CONFIG):
    """A run with all that a finished one has."""
    run = train_a_little(store, config)
    run.seal_history()
    run.write_json(PROVENANCE_FILE, {"torch": "2", "device": "CPU"})
    run.write_tensors(MODEL_FILE, {"W": np.full((4, 3), config.seed, np.float32)})
    run.remove("checkpoint-000000008.safetensors")
    run.write_tensors(CODES_FILE, {"clean/z": np.full((5, 4), config.seed, np.float32)})
    run.write_table(CLUSTERS_FILE, pd.DataFrame({"clean/z/kmeans": [0, 1, 1, 0, 2]}))
    run.write_json(
        SCORES_FILE,
        [
            {"input": seen, "representation": representation, "clusterer": clusterer, "acc": 0.5, "nmi": 0.4, "ari": 0.3}
            for seen in ("clean", "noisy")
            for representation in config.representations
            for clusterer in ("kmeans", "gmm")
        ],
    )
    run.write_json("part-names.json", {"0": "hook"})
    run.write_json("run-name.json", {"name": "mine"})
    run.set_state(State("finished", 1.0, device="CPU"))
    return run


def made_of(store, run):
    """A map, clusters and an interpretation of a run."""
    entries = [
        store.create(config)
        for config in (EmbeddingConfig(run=run.id), ClusteringConfig.of(run.config), InterpretationConfig.of(run.config))
    ]
    entries[0].write_table(POINTS_FILE, pd.DataFrame({"sample": [0, 1], "x": [0.0, 1.0], "y": [1.0, 0.0]}))
    entries[1].write_table(CLUSTERS_FILE, pd.DataFrame({"cluster": [0, 1]}))
    entries[2].write_tensors(INTERPRETATION_FILE, {"swings": np.ones((3, 4), np.float32)})
    entries[2].write_table(PARTS_FILE, pd.DataFrame({"part": [0], "importance": [0.5]}))
    for entry in entries[1:]:
        entry.write_json(SCORES_FILE, {"acc": 0.5})
        entry.write_json(PROVENANCE_FILE, {"torch": "2"})
    for entry in entries:
        entry.set_state(State("finished", 1.0))
    return entries


def factorise(store):
    """An NMF of the pixels, which belongs to no run."""
    entry = store.create(PixelNMFConfig(dataset="digits", n_parts=3))
    entry.write_tensors(FACTORS_FILE, {"H": np.ones((5, 3), np.float32)})
    entry.set_state(State("finished", 1.0))
    return entry


def content(entry):
    """Everything that can be read of an entry, as text; raises CorruptFile."""
    files = {name: read(entry, name) for name in entry.names("") if name != HISTORY_FILE}
    return json.dumps([entry.config.model_dump(mode="json"), entry.state.status, entry.history(), files], sort_keys=True)


def read(entry, name):
    """What a recorded file holds, in plain lists; raises CorruptFile."""
    if name.endswith(".safetensors"):
        return {key: array.tolist() for key, array in entry.read_tensors(name).items()}
    if name.endswith(".parquet"):
        return entry.read_table(name).to_dict("list")
    return entry.history() if name == HISTORY_FILE else entry.read_json(name)


def flip(path):
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


def shorten(path):
    path.write_bytes(path.read_bytes()[:-3])


def empty(path):
    path.write_bytes(b"")


def lose(path):
    path.unlink()


DAMAGES = (flip, shorten, empty, lose)
