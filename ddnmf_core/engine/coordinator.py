"""Run the engine: take requests from the store and have dask's workers do them.

One coordinator serves one store. It starts a local dask cluster on loopback, or joins the one that
DDNMF_SCHEDULER names (the store is then on a path that all its workers share), submits each request
under its entry's id, and continues after a page, a worker or the engine itself was killed: the store
holds the truth, dask only does the work.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from ddnmf_core.config import config_hash
from ddnmf_core.engine.client import (
    EngineInfo,
    fingerprint,
    info,
    info_path,
    lock_path,
    start_error_path,
    threads_per_run,
    write_start_error,
)
from ddnmf_core.engine.cluster import ALLOWED_FAILURES, replace_lost_workers, start_cluster
from ddnmf_core.engine.duty_cycle import DutyCycle
from ddnmf_core.engine.gpus import available_gpus
from ddnmf_core.engine.log import configure_logging, entry_log, logger
from ddnmf_core.engine.placement import WorkerKind, WorkerPlacement
from ddnmf_core.engine.queue import RequestQueue, is_clustering
from ddnmf_core.engine.worker import tasks
from ddnmf_core.files.atomic import CorruptFile, make_way, open_private, remove_file, write_document
from ddnmf_core.store import trash
from ddnmf_core.store.entry import CONFIG_TYPES, ENDED_STATUSES, MODEL_FILE, Busy, Entry
from ddnmf_core.store.run_store import Request, Store

TICK_S = 0.05  # seconds between reads of the queue
TRASH_INTERVAL_S = 3600.0  # seconds between removals of expired deletions
RECOVERY_INTERVAL_S = 2.0  # seconds between searches for interrupted entries and lost workers
RETRY_S = 1.0  # seconds before an entry is submitted again
IDLE_EXIT_S = 30 * 60.0  # seconds without work before the engine exits
MAX_STACKED_RUNS = 32  # runs trained as one batched model
GATHER_NS = 500_000_000  # nanoseconds without a new request before a stack starts
MAX_LOST_BEFORE_START = 10  # worker deaths before a queued run is failed


def serve(store: Store, idle_exit: float = IDLE_EXIT_S) -> None:
    """Run the engine until SIGTERM or a long idle time. Return at once if the store has an engine already."""
    configure_logging()
    store.prepare()
    make_way(lock_path(store))
    with os.fdopen(open_private(lock_path(store), os.O_RDWR), "r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        remove_file(info_path(store))  # of a killed engine
        store.remove_stale_files()
        with ExitStack() as running:
            try:
                client, n_workers = running.enter_context(start_cluster())
            except Exception as error:  # of any type: commands and pages wait for this message
                where = f" at DDNMF_SCHEDULER={address}" if (address := os.environ.get("DDNMF_SCHEDULER")) else ""
                write_start_error(
                    store, f"The engine could not start its cluster{where}: {error}. See the log: {store.root}/engine.log."
                )
                raise
            remove_file(start_error_path(store))
            Coordinator(store, client, n_workers).run(idle_exit)


@dataclass
class Job:
    """One entry from its first dispatch until its request is closed."""

    request: Request
    source: Entry | None  # run that must end first
    future: Any = None  # dask's; one future for all runs of a stack
    worker: WorkerKind | None = None  # kind of worker of a submitted clustering
    retry_at: float = 0.0  # monotonic seconds
    lost_before_start: int = 0  # worker deaths while the entry was queued
    trained: bool = False  # a run that is left to be scored


class Coordinator:
    """Dispatch the store's requests to dask's workers and record how they end."""

    def __init__(self, store: Store, client: Any, n_workers: int) -> None:
        self.store, self.client = store, client
        self.queue, self.stop_poll = RequestQueue(store), DutyCycle()
        self.jobs: dict[Entry, Job] = {}
        self.ended: set[Entry] = set()  # entries that recovery can skip
        self.placement = WorkerPlacement(client)
        self.info = EngineInfo(os.getpid(), client.scheduler.address, threads_per_run(), n_workers, fingerprint())
        self.n_lost = 0  # workers being replaced
        self.stopping = False
        self.max_stack = MAX_STACKED_RUNS if available_gpus() else 1  # a stack gains nothing on a CPU; set anew by `warm_up`
        self.warm_up = [client.submit(tasks.measure_worker, pure=False, **self.placement.submission("train"))]

    def run(self, idle_exit: float) -> None:
        """Dispatch and settle until SIGTERM, until the store is deleted, or after `idle_exit` seconds without work."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopping", True))
        write_document(info_path(self.store), asdict(self.info))
        logger.info("Engine started: process %d, %d workers, %s", self.info.pid, self.info.n_workers, self.info.scheduler)
        active, next_recovery, next_emptying = time.monotonic(), 0.0, 0.0
        while not self.stopping and self.store.root.exists() and time.monotonic() - active < idle_exit:
            with self._log_and_continue():
                if time.monotonic() > next_recovery:
                    next_recovery = time.monotonic() + RECOVERY_INTERVAL_S
                    self._keep_info()
                    self._replace_lost_workers()
                    self._recover()
            with self._log_and_continue():
                self._tick()
            with self._log_and_continue():
                if time.monotonic() > next_emptying:
                    next_emptying = time.monotonic() + TRASH_INTERVAL_S
                    trash.empty_expired(self.store)
            if self._submitted():
                active = time.monotonic()
            time.sleep(TICK_S)
        logger.info("Engine stopped: %s", "asked to stop" if self.stopping else "idle, or its store was deleted")

    @contextmanager
    def _log_and_continue(self) -> Iterator[None]:
        """Keep the engine alive: on a full disk, on entries that were deleted or damaged meanwhile, on what nobody expected."""
        try:
            yield
        except (OSError, CorruptFile) as error:
            logger.error("%s: %s", type(error).__name__, error)
            time.sleep(1.0)
        except Exception:
            logger.exception("Unexpected error; the engine goes on")
            time.sleep(1.0)

    def _tick(self) -> None:
        """Dispatch the requests that are due, settle the tasks that ended, cancel the requests that were stopped."""
        stacks: dict[str, list[Job]] = {}
        for request in self._next_requests():
            try:
                self._dispatch(request, stacks)
            except CorruptFile as error:  # deleted or damaged: the requests behind it must not wait
                entry_log(request.entry).warning("Request dropped: %s", error)
                self._is_readable(request.entry)
                remove_file(self.store.request_path(request.entry))
            except Exception as error:  # of this entry alone: the others go on
                entry_log(request.entry).exception("Request dropped")
                with suppress(OSError, CorruptFile):
                    remove_file(self.store.request_path(request.entry))
                    request.entry.end("failed", f"{type(error).__name__}: {error}")
        for jobs in stacks.values():
            self._submit_together(jobs)
        for job in self._submitted():
            if job.future.done():
                self._settle(job, self._drop_future(job))
        if self.stop_poll.due:
            with self.stop_poll:
                self._cancel_stopped()
        self._note_warm_up()

    def _next_requests(self) -> Iterator[Request]:
        """Yield the requests that are due, of clusterings the newest, one for each free slot."""
        for request in self.queue.read():
            job = self.jobs.get(request.entry)
            if job and (job.future is not None or time.monotonic() < job.retry_at):
                continue
            if is_clustering(request) and not self._free_slot():
                return
            if self.store.is_requested(request.entry):  # not closed since the queue was read
                yield request

    def _free_slot(self) -> WorkerKind | None:
        """Return the kind of worker that takes one more clustering, None if all slots are taken."""
        jobs = self._submitted()
        training = any(job.request.entry.kind == "runs" for job in jobs)
        return self.placement.for_clustering([job.worker for job in jobs if job.worker], training)

    def _submitted(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.future is not None]

    def _dispatch(self, request: Request, stacks: dict[str, list[Job]]) -> None:
        """Submit a request whose source run has ended, or add it to the runs of its stack key."""
        entry = request.entry
        job = self.jobs[entry] = self.jobs.get(entry) or Job(request, entry.run)
        job.request = request
        if job.source and self.store.is_requested(job.source) and not self._needs_only_codes(job):
            if entry.stop_requested:
                self._cancel(request)
        elif not self.store.is_current(request):  # replaced since the queue was read
            return
        elif job.trained:
            if self._may_score():
                self._submit_task([job], "analyse", f"scores-{entry.id}", tasks.score, entry.id)
        elif entry.kind == "runs" and self.warm_up and self.client.cluster is None:
            return  # the devices of an external cluster are not known yet
        elif entry.kind == "runs" and self.max_stack > 1:
            stacks.setdefault(f"{request.device}.{entry.config.stack_key}", []).append(job)
        else:
            self._submit(job)

    def _needs_only_codes(self, job: Job) -> bool:
        """Whether a clustering's run is trained and only waits for its scores."""
        source = self.jobs.get(job.source) if job.source else None
        return is_clustering(job.request) and source is not None and source.trained

    def _may_score(self) -> bool:
        """Whether one more run may be scored: half of the workers are kept for requested clusterings, which are shorter."""
        scoring = sum(job.trained for job in self._submitted())
        return scoring < max(1, self.placement.advertised["analyse"] // 2) or not any(map(is_clustering, self.queue.requests))

    def _submit(self, job: Job) -> None:
        """Submit one entry as a task."""
        entry, worker = job.request.entry, self.placement.worker_kind(job.request.entry.kind)
        if is_clustering(job.request):
            worker = job.worker = self._free_slot() or worker
        self._submit_task([job], worker, f"{entry.kind}-{entry.id}", tasks.perform, entry.kind, entry.id)

    def _submit_together(self, jobs: list[Job]) -> None:
        """Submit runs of one stack key in as few stacks as there are workers, once no more have come for GATHER_NS."""
        if time.time_ns() - max(job.request.asked for job in jobs) < GATHER_NS:
            return
        size = min(self.max_stack, -(-len(jobs) // self.placement.n_training()))
        for start in range(0, len(jobs), size):
            stack = jobs[start : start + size]
            ids = [job.request.entry.id for job in stack]
            self._submit_task(stack, "train", f"stack-{config_hash({'runs': ids})}", tasks.perform_together, ids)

    def _submit_task(self, jobs: list[Job], worker: WorkerKind, key: str, task: Any, *arguments: Any) -> None:
        """Submit one task for all these jobs: trainings oldest first; of the others, which a page shows, newest first."""
        first = jobs[0].request
        priority = first.asked / 1e9 * (-1 if first.entry.kind == "runs" else 1)
        options = {"key": key, "pure": False, "priority": priority, **self.placement.submission(worker)}
        future = self.client.submit(task, str(self.store.root), *arguments, first.device, **options)
        for job in jobs:
            job.future = future
            entry_log(job.request.entry).info("Dispatched to the %s workers (stack of %d)", worker, len(jobs))

    def _drop_future(self, job: Job) -> Any:
        """Return the job's future and stop waiting for it."""
        future, job.future, job.worker = job.future, None, None
        return future

    def _settle(self, job: Job, future: Any) -> None:
        """Close the request of a task that ended, or schedule its retry."""
        entry = job.request.entry
        outcome = _outcome(entry, future) if future.status == "finished" else future.status
        if outcome == "busy":
            job.retry_at = time.monotonic() + RETRY_S  # its previous worker may still be alive
            entry_log(entry).info("Locked by another process; tried again in %.0f s", RETRY_S)
            return
        if outcome == "trained":
            job.trained = True  # dispatched again at the next tick, to be scored
            return
        if outcome == "error":
            if self._was_still_queued(job, future.exception()):
                return
            self._write_failure(entry, future.exception())
        entry_log(entry).info("Ended: %s", outcome)
        self.jobs.pop(entry, None)  # a new request starts with a new count of lost workers
        self.store.close_request(job.request)

    def _was_still_queued(self, job: Job, error: Exception) -> bool:
        """True if the entry was still queued when its worker died.

        Dask blames every task assigned to that worker, so it is submitted again, at most MAX_LOST_BEFORE_START times.
        """
        entry = job.request.entry
        if type(error).__name__ != "KilledWorker" or not entry.exists or entry.state.status != "queued":
            return False
        job.lost_before_start += 1
        job.retry_at = time.monotonic() + RETRY_S
        entry_log(entry).warning("Worker lost before the start (%d of %d)", job.lost_before_start, MAX_LOST_BEFORE_START)
        return job.lost_before_start < MAX_LOST_BEFORE_START

    def _write_failure(self, entry: Entry, error: Exception) -> None:
        """Log the error of a task and write it into the state of its entry."""
        killed = type(error).__name__ == "KilledWorker"
        reason = f"Its worker died {ALLOWED_FAILURES} times." if killed else tasks.error_message(error)
        entry_log(entry).error("Task failed: %s", reason, exc_info=error)
        if entry.exists:
            message = f"{reason} See the engine's log: {self.store.root}/engine.log"
            entry.set_state(replace(entry.state, status="failed", message=message))

    def _cancel_stopped(self) -> None:
        """Cancel submitted entries and waiting clusterings whose stop was requested before they started."""
        waiting = {request.entry: request for request in self.queue.requests if is_clustering(request)}
        for request in (waiting | {job.request.entry: job.request for job in self._submitted()}).values():
            if request.entry.stop_requested and request.entry.state.status == "queued":
                self._cancel(request)

    def _cancel(self, request: Request) -> None:
        """Mark a queued entry as stopped and close its request."""
        entry = request.entry
        with suppress(Busy), entry.lock(patience=0.0):  # busy: it has just started, and its worker sees the stop request
            job = self.jobs.pop(entry, None)
            future = self._drop_future(job) if job else None
            if future is not None and all(other.future is not future for other in self.jobs.values()):
                future.cancel()  # unless other runs of the stack need it
            trained = "Trained, not scored; it can be resumed there."
            message = trained if entry.has(MODEL_FILE) else "Stopped before it started."
            entry.set_state(replace(entry.state, status="stopped", message=message))
            entry_log(entry).info("Ended: %s", message)
            self.store.close_request(request)

    def _recover(self) -> None:
        """Request again the entries that were running or queued when their worker, or the engine, was killed."""
        for kind in CONFIG_TYPES:
            for entry in self.store.folders(kind):
                job = self.jobs.get(entry)
                if entry in self.ended or (job and job.future is not None) or self.store.is_requested(entry):
                    continue
                try:
                    self._request_again(entry)
                except Exception:  # of this entry alone
                    entry_log(entry).exception("Cannot be recovered; left as it is")
                    self.ended.add(entry)

    def _request_again(self, entry: Entry) -> None:
        """Request an entry again whose worker was killed, or whose request was lost."""
        if not self._is_readable(entry):
            return
        status = entry.state.status
        if status in ("interrupted", "queued"):
            entry_log(entry).warning("Found %s without a request; requested again", status)
            self.store.request(entry.config)
        elif status in ENDED_STATUSES:
            self.ended.add(entry)  # only a new request starts it again

    def _is_readable(self, entry: Entry) -> bool:
        """Whether the entry can be read; log it if the store has set it aside."""
        readable = self.store.is_readable(entry)
        if not readable and not entry.folder.exists():
            entry_log(entry).warning("Damaged and set aside (see %s/set-aside), or deleted", self.store.root)
        return readable

    def _keep_info(self) -> None:
        """Write again what pages and commands know of this engine, if it was removed or damaged."""
        if info(self.store) != self.info:
            write_document(info_path(self.store), asdict(self.info))

    def _replace_lost_workers(self) -> None:
        """Log the loss of workers that the local cluster has to replace; an external cluster replaces its own."""
        n_lost = replace_lost_workers(self.client.cluster, self.info.n_workers)
        if n_lost > self.n_lost:
            logger.warning("Lost workers: %d; starting replacements", n_lost)
        self.n_lost = n_lost

    def _note_warm_up(self) -> None:
        """Publish the device and speed that a worker has measured, and use stacks if it gains from them."""
        if self.warm_up and self.warm_up[0].done():
            future = self.warm_up.pop()
            if future.status == "finished":
                measured = future.result()
                self.max_stack = MAX_STACKED_RUNS if measured.pop("stacks") else 1
                self.info = EngineInfo(**{**asdict(self.info), **measured})
                write_document(info_path(self.store), asdict(self.info))


def _outcome(entry: Entry, future: Any) -> Any:
    """Return the outcome of the entry's own task, or of its part of a stack."""
    outcome = future.result()
    return outcome.get(entry.id) if isinstance(outcome, dict) else outcome
