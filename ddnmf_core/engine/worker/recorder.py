"""Record a training in its run's folder: history, snapshots, checkpoints, the trained model."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ParamSpec

from ddnmf_core.engine.worker.provenance import provenance
from ddnmf_core.store.entry import MODEL_FILE, PROVENANCE_FILE, RunEntry, State, Status
from ddnmf_core.store.finished_run import snapshot_name

if TYPE_CHECKING:
    from ddnmf_core.model.trainer import Outcome, Trainer

P = ParamSpec("P")
CHECKPOINT_INTERVAL_S = 10.0  # seconds, at least
CHECKPOINT_SHARE = 0.05  # of the time, at most, for the checkpoints of all runs trained together
DIVERGED_MESSAGE = (
    "The loss became infinite or not a number in epoch {epoch}. Lower the learning rate, or choose mean losses. {kept}"
)


class Recorder:
    """Write the history, pictures and checkpoints of a training."""

    def __init__(self, entry: RunEntry, trainer: "Trainer", state: State, n_together: int = 1) -> None:
        self.entry, self.trainer, self.state, self.n_together = entry, trainer, state, n_together
        self.gallery = trainer.gallery()
        self.saved, self.interval = time.monotonic(), CHECKPOINT_INTERVAL_S

    def resume(self) -> None:
        """Load the last checkpoint, if any, and drop later rows of the history."""
        import torch

        checkpoints = self.entry.names("checkpoint-")
        if checkpoints:
            arrays = self.entry.read_tensors(checkpoints[-1])
            self.trainer.load_state({name: torch.from_numpy(array) for name, array in arrays.items()})
        step = self.trainer.epoch * self.trainer.batches_per_epoch + self.trainer.batch
        self.entry.rewind_history(step)
        if step == 0:
            self._snapshot()

    def end(self, outcome: "Outcome") -> Status | None:
        """Store the outcome of a training; return its status, or None if the run still has to be scored."""
        if outcome == "diverged":
            kept = "The last finite checkpoint is kept." if self.entry.names("checkpoint-") else ""
            return self.entry.end("diverged", DIVERGED_MESSAGE.format(epoch=self.trainer.epoch + 1, kept=kept).strip())
        if outcome == "stopped":
            self.checkpoint()
            return self.entry.end("stopped", f"Stopped in epoch {self.trainer.epoch + 1}; it can be resumed there.")
        self.finish()
        return None

    def record(self, row: dict[str, Any]) -> None:
        self.entry.append_history(row)
        progress = row["epoch"] / self.trainer.config.epochs
        self.entry.set_state(
            replace(self.state, progress=0.98 * progress, message=f"Epoch {row['epoch']:.1f} of {self.trainer.config.epochs}.")
        )
        if row["kind"] == "epoch":
            self._snapshot()
            if time.monotonic() - self.saved > self.interval:
                self.checkpoint()

    def checkpoint(self) -> None:
        """Write a checkpoint, then remove the previous one."""
        began = time.monotonic()
        old = self.entry.names("checkpoint-")
        step = self.trainer.epoch * self.trainer.batches_per_epoch + self.trainer.batch
        name = f"checkpoint-{step:09d}.safetensors"
        self.entry.write_tensors(name, {key: t.numpy() for key, t in self.trainer.state().items()})
        for other in old:
            if other != name:
                self.entry.remove(other)
        self.saved = time.monotonic()
        self.interval = max(CHECKPOINT_INTERVAL_S, self.n_together * (self.saved - began) / CHECKPOINT_SHARE)

    def finish(self) -> None:
        """Write the trained model and its provenance, then remove the checkpoints."""
        arrays = {name: tensor.cpu().numpy() for name, tensor in self.trainer.model.state_dict().items()}
        self.entry.seal_history()
        self.entry.write_json(
            PROVENANCE_FILE,
            provenance(
                self.state.device,
                precision=self.trainer.config.precision,
                training_seconds=round(self._seconds(), 3),
                **({"stacked": self.n_together} if self.n_together > 1 else {}),
            ),
        )
        self.entry.write_tensors(MODEL_FILE, arrays)
        for name in self.entry.names("checkpoint-"):
            self.entry.remove(name)

    def _seconds(self) -> float:
        return sum(row["seconds"] for row in self.entry.epochs())

    def _snapshot(self) -> None:
        pictures = self.gallery.pictures(self.trainer.model, self.trainer.probe())
        self.entry.write_tensors(snapshot_name(self.trainer.epoch), {name: p.numpy() for name, p in pictures.items()})


def throttled(report: Callable[P, None], interval: float = 0.25) -> Callable[P, None]:
    """Limit a function to one call every `interval` seconds; drop calls in between."""
    last = -interval

    def call_if_due(*arguments: P.args, **options: P.kwargs) -> None:
        nonlocal last
        if time.monotonic() - last >= interval:
            last = time.monotonic()
            report(*arguments, **options)

    return call_if_due
