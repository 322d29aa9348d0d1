"""What a worker does: the one place where trainer, store and engine meet.

`perform` takes an entry from the queue's point of view: it holds the entry's lock, keeps its state true
from start to end, and turns whatever goes wrong into a sentence there.
"""

import errno
import os
import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Literal

from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, PixelNMFConfig, RunConfig
from ddnmf_core.entries import CLUSTERS, CODES, FACTORS, MODEL, POINTS, PROVENANCE, SCORES, Busy, Entry, Kind, State, Status
from ddnmf_core.files import CorruptFile
from ddnmf_core.runs import Store

CHECKPOINT_EVERY = 10.0                                             # seconds
PACKAGES = ("torch", "numpy", "scikit-learn", "openTSNE", "umap-learn")
DIVERGED = ("The loss became infinite or not a number in epoch {epoch}. Lower the learning rate, or choose mean losses. "
            "{kept}")


def perform(root: str, kind: Kind, entry_id: str, device: str = "auto") -> Status | Literal["busy"]:
    """Do the work of one entry; returns how it ended, or 'busy' when somebody else is at it."""
    entry = Entry(Store(root), kind, entry_id)
    try:
        with entry.lock():
            return _perform(entry, device)
    except Busy:
        return "busy"
    except FileNotFoundError:
        return "stopped"                                            # deleted before its turn


def _perform(entry: Entry, device: str) -> Status:
    try:
        if entry.finished:
            return "finished"
        if entry.stop_requested:
            return _end(entry, "stopped", "Stopped before it began.")
        _prepare_torch()
        entry.set_state(replace(entry.state, status="running", message="Starting.", wanted_device=device))
        return WORK[entry.kind](entry, device)
    except Exception as error:
        if not entry.exists:
            return "stopped"                                        # deleted during its turn
        return _set_aside(entry, error) if isinstance(error, CorruptFile) else _end(entry, "failed", explain(error))


def _set_aside(entry: Entry, error: CorruptFile) -> Status:
    """What is damaged is this entry, or one that it needs."""
    damaged = entry.store.owner(error.path)
    entry.store.set_aside(damaged, str(error))
    return "failed" if damaged == entry else _end(entry, "failed", f"What it needs was damaged and set aside: {error}.")


def explain(error: Exception) -> str:
    """What went wrong and the way out, in a sentence; unforeseen errors keep their last traceback line."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full. Nothing that was saved is lost: make room and press Resume."
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"Out of memory ({error}). Choose a smaller batch, fewer images or smaller layers."
    if isinstance(error, ValueError | RuntimeError):
        return str(error)
    return f"Unexpected {traceback.format_exception_only(error)[-1].strip()}"


def _end(entry: Entry, status: Status, message: str) -> Status:
    progress = 1.0 if status == "finished" else entry.state.progress
    entry.set_state(replace(entry.state, status=status, message=message, progress=progress))
    return status


# ---------------------------------------------------------------------------------------- training

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
            return _end(entry, "diverged", DIVERGED.format(epoch=trainer.epoch + 1, kept=kept).strip())
        if outcome == "stopped":
            recorder.checkpoint()
            return _end(entry, "stopped", f"Stopped in epoch {trainer.epoch + 1}; it can be resumed there.")
        recorder.finish()
    if not evaluate(entry, images, lambda message: entry.set_state(replace(state, progress=0.99, message=message))):
        return _end(entry, "stopped", "Stopped while scoring; it can be resumed there.")
    return _end(entry, "finished", "")


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


def provenance(device: str, **measured: Any) -> dict[str, Any]:
    """Where a result came from: versions, machine, threads, and what was measured on the way."""
    import torch
    return {"ddnmf": version("ddnmf"), "python": platform.python_version(), "platform": platform.platform(),
            **{package: version(package) for package in PACKAGES}, "device": device,
            "threads": torch.get_num_threads(), **measured}


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


# ------------------------------------------------------------------------------------------ others

def embed(entry: Entry, device_name: str) -> Status:
    """A map of a finished run's codes."""
    import pandas as pd

    from ddnmf_core import embeddings
    config: EmbeddingConfig = entry.config
    run = _finished_run(entry.store, config.run)
    codes = run.read_tensors(CODES)[f"{'noisy' if config.noisy else 'clean'}/{config.representation}"]
    samples = embeddings.sample_of(config, len(codes))
    state = replace(entry.state, status="running", message=f"{config.method} of {len(samples):,} points.", device="CPU")
    report = _throttled(lambda share: entry.set_state(replace(state, progress=min(share, 1.0))))
    entry.set_state(state)
    try:
        points = embeddings.embed(codes[samples], config, report, lambda: entry.stop_requested)
    except embeddings.Stopped:
        return _end(entry, "stopped", "Stopped.")
    entry.write_table(POINTS, pd.DataFrame({"sample": samples, "x": points[:, 0], "y": points[:, 1]}))
    return _end(entry, "finished", "")


