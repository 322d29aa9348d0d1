"""Batches of work for the engine: compute the missing results of an experiment or a reproduction."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from ddnmf_core.config import Config, RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.engine import estimate
from ddnmf_core.store.entry import CODES_FILE, ENDED_STATUSES, Entry
from ddnmf_core.store.run_store import Store

NOMINAL_SPEED = {"weights": 6.6e6, "images_per_second": 8000.0}  # used until the engine has measured this machine
POLL_INTERVAL_S = 0.5


class WorkItem(Protocol):
    """A result to compute: its configuration, and the run to train first."""

    @property
    def config(self) -> Config: ...
    @property
    def run(self) -> RunConfig | None: ...


class WorkBatch:
    """Entries to compute: trainings, and the results derived from them."""

    def __init__(self, store: Store, cells: Sequence[WorkItem], known: Iterable[str] = ()) -> None:
        """List what is missing: neither finished in the store nor among the ids in `known`."""
        self.store = store
        ids = set(known)
        missing = [cell for cell in cells if cell.config.id not in ids and not store.entry(cell.config).available]
        runs = {cell.run: None for cell in missing if cell.run and not store.entry(cell.run).available}
        self.configs: list[Config] = list(dict.fromkeys([*runs, *(cell.config for cell in missing)]))
        self.seconds = {store.entry(config): _seconds(store, config) for config in self.configs}
        self.results = {store.entry(cell.config) for cell in missing}  # what was asked for; of the runs only codes are needed
        self.n_cells, self.n_there = len(cells), len(cells) - len(missing)
        self.ended: set[Entry] = set()

    @property
    def expected_seconds(self) -> float:
        """Expected seconds for everything missing at the start on an otherwise idle machine, trainings in parallel."""
        running = engine.info(self.store)
        n_workers = max(1, running.n_workers - 1) if running else 1  # one worker is reserved for derived results
        trainings = sum(seconds for entry, seconds in self.seconds.items() if entry.kind == "runs")
        return trainings / n_workers + sum(self.seconds.values()) - trainings

    def summary(self) -> str:
        """Describe how many results are stored, and the expected time for the others."""
        stored = f"{self.n_there} already stored"
        if not self.expected_seconds:
            return f"{stored}."
        return f"{stored}; expected time for the others: {estimate.format_duration(self.expected_seconds)}."

    def submit(self, device: str | None = None) -> None:
        """Request everything, trainings first: derived results wait for their run."""
        for config in self.configs:
            engine.submit(self.store, config, device)

    def steps(self) -> Iterator[tuple[float, str]]:
        """Yield the progress from `advance` until everything has ended."""
        while not self.done:
            yield self.advance()
            if not self.done:
                engine.require_running(self.store)
                time.sleep(POLL_INTERVAL_S)

    def advance(self) -> tuple[float, str]:
        """Update the set of ended entries; return the completed share of the expected time, and a message."""
        share, encoded = 0.0, 0
        for entry, seconds in self.seconds.items():
            if entry not in self.ended:
                state = entry.state
                if state.status not in ENDED_STATUSES or self.store.is_requested(entry):
                    share += seconds * state.progress
                    encoded += entry.kind == "runs" and entry.has(CODES_FILE)
                    continue
                self.ended.add(entry)
            share += seconds
        if not self.done and not any(self.store.is_requested(entry) and entry.locked for entry in self.seconds):
            engine.ensure_started(self.store)
        counts = {
            kind: (sum(entry.kind == kind for entry in self.ended), sum(entry.kind == kind for entry in self.seconds))
            for kind in ("runs", "clusterings", "embeddings", "interpretations")
        }
        counts["runs"] = (counts["runs"][0] + encoded, counts["runs"][1])
        words = {
            "runs": "models trained",
            "clusterings": "clusterings",
            "embeddings": "maps",
            "interpretations": "factorisations",
        }
        text = ", ".join(f"{done} of {total} {words[kind]}" for kind, (done, total) in counts.items() if total)
        return share / max(sum(self.seconds.values()), 1e-9), text or "All results are stored."

    @property
    def done(self) -> bool:
        """Whether every result has ended. Runs on a GPU may still be waiting for scores that none of the results needs."""
        return self.results <= self.ended

    def stop(self) -> None:
        """Stop running entries and cancel queued ones; the next submission resumes them."""
        for entry in reversed(list(self.seconds)):
            if entry.exists and entry.state.status not in ENDED_STATUSES:
                entry.request_stop()

    def failures(self) -> list[str]:
        """Return one sentence per entry that ended without a result."""
        return [
            f"{entry.kind}/{entry.id} {entry.state.status}: {entry.state.message}"
            for entry in self.seconds
            if entry in self.ended and not entry.finished
        ]


def _seconds(store: Store, config: Config) -> float:
    """Estimate the seconds that a result takes on this machine."""
    if isinstance(config, RunConfig):
        running = engine.info(store)
        speed = {"weights": running.weights, "images_per_second": running.images_per_second} if running else {}
        return estimate.run_seconds(config, [NOMINAL_SPEED, speed]) or 0.0
    return estimate.analysis_seconds(config)
