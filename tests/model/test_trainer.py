"""Algorithm 1: it learns, it repeats itself, it stops and resumes anywhere, and its rows add up."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from ddnmf_core.analysis.clustering import cluster
from ddnmf_core.analysis.metrics import accuracy
from ddnmf_core.config import RunConfig
from ddnmf_core.model import losses, trainer
from ddnmf_core.model.corruption import corrupt_each
from ddnmf_core.model.device import sums_dtype
from ddnmf_core.model.encoding import encode
from ddnmf_core.model.networks import build_model
from ddnmf_core.model.trainer import Trainer

CPU = torch.device("cpu")
TIMING = {"seconds", "images_per_second"}  # the only things two equal runs differ in
MODEL_AND_OPTIMIZER = [
    ("ddnmf", "adam"),
    ("ddnmf", "sgd"),
    ("ddnmf", "adamw"),
    ("ae1", "adam"),
    ("ae1", "sgd"),
    ("ae2", "adam"),
]


def ignore(row):
    pass


def train(config, images, **options):
    """A finished trainer and the rows of its epochs."""
    made, rows = Trainer(config, images, CPU), []
    assert made.train(rows.append, **options) == "finished"
    return made, [row for row in rows if row["kind"] == "epoch"]


def stop_after(n):
    """A should_stop that lets n batches pass."""
    asked = iter(range(10**9))
    return lambda: next(asked) >= n


def weights(made):
    return {name: tensor.clone() for name, tensor in made.model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def untimed(rows):
    return [{key: value for key, value in row.items() if key not in TIMING} for row in rows]


def bits(made):
    """The whole state, apart from how long it took."""
    return {name: tensor.clone() for name, tensor in made.state().items() if name != "progress.seconds"}


# --------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_supervisors_loss_falls(digits, small, reduction):
    _, rows = train(small(epochs=8, loss_reduction=reduction), digits)
    assert rows[-1]["L_sym"] < 0.75 * rows[0]["L_sym"]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_students_losses_fall_when_the_supervisor_stands_still(digits, small, reduction):
    """L_ap itself may rise in a full training: the features it is measured against move and grow."""
    made, rows = train(small(alpha=0, gamma=1, epochs=8, loss_reduction=reduction), digits)
    assert same(made.model.supervisor.state_dict(), build_model(made.config, 64).supervisor.state_dict())
    for name in ("L_in", "L_ap", "L_nc"):
        assert rows[-1][name] < 0.75 * rows[0][name]


@pytest.mark.parametrize("model", ["ae1", "ae2", "dae"])
def test_an_autoencoders_loss_falls(digits, small, model):
    _, rows = train(small(model=model, epochs=8), digits)
    assert rows[-1]["L_sym"] < 0.75 * rows[0]["L_sym"]


def test_a_trained_model_clusters_better_than_an_untrained_one(digits, small):
    def kmeans_accuracy(model, config):
        z = encode(model, config, digits, noisy=False)["z"]
        return accuracy(digits.labels, cluster(z, "kmeans", 10, seed=1))

    config = small(layers=(64, 32, 8), n_parts=8, noise_level=0.2, epochs=20)
    trained, _ = train(config, digits)
    assert kmeans_accuracy(trained.model, config) > kmeans_accuracy(build_model(config, 64), config) + 0.1


# ------------------------------------------------------------------------------------- repetition


@pytest.mark.parametrize("model", ["ddnmf", "ae1"])
def test_one_seed_gives_the_same_bits_and_another_seed_others(few_digits, small, model):
    (first, rows), (again, rows_again), (other, _) = (train(small(model=model, seed=seed), few_digits) for seed in (1, 1, 2))
    assert same(bits(first), bits(again))
    assert untimed(rows) == untimed(rows_again)
    assert not any(torch.equal(a, b) for a, b in zip(weights(first).values(), weights(other).values(), strict=True))


def test_bfloat16_repeats_itself_and_resumes_and_keeps_weights_and_losses_in_float32(few_digits, small):
    config = small(precision="bfloat16")
    first, rows = train(config, few_digits)
    stopped = Trainer(config, few_digits, CPU)
    assert stopped.train(ignore, stop_after(7)) == "stopped"
    resumed = Trainer(config, few_digits, CPU)
    resumed.load_state(stopped.state())
    assert resumed.train(ignore) == "finished"
    assert same(bits(first), bits(resumed))
    assert {tensor.dtype for tensor in weights(first).values()} == {torch.float32}
    exact = train(small(precision="highest"), few_digits)[1]
    assert rows[-1]["L_in"] != exact[-1]["L_in"]  # the layers did compute in bfloat16
    assert rows[-1]["L_in"] == pytest.approx(exact[-1]["L_in"], rel=0.02)


def test_the_global_random_state_does_not_matter(few_digits, small):
    torch.manual_seed(1)
    first, _ = train(small(), few_digits)
    torch.manual_seed(2)
    again, _ = train(small(), few_digits)
    assert same(bits(first), bits(again))


@pytest.mark.parametrize(
    ("optimizer", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_a_training_is_gradient_descent_on_L_in_and_nothing_else(few_digits, small, monkeypatch, optimizer, kind):
    seen, corrupt = [], trainer.corrupt  # the clean and the noisy images of each batch

    def look(x, *how):
        seen.append((x, corrupt(x, *how)))
        return seen[-1][1]

    monkeypatch.setattr(trainer, "corrupt", look)
    config = small(optimizer=optimizer, beta=2, gamma=3)
    made, _ = train(config, few_digits)
    model = build_model(config, 64)
    descent = kind(model.parameters(), lr=config.learning_rate)
    for x, x_noisy in seen:
        terms, _ = trainer.loss_terms(model, x, x_noisy, "mean")
        descent.zero_grad()
        (terms["L_sym"] + 2 * terms["L_ap"] + 3 * terms["L_nc"]).backward()
        descent.step()
    assert len(seen) == 15
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(made.model.state_dict()[name], tensor, rtol=1e-4, atol=1e-5)


def test_every_epoch_sees_every_image_once_in_an_order_of_its_own(few_digits, small, monkeypatch):
    seen, step = [], Trainer._step
    monkeypatch.setattr(Trainer, "_step", lambda self, samples: seen.append(samples) or step(self, samples))
    train(small(epochs=2), few_digits)
    assert [len(samples) for samples in seen] == [64, 64, 64, 64, 44] * 2
    first, second = torch.cat(seen[:5]), torch.cat(seen[5:])
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(300))
    assert not torch.equal(first, second)


def test_every_batch_of_every_epoch_has_fresh_noise(few_digits, small, monkeypatch):
    eps = []

    def look(x, kind, level, generator, image_shape):
        eps.append(torch.rand(4, generator=generator))
        return x

    monkeypatch.setattr(trainer, "corrupt", look)
    train(small(epochs=2), few_digits)
    assert len({tuple(noise.tolist()) for noise in eps}) == 10


# ------------------------------------------------------------------------------------- stop, resume


@pytest.mark.parametrize(("model", "optimizer"), MODEL_AND_OPTIMIZER)
def test_a_training_resumed_after_any_batch_ends_like_the_undisturbed_one(few_digits, small, model, optimizer):
    config = small(model=model, optimizer=optimizer, epochs=2)
    undisturbed, history = train(config, few_digits)
    for n_batches in range(10):
        stopped, rows = Trainer(config, few_digits, CPU), []
        assert stopped.train(rows.append, stop_after(n_batches)) == "stopped"
        assert (stopped.epoch, stopped.batch) == divmod(n_batches, 5)
        resumed = Trainer(config, few_digits, CPU)
        resumed.load_state(stopped.state())
        assert resumed.train(rows.append) == "finished"
        assert same(bits(resumed), bits(undisturbed)), f"stopped after {n_batches} batches"
        assert untimed(row for row in rows if row["kind"] == "epoch") == untimed(history)


def test_a_schedule_rises_and_falls_to_the_last_step_and_resumes(few_digits, small):
    config = small(epochs=8, schedule="linear", initialization="kaiming", output_bias="mean", learning_rate=0.01)
    made, rates = Trainer(config, few_digits, CPU), []
    step = made.optimizer.step

    def noted():
        rates.append(made.optimizer.param_groups[0]["lr"])
        step()

    made.optimizer.step = noted
    assert made.train(ignore) == "finished"
    assert len(rates) == 40
    assert rates[:4] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])  # a tenth of the steps
    assert all(later < earlier for earlier, later in pairwise(rates[4:]))
    assert rates[-1] == pytest.approx(0.01 / 36)
    for n_batches in (2, 21, 39):
        stopped = Trainer(config, few_digits, CPU)
        stopped.train(ignore, stop_after(n_batches))
        resumed = Trainer(config, few_digits, CPU)
        resumed.load_state(stopped.state())
        resumed.train(ignore)
        assert same(weights(resumed), weights(made)), f"stopped after {n_batches} batches"


def test_a_captured_step_of_sgd_reads_the_rate_of_the_schedule(small):
    """A CUDA graph repeats what it was captured with: a rate that is a number would stay as it was."""
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = trainer.make_optimizer([weight], small(optimizer="sgd"), capturable=True)
    captured = optimizer.param_groups[0]["lr"]
    trainer.set_learning_rate(optimizer, 0.5)
    weight.grad = torch.ones(2)
    optimizer.step()
    assert captured.item() == 0.5
    assert weight.tolist() == [-0.5, -0.5]


def test_a_training_begins_at_the_mean_image(digits, small):
    begun = Trainer(small(output_bias="mean", initialization="kaiming"), digits, CPU)
    pixels = torch.tensor(digits.pixels) / 255
    biases = [network.decoder[-1].linear.bias for network in (begun.model.supervisor, begun.model.student)]
    assert torch.equal(*biases)
    torch.testing.assert_close(torch.sigmoid(biases[0].detach()), pixels.mean(dim=0).clamp(0.01, 0.99), atol=0.03, rtol=0)


def test_a_model_that_only_adds_learns_keeps_its_weights_from_going_negative_and_resumes(digits, small):
    config = small(
        decoder="additive",
        coefficients="biased",
        basis="nonnegative",
        bottleneck_activation="softplus",
        output_activation="sigmoid",
        epochs=6,
    )
    undisturbed, rows = train(config, digits)
    assert rows[-1]["L_sym"] < 0.75 * rows[0]["L_sym"]
    assert len(rows[-1]["layer_shares"]) == 4  # three encoder layers, one decoder layer
    for network in (undisturbed.model.supervisor, undisturbed.model.student):
        assert network.decoder.linear.weight.min() == 0  # some would have gone further
    assert undisturbed.model.student.nmf.W.min() >= 0
    stopped = Trainer(config, digits, CPU)
    stopped.train(rows.append, stop_after(40))
    resumed = Trainer(config, digits, CPU)
    resumed.load_state(stopped.state())
    resumed.train(rows.append)
    assert same(bits(resumed), bits(undisturbed))


def test_a_training_stopped_at_every_batch_ends_like_the_undisturbed_one(few_digits, small):
    config = small(epochs=2)
    undisturbed, _ = train(config, few_digits)
    made, outcome = Trainer(config, few_digits, CPU), "stopped"
    for _ in range(10):
        state = made.state()
        made = Trainer(config, few_digits, CPU)
        made.load_state(state)
        outcome = made.train(ignore, stop_after(1))
    assert outcome == "finished"
    assert same(bits(made), bits(undisturbed))


def test_cancelling_stops_before_the_next_batch(few_digits, small, monkeypatch):
    steps, step = [], Trainer._step
    monkeypatch.setattr(Trainer, "_step", lambda self, samples: steps.append(1) or step(self, samples))
    for n_batches in (0, 3, 7):
        steps.clear()
        made, rows = Trainer(small(), few_digits, CPU), []
        assert made.train(rows.append, stop_after(n_batches)) == "stopped"
        assert len(steps) == n_batches
        assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1.0] * (n_batches // 5)


def test_a_training_cancelled_at_once_has_changed_nothing(few_digits, small):
    made = Trainer(small(), few_digits, CPU)
    before = weights(made)
    made.train(ignore, lambda: True)
    assert same(weights(made), before)


def test_a_finished_training_does_nothing_more(few_digits, small):
    made, _ = train(small(), few_digits)
    before, rows = bits(made), []
    assert made.train(rows.append) == "finished"
    assert rows == []
    assert same(bits(made), before)


def test_a_state_does_not_change_while_the_training_goes_on(few_digits, small):
    made = Trainer(small(), few_digits, CPU)
    made.train(ignore, stop_after(3))
    state = made.state()
    copy = {name: tensor.clone() for name, tensor in state.items()}
    made.train(ignore)
    assert same(state, copy)


def test_one_state_can_be_taken_up_twice(few_digits, small):
    config = small()
    stopped = Trainer(config, few_digits, CPU)
    stopped.train(ignore, stop_after(3))
    state = {name: tensor.clone() for name, tensor in stopped.state().items()}
    ends = []
    for _ in range(2):
        made = Trainer(config, few_digits, CPU)
        made.load_state(state)
        made.train(ignore)
        ends.append(bits(made))
    assert same(*ends)


# ------------------------------------------------------------------------------------- divergence


def test_an_absurd_learning_rate_diverges_and_says_so(few_digits, small):
    config = small(optimizer="sgd", learning_rate=10, loss_reduction="sum", output_activation="linear")
    rows = []
    assert Trainer(config, few_digits, CPU).train(rows.append) == "diverged"
    assert all(math.isfinite(row["L_in"]) for row in rows)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_training_within_its_batch(few_digits, small, monkeypatch, bad):
    calls, symmetric_loss = [], losses.symmetric_loss
    monkeypatch.setattr(
        losses, "symmetric_loss", lambda *case: calls.append(1) or (symmetric_loss(*case) * (bad if len(calls) == 3 else 1))
    )
    rows = []
    assert Trainer(small(), few_digits, CPU).train(rows.append) == "diverged"
    assert len(calls) == 3
    assert not any(row["kind"] == "epoch" for row in rows)


def test_weights_that_are_no_numbers_after_the_last_batch_are_not_a_finished_training(few_digits, small, monkeypatch):
    step = Trainer._step

    def spoil_after_the_last_batch(self, samples):
        L_in = step(self, samples)
        if self.batch == 4:
            self.model.student.nmf.W.data.fill_(math.nan)
        return L_in

    monkeypatch.setattr(Trainer, "_step", spoil_after_the_last_batch)
    rows = []
    assert Trainer(small(epochs=1), few_digits, CPU).train(rows.append) == "diverged"
    assert not any(row["kind"] == "epoch" for row in rows)


# ------------------------------------------------------------------------------------------- rows


def test_an_epochs_row_says_what_is_documented(few_digits, small):
    _, rows = train(small(), few_digits)
    assert rows[0].keys() == {
        "kind",
        "epoch",
        "step",
        "L_sym",
        "L_ap",
        "L_nc",
        "L_in",
        "weighted",
        "layer_shares",
        "seconds",
        "images_per_second",
        "gradient_supervisor",
        "gradient_student",
        "error_supervisor",
        "error_student",
        "relative",
        "n_units",
        "dead_units",
        "constant_units",
        "code_rms",
        "constant_parts",
        "saturated_share",
    }
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 5), (2, 10), (3, 15)]


def test_an_autoencoders_row_has_its_one_loss(few_digits, small):
    _, rows = train(small(model="ae1", alpha=2), few_digits)
    assert rows[0].keys() == {
        "kind",
        "epoch",
        "step",
        "L_sym",
        "L_in",
        "weighted",
        "seconds",
        "images_per_second",
        "gradient_autoencoder",
        "error",
        "relative",
        "n_units",
        "dead_units",
        "constant_units",
        "code_rms",
    }
    assert rows[0]["L_in"] == rows[0]["weighted"]["L_sym"] == 2 * rows[0]["L_sym"]


def test_errors_are_those_of_fixed_images_with_fixed_noise(few_digits, small):
    """Of clean images for the supervisor, of the noise that belongs to each image for the student."""
    made, rows = train(small(), few_digits)
    clean = torch.tensor(few_digits.pixels) / 255
    noisy = corrupt_each(clean, torch.arange(len(clean)), "gaussian", 0.4, seed=1, image_shape=few_digits.image_shape)
    with torch.no_grad():
        supervisor, student = made.model.supervisor(clean), made.model(noisy)
    last = rows[-1]
    assert last["error_supervisor"] == pytest.approx((clean - supervisor).square().mean().item(), rel=1e-5)
    assert last["error_student"] == pytest.approx((clean - student).square().mean().item(), rel=1e-5)
    variance = clean.var(dim=0, unbiased=False).mean().item()
    assert last["relative"]["L_sym"] == pytest.approx(last["error_supervisor"] / variance, rel=1e-5)
    assert last["relative"].keys() == {"L_sym", "L_ap", "L_nc"}
    assert last["error_student"] < rows[0]["error_student"]


def test_the_weighted_terms_are_weight_times_raw_and_add_up_to_L_in(few_digits, small):
    _, rows = train(small(alpha=2, beta=3, gamma=5), few_digits)
    for row in rows:
        assert row["weighted"] == pytest.approx({"L_sym": 2 * row["L_sym"], "L_ap": 3 * row["L_ap"], "L_nc": 5 * row["L_nc"]})
        assert row["L_in"] == pytest.approx(sum(row["weighted"].values()))


def test_the_layers_shares_are_those_of_L_ap_and_add_up_to_1(few_digits, small):
    config = small(epochs=1, learning_rate=1e-12, noise_level=0, loss_reduction="sum")
    made, (row,) = train(config, few_digits)
    x = made.probe()
    with torch.no_grad():
        layers = losses.apposition_losses(made.model.supervisor.features(x), made.model.student.features(x))
    assert sum(row["layer_shares"]) == pytest.approx(1)
    assert row["layer_shares"] == pytest.approx((layers / layers.sum()).tolist(), rel=1e-4)
    assert row["L_ap"] == pytest.approx(float(layers.sum()) / 300, rel=1e-4)


@pytest.mark.parametrize(("reduction", "entries"), [("sum", 1), ("mean", 64)])
def test_losses_are_per_image_and_a_short_last_batch_counts_by_its_size(few_digits, small, reduction, entries):
    config = small(epochs=1, learning_rate=1e-12, loss_reduction=reduction)  # the weights all but stand still
    made, (row,) = train(config, few_digits)
    x = made.probe()
    with torch.no_grad():
        per_image = (x - made.model.supervisor(x)).square().sum(dim=1) / entries
    assert row["L_sym"] == pytest.approx(float(per_image.mean()), rel=1e-5)


def test_rows_inside_an_epoch_say_how_far_it_is(few_digits, small, monkeypatch):
    monkeypatch.setattr(trainer, "REPORT_INTERVAL_S", 0.0)  # due after every batch
    rows = []
    Trainer(small(epochs=2), few_digits, CPU).train(rows.append)
    one_epoch = ["batch"] * 4 + ["epoch"]
    assert [row["kind"] for row in rows] == one_epoch * 2
    assert [row["epoch"] for row in rows] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.6, 1.8, 2])
    assert [row["step"] for row in rows] == list(range(1, 11))
    assert "dead_units" not in rows[0]


def test_reporting_often_does_not_change_the_training(few_digits, small, monkeypatch):
    quiet, _ = train(small(), few_digits)
    monkeypatch.setattr(trainer, "REPORT_INTERVAL_S", 0.0)
    assert same(bits(train(small(), few_digits)[0]), bits(quiet))


# ------------------------------------------------------------------------------- facts worth a pin


def few_steps(few_digits, small, **changes):
    """The supervisor's and the student's weights after ten steps, as two long vectors."""
    made, _ = train(small(epochs=2, loss_reduction="sum", **changes), few_digits)
    return [
        torch.cat([p.detach().flatten() for p in network.parameters()])
        for network in (made.model.supervisor, made.model.student)
    ]


def test_under_adam_alpha_alone_changes_nothing_in_the_supervisor(few_digits, small):
    """Adam divides each gradient by its own size, and alpha scales the supervisor's whole gradient."""
    start = torch.cat([p.detach().flatten() for p in build_model(small(), 64).supervisor.parameters()])
    one, three = (few_steps(few_digits, small, alpha=alpha)[0] for alpha in (1, 3))
    assert (one - start).abs().max() > 5e-3  # ten steps of about 1e-3
    assert (three - one).abs().max() < 1e-4


