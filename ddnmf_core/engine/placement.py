"""Where a task goes: which of dask's workers take it, and how many clusterings are handed out at once."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from ddnmf_core.engine.cluster import available_gpus
from ddnmf_core.store.entry import Kind

WorkerKind = Literal["train", "analyse"]  # a resource that workers advertise
MAX_PREFETCHED = 2  # clusterings that a worker for maps is given: one waits


class WorkerPlacement:
    """The kinds of workers that a cluster has. Trainings and maps go to their own where it has both."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.advertised = Counter(name for worker in self._workers() for name in worker.get("resources", {}))
        self.can_borrow = client.cluster is not None and {"train", "analyse"} <= self.advertised.keys() and not available_gpus()

    def submission(self, place: WorkerKind) -> dict[str, Any]:
        """What dask is told of it."""
        return {"resources": {place: 1}} if place in self.advertised else {}

    def of(self, kind: Kind) -> WorkerKind:
        return "train" if kind == "runs" else "analyse"

    def for_clustering(self, handed_out: Iterable[WorkerKind], training: bool) -> WorkerKind | None:
        """Where one more goes, given where the others are; None while they wait for room. Clusterings are short and may be
        hundreds, so on this machine's own cores the workers for trainings help while there is no training: one that is
        asked for then waits for the clustering that its worker is at, and for no other."""
        if not self.can_borrow:
            return "analyse"
        there = Counter(handed_out)
        if there["analyse"] < MAX_PREFETCHED * self.advertised["analyse"]:
            return "analyse"
        return "train" if not training and there["train"] < self.advertised["train"] else None

    def n_training(self) -> int:
        """Workers for trainings, as many as there are now: on somebody else's cluster they come and go."""
        there = self._workers()
        return max(1, sum("train" in worker.get("resources", {}) for worker in there) or len(there))

    def _workers(self) -> list[dict[str, Any]]:
        return list(self.client.scheduler_info(n_workers=-1)["workers"].values())
