"""One folder of the run store: its state, its lock, its history and its files, each checked when it is read."""

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast

from ddnmf_core.config import (
    ClusteringConfig,
    Config,
    EmbeddingConfig,
    InterpretationConfig,
    PixelNMFConfig,
    RunConfig,
    config_hash,
)
from ddnmf_core.files.atomic import CorruptFile, read_checked, read_document, write_bytes, write_document
from ddnmf_core.files.checked_folder import MANIFEST_FILE, CheckedFolder
from ddnmf_core.files.read_only import require_writable

ConfigT = TypeVar("ConfigT", bound=Config, covariant=True)
Kind = Literal["runs", "embeddings", "clusterings", "interpretations", "pixel-nmf"]
Status = Literal["new", "queued", "running", "interrupted", "stopped", "finished", "failed", "diverged"]
CONFIG_TYPES: dict[Kind, type[Config]] = {
    "runs": RunConfig,
    "embeddings": EmbeddingConfig,
    "clusterings": ClusteringConfig,
    "interpretations": InterpretationConfig,
    "pixel-nmf": PixelNMFConfig,
}
DERIVED_KINDS: tuple[Kind, ...] = ("embeddings", "clusterings", "interpretations")
ENDED_STATUSES: tuple[Status, ...] = ("stopped", "finished", "failed", "diverged")

CONFIG_FILE, STATE_FILE, HISTORY_FILE, LOCK_FILE, STOP_FILE = "config.json", "state.json", "history.jsonl", "lock", "stop"
MODEL_FILE, CODES_FILE, CLUSTERS_FILE, SCORES_FILE = "model.safetensors", "codes.safetensors", "clusters.parquet", "scores.json"
POINTS_FILE, EARLY_FILE, FACTORS_FILE, PROVENANCE_FILE = (
    "points.parquet",
    "early.parquet",
    "factors.safetensors",
    "provenance.json",
)
PARTS_FILE, INTERPRETATION_FILE = "parts.parquet", "interpretation.safetensors"
MTIME_RESOLUTION_NS = 2_000_000_000  # ns; two changes closer together may bear the same time
_FINISHED: dict[str, tuple[int, "State"]] = {}  # paths of states that will not change, and their times
RECORDED_NAMES = re.compile(  # names that a manifest lists
    r"(model|codes|factors|interpretation|checkpoint-\d{9}|snapshots/\d{6})\.safetensors"
    r"|(clusters|points|early|parts)\.parquet|(scores|provenance|part-names)\.json|history\.jsonl"
)


class UnknownEntry(LookupError):
    """There is no such run in the store."""


class Busy(RuntimeError):
    """Somebody else holds the entry's lock."""


@dataclass(frozen=True)
class State:
    """How far an entry is; `status` "interrupted" means that its worker is gone."""

    status: Status = "new"
    progress: float = 0.0  # share done, 0 to 1
    message: str = ""  # what it is doing, or why it ended
    device: str = ""  # where it runs or ran, to be shown
    wanted_device: str = "auto"  # what was asked for
    updated: float = 0.0  # seconds since 1970


