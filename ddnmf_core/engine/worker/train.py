"""What a worker does for a run: train it from its last checkpoint, then encode, cluster and score the whole data set."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ddnmf_core.config import RunConfig
from ddnmf_core.engine.worker.provenance import provenance
from ddnmf_core.store.entry import CLUSTERS, CODES, MODEL, PROVENANCE, SCORES, Entry, State, Status

if TYPE_CHECKING:
    import torch

    from ddnmf_core.model.trainer import Outcome

CHECKPOINT_EVERY = 10.0                                             # seconds
DIVERGED = ("The loss became infinite or not a number in epoch {epoch}. Lower the learning rate, or choose mean losses. "
            "{kept}")


def train(entry: Entry, device_name: str) -> Status:
    """Train a run from its last checkpoint, then encode, cluster and score the whole data set."""
    return train_together([entry], device_name)[entry]


def train_together(entries: Sequence[Entry], device_name: str) -> dict[Entry, Status]:
    """The same for runs of one stack key: on a GPU as one batched model, on a CPU one after the other.

    Raises what goes wrong before the training; a run that ends badly by itself says so in its state.
    """
    from ddnmf_core.data.catalogue import load
    from ddnmf_core.model.device import choose_device, device_title
    from ddnmf_core.model.mapped_pixels import Rows, on_device

    device, config = choose_device(device_name), entries[0].config
    states = {entry: replace(entry.state, status="running", message="Reading the images.", device=device_title(device))
              for entry in entries}

    def tell(message: str) -> None:
        for entry, state in states.items():
            entry.set_state(replace(state, message=message))

    tell("Reading the images.")
    images = load(config.dataset, config.n_samples, download=True, report=lambda message: tell(message.capitalize()))
    outcomes: dict[Entry, Status] = {}
    untrained = [entry for entry in entries if not entry.has(MODEL)]
    pixels = on_device(images.pixels, device) if untrained else None
    if pixels is not None and device.type == "cuda" and not isinstance(pixels, Rows):
        outcomes |= _train_stacks(untrained, states, images, device, pixels)
    else:
        for entry in untrained:
            if status := _train_alone(entry, states[entry], images, device, pixels):
                outcomes[entry] = status
    for entry in entries:
        if entry not in outcomes:
            outcomes[entry] = _scored(entry, images, states[entry], device)
    return outcomes


def _train_alone(entry: Entry, state: State, images: Any, device: "torch.device", pixels: Any) -> Status | None:
    """The status of a run that ended without a model. Nothing of the training is left when it is scored: not its memory."""
    from ddnmf_core.model.trainer import Trainer
    recorder = _Recorder(entry, Trainer(entry.config, images, device, pixels), state)
    recorder.resume()
    return recorder.end(recorder.trainer.train(recorder.record, lambda: entry.stop_requested))


def _train_stacks(entries: Sequence[Entry], states: Mapping[Entry, State], images: Any, device: "torch.device",
                  pixels: "torch.Tensor | None" = None) -> dict[Entry, Status]:
    """Runs that stand at the same batch go on together; the status of those that ended without a model. A stack that does
    not fit into the device's memory is taken in halves, once it has left that memory."""
    import torch
    if pixels is None:
        pixels = torch.tensor(images.pixels, device=device)
    ended, left = _train_stack(entries, states, images, device, pixels)
    if left and device.type == "cuda":
        torch.cuda.empty_cache()
    for half in (left[:len(left) // 2], left[len(left) // 2:]) if left else ():
        ended |= _train_stacks(half, states, images, device, pixels)
    return ended


def _train_stack(entries: Sequence[Entry], states: Mapping[Entry, State], images: Any, device: "torch.device",
                 pixels: "torch.Tensor") -> tuple[dict[Entry, Status], list[Entry]]:
    """The status of those that ended without a model, and those for which there was no room together."""
    import torch

    from ddnmf_core.model.batched_trainer import Stack
    from ddnmf_core.model.trainer import Trainer
    recorders: dict[Trainer, _Recorder] = {}
    places: dict[tuple[int, int], list[Trainer]] = {}
    ended: dict[Entry, Status] = {}

    def done(trainer: Trainer, outcome: "Outcome") -> None:
        if status := recorders[trainer].end(outcome):
            ended[recorders[trainer].entry] = status

    try:
        for entry in entries:
            trainer = Trainer(entry.config, images, device, pixels)
            recorders[trainer] = _Recorder(entry, trainer, states[entry], len(entries))
            recorders[trainer].resume()
            places.setdefault((trainer.epoch, trainer.batch), []).append(trainer)
        for trainers in places.values():
            Stack(trainers).train(lambda trainer, row: recorders[trainer].record(row),
                                  lambda trainer: recorders[trainer].entry.stop_requested, done)
    except torch.OutOfMemoryError:
        left = [entry for entry in entries if entry not in ended and not entry.has(MODEL)]
        if len(left) < 2:
            raise
        return ended, left
    return ended, []


def _scored(entry: Entry, images: Any, state: State, device: "torch.device") -> Status:
    """The last step: codes, clusters, scores."""
    if not evaluate(entry, images, lambda message: entry.set_state(replace(state, progress=0.99, message=message)), device):
        return entry.end("stopped", "Stopped while scoring; it can be resumed there.")
    return entry.end("finished", "")


class _Recorder:
    """Keeps what a training reports: history, pictures and checkpoints."""

    def __init__(self, entry: Entry, trainer: Any, state: State, n_together: int = 1) -> None:
        self.entry, self.trainer, self.state, self.n_together = entry, trainer, state, n_together
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

    def end(self, outcome: "Outcome") -> Status | None:
        """Keep what a training leaves behind; the status, unless it is finished and waits to be scored."""
        if outcome == "diverged":
            kept = "The last finite checkpoint is kept." if self.entry.names("checkpoint-") else ""
            return self.entry.end("diverged", DIVERGED.format(epoch=self.trainer.epoch + 1, kept=kept).strip())
        if outcome == "stopped":
            self.checkpoint()
            return self.entry.end("stopped", f"Stopped in epoch {self.trainer.epoch + 1}; it can be resumed there.")
        self.finish()
        return None

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
                                                     training_seconds=round(self._seconds(), 3),
                                                     **({"stacked": self.n_together} if self.n_together > 1 else {})))
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


