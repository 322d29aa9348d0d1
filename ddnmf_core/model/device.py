"""Torch's device, number of threads and matrix precision."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import nn

from ddnmf_core.config import check_device

MPS_TOLERANCE = 1e-4  # max. relative difference between MPS and CPU


def choose_device(wanted: str | None = None) -> torch.device:
    """Choose CUDA, else Apple's MPS if its results agree with the CPU's, else the CPU.

    `wanted`, or else the environment variable DDNMF_DEVICE, overrides the choice. Raises ValueError if the wanted device is
    unknown or not usable on this machine.
    """
    if wanted in (None, "auto"):
        wanted = os.environ.get("DDNMF_DEVICE") or "auto"
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if _usable(name)))
    check_device(wanted)
    if not _usable(wanted):
        reason = f" ({gpu_fault(0)})" if wanted == "cuda" else ""
        raise ValueError(f"device = {wanted!r}: not usable on this machine{reason}; 'auto' chooses an available device")
    return torch.device(wanted)


def sums_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype of long sums: float64, or float32 on MPS, which has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def device_title(device: torch.device) -> str:
    """Return the device's display name: 'CPU, 2 threads' or the accelerator's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


@contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """Set torch's float32 matrix precision inside the block and flush denormals to zero.

    Dead units fill the optimiser's state with denormals; unflushed, they slow an epoch down 15 times.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if name == "bfloat16" else name)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.set_flush_denormal(False)


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the autocast context of a precision.

    "bfloat16": layers compute in bfloat16; weights, losses and the optimiser stay in float32. Any other precision: no effect.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def synchronize(device: torch.device) -> None:
    """Wait for the device to finish its queued work. A clock read earlier measures kernel launches only."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _usable(name: str) -> bool:
    """Test if a device exists and, for MPS, computes correctly."""
    if name == "cuda":
        return not gpu_fault(0)
    if name == "mps":
        return torch.backends.mps.is_available() and _mps_agrees()
    return True


def gpu_faults() -> list[str]:
    """List the faults of all GPUs that torch sees (`gpu_fault`); one reason if it sees none."""
    return [gpu_fault(number) for number in range(max(1, torch.cuda.device_count()))]


@cache
def gpu_fault(number: int) -> str:
    """Multiply two small matrices on one GPU; return what went wrong, empty if the product was right."""
    if not torch.cuda.is_available():
        return "this build of PyTorch has no CUDA" if torch.version.cuda is None else "PyTorch finds no usable GPU"
    return _product_fault(torch.device("cuda", number))


def _product_fault(device: torch.device) -> str:
    numbers = torch.arange(64.0).reshape(8, 8)
    try:
        product = (numbers.to(device) @ numbers.to(device)).cpu()
    except (RuntimeError, AssertionError) as error:  # no kernel for this GPU, out of memory, a driver that is too old
        return str(error).partition("\n")[0]
    return "" if torch.allclose(product, numbers @ numbers, rtol=0.01) else "its matrix products are wrong"


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it arose from, is torch's for a device without enough free memory.

    Memory that runs out while a CUDA graph is captured also invalidates the capture, and ending it raises another error.
    """
    while error is not None and not isinstance(error, torch.OutOfMemoryError):
        error = error.__cause__ or error.__context__
    return error is not None


def lost_context() -> bool:
    """Whether the GPU can no longer be used in this process, as after an illegal access: every later call fails."""
    if not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
    except torch.OutOfMemoryError:
        return False
    except RuntimeError:
        return True
    return False


def _mps_agrees() -> bool:
    """Compare the gradient of a small network on MPS with that on the CPU."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(32, 64, generator=generator)
    layers = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.Sigmoid())
    gradients = []
    for device in ("cpu", "mps"):
        network = layers.to(device)
        network.zero_grad()
        network(x.to(device)).square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten().cpu() for p in network.parameters() if p.grad is not None]))
    expected, received = gradients
    return bool((received - expected).norm() <= MPS_TOLERANCE * expected.norm())
