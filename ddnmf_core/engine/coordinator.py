"""The engine's own process: it takes requests from the store and has dask's workers do them.

One coordinator serves one store. It starts a local dask cluster on loopback, or joins the one that
DDNMF_SCHEDULER names (the store then lies on a path that all its workers share), submits each request
under its entry's id, and goes on when a page, a worker or it itself has been killed: the store is the
truth, dask only does the work.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from ddnmf_core.config import config_hash
from ddnmf_core.engine.client import (
    EngineInfo,
    fingerprint,
    info_path,
    lock_path,
    start_error_path,
    threads_per_run,
    write_start_error,
)
from ddnmf_core.engine.cluster import ALLOWED_FAILURES, available_gpus, start_cluster
from ddnmf_core.engine.duty_cycle import DutyCycle
from ddnmf_core.engine.placement import WorkerKind, WorkerPlacement
from ddnmf_core.engine.worker import tasks
from ddnmf_core.files.atomic import CorruptFile, write_document
from ddnmf_core.store import trash
from ddnmf_core.store.entry import CONFIG_TYPES, ENDED_STATUSES, MTIME_RESOLUTION_NS, Busy, Entry
from ddnmf_core.store.run_store import Request, Store

TICK_S = 0.05  # seconds between looks at the queue
HOUSEKEEPING_INTERVAL_S = 3600.0  # seconds between looks into what was deleted
RECOVERY_INTERVAL_S = 2.0  # seconds between looks for interrupted entries
IDLE_EXIT_S = 30 * 60.0  # seconds without work before it leaves
MAX_STACKED_RUNS = 32  # runs trained as one batched model
GATHER_NS = 500_000_000  # nanoseconds without a new request: then they start
MAX_LOST_BEFORE_START = 10  # times that the workers of a run that waits may die


def serve(store: Store, idle_exit: float = IDLE_EXIT_S) -> None:
    """Be the engine until told to stop, or idle for long. Returns at once where one runs already."""
    store.prepare()
    with lock_path(store).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        info_path(store).unlink(missing_ok=True)  # what a killed engine left
        store.remove_stale_files()
        with ExitStack() as running:
            try:
                client, n_workers = running.enter_context(start_cluster())
            except Exception as error:  # whatever it is: commands and pages wait for this sentence
                where = f" at DDNMF_SCHEDULER={address}" if (address := os.environ.get("DDNMF_SCHEDULER")) else ""
                write_start_error(
                    store, f"The engine could not start its cluster{where}: {error}. Its log is {store.root}/engine.log."
                )
                raise
            start_error_path(store).unlink(missing_ok=True)
            Coordinator(store, client, n_workers).run(idle_exit)


class Coordinator:
    """Keeps dask and the store in step."""

    def __init__(self, store: Store, client: Any, n_workers: int) -> None:
        self.store, self.client = store, client
        self.futures: dict[Entry, tuple[Request, Any]] = {}
        self.places = WorkerPlacement(client)
        self.clusterings: dict[Entry, WorkerKind] = {}  # of the futures, and where they are
        self.busy_until: dict[Entry, float] = {}
        self.bereaved: dict[Entry, int] = {}  # how often their worker died before they began
        self.run_of: dict[Entry, Entry | None] = {}  # of what waits or is worked on
        self.waiting: list[Request] = []
        self.queue_changed = -1  # the folder's time when it was last read
        self.reading, self.looking = DutyCycle(), DutyCycle()  # of the queue; for wishes to stop
        self.info = EngineInfo(os.getpid(), client.scheduler.address, threads_per_run(), n_workers, fingerprint())
        self.ended: set[Entry] = set()  # need not be looked at again
        self.n_lost = 0  # workers that are being replaced
        self.stopping = False
        self.most_together = (
            MAX_STACKED_RUNS if available_gpus() else 1
        )  # a CPU gains nothing from a stack; corrected by `warm_up`
        self.warm_up = [client.submit(tasks.measure_worker, pure=False, **self.places.submission("train"))]

    def run(self, idle_exit: float) -> None:
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopping", True))
        write_document(info_path(self.store), asdict(self.info))
        with self._one_entry_s_trouble():
            self._recover()
        active = recovered = time.monotonic()
        kept_house = -HOUSEKEEPING_INTERVAL_S
        while not self.stopping and self.store.root.exists() and time.monotonic() - active < idle_exit:
            with self._one_entry_s_trouble():
                self._tick()
            if self.futures:
                active = time.monotonic()
            if time.monotonic() - recovered > RECOVERY_INTERVAL_S:
                recovered = time.monotonic()
                self._replace_lost_workers()
                with self._one_entry_s_trouble():
                    self._recover()
            if time.monotonic() - kept_house > HOUSEKEEPING_INTERVAL_S:
                kept_house = time.monotonic()
                with self._one_entry_s_trouble():
                    trash.empty_expired(self.store)
            time.sleep(TICK_S)

    def _replace_lost_workers(self) -> None:
        """Dask gives up a worker for good whose restart takes more than 15 seconds, as on a busy machine; it is started anew.
        Somebody else's cluster looks after its own."""
        own = self.client.cluster
        n_lost = 0 if own is None else self.info.n_workers - len(own.workers)
        if n_lost > self.n_lost:
            print("engine: a worker was given up; another one takes its place", file=sys.stderr, flush=True)
        if n_lost:
            own.scale(self.info.n_workers)
        self.n_lost = n_lost

    @contextmanager
    def _one_entry_s_trouble(self) -> Iterator[None]:
        """A full disk, or an entry that was deleted or damaged meanwhile, must not take the other runs down."""
        try:
            yield
        except (OSError, CorruptFile) as error:
            print(f"engine: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            time.sleep(1.0)

    def _tick(self) -> None:
        stacks: dict[str, list[Request]] = {}
        for request in self._in_turn():
            entry = request.entry
            if (
                entry in self.futures
                or time.monotonic() < self.busy_until.get(entry, 0.0)
                or not self.store.is_requested(entry)
            ):  # settled since the queue was read
                continue
            try:
                self._take_up(request, stacks)
            except CorruptFile:  # gone or damaged: it must not hold up what waits behind it
                self.store.is_readable(entry)
                self.store.request_path(entry).unlink(missing_ok=True)
        for requests in stacks.values():
            self._submit_together(requests)
        for entry, (request, future) in list(self.futures.items()):
            if future.done():
                self._forget(entry)
                self._settle(request, future)
        if self.looking.due:
            with self.looking:
                in_hand = [request for request, _ in self.futures.values()]
                for request in in_hand + [r for r in self.waiting if _is_clustering(r) and r.entry not in self.futures]:
                    if request.entry.stop_requested and request.entry.state.status == "queued":
                        self._withdraw(request)
        self._note_warm_up()

    def _take_up(self, request: Request, stacks: dict[str, list[Request]]) -> None:
        """Hand it to the workers, or put it with those that it shares a stack with, once it is ready."""
        entry = request.entry
        if not self._is_ready(entry):
            if entry.stop_requested:
                self._withdraw(request)
        elif not self.store.is_current(request):  # asked anew since the queue was read
            return
        elif entry.kind == "runs" and self.warm_up and self.client.cluster is None:
            return  # somebody else's workers have yet to say what they are
        elif entry.kind == "runs" and self.most_together > 1:
            stacks.setdefault(f"{request.device}.{entry.config.stack_key}", []).append(request)
        else:
            self._submit(request)

    def _requests(self) -> list[Request]:
        """The queue, read again only when it has changed, and for a tenth of the time at most: a sweep may have put ten
        thousand files into it, of which one goes at each end of a run."""
        changed = self.store.queue.stat().st_mtime_ns if self.store.queue.exists() else 0
        if self.reading.due and (changed != self.queue_changed or time.time_ns() - changed < MTIME_RESOLUTION_NS):
            with self.reading:
                self.queue_changed, self.waiting = changed, self.store.requests()
        return self.waiting

    def _in_turn(self) -> Iterator[Request]:
        """What may be taken up now: of clusterings as many as there is room for, the newest first, for it is looked at."""
        yield from [request for request in self._requests() if not _is_clustering(request)]
        for request in reversed([request for request in self.waiting if _is_clustering(request)]):
            if not self._room():
                return
            yield request

    def _room(self) -> WorkerKind | None:
        """For one more clustering."""
        training = any(entry.kind == "runs" for entry in self.futures)
        return self.places.for_clustering(self.clusterings.values(), training)

    def _is_ready(self, entry: Entry) -> bool:
        """What is made of a run waits until that run has been done with."""
        if entry not in self.run_of:
            self.run_of[entry] = entry.run
        run = self.run_of[entry]
        return run is None or not self.store.is_requested(run)

    def _submit(self, request: Request) -> None:
        entry = request.entry
        place = self.places.of(entry.kind)
        if _is_clustering(request):
            place = self.clusterings[entry] = self._room() or place
        future = self.client.submit(
            tasks.perform,
            str(self.store.root),
            entry.kind,
            entry.id,
            request.device,
            key=f"{entry.kind}-{entry.id}",
            pure=False,
            priority=_priority(request),
            **self.places.submission(place),
        )
        self.futures[entry] = (request, future)

    def _submit_together(self, requests: list[Request]) -> None:
        """Runs of one stack key, once nobody has asked for another one for a moment: in as few stacks as there are workers."""
        if time.time_ns() - max(request.asked for request in requests) < GATHER_NS:
            return
        size = min(self.most_together, -(-len(requests) // self.places.n_training()))
        for start in range(0, len(requests), size):
            stack = requests[start : start + size]
            ids = [request.entry.id for request in stack]
            future = self.client.submit(
                tasks.perform_together,
                str(self.store.root),
                ids,
                stack[0].device,
                key=f"stack-{config_hash({'runs': ids})}",
                pure=False,
                priority=_priority(stack[0]),
                **self.places.submission("train"),
            )
            for request in stack:
                self.futures[request.entry] = (request, future)

    def _forget(self, entry: Entry) -> Any:
        """Its future, which is no longer waited for."""
        self.clusterings.pop(entry, None)
        _, future = self.futures.pop(entry)
        return future

    def _settle(self, request: Request, future: Any) -> None:
        """A task ended: well, as its entry says; or with its worker, again and again."""
        if future.status == "finished" and _outcome_of(request.entry, future) == "busy":
            self.busy_until[request.entry] = time.monotonic() + 1.0  # its old worker may still be alive
            return
        if future.status == "error":
            if self._waited_behind(request.entry, future.exception()):
                return
            self._write_failure(request.entry, future.exception())
        self.bereaved.pop(request.entry, None)  # who asks for it again begins anew
        self.run_of.pop(request.entry, None)
        self.store.close_request(request)

    def _waited_behind(self, entry: Entry, error: Exception) -> bool:
        """Whether it had not begun when the worker that it was assigned to died: dask counts that against it as against the
        run that was at work. It is asked for again, but not without end."""
        if type(error).__name__ != "KilledWorker" or not entry.exists or entry.state.status != "queued":
            return False
        self.bereaved[entry] = self.bereaved.get(entry, 0) + 1
        self.busy_until[entry] = time.monotonic() + 1.0
        return self.bereaved[entry] < MAX_LOST_BEFORE_START

    def _write_failure(self, entry: Entry, error: Exception) -> None:
        if entry.exists:
            reason = (
                f"Its worker died {ALLOWED_FAILURES} times."
                if type(error).__name__ == "KilledWorker"
                else tasks.error_message(error)
            )
            entry.set_state(
                replace(entry.state, status="failed", message=f"{reason} The engine's log: {self.store.root}/engine.log")
            )

    def _withdraw(self, request: Request) -> None:
        """Stopped while it waited: it need not run for that."""
        entry = request.entry
        with suppress(Busy), entry.lock(patience=0.0):  # busy: it has just begun, and sees the flag itself
            if entry in self.futures:
                future = self._forget(entry)
                if all(other is not future for _, other in self.futures.values()):  # a stack goes on for its other runs
                    future.cancel()
            entry.set_state(replace(entry.state, status="stopped", message="Stopped before its turn came."))
            self.store.close_request(request)

    def _recover(self) -> None:
        """Ask again for what was running or waiting when its worker, or the engine, was killed."""
        for kind in CONFIG_TYPES:
            for entry in self.store.folders(kind):
                if entry in self.ended or entry in self.futures or self.store.is_requested(entry):
                    continue
                if not self.store.is_readable(entry):
                    continue
                status = entry.state.status
                if status in ("interrupted", "queued"):
                    self.store.request(entry.config)
                elif status in ENDED_STATUSES:
                    self.ended.add(entry)  # only a request, which is seen, gets it going again

    def _note_warm_up(self) -> None:
        if self.warm_up and self.warm_up[0].done():
            future = self.warm_up.pop()
            if future.status == "finished":
                found = future.result()
                self.most_together = MAX_STACKED_RUNS if found.pop("stacks") else 1
                self.info = EngineInfo(**{**asdict(self.info), **found})
                write_document(info_path(self.store), asdict(self.info))


def _outcome_of(entry: Entry, future: Any) -> Any:
    """Of its own task, or of the stack that it was a part of."""
    found = future.result()
    return found.get(entry.id) if isinstance(found, dict) else found


def _priority(request: Request) -> float:
    """Trainings in the order in which they were asked for; of maps the newest first, for it is being looked at."""
    return request.asked / 1e9 * (-1 if request.entry.kind == "runs" else 1)


def _is_clustering(request: Request) -> bool:
    return request.entry.kind == "clusterings"
