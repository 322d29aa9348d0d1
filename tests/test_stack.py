"""Runs trained together are the runs trained alone: each with its own order, noise, weights and history."""

import pytest
import torch

from ddnmf_core.stack import Stack
from ddnmf_core.trainer import Trainer

CPU = torch.device("cpu")
CLOSE = {"atol": 2e-4, "rtol": 2e-3}                                # sums in another order, over some steps of Adam


def alone(config, images, **how):
    trainer, rows = Trainer(config, images, CPU), []
    outcome = trainer.train(rows.append, **how)
    return trainer, [row for row in rows if row["kind"] == "epoch"], outcome


def together(trainers, should_stop=lambda trainer: False):
    rows, outcomes = {id(t): [] for t in trainers}, {}
    Stack(trainers).train(lambda t, row: rows[id(t)].append(row), should_stop,
                          lambda t, outcome: outcomes.update({id(t): outcome}))
    return [[row for row in rows[id(t)] if row["kind"] == "epoch"] for t in trainers], [outcomes[id(t)] for t in trainers]


def assert_same(stacked, single):
    for (name, a), b in zip(stacked.model.state_dict().items(), single.model.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, **CLOSE, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("changes", [
    [{"seed": 1}, {"seed": 2, "noise_level": 0.1}, {"seed": 1, "alpha": 0.5, "beta": 2.0, "gamma": 0.3}],
    [{"model": "ae1", "noise_level": 0.0}, {"model": "ae1", "seed": 3}],
    [{"model": "dae", "noise_kind": "masking"}, {"model": "dae", "noise_kind": "masking", "noise_level": 0.7}],
    [{"basis": "nonnegative", "decoder": "additive", "coefficients": "biased", "seed": seed} for seed in (1, 2)],
    [{"loss_reduction": "sum", "optimizer": "sgd", "learning_rate": 1e-5, "seed": seed} for seed in (1, 2)],
    [{"noise_kind": "salt_and_pepper", "optimizer": "adamw", "seed": seed} for seed in (1, 2)]])
def test_each_run_of_a_stack_is_the_run_trained_alone(few_digits, small, changes):
    configs = [small(**change) for change in changes]
    trainers = [Trainer(config, few_digits, CPU) for config in configs]
    rows, outcomes = together(trainers)
    assert outcomes == ["finished"] * len(configs)
    for trainer, config, own in zip(trainers, configs, rows, strict=True):
        single, expected, _ = alone(config, few_digits)
        assert_same(trainer, single)
        assert [row["epoch"] for row in own] == [1, 2, 3]
        for got, wanted in zip(own, expected, strict=True):
            assert got.keys() == wanted.keys()
            assert got["L_in"] == pytest.approx(wanted["L_in"], rel=2e-3)
            assert got.get("layer_shares") == pytest.approx(wanted.get("layer_shares"), abs=2e-3)
            assert got["constant_units"] == wanted["constant_units"]


def test_a_run_of_a_stack_goes_on_alone_and_a_run_alone_in_a_stack(few_digits, small):
    """Checkpoints are the same: parameters, the optimiser's state, sums, the place."""
    config, other = small(epochs=4), small(epochs=4, seed=2)
    single, _, _ = alone(config, few_digits)
    trainers = [Trainer(each, few_digits, CPU) for each in (config, other)]
    _, outcomes = together(trainers, lambda trainer: trainer.epoch == 2)
    assert outcomes == ["stopped", "stopped"]
    assert (trainers[0].epoch, trainers[0].batch) == (2, 0)
    resumed = Trainer(config, few_digits, CPU)
    resumed.load_state(trainers[0].state())
    resumed.train(lambda row: None)
    assert_same(resumed, single)
    back = [Trainer(each, few_digits, CPU) for each in (config, other)]
    for each, stopped in zip(back, trainers, strict=True):
        each.load_state(stopped.state())
    together(back)
    assert_same(back[0], single)


def test_one_run_that_stops_leaves_the_others_as_they_would_have_been(few_digits, small):
    configs = [small(seed=seed) for seed in (1, 2, 3)]
    trainers = [Trainer(config, few_digits, CPU) for config in configs]
    _, outcomes = together(trainers, lambda trainer: trainer is trainers[1] and trainer.epoch == 1)
    assert outcomes == ["finished", "stopped", "finished"]
    assert trainers[1].epoch == 1
    for k in (0, 2):
        assert_same(trainers[k], alone(configs[k], few_digits)[0])


def test_one_run_that_diverges_leaves_the_others_as_they_would_have_been(few_digits, small):
    configs = [small(optimizer="sgd", learning_rate=1e-3, loss_reduction="sum", alpha=alpha, beta=alpha, gamma=alpha)
               for alpha in (1e6, 1e-3)]
    trainers = [Trainer(config, few_digits, CPU) for config in configs]
    rows, outcomes = together(trainers)
    assert outcomes == ["diverged", "finished"]
    assert rows[0] == []
    assert_same(trainers[1], alone(configs[1], few_digits)[0])


def test_runs_may_have_different_numbers_of_epochs(few_digits, small):
    configs = [small(epochs=1), small(epochs=3, seed=2)]
    trainers = [Trainer(config, few_digits, CPU) for config in configs]
    rows, outcomes = together(trainers)
    assert outcomes == ["finished", "finished"]
    assert [len(own) for own in rows] == [1, 3]
    assert_same(trainers[1], alone(configs[1], few_digits)[0])


def test_only_runs_of_one_architecture_at_one_batch_are_stacked(few_digits, small):
    assert small(seed=1).stack_key == small(seed=9, noise_level=0.8, gamma=3).stack_key
    assert small().stack_key != small(n_parts=6).stack_key
    with pytest.raises(ValueError, match="one architecture"):
        Stack([Trainer(small(), few_digits, CPU), Trainer(small(n_parts=6), few_digits, CPU)])
    ahead = Trainer(small(seed=2), few_digits, CPU)
    ahead.batch = 1
    with pytest.raises(ValueError, match="the same batch"):
        Stack([Trainer(small(), few_digits, CPU), ahead])
