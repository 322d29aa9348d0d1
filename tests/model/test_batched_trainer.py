"""Runs trained together are the runs trained alone: each with its own order, noise, weights and history."""

from contextlib import contextmanager
from typing import ClassVar

import pytest
import torch

from ddnmf_core.model.batched_trainer import BatchedTrainer
from ddnmf_core.model.trainer import Trainer

CPU = torch.device("cpu")
CLOSE = {"atol": 2e-4, "rtol": 2e-3}  # sums in another order, over some steps of Adam


def alone(config, images, **how):
    trainer, rows = Trainer(config, images, CPU), []
    outcome = trainer.train(rows.append, **how)
    return trainer, [row for row in rows if row["kind"] == "epoch"], outcome


def together(trainers, should_stop=lambda trainer: False):
    rows, outcomes = {id(t): [] for t in trainers}, {}
    BatchedTrainer(trainers).train(
        lambda t, row: rows[id(t)].append(row), should_stop, lambda t, outcome: outcomes.update({id(t): outcome})
    )
    return [[row for row in rows[id(t)] if row["kind"] == "epoch"] for t in trainers], [outcomes[id(t)] for t in trainers]


def assert_same(stacked, single):
    for (name, a), b in zip(stacked.model.state_dict().items(), single.model.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, **CLOSE, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize(
    "changes",
    [
        [{"seed": 1}, {"seed": 2, "noise_level": 0.1}, {"seed": 1, "alpha": 0.5, "beta": 2.0, "gamma": 0.3}],
        [{"model": "ae1", "noise_level": 0.0}, {"model": "ae1", "seed": 3}],
        [{"model": "dae", "noise_kind": "masking"}, {"model": "dae", "noise_kind": "masking", "noise_level": 0.7}],
        [{"basis": "nonnegative", "decoder": "additive", "coefficients": "biased", "seed": seed} for seed in (1, 2)],
        [{"loss_reduction": "sum", "optimizer": "sgd", "learning_rate": 1e-5, "seed": seed} for seed in (1, 2)],
        [{"noise_kind": "salt_and_pepper", "optimizer": "adamw", "seed": seed} for seed in (1, 2)],
        [{"noise_kind": "gaussian_displacement", "noise_level": level} for level in (0.1, 0.4)],
        [{"schedule": "linear", "initialization": "kaiming", "output_bias": "mean", "seed": seed} for seed in (1, 2)],
        [{"test_share": 0.25, "seed": seed} for seed in (1, 2)],
    ],
)
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
    configs = [
        small(optimizer="sgd", learning_rate=1e-3, loss_reduction="sum", alpha=alpha, beta=alpha, gamma=alpha)
        for alpha in (1e6, 1e-3)
    ]
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
    assert small(epochs=3).stack_key == small(epochs=4).stack_key
    assert small(epochs=3, schedule="linear").stack_key != small(epochs=4, schedule="linear").stack_key
    with pytest.raises(ValueError, match="one architecture"):
        BatchedTrainer([Trainer(small(), few_digits, CPU), Trainer(small(n_parts=6), few_digits, CPU)])
    ahead = Trainer(small(seed=2), few_digits, CPU)
    ahead.batch = 1
    with pytest.raises(ValueError, match="the same batch"):
        BatchedTrainer([Trainer(small(), few_digits, CPU), ahead])


def test_time_is_shared_out_to_those_that_are_there(few_digits, small, monkeypatch):
    """Three of four runs leave in the middle of an epoch: what came before is not all the fourth's."""
    now = [0.0]
    monkeypatch.setattr("ddnmf_core.model.batched_trainer.time.perf_counter", lambda: now[0])
    compute = BatchedTrainer._compute
    monkeypatch.setattr(BatchedTrainer, "_compute", lambda self, *of: (now.__setitem__(0, now[0] + 1), compute(self, *of)))
    trainers = [Trainer(small(epochs=1, seed=seed), few_digits, CPU) for seed in range(4)]
    rows, _ = together(trainers, lambda trainer: trainer is not trainers[0] and trainer.batch >= 2)
    assert rows[0][0]["images_per_second"] == pytest.approx(300 / (2 / 4 + 3))  # 2 batches of four runs, 3 of one


class GraphOnCPU:
    """Does what was captured once more: the step's work, its gradients into the memory that they had at the capture."""

    capturing: ClassVar[list["GraphOnCPU"]] = []
    n_replays = 0

    @classmethod
    @contextmanager
    def capture(cls, graph):
        cls.capturing.append(graph)
        yield
        cls.capturing.pop()

    @classmethod
    def compute(cls, stack, samples, drawn):
        """In the place of a stack's step: a capture leaves everything as it was."""
        if not cls.capturing:
            return STEP(stack, samples, drawn)
        graph, state = cls.capturing[-1], stack.optimizer.state
        held = [
            (tensor, tensor.detach().clone())
            for tensor in (
                *stack.parameters.values(),
                stack.sums,
                *(value for slots in state.values() for value in slots.values()),
            )
        ]
        STEP(stack, samples, drawn)
        with torch.no_grad():
            for tensor, before in held:
                tensor.copy_(before)
        graph.stack, graph.samples, graph.drawn = stack, samples, drawn
        graph.places = [parameter.grad for parameter in stack.parameters.values()]
        return None

    def replay(self):
        before = [parameter.grad for parameter in self.stack.parameters.values()]
        STEP(self.stack, self.samples, self.drawn)
        for parameter, place, old in zip(self.stack.parameters.values(), self.places, before, strict=True):
            place.copy_(parameter.grad)
            parameter.grad = old  # Python's side knows nothing of a replay
        self.n_replays += 1


STEP = BatchedTrainer._compute


def test_a_step_that_is_captured_and_replayed_is_the_step(few_digits, small, monkeypatch):
    """On a CPU, with a stand-in for CUDA's graph. The last batch of an epoch is smaller and not replayed."""
    graphs = []
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graphs.append(GraphOnCPU()) or graphs[-1])
    monkeypatch.setattr(torch.cuda, "graph", GraphOnCPU.capture)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: None)
    monkeypatch.setattr(BatchedTrainer, "_compute", lambda stack, *of: GraphOnCPU.compute(stack, *of))
    for module in ("model.batched_trainer", "model.trainer"):
        monkeypatch.setattr(f"ddnmf_core.{module}.REPORT_INTERVAL_S", 0.0)  # a row for every batch, with its gradients
    configs, rows = [small(seed=1), small(seed=2, noise_level=0.1)], {}
    trainers = [Trainer(config, few_digits, CPU) for config in configs]
    stack = BatchedTrainer(trainers)
    stack.captures = True
    stack.train(lambda trainer, row: rows.setdefault(trainer, []).append(row), lambda _: False, lambda _, outcome: None)
    assert [graph.n_replays for graph in graphs] == [9]  # of 3 x 4 whole batches all but the first 3
    for trainer, config in zip(trainers, configs, strict=True):
        alone_rows = []
        single = Trainer(config, few_digits, CPU)
        single.train(alone_rows.append)
        assert_same(trainer, single)
        assert len(rows[trainer]) == len(alone_rows) == 15
        for got, wanted in zip(rows[trainer], alone_rows, strict=True):
            assert got["kind"] == wanted["kind"]
            for name in ("L_in", "gradient_supervisor", "gradient_student"):
                assert got[name] == pytest.approx(wanted[name], rel=5e-3), (name, got["epoch"])
