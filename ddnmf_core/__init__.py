"""DDNMF: a supervisor autoencoder teaches a student that factorises its code into parts.

Chen, Jin, Liu and Zhang (2021), "A Deep Non-negative Matrix Factorization Model for Big Data
Representation Learning", Frontiers in Neurorobotics 15:701194, doi 10.3389/fnbot.2021.701194.
Equation numbers anywhere in this package are those of that paper.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddnmf_core.config import PRESETS, RunConfig
    from ddnmf_core.data.catalogue import load
    from ddnmf_core.estimator import DDNMF
    from ddnmf_core.store.finished_run import FinishedRun
    from ddnmf_core.store.run_store import Store

__all__ = ["DDNMF", "PRESETS", "FinishedRun", "RunConfig", "Store", "load"]
__version__ = "0.2.0"

_MODULES = {
    "DDNMF": "estimator",
    "PRESETS": "config",
    "FinishedRun": "store.finished_run",
    "RunConfig": "config",
    "Store": "store.run_store",
    "load": "data.catalogue",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import ddnmf_core` does not load torch."""
    if name in _MODULES:
        return getattr(import_module(f"ddnmf_core.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
