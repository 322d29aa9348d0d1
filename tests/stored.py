"""Entries as a worker leaves them, in a millisecond: the real files, with a few numbers in them."""

import json

import numpy as np
import pandas as pd

from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.entries import (
    CLUSTERS,
    CODES,
    FACTORS,
    INTERPRETATION,
    MODEL,
    PARTS,
    POINTS,
    PROVENANCE,
    SCORES,
    State,
)

CONFIG = RunConfig(dataset="digits", layers=(16, 4), n_parts=3, epochs=1)


def train_a_little(store, config=CONFIG):
    """A run that was stopped after its first epoch."""
    run = store.create(config)
    run.append_history({"kind": "epoch", "step": 8, "epoch": 1.0, "seconds": 0.1})
    run.write_tensors("snapshots/000001.safetensors", {"parts": np.ones((2, 3), np.float32)})
    run.write_tensors("checkpoint-000000008.safetensors", {"weights": np.full(4, config.seed, np.float32)})
    run.set_state(State("stopped", 0.5, "Stopped."))
    return run


def finish(store, config=CONFIG):
    """A run with all that a finished one has."""
    run = train_a_little(store, config)
    run.seal_history()
    run.write_json(PROVENANCE, {"torch": "2", "device": "CPU"})
    run.write_tensors(MODEL, {"W": np.full((4, 3), config.seed, np.float32)})
    run.remove("checkpoint-000000008.safetensors")
    run.write_tensors(CODES, {"clean/z": np.full((5, 4), config.seed, np.float32)})
    run.write_table(CLUSTERS, pd.DataFrame({"clean/z/kmeans": [0, 1, 1, 0, 2]}))
    run.write_json(SCORES, [{"input": "clean", "representation": "z", "clusterer": "kmeans", "acc": 0.5}])
    run.write_json("part-names.json", {"0": "hook"})
    run.set_state(State("finished", 1.0, device="CPU"))
    return run


def made_of(store, run):
    """A map, clusters and an interpretation of a run."""
    entries = [store.create(config) for config in (EmbeddingConfig(run=run.id), ClusteringConfig.of(run.config),
                                                   InterpretationConfig.of(run.config))]
    entries[0].write_table(POINTS, pd.DataFrame({"sample": [0, 1], "x": [0.0, 1.0], "y": [1.0, 0.0]}))
    entries[1].write_table(CLUSTERS, pd.DataFrame({"cluster": [0, 1]}))
    entries[2].write_tensors(INTERPRETATION, {"swings": np.ones((3, 4), np.float32)})
    entries[2].write_table(PARTS, pd.DataFrame({"part": [0], "importance": [0.5]}))
    for entry in entries[1:]:
        entry.write_json(SCORES, {"acc": 0.5})
        entry.write_json(PROVENANCE, {"torch": "2"})
    for entry in entries:
        entry.set_state(State("finished", 1.0))
    return entries


def factorise(store):
    """An NMF of the pixels, which belongs to no run."""
    entry = store.create(PixelNMFConfig(dataset="digits", n_parts=3))
    entry.write_tensors(FACTORS, {"H": np.ones((5, 3), np.float32)})
    entry.set_state(State("finished", 1.0))
    return entry


def content(entry):
    """Everything that can be read of an entry; raises CorruptFile, never gives what was not written."""
    readers = {"safetensors": entry.read_tensors, "parquet": entry.read_table, "json": entry.read_json}
    files = {name: readers[name.rsplit(".")[-1]](name) for name in entry.names("") if not name.endswith("jsonl")}
    told = {name: {key: array.tolist() for key, array in value.items()} if isinstance(value, dict) and name.endswith("tensors")
            else value.to_dict("list") if isinstance(value, pd.DataFrame) else value for name, value in files.items()}
    return json.dumps([entry.config.model_dump(mode="json"), entry.state.status, entry.history(), told], sort_keys=True)


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
