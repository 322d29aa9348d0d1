"""The run store: one folder for each configuration, named by the configuration's hash.

    runs/<id>/          config.json  state.json  history.jsonl  manifest.json  lock  provenance.json
                        checkpoint-<step>.safetensors (while training)  model.safetensors
                        codes.safetensors  clusters.parquet  scores.json  snapshots/<epoch>.safetensors
    embeddings/<id>/    a map of one run's codes: points.parquet
    pixel-nmf/<id>/     scikit-learn's NMF of the pixels: factors.safetensors
    queue/<kind>.<id>   what somebody asked for and the engine has not finished
    set-aside/          damaged entries, each with why.txt

The folder is all that passes between a worker and a page. It knows neither torch nor dask.
"""

import fcntl
import io
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from platformdirs import user_data_path

from ddnmf_core.config import Config, EmbeddingConfig, PixelNMFConfig, RunConfig, hash_of
from ddnmf_core.files import (
    CorruptFile,
    is_litter,
    read_checked,
    read_document,
    temporary_name,
    write_bytes,
    write_document,
)

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["runs", "embeddings", "pixel-nmf"]
Status = Literal["new", "queued", "running", "interrupted", "stopped", "finished", "failed", "diverged"]
CONFIG_OF: dict[Kind, type[Config]] = {
    "runs": RunConfig, "embeddings": EmbeddingConfig, "pixel-nmf": PixelNMFConfig}
ENDED: tuple[Status, ...] = ("stopped", "finished", "failed", "diverged")

CONFIG, STATE, HISTORY, MANIFEST, LOCK = "config.json", "state.json", "history.jsonl", "manifest.json", "lock"
STOP = "stop"
MODEL, CODES, CLUSTERS, SCORES = "model.safetensors", "codes.safetensors", "clusters.parquet", "scores.json"
POINTS, FACTORS, PROVENANCE = "points.parquet", "factors.safetensors", "provenance.json"


class UnknownEntry(LookupError):
    """There is no such run in the store."""


class Busy(RuntimeError):
    """Somebody else holds the entry's lock."""


@dataclass(frozen=True)
class State:
    """How far an entry is; `status` "interrupted" means that its worker is gone."""

    status: Status = "new"
    progress: float = 0.0                                           # share done, 0 to 1
    message: str = ""                                               # what it is doing, or why it ended
    device: str = ""                                                # where it runs or ran, to be shown
    wanted_device: str = "auto"                                     # what was asked for
    updated: float = 0.0                                            # seconds since 1970


def default_root() -> Path:
    """DDNMF_HOME, else the user's data folder."""
    return Path(os.environ.get("DDNMF_HOME") or user_data_path("ddnmf"))


@dataclass(frozen=True)
class Request:
    """Somebody wants an entry's result; asking again makes another request."""

    entry: "Entry"
    device: str
    asked: int                                                      # nanoseconds since 1970


