"""Device, precision and denormals."""

import os
import subprocess
import sys

import pytest
import torch

from ddnmf_core.model import device
from ddnmf_core.model.device import choose_device, device_title, matmul_precision


def test_the_cpu_can_always_be_chosen(monkeypatch):
    assert choose_device("cpu").type == "cpu"
    monkeypatch.setenv("DDNMF_DEVICE", "cpu")
    assert choose_device().type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cpu"


@pytest.mark.parametrize("wanted", ["tpu", "cuda:9"])
def test_an_unknown_device_is_named(wanted):
    with pytest.raises(ValueError, match=f"device = '{wanted}'"):
        choose_device(wanted)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_here_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match="'auto' chooses an available device"):
        choose_device("cuda")


def test_a_gpu_that_cannot_multiply_is_not_chosen(monkeypatch):
    """As after a driver's update, or with a GPU for which this build of PyTorch has no kernels."""
    device.gpu_fault.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(device, "_product_fault", lambda device: "no kernel image is available")
    try:
        assert choose_device("auto").type == "cpu"
        with pytest.raises(ValueError, match=r"not usable on this machine \(no kernel image is available\)"):
            choose_device("cuda")
    finally:
        device.gpu_fault.cache_clear()


def test_precision_holds_inside_the_block_alone():
    before = torch.get_float32_matmul_precision()
    with matmul_precision("medium"):
        assert torch.get_float32_matmul_precision() == "medium"
        assert (torch.tensor([1e-40]) * 1.0).item() == 0.0
    assert torch.get_float32_matmul_precision() == before
    assert (torch.tensor([1e-40]) * 1.0).item() != 0.0


def test_the_title_says_how_many_threads():
    torch.set_num_threads(1)
    assert device_title(torch.device("cpu")) == "CPU, 1 thread"


def test_a_worker_treats_denormals_as_zero_in_all_its_threads():
    code = (
        "import torch; from ddnmf_core.engine.worker import tasks; tasks._prepare_torch();"
        "print(int((torch.full((4_000_000,), 1e-40) * 1.0).count_nonzero()))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PATH": ""}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "0"
