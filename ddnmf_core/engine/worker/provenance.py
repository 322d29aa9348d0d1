"""Record the origin of a result: versions, machine, threads."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("ddnmf", "torch", "numpy", "scikit-learn", "openTSNE", "umap-learn")


def provenance(device: str, **measured: Any) -> dict[str, Any]:
    """Return versions and machine, with the measurements given."""
    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{package: installed for package in PACKAGES if (installed := installed_version(package))},
        "device": device,
        "threads": torch.get_num_threads(),
        **measured,
    }


def installed_version(package: str) -> str | None:
    """Return the version of an installed package; None where sources are run or the package is not needed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
