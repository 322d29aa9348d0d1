"""A run is its configuration: equal ones share an id, and a bad one says what is wrong."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddnmf_core.config import PRESETS, PUBLISHED, ClusteringConfig, EmbeddingConfig, PixelNMFConfig, RunConfig, preset_fields

RUN = "0123456789abcdef"

run_configs = st.builds(  # few values: equal pairs are common
    RunConfig, layers=st.sampled_from([(5, 2), (2, 5), [5, 2]]), alpha=st.sampled_from([0, 0.0, 1, 0.1 + 0.2, 0.3])
)

ONE_CHANGE = [
    {"dataset": "digits"},
    {"n_clusters": 3},
    {"n_samples": 1000},
    {"model": "ae1"},
    {"layers": (500, 500, 10)},
    {"bottleneck_activation": "relu"},
    {"output_activation": "linear"},
    {"n_parts": 11},
    {"basis": "nonnegative"},
    {"alpha": 2},
    {"beta": 2},
    {"gamma": 2},
    {"loss_reduction": "sum"},
    {"noise_kind": "masking"},
    {"noise_level": 0.5},
    {"optimizer": "sgd"},
    {"learning_rate": 0.1},
    {"batch_size": 255},
    {"epochs": 46},
    {"seed": 2},
    {"precision": "high"},
    {"coefficients": "biased"},
    {"decoder": "additive"},
    {"schedule": "constant"},
    {"initialization": "xavier"},
    {"output_bias": "zero"},
    {"nmf_at": "pixels"},
    {"test_share": 0.2},
]


# ------------------------------------------------------------------------------------------- ids


@given(run_configs, run_configs)
def test_ids_are_equal_exactly_when_the_configurations_are(a, b):
    assert (a == b) == (a.id == b.id)


def test_a_weight_of_minus_zero_is_the_same_run_as_zero():
    assert RunConfig(alpha=-0.0) == RunConfig(alpha=0.0)
    assert RunConfig(alpha=-0.0).id == RunConfig(alpha=0.0).id


def test_every_single_field_changes_the_id():
    assert {field for change in ONE_CHANGE for field in change} == set(RunConfig.model_fields)
    ids = [RunConfig().id] + [RunConfig(**change).id for change in ONE_CHANGE]
    assert len(set(ids)) == len(ids)


def test_a_field_that_came_later_leaves_the_ids_of_before_as_they_were():
    """What was published by id is found again: this one stands in results/table1.json."""
    config = RunConfig(dataset="mnist", **PUBLISHED)
    assert config.id == "d0fce9c53a7c6d47"
    assert not set(RunConfig.ADDED_FIELDS) & set(config.model_dump())
    assert RunConfig.stored(config.model_dump()) == config.replace(seed=1) == config != RunConfig(**config.model_dump())
    assert RunConfig(decoder="additive").model_dump()["decoder"] == "additive"


def test_the_id_does_not_depend_on_the_order_of_the_fields():
    fields = RunConfig(seed=7, alpha=0.5).model_dump()
    assert RunConfig(**dict(reversed(fields.items()))).id == RunConfig(**fields).id


def test_what_a_model_or_a_map_does_not_have_makes_no_difference():
    assert RunConfig(model="ae1", beta=2, gamma=3, n_parts=7, basis="nonnegative").id == RunConfig(model="ae1").id
    assert EmbeddingConfig(run=RUN, method="pca", perplexity=99).id == EmbeddingConfig(run=RUN, method="pca").id
    assert EmbeddingConfig(run=RUN, perplexity=99).id != EmbeddingConfig(run=RUN).id


def test_a_spelled_out_default_or_a_whole_number_for_a_real_one_is_the_same_run():
    assert RunConfig(epochs=30, layers=[500, 500, 2000, 10], alpha=1).id == RunConfig().id


def test_an_id_is_16_hexadecimal_digits_which_an_embedding_accepts():
    assert re.fullmatch("[0-9a-f]{16}", RunConfig().id)
    assert EmbeddingConfig(run=RunConfig().id).run == RunConfig().id


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(layers=(7, 3), alpha=0.1 + 0.2, n_samples=500),
        EmbeddingConfig(run=RUN, method="umap"),
        PixelNMFConfig(n_parts=3),
        ClusteringConfig.of(RunConfig(), transform="umap", noise_level=0.3),
        RunConfig(**PUBLISHED),
        RunConfig(**PRESETS["parts"]),
        RunConfig(nmf_at="pixels"),
        RunConfig(model="ae1", **PUBLISHED),
    ],
)
def test_a_round_trip_through_json_gives_the_same_configuration(config):
    stored = json.loads(json.dumps(config.model_dump(mode="json")))
    for back in (type(config).stored(stored), type(config)(**json.loads(json.dumps(config.settings())))):
        assert back == config
        assert back.id == config.id


def test_configurations_are_frozen():
    config = RunConfig()
    with pytest.raises(ValueError, match="frozen"):
        config.epochs = 3
    assert config.replace(epochs=3).epochs == 3
    assert config.epochs == 30


def test_a_changed_copy_is_checked_too():
    with pytest.raises(ValueError, match="epochs = 0"):
        RunConfig().replace(epochs=0)


# -------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("fields", "field", "value", "wanted"),
    [
        ({"epochs": "many"}, "epochs", "'many'", "integer"),
        ({"epochs": 2.5}, "epochs", "2.5", "integer"),
        ({"alpha": "heavy"}, "alpha", "'heavy'", "number"),
        ({"alpha": None}, "alpha", "None", "number"),
        ({"layers": 5}, "layers", "5", "tuple"),
        ({"layers": ()}, "layers", "()", "at least 1"),
        ({"layers": (1,) * 9}, "layers", str((1,) * 9), "at most 8"),
        ({"layers": (5, 0)}, "layers.1", "0", "greater than or equal to 1"),
        ({"layers": (9000,)}, "layers.0", "9000", "less than or equal to 8192"),
        ({"noise_level": 1.5}, "noise_level", "1.5", "less than or equal to 1"),
        ({"noise_level": -0.1}, "noise_level", "-0.1", "greater than or equal to 0"),
        ({"learning_rate": 0}, "learning_rate", "0", "greater than 0"),
        ({"n_samples": 99}, "n_samples", "99", "greater than or equal to 100"),
        ({"seed": -1}, "seed", "-1", "greater than or equal to 0"),
        ({"alpha": math.nan}, "alpha", "nan", "finite"),
        ({"noise_level": math.nan}, "noise_level", "nan", "finite"),
        ({"gamma": math.inf}, "gamma", "inf", "finite"),
        ({"dataset": "cifar"}, "dataset", "'cifar'", "'mnist-10k', 'fashion-mnist-10k', 'mnist'"),
        ({"optimizer": "lbfgs"}, "optimizer", "'lbfgs'", "'adam', 'adamw' or 'sgd'"),
        ({"model": "ae2", "layers": (7,)}, "layers", "(7,)", "at least 2"),
    ],
)
def test_a_bad_field_is_named_with_its_value_and_what_was_wanted(fields, field, value, wanted):
    with pytest.raises(ValueError, match=f"^{re.escape(f'{field} = {value}: ')}") as caught:
        RunConfig(**fields)
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_setting_is_named():
    with pytest.raises(ValueError, match=r"^alhpa: there is no such setting$"):
        RunConfig(alhpa=1)


def test_two_bad_fields_are_both_named():
    with pytest.raises(ValueError, match=r"epochs = 0: .*; seed = -1: "):
        RunConfig(epochs=0, seed=-1)


def test_an_embedding_of_something_that_is_no_run_id_is_refused():
    with pytest.raises(ValueError, match=r"run = '\.\./\.\./etc'"):
        EmbeddingConfig(run="../../etc")


@pytest.mark.parametrize("text", ["500,500,10", "500, 500, 10"])
def test_layers_may_be_text(text):
    assert RunConfig(layers=text).layers == (500, 500, 10)


@pytest.mark.parametrize("text", ["a,b", "", "500,,10", "1.5"])
def test_text_that_is_no_list_of_layers_is_named(text):
    with pytest.raises(ValueError, match=f"^layers = {re.escape(repr(text))}: should be whole numbers separated by commas"):
        RunConfig(layers=text)


def test_an_unknown_preset_is_named():
    assert preset_fields(None) == {}
    assert preset_fields("quick") == PRESETS["quick"]
    with pytest.raises(ValueError, match=r"preset = 'magic': should be one of recommended, quick, published, paper, parts"):
        preset_fields("magic")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"representation": "z"}, "representation = 'z', run = None: 'pixels' takes no run, the others need one"),
        ({"run": RUN}, f"representation = 'pixels', run = '{RUN}': 'pixels' takes no run, the others need one"),
        ({"noise_level": 0.1}, "noise_level = 0.1: should be 0 for pixels; noise needs a run"),
        ({"run": "../../etc", "representation": "z"}, "run = '../../etc'"),
    ],
)
def test_clusters_are_of_pixels_or_of_a_runs_codes(fields, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        ClusteringConfig(**fields)


def test_without_a_transform_the_number_of_components_makes_no_difference():
    assert ClusteringConfig(n_components=7).id == ClusteringConfig().id
    unit = ClusteringConfig(transform="unit_length")
    assert unit.replace(n_components=7).id == unit.id != ClusteringConfig().id
    assert ClusteringConfig(transform="unit_nmf", n_components=7).id != ClusteringConfig(transform="unit_nmf").id


def test_clusters_of_a_run_take_over_its_data_and_seed():
    run = RunConfig(dataset="digits", n_samples=500, seed=7)
    config = ClusteringConfig.of(run)
    assert (config.dataset, config.n_samples, config.run, config.seed) == ("digits", 500, run.id, 7)


# ----------------------------------------------------------------------------------- what it says


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_run_of_its_own(name):
    config = RunConfig(**PRESETS[name])
    assert all(getattr(config, field) == value for field, value in PRESETS[name].items())
    assert [RunConfig(**fields).id for fields in PRESETS.values()].count(config.id) == 1


def test_presets_of_before_are_the_runs_that_they_were():
    assert RunConfig(**PRESETS["paper"]).id == "8c7be18179266efc"
    assert RunConfig(**PUBLISHED | PRESETS["parts"]).id == "be19be1ff81783ae"


def test_ae2_leaves_the_first_layer_out():
    assert RunConfig(model="ae2", layers=(8, 4, 2)).encoder_layers == (4, 2)
    assert RunConfig(model="ae1", layers=(8, 4, 2)).encoder_layers == (8, 4, 2)
    assert RunConfig(model="ae2", layers=(8, 4, 2)).code_size == 2


def test_only_ddnmf_has_parts_to_cluster():
    assert RunConfig().representations == ("z", "H", "z_hat")
    assert RunConfig(model="ae1").representations == ("z",)


def test_importing_the_configuration_loads_no_heavy_library(loaded_by):
    assert not loaded_by("ddnmf_core.config") & {"torch", "sklearn", "pandas", "scipy", "numpy", "streamlit"}
