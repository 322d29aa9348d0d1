"""The NMF module at the pixels: its promises, its place in the losses, and images made of known parts."""

import numpy as np
import pytest
import torch

from ddnmf_core.config import RunConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.interpret.shapley import additivity_gap
from ddnmf_core.model.batched_trainer import BatchedTrainer
from ddnmf_core.model.networks import PixelStudent, build_model, project
from ddnmf_core.model.nmf import factorise
from ddnmf_core.model.trainer import Trainer, loss_terms

N_PARTS, SIDE = 6, 8
CONFIG = RunConfig(
    dataset="digits",
    nmf_at="pixels",
    layers=(64, 32, N_PARTS),
    n_parts=N_PARTS,
    epochs=60,
    batch_size=64,
    noise_level=0.1,
    beta=1.0,
    learning_rate=4e-3,
    schedule="linear",
    initialization="kaiming",
    output_bias="zero",
    precision="highest",
)


def planted(n=1000, seed=0):
    """Images that are sums of up to six disjoint bars, each present in two of five images."""
    bars = np.zeros((N_PARTS, SIDE, SIDE))
    for k in range(N_PARTS):
        bars[k, (k // 3) * 4 : (k // 3) * 4 + 4, (k % 3) * 3 : (k % 3) * 3 + 2] = 1
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.4, 1.0, (n, N_PARTS)) * (rng.random((n, N_PARTS)) < 0.4)
    pixels = (shares @ bars.reshape(N_PARTS, -1) * 255).round().astype(np.uint8)
    return bars.reshape(N_PARTS, -1), Images("planted", pixels, np.zeros(n, np.int64), (SIDE, SIDE), ("all",))


def trained(images, **changes):
    trainer = Trainer(CONFIG.replace(**changes), images, torch.device("cpu"))
    assert trainer.train(lambda row: None) == "finished"
    return trainer


DEFAULTS = {name: RunConfig.model_fields[name].default for name in ("beta", "learning_rate", "output_bias")}


@pytest.mark.parametrize("changes", [{}, {**DEFAULTS, "layers": (64, 32, 10)}])
def test_known_parts_are_found(changes):
    """With the defaults and a code of 6 units for 6 parts the supervisor may miss a part, and the student with it."""
    bars, images = planted()
    student = trained(images, **changes).model.student
    W = student.nmf.W.detach().numpy()
    cosines = (bars / np.linalg.norm(bars, axis=1, keepdims=True)) @ (W / np.linalg.norm(W, axis=0))
    assert cosines.max(axis=1).min() > 0.95
    assert sorted(cosines.argmax(axis=1)) == list(range(N_PARTS))  # each by a part of its own


def test_contributions_add_up_whatever_the_baseline():
    _, images = planted(200)
    model = trained(images, epochs=2).model
    H = model.encode(torch.from_numpy(images.scaled())).H.detach()
    for baseline in (torch.zeros(N_PARTS), H.mean(dim=0)):
        assert additivity_gap(model.student.decode, H[0], baseline) < 1e-5
    W = model.student.nmf.W.detach()
    assert torch.allclose((H[0] * W).sum(dim=1), model.student.decode(H[:1])[0], atol=1e-6)


def test_parts_stay_nonnegative_and_no_longer_than_one():
    _, images = planted(200)
    nmf = trained(images, epochs=3).model.student.nmf
    assert (nmf.W >= 0).all()
    assert (nmf.scale >= 0).all()
    assert nmf.W.norm(dim=0).max() <= 1 + 1e-6
    with torch.no_grad():
        nmf.W.copy_(torch.randn_like(nmf.W) * 10)
    project(nmf)
    assert (nmf.W >= 0).all()
    assert nmf.W.norm(dim=0).max() <= 1 + 1e-6


def test_losses_compare_the_layers_before_the_module_and_what_it_leaves_of_the_clean_image():
    model = build_model(CONFIG, SIDE * SIDE)
    x = torch.rand(5, SIDE * SIDE)
    x_noisy = torch.rand(5, SIDE * SIDE)
    terms, layers = loss_terms(model, x, x_noisy, "sum")
    h, h_student = model.supervisor.features(x), model.student.features(x_noisy)
    assert len(layers) == len(h) - 1 == len(h_student) - 2
    expected = [(teacher - student).square().sum() for teacher, student in zip(h[:-1], h_student, strict=False)]
    assert torch.allclose(layers, torch.stack(expected))
    H, W = h_student[-2], model.student.nmf.W
    assert torch.allclose(terms["L_nc"], (x - H @ W.T).square().sum())
    assert torch.allclose(terms["L_sym"], (x - h[-1]).square().sum())


def test_the_start_is_an_nmf_with_parts_of_length_one():
    bars, images = planted(500)
    x = torch.from_numpy(images.scaled())
    W, scale = factorise(x, N_PARTS, seed=1)
    assert torch.allclose(W.norm(dim=0), torch.ones(N_PARTS), atol=1e-5)
    assert (scale > 0).all()
    assert ((torch.from_numpy(bars).float() / np.sqrt(8)) @ W).max(dim=1).values.min() > 0.9
    assert factorise(x[:3], N_PARTS, seed=1)[0].shape == (SIDE * SIDE, N_PARTS)  # fewer images than parts


def test_a_stack_trains_as_its_runs_do_alone():
    _, images = planted(200)
    configs = [CONFIG.replace(epochs=3), CONFIG.replace(epochs=3, seed=2)]
    together = [Trainer(config, images, torch.device("cpu")) for config in configs]
    ended = {}
    BatchedTrainer(together).train(lambda *_: None, lambda _: False, lambda trainer, outcome: ended.update({trainer: outcome}))
    assert set(ended.values()) == {"finished"}
    for trainer, config in zip(together, configs, strict=True):
        alone = trained(images, epochs=3, seed=config.seed)
        for name, parameter in alone.model.state_dict().items():
            assert torch.allclose(parameter, trainer.model.state_dict()[name], atol=2e-4), name


def test_a_checkpoint_goes_on_where_it_was():
    _, images = planted(200)
    whole = trained(images, epochs=2)
    first = Trainer(CONFIG.replace(epochs=2), images, torch.device("cpu"))
    first.train(lambda row: None, lambda: first.epoch == 1)
    second = Trainer(CONFIG.replace(epochs=2), images, torch.device("cpu"))
    second.load_state(first.state())
    second.train(lambda row: None)
    for name, parameter in whole.model.state_dict().items():
        assert torch.equal(parameter, second.model.state_dict()[name]), name


@pytest.mark.parametrize("layers", [(6,), (16, 6)])
def test_shallow_networks_have_the_module_too(layers):
    model = build_model(CONFIG.replace(layers=layers), SIDE * SIDE)
    x = torch.rand(3, SIDE * SIDE)
    assert isinstance(model.student, PixelStudent)
    assert model(x).shape == x.shape
    z = model.encode(x).z
    assert torch.allclose(model.student.decoder(z), model(x))
    assert loss_terms(model, x, x, "mean")[1].shape == (2 * len(layers) - 1,)


def test_settings_that_the_module_does_not_have_make_no_other_run():
    ids = {CONFIG.replace(**change).id for change in ({}, {"basis": "nonnegative"}, {"decoder": "additive"})}
    assert ids == {CONFIG.id}
    assert CONFIG.representations == ("z", "H")
    assert RunConfig(model="ae1", nmf_at="pixels").id == RunConfig(model="ae1").id
    assert RunConfig(nmf_at="code").id == RunConfig().id
