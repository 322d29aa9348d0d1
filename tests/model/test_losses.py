"""Equations 4 to 7 against the sums written out, and 9 to 16 against finite differences."""

import math

import numpy as np
import pytest
import torch

from ddnmf_core.config import RunConfig
from ddnmf_core.model import losses
from ddnmf_core.model.networks import build_model
from ddnmf_core.model.trainer import loss_terms

REDUCTIONS = ("sum", "mean")
WEIGHTS = {"alpha": 2.0, "beta": 3.0, "gamma": 5.0}
TINY = RunConfig(layers=(3, 2), n_parts=2, bottleneck_activation="softplus", **WEIGHTS)
STEP = 1e-6


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def summed_distance(a, b):
    """sum_i ||a_i - b_i||^2, entry by entry."""
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += (a[i, j] - b[i, j]) ** 2
    return total


def written_out(a, b, reduction):
    return summed_distance(a, b) / (1 if reduction == "sum" else a.size)


def value(loss, a, b, reduction):
    return float(loss(torch.from_numpy(a), torch.from_numpy(b), reduction))


# -------------------------------------------------------------------------------------- eq 4 to 7


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("loss", [losses.symmetric_loss, losses.nonnegative_constraint_loss])
def test_symmetric_and_constraint_loss_are_the_sum_over_samples_of_the_squared_distance(loss, reduction):
    a, b = random(4, 7, seed=1), random(4, 7, seed=2)
    assert value(loss, a, b, reduction) == pytest.approx(written_out(a, b, reduction), rel=1e-12)


@pytest.mark.parametrize("loss", [losses.symmetric_loss, losses.nonnegative_constraint_loss])
def test_symmetric_and_constraint_loss_at_a_known_point(loss):
    X = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    assert loss(X, torch.zeros(2, 2)).item() == 5.0  # 2^2 + 1^2
    assert loss(X, torch.zeros(2, 2), "mean").item() == 1.25  # over 4 entries
    assert loss(X, X).item() == 0.0


@pytest.mark.parametrize("loss", [losses.symmetric_loss, losses.nonnegative_constraint_loss])
def test_a_relative_loss_is_the_share_of_the_variance_and_knows_no_scale(loss):
    a, b = random(40, 7, seed=1), random(40, 7, seed=2)
    share = ((a - b) ** 2).mean() / ((a - a.mean(axis=0)) ** 2).mean()
    assert value(loss, a, b, "relative") == pytest.approx(share, rel=1e-12)
    assert value(loss, 9 * a, 9 * b, "relative") == pytest.approx(share, rel=1e-12)
    mean = np.broadcast_to(a.mean(axis=0), a.shape).copy()
    assert value(loss, a, mean, "relative") == pytest.approx(1)
    assert math.isfinite(value(loss, np.ones((4, 7)), np.zeros((4, 7)), "relative"))  # a constant target


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("L", [2, 4, 6])
def test_apposition_loss_is_the_double_sum_of_equation_5(L, reduction):
    h = [random(3, 5, seed=k) for k in range(L)]  # all of one width: a wrong partner fits
    h_student = [random(3, 5, seed=100 + k) for k in range(L + 2)]
    expected = []
    for layer in range(1, L + 1):  # l, which the paper counts from 1
        partner = layer if layer <= L / 2 else layer + 2
        expected.append(written_out(h[layer - 1], h_student[partner - 1], reduction))
    got = losses.apposition_losses([torch.from_numpy(a) for a in h], [torch.from_numpy(a) for a in h_student], reduction)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)


def test_decoder_layers_face_the_students_layer_two_further_on():
    h = [torch.zeros(1, 1)] * 4
    h_student = [torch.full((1, 1), float(layer)) for layer in (1, 2, 3, 4, 5, 6)]
    assert losses.apposition_losses(h, h_student).tolist() == [1, 4, 25, 36]  # 3 and 4 are H and X_hat


def test_apposition_needs_exactly_two_more_student_layers():
    h = [torch.zeros(1, 1)] * 4
    for n_student in (4, 5, 7):
        with pytest.raises(ValueError, match="argument"):
            losses.apposition_losses(h, [torch.zeros(1, 1)] * n_student)


def test_the_mean_keeps_a_wide_layer_from_outweighing_a_narrow_one():
    h = [torch.zeros(2, 2000), torch.zeros(2, 10)]
    h_student = [torch.ones(2, 2000), torch.zeros(2, 1), torch.zeros(2, 2000), torch.ones(2, 10)]
    assert losses.apposition_losses(h, h_student, "sum").tolist() == [4000, 20]
    assert losses.apposition_losses(h, h_student, "mean").tolist() == [1, 1]


def test_the_interpretability_loss_weighs_each_term_with_its_own_letter():
    terms = {"L_sym": torch.tensor(1.0), "L_ap": torch.tensor(10.0), "L_nc": torch.tensor(100.0)}
    assert losses.interpretability_loss(terms, TINY).item() == 532.0  # 2 + 30 + 500
    assert losses.interpretability_loss({"L_sym": torch.tensor(1.0)}, TINY).item() == 2.0


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_terms_of_a_model_are_the_equations_of_its_own_features(reduction):
    model, x, x_noisy = tiny_case()
    h = [feature.detach().numpy() for feature in model.supervisor.features(x)]
    t = [feature.detach().numpy() for feature in model.student.features(x_noisy)]
    pairs = [(h[0], t[0]), (h[1], t[1]), (h[2], t[4]), (h[3], t[5])]  # L = 4; X = t[1], X_hat = t[3]
    with torch.no_grad():
        terms, layers = loss_terms(model, x, x_noisy, reduction)
    assert float(terms["L_sym"]) == pytest.approx(written_out(x.numpy(), h[3], reduction), rel=1e-12)
    assert float(terms["L_ap"]) == pytest.approx(sum(written_out(a, b, reduction) for a, b in pairs), rel=1e-12)
    assert float(terms["L_nc"]) == pytest.approx(written_out(t[1], t[3], reduction), rel=1e-12)
    assert float(layers.sum()) == pytest.approx(float(terms["L_ap"]), rel=1e-12)


