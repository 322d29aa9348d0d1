"""What a worker does: the one place where trainer, store and engine meet.

`perform` takes an entry from the queue's point of view: it holds the entry's lock, keeps its state true
from start to end, and turns whatever goes wrong into a sentence there.
"""

import errno
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ddnmf_core.config import RunConfig
from ddnmf_core.engine.worker.analyse import cluster_representation, embed_run, factorise_pixels
from ddnmf_core.engine.worker.interpret import interpret
from ddnmf_core.engine.worker.train import train_run, train_runs
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.store.entry import Busy, Entry, Kind, RunEntry, Status, UnknownEntry
from ddnmf_core.store.run_store import Store

DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on the disk, in the quota, in a file


def perform(root: str, kind: Kind, entry_id: str, device: str = "auto") -> Status | Literal["busy"]:
    """Do the work of one entry; returns how it ended, or 'busy' when somebody else is at it."""
    os.environ["DDNMF_HOME"] = root  # a cluster's worker may have another; own data lie here
    entry: Entry = Entry(Path(root), kind, entry_id)
    try:
        with entry.lock():
            return _perform(entry, device)
    except Busy:
        return "busy"
    except FileNotFoundError:
        return "stopped"  # deleted before its turn


def perform_together(root: str, run_ids: Sequence[str], device: str = "auto") -> dict[str, Status | Literal["busy"]]:
    """Train runs of one stack key as one batched model; how each ended, by its id. What cannot join is left out."""
    os.environ["DDNMF_HOME"] = root
    found: dict[str, Status | Literal["busy"]] = {}
    joined: list[Entry] = []
    with ExitStack() as held:
        for run_id in run_ids:
            entry: RunEntry = Entry(Path(root), "runs", run_id)
            try:
                held.enter_context(entry.lock())
                if entry.finished:
                    found[run_id] = "finished"
                elif entry.stop_requested:
                    found[run_id] = entry.end("stopped", "Stopped before it began.")
                else:
                    joined.append(entry)
            except Busy:
                found[run_id] = "busy"
            except FileNotFoundError:
                found[run_id] = "stopped"  # deleted before its turn
        if joined:
            found |= _train_together(joined, device)
    return found


def _train_together(entries: list[Entry], device: str) -> dict[str, Status | Literal["busy"]]:
    """Where they cannot be trained together, each is tried alone, so that one run's trouble is not the others'."""
    _prepare_torch()
    for entry in entries:
        entry.set_state(replace(entry.state, status="running", message="Starting.", wanted_device=device))
    try:
        return {entry.id: status for entry, status in train_runs(entries, device).items()}
    except Exception:
        traceback.print_exc()
    return {entry.id: _perform(entry, device) for entry in entries}  # out here nothing of the stack is in memory any more


def _perform(entry: Entry, device: str) -> Status:
    try:
        if entry.finished:
            return "finished"
        if entry.stop_requested:
            return entry.end("stopped", "Stopped before it began.")
        _prepare_torch()
        entry.set_state(replace(entry.state, status="running", message="Starting.", wanted_device=device))
        with _one_thread() if entry.kind == "clusterings" else nullcontext():
            return TASKS[entry.kind](entry, device)
    except Exception as error:
        if not entry.exists:
            return "stopped"  # deleted during its turn
        return _set_aside(entry, error) if isinstance(error, CorruptFile) else entry.end("failed", error_message(error))


def _set_aside(entry: Entry, error: CorruptFile) -> Status:
    """What is damaged is this entry, or one that it needs."""
    damaged = Store(entry.root).entry_of_file(error.path)
    Store(entry.root).set_aside(damaged, str(error))
    return "failed" if damaged == entry else entry.end("failed", f"What it needs was damaged and set aside: {error}.")


def error_message(error: Exception) -> str:
    """What went wrong and the way out, in a sentence; unforeseen errors keep their last traceback line."""
    if isinstance(error, OSError) and error.errno in DISK_FULL_ERRORS:
        return "The disk is full. Nothing that was saved is lost: make room and press Resume."
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"Out of memory ({error}). Choose a smaller batch, fewer images or smaller layers."
    if isinstance(error, ValueError | RuntimeError | UnknownEntry):
        return str(error)
    return f"Unexpected {traceback.format_exception_only(error)[-1].strip()}"


TASKS: dict[Kind, Callable[[Entry, str], Status]] = {
    "runs": train_run,
    "embeddings": embed_run,
    "clusterings": cluster_representation,
    "interpretations": interpret,
    "pixel-nmf": factorise_pixels,
}


def _prepare_torch() -> None:
    """Before a worker's first computation: its threads, and denormals as zero in all of them.

    A thread takes over that setting from the one that starts it, so it has to come before the pool does:
    a thread without it computes on the optimiser's denormals and holds up the others.
    """
    import torch

    torch.set_flush_denormal(True)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))


@contextmanager
def _one_thread() -> Iterator[None]:
    """For what may be done by any kind of worker: its sums come out the same, however many threads that one has."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def measure_worker(n_steps: int = 8) -> dict[str, Any]:
    """Import what a run needs and measure this worker: its device, whether it gains from stacks of runs, and images a second
    of the default model."""
    import sklearn.cluster  # noqa: F401

    from ddnmf_core.data.catalogue import load
    from ddnmf_core.model.device import choose_device, device_title
    from ddnmf_core.model.trainer import Trainer

    _prepare_torch()
    config = RunConfig(epochs=2)
    device = choose_device()
    trainer = Trainer(config, load("mnist-10k", n_steps * config.batch_size), device)
    speeds = []
    trainer.train(lambda row: speeds.append(row["images_per_second"]))
    return {
        "device": device_title(device),
        "stacks": device.type == "cuda",
        "images_per_second": speeds[-1],
        "weights": sum(p.numel() for p in trainer.model.parameters()),
    }
