"""Record the origin of a result: versions, machine, threads."""

import platform
from importlib.metadata import version
from typing import Any

PACKAGES = ("torch", "numpy", "scikit-learn", "openTSNE", "umap-learn")


def provenance(device: str, **measured: Any) -> dict[str, Any]:
    """Return versions and machine, with the measurements given."""
    import torch

    return {
        "ddnmf": version("ddnmf"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{package: version(package) for package in PACKAGES},
        "device": device,
        "threads": torch.get_num_threads(),
        **measured,
    }
