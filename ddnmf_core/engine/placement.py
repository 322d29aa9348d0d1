"""Choose the kind of worker for a task, and limit the number of clusterings at the workers."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from ddnmf_core.engine.gpus import available_gpus
from ddnmf_core.store.entry import Kind

WorkerKind = Literal["train", "analyse"]  # a resource that workers advertise
MAX_PREFETCHED = 2  # clusterings at one analysis worker: one runs, one waits


class WorkerPlacement:
    """The kinds of workers in a cluster. With both kinds, trainings go to the one and all other tasks to the other."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.advertised = Counter(name for worker in self._workers() for name in worker.get("resources", {}))
        self.can_borrow = client.cluster is not None and {"train", "analyse"} <= self.advertised.keys() and not available_gpus()

    def submission(self, worker: WorkerKind) -> dict[str, Any]:
        """Return the options of dask's `submit` for this kind of worker; none where no worker advertises it."""
        return {"resources": {worker: 1}} if worker in self.advertised else {}

    def worker_kind(self, kind: Kind) -> WorkerKind:
        """Return the usual kind of worker for entries of a kind."""
        return "train" if kind == "runs" else "analyse"

    def for_clustering(self, submitted: Iterable[WorkerKind], training: bool) -> WorkerKind | None:
        """Pick the worker kind for the next clustering, or None if all slots are taken.

        Clusterings are short and may be hundreds. On this machine's own cores the training workers help while no
        training is open, one clustering each, so that a new training waits for one clustering at most.
        """
        if not self.can_borrow:
            return "analyse"
        counts = Counter(submitted)
        if counts["analyse"] < MAX_PREFETCHED * self.advertised["analyse"]:
            return "analyse"
        return "train" if not training and counts["train"] < self.advertised["train"] else None

    def n_training(self) -> int:
        """Count the training workers of this moment; those of an external cluster come and go."""
        workers = self._workers()
        return max(1, sum("train" in worker.get("resources", {}) for worker in workers) or len(workers))

    def _workers(self) -> list[dict[str, Any]]:
        return list(self.client.scheduler_info(n_workers=-1)["workers"].values())
