"""The run store: one folder for each configuration, named by the configuration's hash::

    runs/<id>/          config.json  state.json  history.jsonl  manifest.json  lock  provenance.json
                        checkpoint-<step>.safetensors (while training)  model.safetensors
                        codes.safetensors  clusters.parquet  scores.json  snapshots/<epoch>.safetensors
    embeddings/<id>/    a map of one run's codes: points.parquet; early.parquet while it is made
    clusterings/<id>/   clusters of the pixels or of a run's codes: clusters.parquet, scores.json
    interpretations/<id>/  what a run's parts do: parts.parquet, interpretation.safetensors, scores.json
    pixel-nmf/<id>/     scikit-learn's NMF of the pixels: factors.safetensors
    data/own-<id>/      a data set of the user's own: meta.json, arrays.safetensors (data/user)
    queue/<kind>.<id>   what somebody asked for and the engine has not finished
    set-aside/          damaged entries, each with why.txt
    deleted/            what was deleted and can still be brought back
    layout.json         the version of this layout

The folder is all that passes between a worker and a page. It knows neither torch nor dask.
"""

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from ddnmf_core.config import ClusteringConfig, Config, EmbeddingConfig, InterpretationConfig, PixelNMFConfig
from ddnmf_core.files.atomic import CorruptFile, is_stale, read_document, temporary_name, write_bytes, write_document
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.files.home import check_layout, default_root, make_home
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import (
    CONFIG_FILE,
    CONFIG_TYPES,
    MTIME_RESOLUTION_NS,
    STATE_FILE,
    Entry,
    Kind,
    RunEntry,
    State,
    UnknownEntry,
)
from ddnmf_core.store.finished_run import FinishedRun

AnyConfig = TypeVar("AnyConfig", bound=Config)
_READABLE_VERSIONS: dict[Path, tuple[int, ...]] = {}  # folders of entries, and their version then


@dataclass(frozen=True)
class Request:
    """Somebody wants an entry's result; asking again makes another request."""

    entry: Entry
    device: str
    asked: int  # nanoseconds since 1970


