"""Read the store's open requests, in the order in which they are dispatched."""

import time

from ddnmf_core.engine.duty_cycle import DutyCycle
from ddnmf_core.store.entry import MTIME_RESOLUTION_NS
from ddnmf_core.store.run_store import Request, Store


class RequestQueue:
    """The open requests of a store: clusterings last, the newest of them first; all others first, the oldest first."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.duty_cycle = DutyCycle()
        self.changed_ns = -1  # modification time of the queue's folder at the last read
        self.requests: list[Request] = []

    def read(self) -> list[Request]:
        """Return the requests. The folder, which may hold ten thousand files, is read only after a change and within
        the duty cycle."""
        changed_ns = self.store.queue.stat().st_mtime_ns if self.store.queue.exists() else 0
        changed = changed_ns != self.changed_ns or time.time_ns() - changed_ns < MTIME_RESOLUTION_NS
        if changed and self.duty_cycle.due:
            with self.duty_cycle:
                requests = self.store.requests()
                clusterings = [request for request in requests if is_clustering(request)]
                self.requests = [request for request in requests if not is_clustering(request)] + clusterings[::-1]
                self.changed_ns = changed_ns
        return self.requests


def is_clustering(request: Request) -> bool:
    """Whether the request is for a clustering, of which only as many are dispatched as there are free slots."""
    return request.entry.kind == "clusterings"
