"""Images made of known parts: the model that can only add finds them, and the workbench says so."""

import numpy as np
import pytest
import torch

from ddnmf_core.config import PRESETS, RunConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.interpret import faithfulness, quality, stability
from ddnmf_core.interpret.shapley import additivity_gap, shapley
from ddnmf_core.model.decoding import part_effects
from ddnmf_core.model.trainer import Trainer

N, SIDE = 2000, 8
CONFIG = RunConfig(
    **{
        **PRESETS["parts"],
        "dataset": "digits",
        "layers": (64, 4),
        "n_parts": 4,
        "output_activation": "linear",
        "noise_level": 0.0,
        "batch_size": 50,
        "epochs": 60,
        "learning_rate": 1e-2,
        "precision": "highest",
    }
)


@pytest.fixture(scope="module")
def truth():
    """X = H W: four bars that cross each other, each in half of the images with a strength of its own."""
    random = np.random.default_rng(1)
    parts = np.zeros((4, SIDE, SIDE), np.float32)
    parts[0, 1:3], parts[1, 5:7], parts[2, :, 1:3], parts[3, :, 5:7] = 0.5, 0.5, 0.5, 0.5
    strength = random.uniform(0.2, 1, (N, 4)) * (random.random((N, 4)) < 0.5)
    return parts.reshape(4, -1), strength.astype(np.float32)


@pytest.fixture(scope="module")
def found(truth):
    parts, strength = truth
    pixels = np.round(255 * strength @ parts).clip(0, 255).astype(np.uint8)
    torch.set_num_threads(1)
    trainer = Trainer(CONFIG, Images("digits", pixels, np.zeros(N, np.int64), (SIDE, SIDE), ("0",)), torch.device("cpu"))
    trainer.train(lambda row: None)
    with torch.no_grad():
        H = trainer.model.encode(torch.from_numpy(pixels / np.float32(255))).H
    return trainer.model, H


def test_the_parts_are_found_each_once(truth, found):
    parts, (model, H) = truth[0], found
    swings = part_effects(model.student.decode, H).numpy()
    partners, cosines = stability.match_parts(swings, parts)
    assert sorted(partners) == [0, 1, 2, 3]
    assert cosines.min() > 0.95
    assert (quality.cancellation(swings) == 0).all()  # they only add


def test_a_sample_has_as_much_of_a_part_as_it_was_made_of(truth, found):
    parts, strength = truth
    partners, _ = stability.match_parts(part_effects(found[0].student.decode, found[1]).numpy(), parts)
    correlation = np.corrcoef(found[1].numpy().T, strength[:, partners].T)[:4, 4:].diagonal()
    assert correlation.min() > 0.9


def test_a_picture_is_shared_out_among_the_parts_that_it_was_made_of(truth, found):
    (parts, strength), (model, H) = truth, found
    partners, _ = stability.match_parts(part_effects(model.student.decode, H).numpy(), parts)
    absent = H.min(dim=0).values
    errors, to_absent = [], []
    for sample in np.flatnonzero((strength > 0.5).sum(axis=1) == 2)[:100]:
        shared = shapley(model.student.decode, H[sample], absent)
        made_of = torch.from_numpy(strength[sample, partners, None] * parts[partners])
        errors.append(float((shared.values - made_of).norm() / made_of.norm()))
        to_absent.append(float(shared.strength[made_of.sum(dim=1) == 0].sum() / shared.strength.sum()))
        assert additivity_gap(model.student.decode, H[sample], absent) < 1e-5  # the decoder adds
    assert np.mean(errors) < 0.3
    assert np.nanmean(to_absent) < 0.1  # half of the parts, by chance half of the ink


def test_taking_out_the_parts_of_most_worth_takes_the_picture_away_first(truth, found):
    strength, (model, H) = truth[1], found
    several = np.flatnonzero((strength > 0.2).sum(axis=1) == 2)[:30]
    by_worth, by_chance = [], []
    for sample in several:
        order = shapley(model.student.decode, H[sample], H.min(dim=0).values).strength.argsort(descending=True)
        true = faithfulness.faithfulness_curves(model.student.decode, H[sample], H.min(dim=0).values, order)
        chance = faithfulness.random_order_curves(model.student.decode, H[sample], H.min(dim=0).values)
        by_worth.append(faithfulness.area(true.deletion))
        by_chance.append(faithfulness.area(chance.deletion))
    assert np.mean(by_worth) < 0.6 * np.mean(by_chance)
