"""Do a worker's tasks: the one module in which trainer, store and engine meet.

`perform` holds an entry's lock, updates its state from start to end, and turns an error into a message in the state
and a traceback in the engine's log.
"""

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ddnmf_core.config import RunConfig
from ddnmf_core.engine.log import configure_logging, entry_log, logger
from ddnmf_core.engine.worker.analyse import cluster_representation, embed_run, factorise_pixels
from ddnmf_core.engine.worker.interpret import interpret
from ddnmf_core.engine.worker.priority import yield_to_pages
from ddnmf_core.engine.worker.train import Trained, score_run, train_run, train_runs
from ddnmf_core.files.atomic import CorruptFile, KeptFile
from ddnmf_core.files.system_errors import DISK_FULL_ERRORS, explain_os_error
from ddnmf_core.store.entry import Busy, Entry, Kind, RunEntry, Status, UnknownEntry
from ddnmf_core.store.run_store import Store

TaskResult = Status | Trained | Literal["busy"]
Task = Callable[[Entry, str], Status | Trained]
LOST_DEVICE_EXIT = 70  # exit code of a worker whose GPU cannot be used any more (EX_SOFTWARE)


def perform(root: str, kind: Kind, entry_id: str, device: str = "auto") -> TaskResult:
    """Compute the results of one entry; return its final status, 'trained' if a run is left to `score`, or 'busy' if
    another process holds its lock."""
    return _perform_locked(root, kind, entry_id, TASKS[kind], device)


def score(root: str, run_id: str, device: str = "auto") -> TaskResult:
    """Score a trained run; the device is the one that was asked for, the scores are computed on the CPU."""
    return _perform_locked(root, "runs", run_id, score_run, device)


def _perform_locked(root: str, kind: Kind, entry_id: str, task: Task, device: str) -> TaskResult:
    _prepare_process(root)
    entry: Entry = Entry(Path(root), kind, entry_id)
    try:
        with entry.lock():
            return _perform(entry, task, device)
    except Busy:
        return "busy"
    except FileNotFoundError:
        return "stopped"  # deleted while queued


def perform_together(root: str, run_ids: Sequence[str], device: str = "auto") -> dict[str, TaskResult]:
    """Train runs of one stack key as one batched model; return the outcomes by id. Leave out runs that are finished,
    stopped, deleted or locked."""
    _prepare_process(root)
    statuses: dict[str, TaskResult] = {}
    joined: list[Entry] = []
    with ExitStack() as held:
        for run_id in run_ids:
            entry: RunEntry = Entry(Path(root), "runs", run_id)
            try:
                held.enter_context(entry.lock())
                if entry.finished:
                    statuses[run_id] = "finished"
                elif entry.stop_requested:
                    statuses[run_id] = entry.end("stopped", "Stopped before it started.")
                else:
                    joined.append(entry)
            except Busy:
                statuses[run_id] = "busy"
            except FileNotFoundError:
                statuses[run_id] = "stopped"  # deleted while queued
        if joined:
            statuses |= _train_together(joined, device)
    return statuses


def _prepare_process(root: str) -> None:
    """Name the store, which an external worker cannot know (the user's data sets are in it); set up priority and log."""
    yield_to_pages()
    os.environ["DDNMF_HOME"] = root
    configure_logging()


def _train_together(entries: list[Entry], device: str) -> dict[str, TaskResult]:
    """Train a stack; after an error train its runs one by one, so that one run's error does not end the others."""
    _prepare_torch()
    for entry in entries:
        entry.set_state(replace(entry.state, status="running", message="Starting.", wanted_device=device))
    try:
        return {entry.id: status for entry, status in train_runs(entries, device).items()}
    except Exception:
        ids = ", ".join(entry.id for entry in entries)
        entry_log(entries[0]).exception("The stack failed; its runs are trained one by one: %s", ids)
        _exit_if_device_is_lost()
    return {entry.id: _perform(entry, train_run, device) for entry in entries}  # after the block: the stack's memory is free


def _perform(entry: Entry, task: Task, device: str) -> Status | Trained:
    """Compute the results of an entry whose lock is held."""
    try:
        if entry.finished:
            return "finished"
        if entry.stop_requested:
            return entry.end("stopped", "Stopped before it started.")
        _prepare_torch()
        entry.set_state(replace(entry.state, status="running", message="Starting.", wanted_device=device))
        with _one_thread() if entry.kind == "clusterings" else nullcontext():
            return task(entry, device)
    except Exception as error:
        if not entry.exists:
            return "stopped"  # deleted meanwhile
        entry_log(entry).exception("Task failed")
        _exit_if_device_is_lost()
        return _set_aside(entry, error) if isinstance(error, CorruptFile) else entry.end("failed", error_message(error))


def _exit_if_device_is_lost() -> None:
    """End the worker if its GPU fails at every call: dask starts another, which tries the task again."""
    from ddnmf_core.model.device import lost_context

    if lost_context():
        logger.error("The GPU cannot be used in this process any more; the worker is replaced")
        os._exit(LOST_DEVICE_EXIT)


def _set_aside(entry: Entry, error: CorruptFile) -> Status:
    """Set aside the damaged entry: this one, or one that it needs; leave what is newer or may not be read where it is."""
    if isinstance(error, KeptFile):
        return "failed" if error.path.parent == entry.folder else entry.end("failed", f"An entry that it needs: {error}.")
    damaged = Store(entry.root).entry_of_file(error.path)
    Store(entry.root).set_aside(damaged, str(error))
    entry_log(damaged).warning("Damaged and set aside in %s/set-aside: %s", entry.root, error)
    return "failed" if damaged == entry else entry.end("failed", f"An entry that it needs was damaged and set aside: {error}.")


def error_message(error: Exception) -> str:
    """Explain an error and its remedy in a sentence; for an unexpected error, return its last traceback line."""
    if isinstance(error, OSError) and error.errno in DISK_FULL_ERRORS:
        return "The disk is full. Saved results are intact: free some space and press Resume."
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"A file was removed meanwhile: {error.filename}. Restore it, or add the data again, and press Resume."
    if isinstance(error, OSError) and error.errno is not None:
        sentence = explain_os_error(error)
        return f"{sentence[0].upper()}{sentence[1:]}."
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"Out of memory ({error}). Choose a smaller batch, fewer images or smaller layers."
    if isinstance(error, ValueError | RuntimeError | UnknownEntry):
        return str(error)
    return f"Unexpected {traceback.format_exception_only(error)[-1].strip()}"


TASKS: dict[Kind, Task] = {
    "runs": train_run,
    "embeddings": embed_run,
    "clusterings": cluster_representation,
    "interpretations": interpret,
    "pixel-nmf": factorise_pixels,
}


def _prepare_torch() -> None:
    """Set torch's number of threads, and flush denormals to zero in all of them.

    A thread inherits that setting from the one that starts it, so call this before a worker's first computation:
    a thread without it computes on the optimiser's denormals and delays the others.
    """
    import torch

    torch.set_flush_denormal(True)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread, so that sums are the same on every kind of worker."""
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
    """Import the modules of a run; measure the worker's device, its gain from stacks of runs, and the default model's
    images per second."""
    import sklearn.cluster  # noqa: F401

    from ddnmf_core.data.catalogue import load
    from ddnmf_core.model.device import choose_device, device_title
    from ddnmf_core.model.trainer import Trainer

    yield_to_pages()  # before torch starts its threads
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
