"""Which GPUs the engine uses: those on which a product came out right."""

import json
import logging
import subprocess

import pytest

from ddnmf_core.engine import gpus


@pytest.fixture
def probe(monkeypatch, tmp_path):
    """A machine with a driver, on which the probe says this."""
    gpus._probed.cache_clear()
    (tmp_path / "driver").touch()
    monkeypatch.setattr(gpus, "DRIVERS", (tmp_path / "driver",))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("DDNMF_DEVICE", raising=False)

    def says(faults):
        monkeypatch.setattr(gpus, "PROBE", f"print({json.dumps(faults)!r})")

    yield says
    gpus._probed.cache_clear()


def test_only_gpus_that_multiply_are_used_and_the_others_are_named(probe, caplog):
    probe(["", "no kernel image is available", ""])
    with caplog.at_level(logging.WARNING, "ddnmf.engine"):
        assert gpus.available_gpus() == ["0", "2"]
    assert "GPU 1 is not used: no kernel image is available" in caplog.text


def test_gpus_keep_the_names_of_the_environment(probe, monkeypatch):
    probe(["", ""])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-7f")
    assert gpus.available_gpus() == ["3", "GPU-7f"]
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert gpus.available_gpus() == []


def test_a_probe_that_crashes_leaves_the_cpu(probe, monkeypatch, caplog):
    monkeypatch.setattr(gpus, "PROBE", "import os; os.abort()")
    with caplog.at_level(logging.WARNING, "ddnmf.engine"):
        assert gpus.available_gpus() == []
    assert "the test product did not run" in caplog.text


def test_the_real_probe_answers_for_each_gpu_or_says_why_there_is_none(probe):
    import torch

    assert len(gpus.available_gpus()) == torch.cuda.device_count()


def test_without_a_driver_nothing_is_started(probe, monkeypatch):
    monkeypatch.setattr(gpus, "DRIVERS", ())
    monkeypatch.setattr(gpus.shutil, "which", lambda name: None)
    monkeypatch.setattr(subprocess, "run", None)
    assert gpus.available_gpus() == []


def test_the_device_of_choice_is_the_cpu(probe, monkeypatch):
    probe([""])
    monkeypatch.setenv("DDNMF_DEVICE", "cpu")
    assert gpus.available_gpus() == []