def test_under_sgd_alpha_does_change_the_supervisor(few_digits, small):
    one, three = (few_steps(few_digits, small, alpha=alpha, optimizer="sgd", learning_rate=1e-4)[0] for alpha in (1, 3))
    assert (three - one).abs().max() > 1e-3


def test_the_student_teaches_the_supervisor_nothing(few_digits, small):
    plain, other = (few_steps(few_digits, small, **changes) for changes in ({}, {"beta": 9, "gamma": 9, "noise_level": 0.8}))
    assert torch.equal(plain[0], other[0])
    assert not torch.equal(plain[1], other[1])


def test_the_gallery_shows_one_digit_of_each_class_with_the_noise_that_belongs_to_it(few_digits, small):
    gallery = Trainer(small(), few_digits, CPU).gallery()
    samples = [int(np.flatnonzero(few_digits.labels == digit)[0]) for digit in range(10)]
    np.testing.assert_allclose(gallery.clean.numpy(), few_digits.scaled(np.array(samples)))
    codes = encode(build_model(small(), 64), small(), few_digits, noisy=True)["z"]
    assert torch.allclose(build_model(small(), 64).encode(gallery.noisy).z, torch.from_numpy(codes[samples]), atol=1e-5)


def test_a_device_without_float64_keeps_its_sums_in_float32(few_digits, monkeypatch):
    assert sums_dtype(torch.device("mps")) is torch.float32
    history = {}
    for dtype in (torch.float64, torch.float32):
        monkeypatch.setattr("ddnmf_core.model.trainer.sums_dtype", lambda device, dtype=dtype: dtype)
        rows = []
        trainer = Trainer(RunConfig(dataset="digits", layers=(16, 6), n_parts=4, epochs=2), few_digits, torch.device("cpu"))
        trainer.train(rows.append)
        assert trainer.sums.dtype is dtype
        history[dtype] = rows[-1]
    assert history[torch.float32]["L_in"] == pytest.approx(history[torch.float64]["L_in"], rel=1e-5)
