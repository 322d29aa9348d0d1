"""The run store: one folder per configuration, named by the configuration's hash::

    runs/<id>/          config.json  state.json  history.jsonl  manifest.json  lock  provenance.json
                        checkpoint-<step>.safetensors (while training)  model.safetensors
                        codes.safetensors  clusters.parquet  scores.json  snapshots/<epoch>.safetensors
    embeddings/<id>/    a map of a run's codes: points.parquet; early.parquet while it is computed
    clusterings/<id>/   a clustering of pixels or codes: clusters.parquet, scores.json
    interpretations/<id>/  an evaluation of parts: parts.parquet, interpretation.safetensors, scores.json
    pixel-nmf/<id>/     scikit-learn's NMF of the pixels: factors.safetensors
    data/own-<id>/      a user data set: meta.json, arrays.safetensors (data/user)
    queue/<kind>.<id>   open requests
    set-aside/          damaged entries, each with why.txt
    deleted/            deleted entries that can be restored
    layout.json         the version of this layout

Workers and pages communicate through this folder only. This module imports neither torch nor dask.
"""

import errno
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from ddnmf_core.config import DEVICES, ClusteringConfig, Config, EmbeddingConfig, InterpretationConfig, PixelNMFConfig
from ddnmf_core.files.atomic import (
    CorruptFile,
    KeptFile,
    is_folder,
    is_stale,
    make_folder,
    move_beside,
    read_document,
    read_file,
    remove_file,
    temporary_name,
    write_bytes,
    write_document,
)
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.files.home import check_layout, default_root, make_home
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import (
    CONFIG_FILE,
    CONFIG_TYPES,
    ENTRY_ID,
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
_READABLE_VERSIONS: dict[Path, tuple[int, ...]] = {}  # entry folder to the version last found readable
_NOT_KEPT: dict[Path, int] = {}  # entry folder to its modification time when it was found neither newer nor unreadable
MAX_REASON = 10_000  # bytes of why.txt


@dataclass(frozen=True)
class Request:
    """Request for an entry's result; requesting again replaces it."""

    entry: Entry
    device: str
    asked: int  # nanoseconds since 1970


class Store:
    """All entries under one root folder.

    Parameters
    ----------
    root
        Folder of the store; default: DDNMF_HOME, else the user's data folder. It need not exist.

    Raises
    ------
    NewerLayout
        If a newer version of DDNMF Studio created the store.
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root) if root else default_root()
        check_layout(self.root)

    def prepare(self) -> None:
        """Create the root folder if it does not exist."""
        make_home(self.root)

    # ------------------------------------------------------------------------------- entries

    def run(self, run_id: str) -> FinishedRun:
        """Open a finished run.

        Parameters
        ----------
        run_id
            16 hexadecimal digits.

        Returns
        -------
        FinishedRun

        Raises
        ------
        UnknownEntry
            If there is no such run.
        NewerFile
            If a newer version made it.
        ValueError
            If the run is not finished.
        """
        return FinishedRun(self.get("runs", run_id))

    def entry(self, config: AnyConfig) -> Entry[AnyConfig]:
        """Return the entry of a configuration, whether it exists or not.

        Parameters
        ----------
        config
            Configuration of a run, map, clustering, interpretation or NMF of the pixels.

        Returns
        -------
        Entry
        """
        kind = next(kind for kind, cls in CONFIG_TYPES.items() if type(config) is cls)
        return Entry(self.root, kind, config.id)

    @overload
    def get(self, kind: Literal["runs"], entry_id: str) -> RunEntry: ...
    @overload
    def get(self, kind: Kind, entry_id: str) -> Entry: ...

    def get(self, kind: Kind, entry_id: str) -> Entry:
        """Find an existing entry by kind and id.

        Parameters
        ----------
        kind
            "runs", "embeddings", "clusterings", "interpretations" or "pixel-nmf".
        entry_id
            16 hexadecimal digits.

        Returns
        -------
        Entry

        Raises
        ------
        UnknownEntry
            If it does not exist; the message says how to list existing and deleted runs.
        NewerFile
            If a newer version made it: nothing of it is read or changed.
        """
        entry: Entry = Entry(self.root, kind, entry_id)
        if not entry_id.isalnum() or not entry.exists:
            raise UnknownEntry(
                f"No run {entry_id!r} in {self.root}. `ddnmf runs list` shows the existing runs, `ddnmf runs deleted` "
                "those that can be restored."
            )
        entry.require_known()
        return entry

    def entry_of_file(self, path: Path) -> Entry:
        """Return the entry that a file belongs to."""
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
        """List the entries of a kind. A damaged entry that no worker holds is set aside and reported by `notices`.

        Parameters
        ----------
        kind
            "runs" (default), "embeddings", "clusterings", "interpretations" or "pixel-nmf".

        Returns
        -------
        list of Entry
            Newest first.
        """
        newest_first = sorted(self.folders(kind), key=lambda entry: _mtime(f"{entry.folder}/{CONFIG_FILE}"), reverse=True)
        return [entry for entry in newest_first if self.is_readable(entry)]

    def is_readable(self, entry: Entry) -> bool:
        """Check that configuration, state and manifest can be read; set a damaged entry aside unless a worker holds it.

        An entry that has not changed since the last successful check is not read again.
        """
        try:
            version = entry.version
            if _READABLE_VERSIONS.get(entry.folder) != version:
                _ = entry.config, entry.state, entry.has("")
                _READABLE_VERSIONS[entry.folder] = version
            return True
        except KeptFile:
            _READABLE_VERSIONS.pop(entry.folder, None)
            _NOT_KEPT.pop(entry.folder, None)  # `notices` tells it
            return False
        except (CorruptFile, FileNotFoundError) as error:
            if not entry.locked:
                with suppress(OSError):  # not permitted: the entry is only skipped
                    self.set_aside(entry, str(error) if isinstance(error, CorruptFile) else f"{error.filename} is missing")
            return False

    def folders(self, kind: Kind) -> list[Entry]:
        """List all entries of a kind, damaged ones included; raise NotADirectoryError if the store is a file."""
        parent = self.root / kind
        if not parent.is_dir():
            if self.root.is_file():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.root))
            return []
        with os.scandir(parent) as children:  # gives the file type without another system call
            return [
                Entry(self.root, kind, child.name, parent / child.name)
                for child in children
                if ENTRY_ID.fullmatch(child.name) and _is_folder(child)
            ]

    def create(self, config: AnyConfig) -> Entry[AnyConfig]:
        """Return the entry of a configuration; create it atomically if it does not exist.

        Parameters
        ----------
        config
            Configuration of a run, map, clustering, interpretation or NMF of the pixels.

        Returns
        -------
        Entry

        Raises
        ------
        OSError
            If the folder cannot be created.
        """
        entry = self.entry(config)
        if entry.exists:
            return entry
        tmp = temporary_name(entry.folder)
        self.prepare()
        make_folder(entry.folder.parent)
        tmp.mkdir()
        try:
            write_bytes(tmp / CONFIG_FILE, json.dumps(config.model_dump(mode="json"), indent=1).encode())
            write_document(tmp / MANIFEST_FILE, {})
            write_document(tmp / STATE_FILE, asdict(State()))
            tmp.rename(entry.folder)
        except NotADirectoryError:  # what stands there is no entry
            move_beside(entry.folder)
            tmp.rename(entry.folder)
        except OSError:
            shutil.rmtree(tmp, ignore_errors=True)
            if not entry.exists:
                raise
        return entry

    # ------------------------------------------------------------------------------- requests

    @property
    def queue(self) -> Path:
        """Folder of the open requests."""
        return self.root / "queue"

    def request(self, config: AnyConfig, device: str | None = None) -> Entry[AnyConfig]:
        """Request the results of a configuration: queue its entry unless it is finished.

        Parameters
        ----------
        config
            Configuration of a run, map, clustering, interpretation or NMF of the pixels.
        device
            "auto", "cuda", "mps" or "cpu"; default: the device requested before, else "auto".

        Returns
        -------
        Entry
        """
        entry = self.create(config)
        state = entry.state
        if state.status == "finished":
            return entry
        device = device or state.wanted_device
        entry.clear_stop()
        if not entry.locked:
            entry.set_state(replace(state, status="queued", message="Waiting for a free worker.", wanted_device=device))
        make_folder(self.queue)
        write_document(self.request_path(entry), {"device": device, "asked": time.time_ns()})
        return entry

    def is_requested(self, entry: Entry) -> bool:
        """Whether the entry has an open request."""
        return self.request_path(entry).exists()

    def requests(self) -> list[Request]:
        """List the open requests, oldest first. There may be thousands, so an unchanged file is not read twice.

        Raises
        ------
        NotADirectoryError
            If the store is a file.
        """
        files = []
        no_queue = NotADirectoryError if self.root.is_dir() else FileNotFoundError
        with suppress(FileNotFoundError, no_queue), os.scandir(self.queue) as queued:
            for file in queued:
                kind, _, entry_id = file.name.partition(".")
                with suppress(FileNotFoundError):  # closed meanwhile
                    if kind in CONFIG_TYPES and ENTRY_ID.fullmatch(entry_id):
                        status = file.stat(follow_symlinks=False)
                        files.append((status.st_mtime_ns, status.st_ino, file.path, kind, entry_id))
        requests, recent = [], time.time_ns() - MTIME_RESOLUTION_NS
        for changed, inode, path, kind, entry_id in sorted(files):
            try:
                read = _read_request if changed < recent else _read_request.__wrapped__
                requests.append(_request(Entry(self.root, kind, entry_id), read(path, changed, inode)))
            except CorruptFile as error:
                self._drop_request(Path(path), error)
        return requests

    def _drop_request(self, path: Path, error: CorruptFile) -> None:
        """Delete an unreadable request file, which says only that an entry is wanted; move anything else aside."""
        if read_only() or isinstance(error, KeptFile):
            return
        logging.getLogger("ddnmf.engine").warning("Request %s dropped: %s", path.name, error)
        with suppress(OSError):
            if is_folder(path):
                path.rename(self._place_aside(f"queue-{path.name}"))
            else:
                path.unlink(missing_ok=True)

    def close_request(self, request: Request) -> None:
        """Remove the request file, unless a newer request for an unfinished entry has replaced it."""
        if self.is_current(request) or request.entry.available:
            remove_file(self.request_path(request.entry))

    def is_current(self, request: Request) -> bool:
        """Whether this is the entry's current, open request."""
        try:
            return request == _request(request.entry, read_document(self.request_path(request.entry)))
        except CorruptFile:  # closed meanwhile
            return False

    def request_path(self, entry: Entry) -> Path:
        """Path of the entry's request file."""
        return self.queue / f"{entry.kind}.{entry.id}"

    # ------------------------------------------------------------------------------ set aside

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Move a damaged entry to set-aside/ and record the reason. Delete nothing; do nothing in read-only mode."""
        if read_only() or not ENTRY_ID.fullmatch(entry.id):
            return
        target = self._place_aside(f"{entry.kind}-{entry.id}")
        with suppress(FileNotFoundError):  # another process was faster
            entry.folder.rename(target)
            remove_file(self.request_path(entry))
            write_bytes(reason_path(target), f"{reason}\n".encode())

    def _place_aside(self, name: str) -> Path:
        """Return a new path in set-aside/."""
        make_folder(folder := self.root / "set-aside")
        return folder / f"{name}-{time.time_ns()}"

    def notices(self) -> list[str]:
        """Return one message per entry of a newer version, and one per damaged entry that was set aside.

        Returns
        -------
        list of str
            Entry, reason, place of the damaged files and the way to repair or recompute it.
        """
        return [f"{entry.kind}/{entry.id} stays as it is: {reason}." for entry, reason in self.kept_entries()] + [
            f"{path.name.rsplit('-', 1)[0]} was damaged and set aside: {_reason(path)}. You can recompute it; the damaged "
            f"files are in {path}."
            + (" `ddnmf runs verify --repair` restores it if its model is undamaged." if path.name[:5] == "runs-" else "")
            for path in sorted((self.root / "set-aside").glob("*"))
            if os.path.lexists(reason_path(path))
        ]

    def kept_entries(self) -> Iterator[tuple[Entry, str]]:
        """Yield the entries that stay unread where they are, with the reason. Others are read again when they have changed."""
        for kind in CONFIG_TYPES:
            for entry in self.folders(kind):
                changed, known = _mtime_ns(entry.folder), _NOT_KEPT.get(entry.folder)
                if known == changed:
                    continue
                if (known is not None or entry.folder not in _READABLE_VERSIONS) and (reason := entry.why_kept()):
                    yield entry, reason
                else:
                    _NOT_KEPT[entry.folder] = changed

    def remove_stale_files(self) -> int:
        """Delete temporary files of killed processes; return their number. What cannot be deleted stays."""
        stale = [path for path in self.root.rglob(".*.tmp") if is_stale(path)]
        for path in stale:
            with suppress(OSError):
                shutil.rmtree(path) if is_folder(path) else path.unlink(missing_ok=True)
        return sum(not os.path.lexists(path) for path in stale)


def reason_path(aside: Path) -> Path:
    """Return the file that says why an entry was set aside: in its folder, or beside it if that is a link to elsewhere."""
    return aside.with_name(f"{aside.name}.why.txt") if aside.is_symlink() else aside / "why.txt"


def _reason(aside: Path) -> str:
    try:
        return read_file(reason_path(aside), MAX_REASON).decode(errors="replace").strip()
    except CorruptFile:
        return "for an unknown reason"


def _is_folder(child: os.DirEntry[str]) -> bool:
    try:
        return child.is_dir()
    except OSError:  # a link to itself
        return False


def _request(entry: Entry, fields: Mapping[str, Any]) -> Request:
    """Build a request from its file; a newer version's may have more fields. Raises CorruptFile."""
    device, asked = fields.get("device"), fields.get("asked")
    if device not in DEVICES or type(asked) is not int or not 0 <= asked < 2**63:
        raise CorruptFile(Path(f"{entry.kind}.{entry.id}"), f"is damaged: device {device!r}, asked {asked!r}")
    return Request(entry, device, asked)


@lru_cache(maxsize=200_000)
def _read_request(path: str, changed: int, inode: int) -> dict[str, Any]:
    """Read a request file; modification time and inode key the cache."""
    return read_document(Path(path))


def _mtime_ns(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:  # deleted meanwhile
        return 0


def _mtime(path: Path | str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:  # missing, or no file
        return 0.0
