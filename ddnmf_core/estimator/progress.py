"""Follow a training of the estimator: its history, lines, held-out error and early stop."""

import math
from typing import Any

import torch

from ddnmf_core.estimator.parameters import FitConfig
from ddnmf_core.model.encoding import ENCODING_BATCH
from ddnmf_core.model.trainer import HistoryRow, Trainer


class EpochReport:
    """Receive the rows of a training; `should_stop` says when it has gone on for long enough."""

    def __init__(self, parameters: FitConfig, trainer: Trainer, held_out: torch.Tensor) -> None:
        self.parameters, self.trainer = parameters, trainer
        self.held_out = held_out.to(trainer.device)
        self.history: list[dict[str, Any]] = []
        self._best, self._n_without_fall, self._stop = math.inf, 0, False

    def __call__(self, row: HistoryRow) -> None:
        if row["kind"] != "epoch":
            return
        if len(self.held_out):
            row["error_validation"] = self._held_out_error()
        self.history.append(row)
        error = float(row["error_validation"] if len(self.held_out) else row["error_student"])
        self._follow(error)
        if self.parameters.verbose and len(self.history) % self.parameters.verbose == 0:
            print(f"epoch {len(self.history)} of {self.trainer.config.epochs}: L_in {row['L_in']:.5g}, error {error:.5g}")
        if self.parameters.callback is not None and self.parameters.callback(row):
            self._stop = True

    def should_stop(self) -> bool:
        """Return True after a callback's True, or `n_iter_no_change` epochs in which the error has not fallen by `tol`."""
        return self._stop

    def _follow(self, error: float) -> None:
        tol = self.parameters.tol
        if tol is None:
            return
        if error < self._best * (1 - tol):
            self._best, self._n_without_fall = error, 0
        else:
            self._n_without_fall += 1
        self._stop = self._n_without_fall >= self.parameters.n_iter_no_change

    @torch.no_grad()
    def _held_out_error(self) -> float:
        """Compute the mean squared error of the rows left out, scaled and without noise."""
        total = sum(float((self.trainer.model(x) - x).square().sum()) for x in self.held_out.split(ENCODING_BATCH))
        return total / self.held_out.numel()
