"""What a worker does for a run: train it from its last checkpoint, then encode, cluster and score the whole data set."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ddnmf_core.config import RunConfig
from ddnmf_core.entries import CLUSTERS, CODES, MODEL, PROVENANCE, SCORES, Entry, State, Status
from ddnmf_core.provenance import provenance

CHECKPOINT_EVERY = 10.0                                             # seconds
DIVERGED = ("The loss became infinite or not a number in epoch {epoch}. Lower the learning rate, or choose mean losses. "
            "{kept}")


def train(entry: Entry, device_name: str) -> Status:
    """Train a run from its last checkpoint, then encode, cluster and score the whole data set."""
    from ddnmf_core.compute import choose_device, device_title
    from ddnmf_core.data import load
    from ddnmf_core.trainer import Trainer

    config: RunConfig = entry.config
    device = choose_device(device_name)
    state = replace(entry.state, status="running", message="Reading the images.", device=device_title(device))
    entry.set_state(state)
    images = load(config.dataset, config.n_samples, download=True,
                  report=lambda message: entry.set_state(replace(state, message=message.capitalize())))
    trainer = Trainer(config, images, device)
    recorder = _Recorder(entry, trainer, state)
    if not entry.has(MODEL):
        recorder.resume()
        outcome = trainer.train(recorder.record, lambda: entry.stop_requested)
        if outcome == "diverged":
            kept = "The last finite checkpoint is kept." if entry.names("checkpoint-") else ""
            return entry.end("diverged", DIVERGED.format(epoch=trainer.epoch + 1, kept=kept).strip())
        if outcome == "stopped":
            recorder.checkpoint()
            return entry.end("stopped", f"Stopped in epoch {trainer.epoch + 1}; it can be resumed there.")
        recorder.finish()
    if not evaluate(entry, images, lambda message: entry.set_state(replace(state, progress=0.99, message=message))):
        return entry.end("stopped", "Stopped while scoring; it can be resumed there.")
    return entry.end("finished", "")


class _Recorder:
    """Keeps what a training reports: history, pictures and checkpoints."""

    def __init__(self, entry: Entry, trainer: Any, state: State) -> None:
        self.entry, self.trainer, self.state = entry, trainer, state
        self.gallery = trainer.gallery()
        self.saved = time.monotonic()

    def resume(self) -> None:
        """Take up the last checkpoint, if there is one, and forget what was reported after it."""
        import torch
        checkpoints = self.entry.names("checkpoint-")
        if checkpoints:
            arrays = self.entry.read_tensors(checkpoints[-1])
            self.trainer.load_state({name: torch.from_numpy(array) for name, array in arrays.items()})
        step = self.trainer.epoch * self.trainer.batches_per_epoch + self.trainer.batch
        self.entry.rewind_history(step)
        if step == 0:
            self._snapshot()

    def record(self, row: dict[str, Any]) -> None:
        self.entry.append_history(row)
        progress = row["epoch"] / self.trainer.config.epochs
        self.entry.set_state(replace(self.state, progress=0.98 * progress,
                                     message=f"Epoch {row['epoch']:.1f} of {self.trainer.config.epochs}."))
        if row["kind"] == "epoch":
            self._snapshot()
            if not self.entry.names("checkpoint-") or time.monotonic() - self.saved > CHECKPOINT_EVERY:
                self.checkpoint()

    def checkpoint(self) -> None:
        """The new checkpoint is whole and recorded before the old one goes."""
        old = self.entry.names("checkpoint-")
        step = self.trainer.epoch * self.trainer.batches_per_epoch + self.trainer.batch
        name = f"checkpoint-{step:09d}.safetensors"
        self.entry.write_tensors(name, {key: t.numpy() for key, t in self.trainer.state().items()})
        for other in old:
            if other != name:
                self.entry.remove(other)
        self.saved = time.monotonic()

    def finish(self) -> None:
        """The trained model takes the checkpoints' place."""
        arrays = {name: tensor.cpu().numpy() for name, tensor in self.trainer.model.state_dict().items()}
        self.entry.seal_history()
        self.entry.write_json(PROVENANCE, provenance(self.state.device, precision=self.trainer.config.precision,
                                                     training_seconds=round(self._seconds(), 3)))
        self.entry.write_tensors(MODEL, arrays)
        for name in self.entry.names("checkpoint-"):
            self.entry.remove(name)

    def _seconds(self) -> float:
        return sum(row["seconds"] for row in self.entry.epochs())

    def _snapshot(self) -> None:
        pictures = self.gallery.pictures(self.trainer.model, self.trainer.probe())
        self.entry.write_tensors(snapshot_name(self.trainer.epoch), {name: p.numpy() for name, p in pictures.items()})


def snapshot_name(epoch: int) -> str:
    return f"snapshots/{epoch:06d}.safetensors"


def evaluate(entry: Entry, images: Any, report: Callable[[str], None]) -> bool:
    """Codes, clusters and scores of clean and noisy images; False when stopped on the way."""
    import pandas as pd

    from ddnmf_core.clustering import CLUSTERERS, TITLES, cluster
    from ddnmf_core.encoding import encode
    from ddnmf_core.metrics import scores
    config: RunConfig = entry.config
    model = load_model(entry)
    codes, clusters, table = {}, {}, []
    for seen in ("clean", "noisy"):
        report(f"Encoding the {seen} images.")
        for name, value in encode(model, config, images, noisy=seen == "noisy").items():
            codes[f"{seen}/{name}"] = value
        for representation in config.representations:
            for clusterer in CLUSTERERS:
                report(f"Clustering {representation} of the {seen} images with {TITLES[clusterer]}.")
                if entry.stop_requested:
                    return False
                found = cluster(codes[f"{seen}/{representation}"], clusterer, len(images.class_names), config.seed)
                clusters[f"{seen}/{representation}/{clusterer}"] = found
                table.append({"input": seen, "representation": representation, "clusterer": clusterer,
                              **scores(images.labels, found)})
    entry.write_tensors(CODES, codes)
    entry.write_table(CLUSTERS, pd.DataFrame(clusters))
    entry.write_json(SCORES, table)
    return True


def load_model(entry: Entry) -> Any:
    """The trained model on the CPU, in evaluation mode; raises CorruptFile where its file is damaged."""
    import torch

    from ddnmf_core.data import DATASETS
    from ddnmf_core.models import build
    config: RunConfig = entry.config
    model = build(config, DATASETS[config.dataset].n_pixels)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in entry.read_tensors(MODEL).items()})
    return model.eval()
