"""DDNMF as a scikit-learn estimator."""

from ddnmf_core.estimator.ddnmf import DDNMF

__all__ = ["DDNMF"]
