"""Which data sets get other settings than the defaults."""

from dataclasses import replace

import pytest

from ddnmf_core.cli.train import _suggested_fields
from ddnmf_core.config import PRESETS, RunConfig
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.data.suggestions import preset_for, suggest, suggestion_for


def test_the_full_sets_get_fewer_epochs_and_the_default_network(capsys):
    for name in ("mnist", "fashion-mnist"):
        fields = _suggested_fields(name, None)
        assert fields == suggestion_for(name, DATASETS[name]).fields == suggest(DATASETS[name]).fields
        assert RunConfig(dataset=name, **fields) == RunConfig(dataset=name, epochs=15)
    assert "15 epochs (4,110 steps)" in capsys.readouterr().err


def test_other_built_in_sets_and_parts_of_the_full_ones_get_the_defaults():
    assert not any(suggestion_for(name, DATASETS[name]) for name in ("mnist-10k", "fashion-mnist-10k", "digits"))
    assert _suggested_fields("mnist", 2000) == _suggested_fields("digits", None) == _suggested_fields(None, None) == {}


def test_narrow_data_have_fewer_parts_at_the_pixels():
    digits = DATASETS["digits"]  # 64 pixels
    assert preset_for("recommended", digits) == PRESETS["recommended"]
    assert preset_for("recommended", replace(digits, image_shape=(1, 6))) == {"nmf_at": "pixels", "n_parts": 3}
    assert preset_for("recommended", replace(digits, image_shape=(1, 2)))["n_parts"] == 2
    assert preset_for("paper", digits) == PRESETS["paper"]
    assert preset_for(None, digits) == {}
    with pytest.raises(ValueError, match="preset = 'magic'"):
        preset_for("magic", digits)