def evaluate(entry: Entry, images: Any, report: Callable[[str], None], device: "torch.device | None" = None) -> bool:
    """Codes, clusters and scores of clean and noisy images, on a device (the CPU); False when stopped on the way. Without
    labels the silhouette stands for the scores."""
    import pandas as pd

    from ddnmf_core.analysis.clustering import CLUSTERERS, TITLES, cluster, silhouette
    from ddnmf_core.analysis.metrics import SILHOUETTE, scores_of
    from ddnmf_core.model.encoding import encode
    config: RunConfig = entry.config
    model = load_model(entry).to(device or "cpu")
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
                code = codes[f"{seen}/{representation}"]
                found = cluster(code, clusterer, images.n_clusters(config.n_clusters), config.seed, device)
                clusters[f"{seen}/{representation}/{clusterer}"] = found
                table.append({"input": seen, "representation": representation, "clusterer": clusterer,
                              **(scores_of(images, found) or {SILHOUETTE: silhouette(code, found, config.seed)})})
    entry.write_tensors(CODES, codes)
    entry.write_table(CLUSTERS, pd.DataFrame(clusters))
    entry.write_json(SCORES, table)
    return True


def load_model(entry: Entry) -> Any:
    """The trained model on the CPU, in evaluation mode; raises CorruptFile where its file is damaged."""
    import torch

    from ddnmf_core.data.catalogue import spec
    from ddnmf_core.model.networks import build
    config: RunConfig = entry.config
    model = build(config, spec(config.dataset).n_pixels)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in entry.read_tensors(MODEL).items()})
    return model.eval()