class Entry:
    """One folder of the store. Reading checks what it reads; writing is safe against a kill."""

    def __init__(self, store: "Store", kind: Kind, entry_id: str) -> None:
        self.store, self.kind, self.id = store, kind, entry_id
        self.folder = store.root / kind / entry_id

    def __repr__(self) -> str:
        return f"Entry({self.kind}/{self.id})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    @property
    def exists(self) -> bool:
        return (self.folder / CONFIG).exists()

    @property
    def config(self) -> Any:
        """The configuration; raises CorruptFile unless it hashes to the folder's name."""
        try:
            fields = json.loads((self.folder / CONFIG).read_bytes())
            if hash_of(fields) != self.id:                          # of what is stored: later versions may know more fields
                raise ValueError(f"it is not the configuration of {self.id}")
            return CONFIG_OF[self.kind](**fields)
        except FileNotFoundError:
            raise CorruptFile(self.folder / CONFIG, "is missing") from None
        except (ValueError, TypeError) as error:
            raise CorruptFile(self.folder / CONFIG, f"is damaged ({error})") from None

    # ---------------------------------------------------------------------------------- state

    @property
    def state(self) -> State:
        """The recorded state, held against the lock: a run whose worker is gone is interrupted."""
        state = State(**read_document(self.folder / STATE))
        if state.status == "running" and not self.locked:
            return replace(state, status="interrupted", message="Its worker is gone; it will go on.")
        return state

    def set_state(self, state: State) -> None:
        write_document(self.folder / STATE, asdict(replace(state, updated=time.time())),
                       durable=state.status in ENDED)

    @property
    def finished(self) -> bool:
        return self.state.status == "finished"

    @property
    def stop_requested(self) -> bool:
        return (self.folder / STOP).exists()

    def request_stop(self) -> None:
        (self.folder / STOP).touch()

    def clear_stop(self) -> None:
        (self.folder / STOP).unlink(missing_ok=True)

    # ----------------------------------------------------------------------------------- lock

    @contextmanager
    def lock(self, patience: float = 1.0) -> Iterator[None]:
        """Hold the entry alone; the system frees the lock when the process dies. Raises Busy."""
        with (self.folder / LOCK).open("a") as file:
            deadline = time.monotonic() + patience                  # a reader may be looking just now
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Busy(f"{self.kind}/{self.id} is being worked on") from None
                    time.sleep(0.05)
            yield

    @property
    def locked(self) -> bool:
        return is_locked(self.folder / LOCK)

    # -------------------------------------------------------------------------------- history

    def append_history(self, row: Mapping[str, Any]) -> None:
        with (self.folder / HISTORY).open("a") as file:
            file.write(json.dumps(row) + "\n")

    def history(self) -> list[dict[str, Any]]:
        """Every whole row; a last line cut short by a kill is left out."""
        if (expected := self._manifest().get(HISTORY)) is not None:
            content = read_checked(self.folder / HISTORY, expected)
        elif (self.folder / HISTORY).exists():
            content = (self.folder / HISTORY).read_bytes()
        else:
            return []
        lines = content.split(b"\n")[:-1]
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            raise CorruptFile(self.folder / HISTORY, "is damaged: a line is not JSON") from None

    def rewind_history(self, step: int) -> None:
        """Forget what was reported after this step: a resume reports it again."""
        rows = [row for row in self.history() if row["step"] <= step]
        self._forget(HISTORY)
        write_bytes(self.folder / HISTORY, "".join(json.dumps(row) + "\n" for row in rows).encode())

    def seal_history(self) -> None:
        """The history is complete: from now on its SHA-256 is checked."""
        self._record(HISTORY, write_bytes(self.folder / HISTORY, (self.folder / HISTORY).read_bytes()))

    # ------------------------------------------------------------------------------ artefacts

    def has(self, name: str) -> bool:
        return name in self._manifest()

    def names(self, prefix: str) -> list[str]:
        """Recorded files whose name starts so, in order."""
        return sorted(name for name in self._manifest() if name.startswith(prefix))

    def write_tensors(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        from safetensors.numpy import save
        self._write(name, save({key: np.ascontiguousarray(array) for key, array in arrays.items()}))

    def read_tensors(self, name: str) -> dict[str, np.ndarray]:
        from safetensors.numpy import load
        return load(self._read(name))

    def write_table(self, name: str, table: "pd.DataFrame") -> None:
        self._write(name, table.to_parquet(index=False))

    def read_table(self, name: str) -> "pd.DataFrame":
        import pandas as pd
        return pd.read_parquet(io.BytesIO(self._read(name)))

    def write_json(self, name: str, content: Any) -> None:
        self._write(name, json.dumps(content, indent=1).encode())

    def read_json(self, name: str) -> Any:
        return json.loads(self._read(name))

    def remove(self, name: str) -> None:
        """Take a file out of the manifest, then delete it."""
        self._forget(name)
        (self.folder / name).unlink(missing_ok=True)

    def problems(self) -> list[str]:
        """What is wrong with this entry, a sentence each; empty when all is as it was written."""
        found = []
        for check in (lambda: self.config, lambda: self.state, self.history, self._manifest):
            try:
                check()
            except CorruptFile as error:
                found.append(str(error))
        if not found:
            for name in self._manifest():
                try:
                    self._read(name)
                except CorruptFile as error:
                    found.append(str(error))
        return found

    def _write(self, name: str, content: bytes) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        self._record(name, write_bytes(self.folder / name, content))

    def _read(self, name: str) -> bytes:
        expected = self._manifest().get(name)
        if expected is None:
            raise CorruptFile(self.folder / name, "is missing from the manifest")
        return read_checked(self.folder / name, expected)

    def _record(self, name: str, digest: str) -> None:
        write_document(self.folder / MANIFEST, {**self._manifest(), name: digest})

    def _forget(self, name: str) -> None:
        manifest = self._manifest()
        if manifest.pop(name, None):
            write_document(self.folder / MANIFEST, manifest)

    def _manifest(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return read_document(self.folder / MANIFEST)


class Store:
    """All entries under one root."""

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root) if root else default_root()

    # ------------------------------------------------------------------------------- entries

    def entry(self, config: Config) -> Entry:
        """Where this configuration's results are or will be."""
        kind = next(kind for kind, cls in CONFIG_OF.items() if type(config) is cls)
        return Entry(self, kind, config.id)

    def get(self, kind: Kind, entry_id: str) -> Entry:
        """An entry that is there; raises UnknownEntry with what to do."""
        entry = Entry(self, kind, entry_id)
        if not entry_id.isalnum() or not entry.exists:
            raise UnknownEntry(f"There is no run {entry_id!r} in {self.root}. It may have been deleted; "
                               "`ddnmf runs list` shows those that are there.")
        return entry

    def owner(self, path: Path) -> Entry:
        """The entry that a file belongs to."""
        kind, entry_id, *_ = path.relative_to(self.root).parts
        return Entry(self, kind, entry_id)                          # type: ignore[arg-type]

    def entries(self, kind: Kind = "runs") -> list[Entry]:
        """Newest first. A damaged entry that nobody works on is set aside, and `notices` says so."""
        whole = []
        for entry in sorted(self.folders(kind), key=lambda entry: _changed(entry.folder / CONFIG), reverse=True):
            try:
                _ = entry.config, entry.state, entry.has("")
                whole.append(entry)
            except CorruptFile as error:
                if not entry.locked:
                    self.set_aside(entry, str(error))
        return whole

    def folders(self, kind: Kind) -> list[Entry]:
        """Every entry of a kind, whole or not."""
        return [Entry(self, kind, path.name) for path in (self.root / kind).glob("[!.]*") if path.is_dir()]

    def create(self, config: Config) -> Entry:
        """The entry of this configuration, made if it is not there: whole or not at all, by whoever is first."""
        entry = self.entry(config)
        if entry.exists:
            return entry
        beside = temporary_name(entry.folder)
        beside.mkdir(parents=True)
        try:
            write_bytes(beside / CONFIG, json.dumps(config.model_dump(mode="json"), indent=1).encode())
            write_document(beside / MANIFEST, {})
            write_document(beside / STATE, asdict(State()))
            beside.rename(entry.folder)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            if not entry.exists:
                raise
        return entry

    def delete(self, entry: Entry) -> None:
        """Remove an entry and the maps made of it; raises Busy while one of them is worked on."""
        maps = [embedding for embedding in self.entries("embeddings") if embedding.config.run == entry.id]
        for each in [*maps, entry] if entry.kind == "runs" else [entry]:
            each.request_stop()
            with each.lock(patience=5.0):
                self._ticket(each).unlink(missing_ok=True)
                gone = temporary_name(each.folder)                  # renamed first: nobody ever sees half of it
                each.folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    # ------------------------------------------------------------------------------- requests

    @property
    def queue(self) -> Path:
        return self.root / "queue"

    def request(self, config: Config, device: str | None = None) -> Entry:
        """Ask for a configuration's results: finished ones are found, others are put into the queue.

        Without a device it is the one that was asked for before, or "auto".
        """
        entry = self.create(config)
        state = entry.state
        if state.status == "finished":
            return entry
        device = device or state.wanted_device
        entry.clear_stop()
        if not entry.locked:
            entry.set_state(replace(state, status="queued", message="Waiting for a free worker.", wanted_device=device))
        self.queue.mkdir(exist_ok=True)
        write_document(self._ticket(entry), {"device": device, "asked": time.time_ns()})
        return entry

    def is_requested(self, entry: Entry) -> bool:
        return self._ticket(entry).exists()

    def requests(self) -> list[Request]:
        """What waits or is worked on, oldest first."""
        found = []
        for path in sorted(self.queue.glob("*.*"), key=_changed):
            kind, _, entry_id = path.name.partition(".")
            if kind in CONFIG_OF:
                try:
                    found.append(Request(Entry(self, kind, entry_id), **read_document(path)))
                except CorruptFile:
                    path.unlink(missing_ok=True)
        return found

    def settle(self, request: Request) -> None:
        """The request is done with, unless somebody has asked again since."""
        if request in self.requests():
            self._ticket(request.entry).unlink(missing_ok=True)

    def _ticket(self, entry: Entry) -> Path:
        return self.queue / f"{entry.kind}.{entry.id}"

    # ------------------------------------------------------------------------------ set aside

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Move a damaged entry out of the way, with the reason; nothing is deleted."""
        target = self.root / "set-aside" / f"{entry.kind}-{entry.id}-{time.time_ns()}"
        target.parent.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):                           # somebody else was quicker
            entry.folder.rename(target)
            self._ticket(entry).unlink(missing_ok=True)
            (target / "why.txt").write_text(reason + "\n")

    def notices(self) -> list[str]:
        """A sentence for each damaged entry that was set aside."""
        return [f"{path.name.rsplit('-', 1)[0]} was damaged and set aside: "
                f"{(path / 'why.txt').read_text().strip()}. It can be computed again; the damaged files are in {path}."
                for path in sorted((self.root / "set-aside").glob("*")) if (path / "why.txt").exists()]

    def clear_litter(self) -> int:
        """Delete what writers that were killed left beside their files; returns how many."""
        litter = [path for path in self.root.rglob(".*.tmp") if is_litter(path)]
        for path in litter:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return len(litter)


def is_locked(path: Path) -> bool:
    """Whether a living process holds this lock file."""
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
