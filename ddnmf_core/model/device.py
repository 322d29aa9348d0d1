"""The device, its threads and its precision: where and how exactly torch computes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ddnmf_core.config import check_device

MPS_TOLERANCE = 1e-4  # largest relative difference from the CPU


def choose_device(wanted: str | None = None) -> torch.device:
    """CUDA, else Apple's MPS where its results agree with the CPU's, else the CPU.

    `wanted`, or else DDNMF_DEVICE, overrides the choice; raises ValueError where that device is not here.
    """
    if wanted in (None, "auto"):
        wanted = os.environ.get("DDNMF_DEVICE") or "auto"
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if _usable(name)))
    check_device(wanted)
    if not _usable(wanted):
        raise ValueError(f"device = {wanted!r}: this machine has no usable one; 'auto' takes what there is")
    return torch.device(wanted)


def sums_dtype(device: torch.device) -> torch.dtype:
    """What long sums are kept in: float64, which MPS does not have."""
    return torch.float32 if device.type == "mps" else torch.float64


def device_title(device: torch.device) -> str:
    """What to call the device on a page: 'CPU, 2 threads' or the accelerator's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


@contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """torch's float32 matrix precision inside the block, with denormals counting as zero: dead units fill
    the optimiser's state with them and slow an epoch fifteenfold."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if name == "bfloat16" else name)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.set_flush_denormal(False)


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """For "bfloat16", a block in which layers compute and pass on bfloat16, while weights, losses and the optimiser stay
    float32; for every other precision a block that changes nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def synchronize(device: torch.device) -> None:
    """Until the device has done what it was given: a clock that is read before tells the time of the launches alone."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _usable(name: str) -> bool:
    if name == "cuda":
        return torch.cuda.is_available()
    if name == "mps":
        return torch.backends.mps.is_available() and _mps_agrees()
    return True


def _mps_agrees() -> bool:
    """A small network's output and gradient on MPS, held against the CPU's."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(32, 64, generator=generator)
    layers = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.Sigmoid())
    results = []
    for device in ("cpu", "mps"):
        network = layers.to(device)
        network.zero_grad()
        network(x.to(device)).square().sum().backward()
        results.append(torch.cat([p.grad.flatten().cpu() for p in network.parameters() if p.grad is not None]))
    expected, got = results
    return bool((got - expected).norm() <= MPS_TOLERANCE * expected.norm())
