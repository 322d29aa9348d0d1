"""Additive read-out of a finished model: known parts, additivity, the code from the parts."""

import numpy as np
import pytest
import torch
from stored import trained

from ddnmf_core.config import InterpretationConfig, RunConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.engine.worker import tasks
from ddnmf_core.interpret.readout import MAX_DISTANCE, read_out
from ddnmf_core.interpret.shapley import additivity_gap
from ddnmf_core.interpret.stability import match_parts
from ddnmf_core.model.networks import build_model
from ddnmf_core.model.nmf import factorise
from ddnmf_core.model.trainer import Trainer
from ddnmf_core.store.entry import INTERPRETATION_FILE, SCORES_FILE
from ddnmf_core.store.run_store import Store

BARS = np.kron(np.eye(6), np.ones(8)).astype(np.float32)  # six parts of 8 pixels each
RUN = RunConfig(dataset="digits", model="ae1", layers=(32, 16, 6), epochs=3)


@pytest.fixture(scope="module")
def images():
    """Sums of up to six bars, each bar more or less bright."""
    chance = np.random.default_rng(1)
    weights = chance.random((2000, 6)) * (chance.random((2000, 6)) < 0.4)
    return Images("bars", (weights @ BARS).astype(np.float32), np.zeros(2000, np.int64), (6, 8), ("all",))


@pytest.fixture(scope="module")
def model(images):
    config = RunConfig(dataset="digits", model="dae", layers=(64, 32, 6), epochs=20, noise_level=0.1)
    trainer = Trainer(config, images, torch.device("cpu"))
    assert trainer.train(lambda row: None) == "finished"
    return trainer.model.eval()


@pytest.mark.parametrize("kind", ["dae", "ddnmf", "shallow", "pixels"])
def test_known_parts_are_found_in_any_model(images, model, kind):
    """An untrained network keeps enough of such images, too."""
    changes = {"ddnmf": {}, "shallow": {"model": "ae1", "layers": (6,)}, "pixels": {"nmf_at": "pixels"}}
    if kind != "dae":
        model = build_model(RunConfig(dataset="digits", **{"layers": (64, 32, 6), **changes[kind]}), 48)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = read_out(model, images, 6, 1, lambda share, text: None)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    _, cosines = match_parts(found.decode.pictures.numpy(), BARS)
    assert cosines.min() > 0.95
    assert found.H.min() >= 0
    assert found.decode.pictures.min() >= 0
    if kind == "dae":
        rebuilt = found.decode(torch.from_numpy(found.H)).numpy()
        assert np.square(images.pixels - rebuilt).sum() < 0.1 * np.square(images.pixels - images.pixels.mean(0)).sum()
        assert found.code_r2 > 0.9
    assert additivity_gap(found.decode, torch.from_numpy(found.H[0]), torch.zeros(6)) < 1e-5


def test_parts_stay_near_their_start(images, model):
    found = read_out(model, images, 6, 1, lambda share, text: None)
    start, _ = factorise(torch.from_numpy(images.pixels[:]), 6, 1)
    _, cosines = match_parts(found.decode.pictures.numpy(), start.T.numpy())
    assert cosines.min() >= (1 - MAX_DISTANCE**2) ** 0.5 - 0.05


def test_one_seed_gives_one_read_out(images, model):
    first, again, other = (read_out(model, images, 6, seed, lambda share, text: None) for seed in (1, 1, 2))
    assert np.array_equal(first.H, again.H)
    assert not np.array_equal(first.H, other.H)


def test_a_run_is_read_out_and_evaluated_by_the_engine_s_task(home):
    store = Store(home)
    run = trained(store, RUN)
    entry = store.create(InterpretationConfig.of(RUN, factors="readout", n_parts=8, n_pictures=20))
    assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    scores, tensors = entry.read_json(SCORES_FILE), entry.read_tensors(INTERPRETATION_FILE)
    assert scores["cancellation"] == pytest.approx(0, abs=1e-6)
    assert scores["additivity_gap"] < 1e-5
    assert 0 < scores["code_r2"] <= 1
    assert tensors["H"].shape == (1797, 8)
    assert tensors["pictures"].shape == (8, 64)
    assert run.finished
