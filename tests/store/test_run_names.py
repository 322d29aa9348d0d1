"""Names of runs: the user's, and what differs from a preset or the defaults."""

import pytest
from stored import finish

from ddnmf_core.config import PRESETS, RunConfig
from ddnmf_core.store.run_names import MAX_RUN_NAME, rename_run, run_name, run_title, settings_text
from ddnmf_core.store.run_store import Store


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (RunConfig(), ""),
        (RunConfig(seed=7, dataset="fashion-mnist-10k", n_samples=500), ""),  # named elsewhere in the title
        (RunConfig(gamma=0.1, noise_level=0.2, epochs=1), "γ 0.1, noise 20%, 1 epoch"),
        (RunConfig(nmf_at="pixels", n_parts=64), "recommended, r 64"),
        (RunConfig(**PRESETS["recommended"]), "recommended"),
        (RunConfig(**PRESETS["quick"]), "quick"),
        (RunConfig(**PRESETS["published"]), "published"),
        (RunConfig(**PRESETS["paper"]), "paper"),
        (RunConfig(**PRESETS["parts"]), "parts"),
        (RunConfig(**PRESETS["published"], gamma=0.1, n_parts=20), "published, r 20, γ 0.1"),
        (RunConfig(model="ae1"), ""),
        (RunConfig(**PRESETS["published"] | {"model": "dae"}), "published"),  # beta is none of its settings
        (RunConfig(layers="64, 32, 8"), "layers 64-32-8"),
    ],
)
def test_settings_are_told_by_what_differs(config, text):
    assert settings_text(config) == text


def test_no_two_different_configurations_have_the_same_text():
    varied = [
        RunConfig(**{name: value})
        for name, value in {
            "alpha": 2,
            "beta": 2,
            "gamma": 2,
            "n_parts": 2,
            "epochs": 2,
            "noise_level": 0.2,
            "noise_kind": "masking",
            "learning_rate": 0.2,
            "batch_size": 2,
            "n_clusters": 2,
            "optimizer": "sgd",
            "precision": "high",
            "basis": "nonnegative",
            "coefficients": "biased",
            "decoder": "additive",
            "nmf_at": "pixels",
            "schedule": "constant",
            "loss_reduction": "sum",
            "initialization": "xavier",
            "output_bias": "zero",
            "output_activation": "relu",
            "bottleneck_activation": "relu",
        }.items()
    ]
    assert len({settings_text(config) for config in varied} - {""}) == len(varied)


@pytest.fixture
def run(tmp_path):
    return finish(Store(tmp_path / "store"))


def test_a_name_is_kept_in_one_line_shown_and_removed(run):
    rename_run(run, "  weak\n NMF " + "x" * 100)
    assert run_name(run) == ("weak NMF " + "x" * 100)[:MAX_RUN_NAME]
    assert run_title(run).startswith("weak NMF x")
    assert run.problems() == []
    rename_run(run, " ")
    assert run_name(run) == ""
    assert run_title(run).startswith("DDNMF")
    assert run.problems() == []
