"""Find the GPUs that the engine may use."""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from ddnmf_core.engine.log import logger

DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))  # NVIDIA, ROCm, the Linux subsystem of Windows
PROBE = "import json; from ddnmf_core.model.device import gpu_faults; print(json.dumps(gpu_faults()))"
PROBE_TIMEOUT_S = 120


def available_gpus() -> list[str]:
    """List the GPUs on which a product of matrices gives the right result, as CUDA_VISIBLE_DEVICES names them.

    A GPU that fails is named in the log with its error, and left out.
    """
    if os.environ.get("DDNMF_DEVICE") in ("cpu", "mps"):
        return []
    return list(_probed(os.environ.get("CUDA_VISIBLE_DEVICES")))


@cache
def _probed(visible: str | None) -> tuple[str, ...]:
    """Multiply on each visible GPU, in a process of its own: this one then holds no CUDA context, and a crash spares it."""
    if visible in ("", "-1") or not (any(driver.exists() for driver in DRIVERS) or shutil.which("nvidia-smi")):
        return ()
    try:
        probe = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True
        )
        faults: list[str] = json.loads(probe.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        logger.warning("No GPU is used: the test product did not run (%s).", error)
        return ()
    names = visible.split(",") if visible else [str(number) for number in range(len(faults))]
    for name, fault in zip(names, faults, strict=False):
        if fault:
            logger.warning("GPU %s is not used: %s", name, fault)
    return tuple(name.strip() for name, fault in zip(names, faults, strict=False) if not fault)
