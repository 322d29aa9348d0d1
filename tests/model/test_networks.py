"""Equations 1 and 3: the layers of both networks, and what the NMF module promises."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ddnmf_core.config import RunConfig
from ddnmf_core.model.networks import MIN_MEAN, build_model, project, set_output_bias
from ddnmf_core.model.nmf import NMFModule
from ddnmf_core.model.trainer import Trainer

N_PIXELS = 64


def model_of(**fields):
    return build_model(RunConfig(**{"layers": (32, 16, 6), "n_parts": 5, **fields}), N_PIXELS)


def nmf_module(basis="paper", seed=1):
    return NMFModule(6, 5, basis, "paper", torch.Generator().manual_seed(seed)).double()


def sizes(chain):
    return [(layer.linear.in_features, layer.linear.out_features) for layer in chain]


# ---------------------------------------------------------------------------------------- layers


@pytest.mark.parametrize("layers", [(6,), (16, 6), (32, 16, 6)])
def test_the_supervisor_has_L_layers_and_the_student_L_plus_2(layers):
    model = model_of(layers=layers)
    x = torch.rand(3, N_PIXELS)
    L = 2 * len(layers)
    assert len(model.supervisor.features(x)) == L
    assert len(model.student.features(x)) == L + 2


def test_the_decoder_mirrors_the_encoder_and_the_student_the_supervisor():
    model = model_of()
    for network in (model.supervisor, model.student):
        assert sizes(network.encoder) == [(64, 32), (32, 16), (16, 6)]
        assert sizes(network.decoder) == [(6, 16), (16, 32), (32, 64)]
    widths = [feature.shape[1] for feature in model.student.features(torch.rand(3, N_PIXELS))]
    assert widths == [32, 16, 6, 5, 6, 16, 32, 64]  # encoder, H, X_hat, decoder


def test_ae1_has_the_supervisors_layers_and_ae2_one_less_on_each_side():
    supervisor, ae1, ae2 = model_of().supervisor, model_of(model="ae1"), model_of(model="ae2")
    assert (sizes(ae1.encoder), sizes(ae1.decoder)) == (sizes(supervisor.encoder), sizes(supervisor.decoder))
    assert sizes(ae2.encoder) == [(64, 16), (16, 6)]
    assert sizes(ae2.decoder) == [(6, 16), (16, 64)]


def test_an_additive_decoder_is_one_layer_for_both_networks():
    model = model_of(decoder="additive")
    for network in (model.supervisor, model.student):
        assert sizes(network.encoder) == [(64, 32), (32, 16), (16, 6)]
        assert sizes(network.decoder) == [(6, 64)]
    x = torch.rand(3, N_PIXELS)
    assert [feature.shape[1] for feature in model.supervisor.features(x)] == [32, 16, 6, 64]
    assert [feature.shape[1] for feature in model.student.features(x)] == [32, 16, 6, 5, 6, 64]


@pytest.mark.parametrize("output", ["sigmoid", "linear", "relu"])
def test_raising_a_part_of_an_additive_decoder_never_darkens_a_pixel(output):
    model = model_of(decoder="additive", basis="nonnegative", output_activation=output)
    with torch.no_grad():  # as if a step had gone too far
        model.student.decoder.linear.weight -= 0.1
        model.student.nmf.W -= 0.1
    project(model)
    H = torch.rand(20, 5, generator=torch.Generator().manual_seed(3))
    for part in range(5):
        raised = H.clone()
        raised[:, part] = 1
        with torch.no_grad():
            assert (model.student.decode(raised) >= model.student.decode(H) - 1e-6).all()


def test_a_biased_part_starts_nearly_absent_and_as_one_unit_of_the_code():
    module = NMFModule(4, 6, "nonnegative", "biased", torch.Generator().manual_seed(1))
    assert module.coefficients(torch.zeros(1, 4)).max() < 0.2  # 1/2 without a bias
    assert module.W.argmax(dim=0).tolist() == [0, 1, 2, 3, 0, 1]  # a unit may begin more than one part


@pytest.mark.parametrize(
    ("activation", "written_out"),
    [("linear", lambda a: a), ("relu", lambda a: np.maximum(a, 0)), ("softplus", lambda a: np.log1p(np.exp(a)))],
)
def test_an_encoder_is_relu_layers_and_then_the_bottlenecks_activation(activation, written_out):
    encoder = model_of(layers=(16, 6), bottleneck_activation=activation).double().student.encoder
    x = torch.rand(7, N_PIXELS, dtype=torch.float64)
    (W1, b1), (W2, b2) = [(layer.linear.weight.detach().numpy(), layer.linear.bias.detach().numpy()) for layer in encoder]
    hidden = np.maximum(x.numpy() @ W1.T + b1, 0)
    np.testing.assert_allclose(encoder(x).detach().numpy(), written_out(hidden @ W2.T + b2), rtol=1e-12)


def test_a_sigmoid_output_gives_pixels_between_0_and_1():
    y = model_of(output_activation="sigmoid")(torch.rand(50, N_PIXELS))
    assert y.min() > 0
    assert y.max() < 1
    assert model_of(output_activation="linear")(torch.rand(50, N_PIXELS)).min() < 0


# ------------------------------------------------------------------------------------ NMF module


def test_the_nmf_module_has_a_basis_of_d_by_r_its_transposes_shape_and_no_bias():
    shapes = {name: tuple(p.shape) for name, p in model_of().student.nmf.named_parameters()}
    assert shapes == {"W": (6, 5), "W_prime": (5, 6)}


def test_no_code_gives_half_of_every_part():
    H, _ = nmf_module()(torch.zeros(1, 6, dtype=torch.float64))  # a bias would show here
    assert H.tolist() == [[0.5] * 5]


@given(arrays(np.float64, (4, 6), elements=st.floats(-10, 10)), st.integers(0, 50), st.sampled_from(["paper", "nonnegative"]))
def test_H_lies_strictly_between_0_and_1_and_X_hat_is_never_negative(X, seed, basis):
    H, X_hat = nmf_module(basis, seed)(torch.from_numpy(X))
    assert H.min() > 0
    assert H.max() < 1
    assert X_hat.min() >= 0


@given(arrays(np.float64, (4, 6), elements=st.floats(-10, 10)), st.integers(0, 50))
def test_the_module_is_H_then_the_parts_that_add_up_cut_at_zero(X, seed):
    module = nmf_module(seed=seed)
    W, W_prime = module.W.detach().numpy(), module.W_prime.detach().numpy()
    H, X_hat = (value.detach().numpy() for value in module(torch.from_numpy(X)))
    np.testing.assert_allclose(H, 1 / (1 + np.exp(-X @ W_prime.T)), rtol=1e-9)
    np.testing.assert_allclose(X_hat, np.maximum(H @ W.T, 0), rtol=1e-9, atol=1e-12)


def test_two_parts_at_half_add_up_to_half_of_each():
    module = NMFModule(2, 2, "paper", "paper", torch.Generator())
    module.W.data = torch.tensor([[2.0, 4.0], [1.0, -3.0]])
    assert module.rebuild(torch.tensor([[0.5, 0.5]])).tolist() == [[3.0, 0.0]]  # 1 + 2, relu(.5 - 1.5)


def test_the_codes_are_the_students_X_H_and_X_hat_and_decoding_H_gives_its_output():
    model, x = model_of(), torch.rand(3, N_PIXELS)
    codes, features = model.encode(x), model.student.features(x)
    assert torch.equal(codes.z, features[2])
    assert torch.equal(codes.H, features[3])
    assert torch.equal(codes.z_hat, features[4])
    assert torch.equal(model.student.decode(codes.H), features[-1])
    assert torch.equal(model(x), features[-1])


def test_an_autoencoder_has_a_code_and_no_parts():
    codes = model_of(model="ae1").encode(torch.rand(3, N_PIXELS))
    assert codes.z.shape == (3, 6)
    assert (codes.H, codes.z_hat) == (None, None)


def test_a_strict_basis_is_never_negative_and_the_papers_is(few_digits, small):
    for basis, negative in (("nonnegative", False), ("paper", True)):
        trainer = Trainer(small(basis=basis, learning_rate=0.01), few_digits, torch.device("cpu"))
        after_each_step = []

        def look(W=trainer.model.student.nmf.W, seen=after_each_step):
            seen.append(bool((W < 0).any()))
            return False

        trainer.train(report=lambda row: None, should_stop=look)
        look()
        assert after_each_step == [negative] * 16  # built, and after each of 15 steps


# ----------------------------------------------------------------------------------------- seeds


def test_kaiming_keeps_the_scale_through_the_layers_and_xavier_loses_it():
    scale, after_code = {}, {}
    for initialization in ("xavier", "kaiming"):
        model = build_model(RunConfig(initialization=initialization), 784).supervisor
        x = torch.randn(500, 784, generator=torch.Generator().manual_seed(1))
        scale[initialization] = model.encoder.features(x)[2].detach().square().mean().sqrt().item()
        after_code[initialization] = model.decoder[0].linear.weight.detach().abs().max().item()
    assert scale["kaiming"] == pytest.approx(1, rel=0.2)
    assert scale["xavier"] < 0.3
    assert after_code["kaiming"] == pytest.approx((6 / (10 * 2000) ** 0.5) ** 0.5, rel=0.01)  # between both widths
    assert after_code["xavier"] == pytest.approx((6 / 2010) ** 0.5, rel=0.01)


@pytest.mark.parametrize("output", ["sigmoid", "linear", "relu"])
def test_a_decoder_of_zeros_gives_the_mean_image(output):
    model = build_model(RunConfig(output_activation=output, layers=(16, 6), n_parts=3), 5)
    mean = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0])
    set_output_bias(model, mean)
    for network in (model.supervisor, model.student):
        torch.nn.init.zeros_(network.decoder[-1].linear.weight)
        torch.testing.assert_close(network.decoder(torch.ones(1, 6))[0], mean, atol=MIN_MEAN, rtol=1e-6)


@pytest.mark.parametrize("kind", ["ddnmf", "ae1", "ae2"])
def test_one_seed_gives_the_same_weights_whatever_was_drawn_before(kind):
    torch.manual_seed(1)
    first = model_of(model=kind, seed=3).state_dict()
    torch.manual_seed(2)
    again, other = model_of(model=kind, seed=3).state_dict(), model_of(model=kind, seed=4).state_dict()
    for name, tensor in first.items():
        assert torch.equal(tensor, again[name])
        assert name.endswith("bias") or not torch.equal(tensor, other[name])


def test_supervisor_and_student_start_apart():
    model = model_of()
    assert not torch.equal(model.supervisor.encoder[0].linear.weight, model.student.encoder[0].linear.weight)
