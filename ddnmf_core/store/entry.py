"""Entries: one folder of the run store each, with state, lock, history and files that are verified on reading."""

import errno
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
from typing import Any, Generic, Literal, TypeVar, cast, get_args

from ddnmf_core.config import (
    ClusteringConfig,
    Config,
    EmbeddingConfig,
    InterpretationConfig,
    PixelNMFConfig,
    RunConfig,
    config_hash,
)
from ddnmf_core.files.atomic import (
    MAX_DOCUMENT,
    NO_FILE,
    UNREADABLE,
    CorruptFile,
    KeptFile,
    NewerFile,
    UnreadableFile,
    is_plain_file,
    make_way,
    open_private,
    read_checked,
    read_document,
    read_file,
    remove_file,
    write_bytes,
    write_document,
)
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
ENTRY_ID = re.compile(r"[0-9a-f]{16}")
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
MAX_HISTORY = 2**30  # bytes
MTIME_RESOLUTION_NS = 2_000_000_000  # two writes closer together can have the same modification time
_FINISHED: dict[str, tuple[int, "State"]] = {}  # cache of final states: path to modification time and state
RECORDED_NAMES = re.compile(  # file names that a manifest may list
    r"(model|codes|factors|interpretation|checkpoint-\d{9}|snapshots/\d{6})\.safetensors"
    r"|(clusters|points|early|parts)\.parquet|(scores|provenance|part-names|run-name)\.json|history\.jsonl"
)


class UnknownEntry(LookupError):
    """The store has no entry with this id."""


class Busy(RuntimeError):
    """Another process holds the entry's lock."""


@dataclass(frozen=True)
class State:
    """State of an entry.

    Attributes
    ----------
    status
        "interrupted" means that the worker of a running entry died; it is derived from the lock and never stored.
    progress
        Share done, 0 to 1.
    message
        Current activity, or the reason why the entry ended.
    device
        Device it runs or ran on, for display.
    wanted_device
        Device requested: "auto", "cuda", "mps" or "cpu".
    updated
        Time of the last change, in seconds since 1970.
    """

    status: Status = "new"
    progress: float = 0.0
    message: str = ""
    device: str = ""
    wanted_device: str = "auto"
    updated: float = 0.0