def test_an_autoencoder_is_asked_to_rebuild_what_it_is_given():
    model = build_model(TINY.replace(model="ae1"), 4).double()
    _, x, x_noisy = tiny_case()
    with torch.no_grad():
        terms, layers = loss_terms(model, x, x_noisy, "sum")
    assert layers is None
    assert list(terms) == ["L_sym"]
    assert float(terms["L_sym"]) == pytest.approx(summed_distance(x_noisy.numpy(), model(x_noisy).detach().numpy()), rel=1e-12)


def test_a_denoising_autoencoder_is_asked_for_the_clean_images():
    model = build_model(TINY.replace(model="dae"), 4).double()
    _, x, x_noisy = tiny_case()
    with torch.no_grad():
        terms, _ = loss_terms(model, x, x_noisy, "sum")
    assert float(terms["L_sym"]) == pytest.approx(summed_distance(x.numpy(), model(x_noisy).detach().numpy()), rel=1e-12)


# ------------------------------------------------------------------------------------- eq 9 to 16


def tiny_case():
    """A DDNMF 4-3-2 in float64, five clean images and the same ones with noise."""
    model = build_model(TINY, 4).double()
    x = torch.from_numpy(np.random.default_rng(1).uniform(size=(5, 4)))
    return model, x, x + 0.4 * torch.from_numpy(random(5, 4, seed=2))


def gradients(model, x, x_noisy, reduction, weights):
    """Autograd's gradient of L_in for every parameter, by name; None where nothing flows."""
    terms, _ = loss_terms(model, x, x_noisy, reduction)
    model.zero_grad(set_to_none=True)
    losses.interpretability_loss(terms, weights).backward()
    return {name: p.grad for name, p in model.named_parameters()}


@torch.no_grad()
def central_differences(parameter, loss):
    """d loss / d parameter, one entry at a time."""
    gradient = torch.zeros_like(parameter)
    for entry in np.ndindex(*parameter.shape):
        kept = parameter[entry].item()
        parameter[entry] = kept + STEP
        above = float(loss())
        parameter[entry] = kept - STEP
        below = float(loss())
        parameter[entry] = kept
        gradient[entry] = (above - below) / (2 * STEP)
    return gradient


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_supervisors_gradient_is_that_of_alpha_L_sym_alone(reduction):  # eq 9 to 12
    model, x, x_noisy = tiny_case()
    got = gradients(model, x, x_noisy, reduction, TINY)

    def loss():
        return WEIGHTS["alpha"] * losses.symmetric_loss(x, model.supervisor(x), reduction)

    for name, parameter in model.supervisor.named_parameters():
        expected = central_differences(parameter, loss)
        torch.testing.assert_close(got[f"supervisor.{name}"], expected, rtol=1e-6, atol=1e-8)
    assert all(got[f"supervisor.{name}"].norm() > 1e-4 for name, _ in model.supervisor.named_parameters())


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_students_gradient_is_that_of_beta_L_ap_and_gamma_L_nc_with_a_constant_supervisor(reduction):
    model, x, x_noisy = tiny_case()  # eq 13 to 16
    got = gradients(model, x, x_noisy, reduction, TINY)
    h = [feature.detach().numpy() for feature in model.supervisor.features(x)]

    def loss():
        t = [feature.numpy() for feature in model.student.features(x_noisy)]
        L_ap = sum(written_out(a, b, reduction) for a, b in zip(h, [t[0], t[1], t[4], t[5]], strict=True))
        return WEIGHTS["beta"] * L_ap + WEIGHTS["gamma"] * written_out(t[1], t[3], reduction)

    for name, parameter in model.student.named_parameters():
        expected = central_differences(parameter, loss)
        torch.testing.assert_close(got[f"student.{name}"], expected, rtol=1e-6, atol=1e-8)
    assert all(got[f"student.{name}"].norm() > 1e-4 for name, _ in model.student.named_parameters())


def test_without_alpha_nothing_at_all_reaches_the_supervisor():
    model, x, x_noisy = tiny_case()
    got = gradients(model, x, x_noisy, "sum", TINY.replace(alpha=0))
    for name, gradient in got.items():
        if name.startswith("supervisor."):
            assert gradient is None or not gradient.any()
        else:
            assert gradient.any()


@pytest.mark.parametrize("term", ["L_ap", "L_nc"])
def test_neither_apposition_nor_constraint_loss_has_a_gradient_in_the_supervisor(term):
    model, x, x_noisy = tiny_case()
    loss_terms(model, x, x_noisy, "sum")[0][term].backward()
    assert all(p.grad is None for p in model.supervisor.parameters())
    assert any(p.grad is not None for p in model.student.parameters())


def test_the_symmetric_loss_has_no_gradient_in_the_student():
    model, x, x_noisy = tiny_case()
    loss_terms(model, x, x_noisy, "sum")[0]["L_sym"].backward()
    assert all(p.grad is None for p in model.student.parameters())