class Store:
    """All entries under one root; raises NewerLayout where a newer version of the program has made it."""

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root) if root else default_root()
        check_layout(self.root)

    def prepare(self) -> None:
        """Make its folder where it is not there."""
        make_home(self.root)

    # ------------------------------------------------------------------------------- entries

    def run(self, run_id: str) -> FinishedRun:
        """A finished run; raises UnknownEntry where there is none of this id, ValueError where it is not finished."""
        return FinishedRun(self.get("runs", run_id))

    def entry(self, config: AnyConfig) -> Entry[AnyConfig]:
        """Where this configuration's results are or will be."""
        kind = next(kind for kind, cls in CONFIG_TYPES.items() if type(config) is cls)
        return Entry(self.root, kind, config.id)

    @overload
    def get(self, kind: Literal["runs"], entry_id: str) -> RunEntry: ...
    @overload
    def get(self, kind: Kind, entry_id: str) -> Entry: ...

    def get(self, kind: Kind, entry_id: str) -> Entry:
        """An entry that is there; raises UnknownEntry with what to do."""
        entry: Entry = Entry(self.root, kind, entry_id)
        if not entry_id.isalnum() or not entry.exists:
            raise UnknownEntry(
                f"There is no run {entry_id!r} in {self.root}. It may have been deleted: "
                "`ddnmf runs list` shows those that are there, `ddnmf runs deleted` what can be brought back."
            )
        return entry

    def entry_of_file(self, path: Path) -> Entry:
        """The entry that a file belongs to."""
        kind, entry_id, *_ = path.relative_to(self.root).parts
        return Entry(self.root, kind, entry_id)  # type: ignore[arg-type]

    @overload
    def entries(self, kind: Literal["runs"] = "runs") -> list[RunEntry]: ...
    @overload
    def entries(self, kind: Literal["embeddings"]) -> list[Entry[EmbeddingConfig]]: ...
    @overload
    def entries(self, kind: Literal["clusterings"]) -> list[Entry[ClusteringConfig]]: ...
    @overload
    def entries(self, kind: Literal["interpretations"]) -> list[Entry[InterpretationConfig]]: ...
    @overload
    def entries(self, kind: Literal["pixel-nmf"]) -> list[Entry[PixelNMFConfig]]: ...
    @overload
    def entries(self, kind: Kind) -> list[Entry]: ...

    def entries(self, kind: Kind = "runs") -> list[Entry]:
        """Newest first. A damaged entry that nobody works on is set aside, and `notices` says so."""
        there = sorted(self.folders(kind), key=lambda entry: _changed(f"{entry.folder}/{CONFIG_FILE}"), reverse=True)
        return [entry for entry in there if self.is_readable(entry)]

    def is_readable(self, entry: Entry) -> bool:
        """Whether its configuration, state and list of files can be read; a damaged entry that nobody works on is set
        aside. What has not changed since it was found whole is not read again."""
        try:
            version = entry.version
            if _READABLE_VERSIONS.get(entry.folder) != version:
                _ = entry.config, entry.state, entry.has("")
                _READABLE_VERSIONS[entry.folder] = version
            return True
        except (CorruptFile, FileNotFoundError) as error:
            if not entry.locked:
                with suppress(OSError):  # somebody else's store: then it is only left out
                    self.set_aside(entry, str(error) if isinstance(error, CorruptFile) else f"{error.filename} is missing")
            return False

    def folders(self, kind: Kind) -> list[Entry]:
        """Every entry of a kind, whole or not."""
        place = self.root / kind
        if not place.is_dir():
            return []
        with os.scandir(place) as found:  # it knows what is a folder: nothing else is asked
            return [
                Entry(self.root, kind, each.name, place / each.name)
                for each in found
                if not each.name.startswith(".") and each.is_dir()
            ]

    def create(self, config: AnyConfig) -> Entry[AnyConfig]:
        """The entry of this configuration, made if it is not there: whole or not at all, by whoever is first."""
        entry = self.entry(config)
        if entry.exists:
            return entry
        beside = temporary_name(entry.folder)
        self.prepare()
        beside.mkdir(parents=True)
        try:
            write_bytes(beside / CONFIG_FILE, json.dumps(config.model_dump(mode="json"), indent=1).encode())
            write_document(beside / MANIFEST_FILE, {})
            write_document(beside / STATE_FILE, asdict(State()))
            beside.rename(entry.folder)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            if not entry.exists:
                raise
        return entry

    # ------------------------------------------------------------------------------- requests

    @property
    def queue(self) -> Path:
        return self.root / "queue"

    def request(self, config: AnyConfig, device: str | None = None) -> Entry[AnyConfig]:
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
        write_document(self.request_path(entry), {"device": device, "asked": time.time_ns()})
        return entry

    def is_requested(self, entry: Entry) -> bool:
        return self.request_path(entry).exists()

    def requests(self) -> list[Request]:
        """What waits or is worked on, oldest first. A ticket that has not changed is not read again: there may be thousands."""
        tickets = []
        with suppress(FileNotFoundError), os.scandir(self.queue) as there:
            for file in there:
                kind, _, entry_id = file.name.partition(".")
                with suppress(FileNotFoundError):  # settled meanwhile
                    if kind in CONFIG_TYPES:
                        status = file.stat()
                        tickets.append((status.st_mtime_ns, status.st_ino, file.path, kind, entry_id))
        found, just_now = [], time.time_ns() - MTIME_RESOLUTION_NS
        for changed, inode, path, kind, entry_id in sorted(tickets):
            try:
                read = _read_request if changed < just_now else _read_request.__wrapped__
                found.append(Request(Entry(self.root, kind, entry_id), **read(path, changed, inode)))
            except CorruptFile:
                Path(path).unlink(missing_ok=True)
        return found

    def close_request(self, request: Request) -> None:
        """The request is done with, unless somebody has asked again since for what is still not there."""
        if self.is_current(request) or request.entry.available:
            self.request_path(request.entry).unlink(missing_ok=True)

    def is_current(self, request: Request) -> bool:
        """Whether it is the last that was asked for its entry, and not settled."""
        try:
            return request == Request(request.entry, **read_document(self.request_path(request.entry)))
        except CorruptFile:  # there is none any more
            return False

    def request_path(self, entry: Entry) -> Path:
        """The file that says that somebody waits for it."""
        return self.queue / f"{entry.kind}.{entry.id}"

    # ------------------------------------------------------------------------------ set aside

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Move a damaged entry out of the way, with the reason; nothing is deleted, and where nothing may be changed, nothing
        is."""
        if read_only():
            return
        target = self.root / "set-aside" / f"{entry.kind}-{entry.id}-{time.time_ns()}"
        target.parent.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # somebody else was quicker
            entry.folder.rename(target)
            self.request_path(entry).unlink(missing_ok=True)
            (target / "why.txt").write_text(reason + "\n")

    def notices(self) -> list[str]:
        """A sentence for each damaged entry that was set aside."""
        return [
            f"{path.name.rsplit('-', 1)[0]} was damaged and set aside: "
            f"{(path / 'why.txt').read_text().strip()}. It can be computed again; the damaged files are in {path}."
            + (" `ddnmf runs verify --repair` takes it back where its model is whole." if path.name[:5] == "runs-" else "")
            for path in sorted((self.root / "set-aside").glob("*"))
            if (path / "why.txt").exists()
        ]

    def remove_stale_files(self) -> int:
        """Delete what writers that were killed left beside their files; returns how many."""
        litter = [path for path in self.root.rglob(".*.tmp") if is_stale(path)]
        for path in litter:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return len(litter)


@lru_cache(maxsize=200_000)
def _read_request(path: str, changed: int, inode: int) -> dict[str, Any]:
    """What this version of a ticket says: a new one is another file."""
    return read_document(Path(path))


def _changed(path: Path | str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0