class Entry(CheckedFolder, Generic[ConfigT]):
    """One folder of the store: configuration, state, lock, history and files. Generic in the type of its configuration.

    Reading a file verifies its SHA-256. Creating an `Entry` touches no file.

    Parameters
    ----------
    root
        Folder of the store.
    kind
        "runs", "embeddings", "clusterings", "interpretations" or "pixel-nmf".
    entry_id
        Id of its configuration, 16 hexadecimal digits.
    folder
        Its folder, if not `root / kind / entry_id`: a deleted entry, one set aside or one being unpacked.
    """

    def __init__(self, root: Path, kind: Kind, entry_id: str, folder: Path | None = None) -> None:
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
        """Whether the entry's configuration is stored."""
        return (self.folder / CONFIG_FILE).exists()

    @property
    def config(self) -> ConfigT:
        """The stored configuration. It never changes, so an unchanged file is not read twice.

        Raises
        ------
        CorruptFile
            If the file is missing, damaged or does not hash to the entry's id.
        """
        return self._config(_read_config)

    def _config(self, read: Callable[[str, Kind, str, int], Config]) -> ConfigT:
        path = self._path_text(CONFIG_FILE)
        try:
            return cast(ConfigT, read(path, self.kind, self.id, _mtime_ns(path)))
        except FileNotFoundError:
            raise CorruptFile(self.folder / CONFIG_FILE, "is missing") from None
        except (ValueError, TypeError, RecursionError) as error:
            raise CorruptFile(self.folder / CONFIG_FILE, f"is damaged ({error})") from None

    @property
    def version(self) -> tuple[int, ...]:
        """Modification times of configuration, state and manifest; raises FileNotFoundError if one is missing."""
        return tuple(_mtime_ns(self._path_text(name)) for name in (CONFIG_FILE, STATE_FILE, MANIFEST_FILE))

    def _path_text(self, name: str) -> str:
        """Path of a file as text: building a Path takes longer than the system call on it."""
        return f"{self.folder}/{name}"

    @property
    def size(self) -> int:
        """Bytes on disk; files that vanish meanwhile or cannot be reached count as 0."""
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(OSError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    @property
    def run(self) -> "Entry[RunConfig] | None":
        """The run that this entry is derived from, or None."""
        run_id = getattr(self.config, "run", None)
        return Entry(self.root, "runs", run_id) if run_id else None

    # ---------------------------------------------------------------------------------- state

    @property
    def state(self) -> State:
        """The stored state; "interrupted" if it is running but no process holds its lock.

        Raises
        ------
        CorruptFile
            If the file is missing or damaged.
        """
        path = self._path_text(STATE_FILE)
        try:
            changed = _mtime_ns(path)
        except FileNotFoundError:
            raise CorruptFile(self.folder / STATE_FILE, "is missing") from None
        if (cached := _FINISHED.get(path)) and cached[0] == changed:
            return cached[1]
        state = self._recorded_state()
        if state.status == "running" and not self.locked:
            return replace(state, status="interrupted", message="The worker died; the run will resume.")
        if state.status == "finished" and time.time_ns() - changed > MTIME_RESOLUTION_NS:
            _FINISHED[path] = changed, state
        return state

    def _recorded_state(self) -> State:
        fields = read_document(self.folder / STATE_FILE)
        if unknown := [
            name for name, value in fields.items() if not _is_state_field(name, value)
        ]:  # whole: its digest is right
            raise _newer_file(self.folder / STATE_FILE, f"unknown: {', '.join(unknown)}")
        return State(**fields)

    def set_state(self, state: State) -> None:
        """Store the state with the current time."""
        write_document(
            self.folder / STATE_FILE, asdict(replace(state, updated=time.time())), durable=state.status in ENDED_STATUSES
        )

    def end(self, status: Status, message: str) -> Status:
        """Record the final status and message; return the status."""
        progress = 1.0 if status == "finished" else self.state.progress
        self.set_state(replace(self.state, status=status, message=message, progress=progress))
        return status

    @property
    def finished(self) -> bool:
        """Whether the status is "finished"; raises CorruptFile if there is no readable state."""
        return self.state.status == "finished"

    @property
    def encoded(self) -> bool:
        """Whether a run has its model and codes: it is finished, or only its scores are missing."""
        return self.finished or (self.has(CODES_FILE) and self.state.status not in ENDED_STATUSES)

    @property
    def available(self) -> bool:
        """Whether the entry exists and is finished."""
        return self.exists and self.finished

    @property
    def stop_requested(self) -> bool:
        """Whether a stop is requested."""
        return is_plain_file(self.folder / STOP_FILE)

    def request_stop(self) -> None:
        """Ask the worker to stop; raises ReadOnlyError in read-only mode."""
        require_writable()
        make_way(self.folder / STOP_FILE)
        os.close(open_private(self.folder / STOP_FILE, os.O_WRONLY))

    def clear_stop(self) -> None:
        """Withdraw a stop request."""
        remove_file(self.folder / STOP_FILE)

    # ----------------------------------------------------------------------------------- lock

    @contextmanager
    def lock(self, patience: float = 1.0) -> Iterator[None]:
        """Hold the entry exclusively, until the process dies at the latest; raise Busy after `patience` seconds."""
        make_way(self.folder / LOCK_FILE)
        with os.fdopen(open_private(self.folder / LOCK_FILE, os.O_RDWR), "r+b") as file:
            deadline = time.monotonic() + patience  # a reader may hold it for a moment
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Busy(f"{self.kind}/{self.id} is in use by a worker") from None
                    time.sleep(0.05)
            yield

    @property
    def locked(self) -> bool:
        """Whether a living process holds the entry."""
        return is_locked(self.folder / LOCK_FILE)

    # -------------------------------------------------------------------------------- history

    def append_history(self, row: Mapping[str, Any]) -> None:
        """Append a row to the history."""
        with os.fdopen(open_private(self.folder / HISTORY_FILE, os.O_WRONLY | os.O_APPEND), "a") as file:
            file.write(json.dumps(row) + "\n")

    def history(self) -> list[dict[str, Any]]:
        """Read all complete rows, without a last line cut off by a kill.

        Returns
        -------
        list of dict
            One row per report: "kind" ("batch" or "epoch"), "step", "epoch", "seconds" and the losses by name.

        Raises
        ------
        CorruptFile
            If the history is damaged.
        """
        return [self._parse_row(line) for line in self._history_lines()]

    def last_row(self) -> dict[str, Any]:
        """Read the last complete row alone, of a finished run its last epoch; {} without one. Raises CorruptFile."""
        lines = self._history_lines()
        return self._parse_row(lines[-1]) if lines else {}

    def _history_lines(self) -> list[bytes]:
        if (expected := self._manifest().get(HISTORY_FILE)) is not None:
            content = read_checked(self.folder / HISTORY_FILE, [expected])
        elif os.path.lexists(self.folder / HISTORY_FILE):
            content = read_file(self.folder / HISTORY_FILE, MAX_HISTORY)
        else:
            return []
        return content.split(b"\n")[:-1]

    def _parse_row(self, line: bytes) -> dict[str, Any]:
        try:
            row: dict[str, Any] = json.loads(line)
        except (ValueError, RecursionError):
            raise CorruptFile(self.folder / HISTORY_FILE, "is damaged: a line is not JSON") from None
        if not _is_row(row):
            raise CorruptFile(self.folder / HISTORY_FILE, "is damaged: a line is not a row of a history")
        return row

    def epochs(self) -> list[dict[str, Any]]:
        """Read the history's rows of whole epochs; raises CorruptFile like `history`."""
        return [row for row in self.history() if row.get("kind") == "epoch"]

    def rewind_history(self, step: int) -> None:
        """Remove the rows after this step; a resumed training reports them again."""
        rows = [row for row in self.history() if row["step"] <= step]
        self._forget(HISTORY_FILE)
        write_bytes(self.folder / HISTORY_FILE, "".join(json.dumps(row) + "\n" for row in rows).encode())

    def seal_history(self) -> None:
        """Record the SHA-256 of the complete history, which is verified from now on."""
        self._record(HISTORY_FILE, write_bytes(self.folder / HISTORY_FILE, read_file(self.folder / HISTORY_FILE)))

    # ------------------------------------------------------------------------------- checks

    def problems(self) -> list[str]:
        """Re-read all files; return one sentence per damaged file, none if the entry is undamaged."""
        return list(self.damage().values())

    def damage(self) -> dict[str, str]:
        """Re-read all files; return the damaged ones by name, each with a sentence.

        Raises
        ------
        KeptFile
            If a newer version made the entry, or one of its files may not be read.
        """
        problems = {}
        for check in (lambda: self._config(_read_config.__wrapped__), self._recorded_state, self._manifest, self.history):
            try:
                check()
            except KeptFile:
                raise
            except CorruptFile as error:
                problems[error.path.name] = str(error)
        for name in self._manifest() if MANIFEST_FILE not in problems else {}:
            try:
                self._read(name)
            except KeptFile:
                raise
            except CorruptFile as error:
                if self.has(name):  # a worker may have removed it meanwhile
                    problems[name] = str(error)
        return problems

    def require_known(self) -> None:
        """Raise NewerFile if a newer version made the entry."""
        try:
            _ = self.config, self.state, self.has("")
        except NewerFile:
            raise
        except (CorruptFile, OSError):  # told by what reads it
            pass

    def why_kept(self) -> str:
        """Return why the entry stays unread where it is: a newer version made it, or it may not be read; else empty."""
        try:
            _ = self.config, self.state, self.has("")
        except KeptFile as error:
            return str(error)
        except (CorruptFile, OSError):
            pass
        return ""


RunEntry = Entry[RunConfig]


def _is_row(row: object) -> bool:
    """Whether this is a row of a history: an object with a step, and numbers and text in the fields that are read."""
    return (
        isinstance(row, dict)
        and type(row.get("step")) in (int, float)
        and isinstance(row.get("kind", ""), str)
        and all(type(row.get(name, 0)) in (int, float) for name in ("epoch", "seconds"))
    )


def _is_state_field(name: str, value: object) -> bool:
    """Whether a state can have this value in this field."""
    default = getattr(State(), name, None)
    if name == "status":
        return value in get_args(Status)
    return isinstance(value, int | float if isinstance(default, float) else str) and default is not None


def _mtime_ns(path: str) -> int:
    """Return the modification time of a file; raises FileNotFoundError, also if links lead nowhere, or UnreadableFile."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError as error:
        if error.errno in NO_FILE:
            raise FileNotFoundError(error.errno, error.strerror, path) from None
        if error.errno in UNREADABLE:
            raise UnreadableFile(Path(path), error) from None
        raise


@lru_cache(maxsize=50_000)
def _read_config(path: str, kind: Kind, entry_id: str, changed: int) -> Config:
    fields = json.loads(read_file(Path(path), MAX_DOCUMENT))
    if config_hash(fields) != entry_id:  # of the stored fields: later versions may have more
        raise ValueError(f"its hash is not {entry_id}")
    try:
        config = CONFIG_TYPES[kind].stored(fields)
    except ValueError as error:  # whole, as its id says
        raise _newer_file(Path(path), str(error)) from None
    read = config.settings()
    if unread := [name for name, value in fields.items() if value != read[name]]:  # a setting that is switched off here
        raise _newer_file(Path(path), f"a value of {', '.join(unread)} that is not used here")
    return config


def _newer_file(path: Path, unknown: str) -> NewerFile:
    """Return the error of a whole file with unknown content, with the version that made the entry, where one is recorded."""
    try:
        version = json.loads(read_file(path.with_name(PROVENANCE_FILE), MAX_DOCUMENT))["ddnmf"]
    except (CorruptFile, OSError, ValueError, KeyError, TypeError, RecursionError):
        version = ""
    told = isinstance(version, str) and re.fullmatch(r"\d[\w.]{0,20}", version)
    return NewerFile(path, f"{version}; {unknown}" if told else unknown)


def is_locked(path: Path) -> bool:
    """Whether a living process holds this lock file; what is no file, or may not be opened, is held by nobody here."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno in (errno.ENOENT, *NO_FILE, *UNREADABLE):
            return False
        raise
