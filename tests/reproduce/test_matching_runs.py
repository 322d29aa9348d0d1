"""Which runs of a store stand in for the models of Figure 3."""

import pytest

from ddnmf_core.config import RunConfig
from ddnmf_core.reproduce.matching_runs import find_matching_runs, nearest_run, on_same_images
from ddnmf_core.reproduce.protocol import QUICK_PROTOCOL
from ddnmf_core.store.entry import State
from ddnmf_core.store.run_store import Store

OWN = QUICK_PROTOCOL.run(QUICK_PROTOCOL.noise_models["DDNMF"], "mnist-10k", 2, noise_level=0.35)
AE1 = QUICK_PROTOCOL.run(QUICK_PROTOCOL.noise_models["AE1"], "mnist-10k", 1, noise_level=0.8)
OTHER = RunConfig(dataset="mnist-10k", epochs=3, noise_level=0.4)


@pytest.fixture
def found(home):
    def of(*configs, status="finished"):
        store = Store(home)
        for config in configs:
            store.create(config).set_state(State(status))
        return find_matching_runs([store.entry(config) for config in configs], QUICK_PROTOCOL)

    return of


def test_the_protocols_own_runs_are_known_at_any_level_and_seed(found):
    runs = found(OWN, AE1, OTHER, OWN.replace(gamma=0.5), OWN.replace(dataset="digits"))
    assert [(run.title, run.own) for run in runs] == [
        ("DDNMF", True),
        ("AE1", True),
        ("DDNMF", False),
        ("DDNMF", False),
        ("DDNMF", False),
    ]


def test_a_run_of_one_network_is_named_after_its_nearest_model(found):
    relu, linear = AE1, AE1.replace(bottleneck_activation="linear")
    runs = found(relu, linear, relu.replace(epochs=3), linear.replace(epochs=3, learning_rate=0.1))
    assert [(run.title, run.own) for run in runs] == [
        ("AE1", True),
        ("AE1 (linear code)", True),
        ("AE1", False),
        ("AE1 (linear code)", False),
    ]


def test_unfinished_runs_other_noise_and_other_models_are_left_out(found):
    assert found(OWN.replace(noise_kind="masking"), OWN.replace(model="ae2")) == []
    assert found(OWN, status="diverged") == []


def test_runs_stand_side_by_side_only_on_the_same_images(found):
    few, full = OTHER.replace(n_samples=500), OTHER.replace(dataset="mnist")
    runs = found(few, full, OTHER, OTHER.replace(model="ae1"), OTHER.replace(dataset="fashion-mnist-10k"))
    assert [run.config for run in on_same_images(runs, "mnist-10k")] == [OTHER, OTHER.replace(model="ae1")]
    assert [run.config for run in on_same_images(runs, "mnist")] == [full]
    assert on_same_images(found(few), "mnist")[0].config == few  # another size of the family is better than nothing
    assert on_same_images(runs, "fashion-mnist")[0].config.dataset == "fashion-mnist-10k"
    assert on_same_images(found(few), "fashion-mnist") == []


def test_the_protocols_own_images_come_first(found):
    runs = found(OTHER.replace(dataset="mnist"), OWN)
    assert on_same_images(runs, "mnist")[0].config == OWN


def test_the_nearest_level_wins_but_the_protocols_own_before_all(found):
    runs = found(OTHER, OTHER.replace(noise_level=0.1), OTHER.replace(noise_level=0.8), AE1)
    assert nearest_run(runs, "DDNMF", 0.75).config.noise_level == 0.8
    assert nearest_run(runs, "DDNMF", 0.25).config.noise_level == 0.1  # as far as 0.4: the cleaner one
    assert nearest_run(found(OTHER, OWN), "DDNMF", 0.4).config == OWN
    assert nearest_run(found(OWN, OWN.replace(seed=1)), "DDNMF", 0.4).config.seed == 1
    assert nearest_run(runs, "DAE", 0.4) is None