def cluster_representation(entry: Entry, device_name: str) -> Status:
    """Clusters of pixels or codes, their scores, and how far apart they lie without any label."""
    import pandas as pd

    from ddnmf_core.baselines import transformed
    from ddnmf_core.clustering import TITLES, cluster, silhouette
    from ddnmf_core.data import load
    from ddnmf_core.metrics import contingency, scores
    config: ClusteringConfig = entry.config
    state = replace(entry.state, status="running", message="Reading the images.", device="CPU")
    entry.set_state(state)
    images = load(config.dataset, config.n_samples, download=True)
    began = time.perf_counter()
    x, error = _representation(entry.store, config, images)
    if config.transform != "none":
        entry.set_state(replace(state, progress=0.2, message=f"{config.transform.upper()} of {len(x):,} samples."))
        x = transformed(x, config)
    entry.set_state(replace(state, progress=0.7, message=f"{TITLES[config.clusterer]} of {len(x):,} samples."))
    found = cluster(x, config.clusterer, len(images.class_names), config.seed)
    seconds = round(time.perf_counter() - began, 3)
    entry.write_table(CLUSTERS, pd.DataFrame({"cluster": found}))
    entry.write_json(PROVENANCE, provenance("CPU", seconds=seconds))
    entry.write_json(SCORES, {**scores(images.labels, found), "silhouette": silhouette(x, found, config.seed), "error": error,
                              "contingency": contingency(images.labels, found).tolist()})
    return _end(entry, "finished", "")


def _representation(store: Store, config: ClusteringConfig, images: Any) -> tuple[Any, float | None]:
    """What is clustered, before its transform: (n, d), and how far the run's reconstructions of those images are from
    the clean ones (mean square). Codes that the run has kept are not computed again."""
    if config.run is None:
        return images.scaled(), None
    run = _finished_run(store, config.run)
    if (run.config.dataset, run.config.n_samples) != (config.dataset, config.n_samples):
        raise ValueError(f"run {run.id} was trained on {run.config.dataset}, not on {config.dataset}")
    if config.noise_level in (0, run.config.noise_level):
        codes, seen = run.read_tensors(CODES), "noisy" if config.noise_level else "clean"
        return codes[f"{seen}/{config.representation}"], float(codes[f"{seen}/error"].mean())
    from ddnmf_core.encoding import encode
    codes = encode(load_model(run), run.config.replace(noise_level=config.noise_level), images, noisy=True)
    return codes[config.representation], float(codes["error"].mean())


def _finished_run(store: Store, run_id: str) -> Entry:
    run = store.get("runs", run_id)
    if not run.finished:
        raise ValueError(f"run {run_id} is not finished: train it first")
    return run


def factorise_pixels(entry: Entry, device_name: str) -> Status:
    """scikit-learn's NMF of the pixels: H (n, r) and bases (r, n_pixels)."""
    from ddnmf_core.baselines import pixel_nmf
    from ddnmf_core.data import load
    config: PixelNMFConfig = entry.config
    entry.set_state(replace(entry.state, progress=0.5, message=f"NMF of the pixels with {config.n_parts} parts.", device="CPU"))
    images = load(config.dataset, config.n_samples, download=True)
    entry.write_tensors(FACTORS, pixel_nmf(images.scaled(), config))
    return _end(entry, "finished", "")


WORK: dict[Kind, Callable[[Entry, str], Status]] = {
    "runs": train, "embeddings": embed, "clusterings": cluster_representation, "pixel-nmf": factorise_pixels}


def _throttled(report: Callable[[float], None], every: float = 0.25) -> Callable[[float], None]:
    last = -every

    def maybe(share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            report(share)
    return maybe


def _prepare_torch() -> None:
    """Before a worker's first computation: its threads, and denormals as zero in all of them.

    A thread takes over that setting from the one that starts it, so it has to come before the pool does:
    a thread without it computes on the optimiser's denormals and holds up the others.
    """
    import torch
    torch.set_flush_denormal(True)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))


def warm_up(n_steps: int = 8) -> dict[str, Any]:
    """Import what a run needs and measure this worker: its device, and images a second of the default model."""
    import sklearn.cluster  # noqa: F401

    from ddnmf_core.compute import choose_device, device_title
    from ddnmf_core.data import load
    from ddnmf_core.trainer import Trainer
    _prepare_torch()
    config = RunConfig(epochs=2)
    device = choose_device()
    trainer = Trainer(config, load("mnist-10k", n_steps * config.batch_size), device)
    speeds = []
    trainer.train(lambda row: speeds.append(row["images_per_second"]))
    return {"device": device_title(device), "images_per_second": speeds[-1],
            "weights": sum(p.numel() for p in trainer.model.parameters())}
