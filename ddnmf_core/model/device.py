"""Torch's device, number of threads and matrix precision."""

import os
import threading
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


class _ProcessPrecision:
    """Torch's float32 matrix precision, one for the process: threads with the same one share it, another one waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._own = threading.local()
        self._n_holders, self._name, self._before = 0, "", ""

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Set the precision inside the block; a block within one lets the outer precision go meanwhile."""
        outer: str | None = getattr(self._own, "name", None)
        if outer is not None:
            self._release()
        try:
            self._acquire(name)
            self._own.name = name
            try:
                yield
            finally:
                self._release()
        finally:
            self._own.name = outer
            if outer is not None:
                self._acquire(outer)

    def _acquire(self, name: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._n_holders or self._name == name)
            if not self._n_holders:
                self._before = torch.get_float32_matmul_precision()
                torch.set_float32_matmul_precision(name)
                self._name = name
            self._n_holders += 1

    def _release(self) -> None:
        with self._changed:
            self._n_holders -= 1
            if not self._n_holders:
                torch.set_float32_matmul_precision(self._before)
            self._changed.notify_all()


_process_precision = _ProcessPrecision()


@contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """Set torch's float32 matrix precision inside the block and flush denormals to zero; both are as before afterwards.

    The precision is one for the process: a thread that needs another one waits until nobody holds this one. Dead units fill the
    optimiser's state with denormals; unflushed, they slow an epoch down 15 times.
    """
    with _process_precision.hold("medium" if name == "bfloat16" else name):
        before = _flushes_denormals()
        torch.set_flush_denormal(True)
        try:
            yield
        finally:
            torch.set_flush_denormal(before)


def _flushes_denormals() -> bool:
    """Return True if this thread flushes denormals to zero; torch has no function for it."""
    return float(torch.tensor(torch.finfo(torch.float64).tiny, dtype=torch.float64, device="cpu") / 2) == 0


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
    x = torch.rand(32, 64, generator=generator, dtype=torch.float32)
    layers = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.Sigmoid())
    gradients = []
    for device in ("cpu", "mps"):
        network = layers.to(device)
        network.zero_grad()
        network(x.to(device)).square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten().cpu() for p in network.parameters() if p.grad is not None]))
    expected, received = gradients
    return bool((received - expected).norm() <= MPS_TOLERANCE * expected.norm())