class Entry(CheckedFolder, Generic[ConfigT]):
    """One folder of the store, with the type of its configuration."""

    def __init__(self, root: Path, kind: Kind, entry_id: str, folder: Path | None = None) -> None:
        """`root` is the store's. The folder is the one of its kind and id, unless it was deleted, set aside or is just
        being unpacked."""
        super().__init__(folder or root / kind / entry_id)
        self.root, self.kind, self.id = root, kind, entry_id

    def __repr__(self) -> str:
        return f"Entry({self.kind}/{self.id})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    @property
    def exists(self) -> bool:
        return (self.folder / CONFIG_FILE).exists()

    @property
    def config(self) -> ConfigT:
        """The configuration; raises CorruptFile unless it hashes to the folder's name. It never changes, so a file that
        was read before is not read again."""
        return self._config(_config_in)

    def _config(self, read: Callable[[str, Kind, str, int], Config]) -> ConfigT:
        path = self._place(CONFIG_FILE)
        try:
            return cast(ConfigT, read(path, self.kind, self.id, _changed(path)))
        except FileNotFoundError:
            raise CorruptFile(self.folder / CONFIG_FILE, "is missing") from None
        except (ValueError, TypeError) as error:
            raise CorruptFile(self.folder / CONFIG_FILE, f"is damaged ({error})") from None

    @property
    def version(self) -> tuple[int, ...]:
        """Changes with the entry's configuration, state and files; raises FileNotFoundError where one is missing."""
        return tuple(_changed(self._place(name)) for name in (CONFIG_FILE, STATE_FILE, MANIFEST_FILE))

    def _place(self, name: str) -> str:
        """Of a file; as text, since making a Path takes longer than asking the system about the file."""
        return f"{self.folder}/{name}"

    @property
    def size(self) -> int:
        """Bytes on the disk; what goes meanwhile counts nothing."""
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(FileNotFoundError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    @property
    def run(self) -> "Entry[RunConfig] | None":
        """The run whose codes this entry is made of."""
        run_id = getattr(self.config, "run", None)
        return Entry(self.root, "runs", run_id) if run_id else None

    # ---------------------------------------------------------------------------------- state

    @property
    def state(self) -> State:
        """The recorded state, held against the lock: a run whose worker is gone is interrupted."""
        path = self._place(STATE_FILE)
        try:
            changed = _changed(path)
        except FileNotFoundError:
            raise CorruptFile(self.folder / STATE_FILE, "is missing") from None
        if (before := _FINISHED.get(path)) and before[0] == changed:
            return before[1]
        state = self._recorded_state()
        if state.status == "running" and not self.locked:
            return replace(state, status="interrupted", message="Its worker is gone; it will go on.")
        if state.status == "finished" and time.time_ns() - changed > MTIME_RESOLUTION_NS:
            _FINISHED[path] = changed, state
        return state

    def _recorded_state(self) -> State:
        try:
            return State(**read_document(self.folder / STATE_FILE))
        except TypeError as error:
            raise CorruptFile(self.folder / STATE_FILE, f"is damaged ({error})") from None

    def set_state(self, state: State) -> None:
        write_document(
            self.folder / STATE_FILE, asdict(replace(state, updated=time.time())), durable=state.status in ENDED_STATUSES
        )

    def end(self, status: Status, message: str) -> Status:
        """Work on it ended so, and why; returns the status."""
        progress = 1.0 if status == "finished" else self.state.progress
        self.set_state(replace(self.state, status=status, message=message, progress=progress))
        return status

    @property
    def finished(self) -> bool:
        return self.state.status == "finished"

    @property
    def available(self) -> bool:
        """Whether it is there and finished."""
        return self.exists and self.finished

    @property
    def stop_requested(self) -> bool:
        return (self.folder / STOP_FILE).exists()

    def request_stop(self) -> None:
        require_writable()
        (self.folder / STOP_FILE).touch()

    def clear_stop(self) -> None:
        (self.folder / STOP_FILE).unlink(missing_ok=True)

    # ----------------------------------------------------------------------------------- lock

    @contextmanager
    def lock(self, patience: float = 1.0) -> Iterator[None]:
        """Hold the entry alone; the system frees the lock when the process dies. Raises Busy."""
        with (self.folder / LOCK_FILE).open("a") as file:
            deadline = time.monotonic() + patience  # a reader may be looking just now
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
        return is_locked(self.folder / LOCK_FILE)

    # -------------------------------------------------------------------------------- history

    def append_history(self, row: Mapping[str, Any]) -> None:
        with (self.folder / HISTORY_FILE).open("a") as file:
            file.write(json.dumps(row) + "\n")

    def history(self) -> list[dict[str, Any]]:
        """Every whole row; a last line cut short by a kill is left out."""
        if (expected := self._manifest().get(HISTORY_FILE)) is not None:
            content = read_checked(self.folder / HISTORY_FILE, [expected])
        elif (self.folder / HISTORY_FILE).exists():
            content = (self.folder / HISTORY_FILE).read_bytes()
        else:
            return []
        lines = content.split(b"\n")[:-1]
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            raise CorruptFile(self.folder / HISTORY_FILE, "is damaged: a line is not JSON") from None

    def epochs(self) -> list[dict[str, Any]]:
        """The rows of whole epochs."""
        return [row for row in self.history() if row["kind"] == "epoch"]

    def rewind_history(self, step: int) -> None:
        """Forget what was reported after this step: a resume reports it again."""
        rows = [row for row in self.history() if row["step"] <= step]
        self._forget(HISTORY_FILE)
        write_bytes(self.folder / HISTORY_FILE, "".join(json.dumps(row) + "\n" for row in rows).encode())

    def seal_history(self) -> None:
        """The history is complete: from now on its SHA-256 is checked."""
        self._record(HISTORY_FILE, write_bytes(self.folder / HISTORY_FILE, (self.folder / HISTORY_FILE).read_bytes()))

    # ------------------------------------------------------------------------------- checks

    def problems(self) -> list[str]:
        """What is wrong with this entry, a sentence each; empty when all is as it was written."""
        return list(self.damage().values())

    def damage(self) -> dict[str, str]:
        """The names of the files that are not as they were written, each with a sentence. Everything is read anew."""
        found = {}
        for check in (lambda: self._config(_config_in.__wrapped__), self._recorded_state, self._manifest, self.history):
            try:
                check()
            except CorruptFile as error:
                found[error.path.name] = str(error)
        for name in self._manifest() if MANIFEST_FILE not in found else {}:
            try:
                self._read(name)
            except CorruptFile as error:
                if self.has(name):  # a worker may have taken it away meanwhile
                    found[name] = str(error)
        return found


RunEntry = Entry[RunConfig]


def _changed(path: str) -> int:
    return os.stat(path).st_mtime_ns


@lru_cache(maxsize=50_000)
def _config_in(path: str, kind: Kind, entry_id: str, changed: int) -> Config:
    with open(path, "rb", buffering=0) as file:
        fields = json.loads(file.read())
    if config_hash(fields) != entry_id:  # of what is stored: later versions may know more fields
        raise ValueError(f"it is not the configuration of {entry_id}")
    return CONFIG_TYPES[kind](**fields)


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
