"""DDNMF: a supervisor autoencoder teaches a student that factorises its code into parts.

Chen, Jin, Liu and Zhang (2021), "A Deep Non-negative Matrix Factorization Model for Big Data
Representation Learning", Frontiers in Neurorobotics 15:701194, doi 10.3389/fnbot.2021.701194.
Equation numbers anywhere in this package are those of that paper.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddnmf_core.estimator import DDNMF as DDNMF

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`from ddnmf_core import DDNMF`, without loading torch for whoever does not ask for it."""
    if name == "DDNMF":
        from ddnmf_core.estimator import DDNMF
        return DDNMF
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
