"""A real store with everything that can be in one, and what of it can be replaced by something odd."""

import shutil
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from benchmarks.faults.fixtures import environment
from ddnmf_core.config import ClusteringConfig, Config, EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store import trash
from ddnmf_core.store.entry import MODEL_FILE, Entry
from ddnmf_core.store.part_names import rename_part
from ddnmf_core.store.run_names import rename_run
from ddnmf_core.store.run_store import Store

TINY = RunConfig(dataset="digits", n_samples=120, layers=(16, 6), n_parts=4, epochs=1, batch_size=64)
STORE_FILES = ("layout.json", "engine.json", "engine.log", "engine-trouble.json", "tour-ended")
MAX_DIGESTED = 2**24  # bytes
FOLDERS = ("queue", "set-aside", "deleted", "data")


@dataclass(frozen=True)
class Target:
    """A path of the store that is replaced, and the folder that may change with it."""

    path: str
    entry: str  # folder of its entry, or the path itself
    kind: str  # in words, for the counts


def build(root: Path, images: Path) -> tuple[list[Entry], list[Entry]]:
    """Fill a store; return the entries that are damaged in turn, and those that stay as they are."""
    store = Store(root)
    with environment(DDNMF_HOME=str(root)):
        victims = _family(store, TINY)
        others = _family(store, TINY.replace(seed=2))
        victims.append(_stopped(store, TINY.replace(seed=3)))
        np.save(images, np.random.default_rng(1).integers(0, 255, (60, 36)).astype(np.uint8))
        user_sets.add(images, images.name, ImportOptions())
        trash.delete_entry(_done(store, TINY.replace(seed=4)))
        aside = _done(store, TINY.replace(seed=5))
    store.set_aside(aside, "a trial")
    return victims, others


def _family(store: Store, config: RunConfig) -> list[Entry]:
    run = _done(store, config)
    rename_run(run, f"seed {config.seed}")
    rename_part(run, 0, "hook")
    derived: tuple[Config, ...] = (
        EmbeddingConfig(run=run.id, method="pca", n_points=60),
        ClusteringConfig.of(config),
        InterpretationConfig.of(config),
        PixelNMFConfig(dataset="digits", n_samples=120, n_parts=3, seed=config.seed),
    )
    return [run, *(_done(store, each) for each in derived)]


def _done(store: Store, config: Config) -> Entry:
    entry: Entry = store.create(config)
    tasks.perform(str(store.root), entry.kind, entry.id, "cpu")
    assert entry.finished, entry.state
    return entry


def _stopped(store: Store, config: RunConfig) -> Entry:
    """Make a run that was stopped in its first epoch, with a checkpoint."""
    done = _done(store, config)
    entry = store.create(config.replace(epochs=3))
    for row in done.history():
        entry.append_history(row)
    entry.write_tensors("snapshots/000001.safetensors", done.read_tensors(done.names("snapshots/")[0]))
    entry.write_tensors("checkpoint-000000002.safetensors", done.read_tensors(MODEL_FILE))
    entry.end("stopped", "Stopped.")
    trash.delete_entry(done)
    return entry


def targets(root: Path, victims: list[Entry]) -> list[Target]:
    """List all that is replaced: each file and folder of the victims, deleted and set aside entries, data, the store's own."""
    found = []
    for entry in victims:
        folder = f"{entry.kind}/{entry.id}"
        found += _of_folder(root, folder, entry.kind)
        found += [Target(f"{folder}/{name}", folder, f"{entry.kind}, {name}") for name in ("lock", "stop", "stray")]
        found.append(Target(f"queue/{entry.kind}.{entry.id}", f"queue/{entry.kind}.{entry.id}", "request"))
    for name in ("deleted", "set-aside", "data"):
        found += [each for path in sorted((root / name).iterdir()) for each in _of_folder(root, f"{name}/{path.name}", name)]
    found += [Target(name, name, name) for name in (*STORE_FILES, *FOLDERS)]
    strange = (
        "runs/0123456789abcdef",
        "runs/notes",
        "queue/runs.",
        "queue/runs.0123456789abcdef",
        "queue/x",
        "set-aside/runs--1",
    )
    found += [Target(name, name, "strange name") for name in (*strange, "deleted/1.runs.x", "data/own-x", ".x.1.tmp")]
    return sorted(set(found), key=lambda target: target.path)


def _of_folder(root: Path, folder: str, kind: str) -> list[Target]:
    paths = sorted((root / folder).rglob("*"))
    inside = [path.relative_to(root / folder).as_posix() for path in paths if path.name not in ("lock", "stop")]
    return [Target(folder, folder, kind), *(Target(f"{folder}/{name}", folder, f"{kind}, {name}") for name in inside)]


def fingerprint(folder: Path) -> dict[str, str]:
    """Map every path below a folder, or the file itself, to its kind and content."""
    paths = [folder, *folder.rglob("*")] if folder.is_dir() else [folder] if folder.exists() else []
    return {str(path): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_DIGESTED or not status.st_mode & stat.S_IRUSR:
        return f"{status.st_mode}, {status.st_size}" if stat.S_ISREG(status.st_mode) else str(status.st_mode)
    return sha256(path.read_bytes()).hexdigest()


def remove(path: Path) -> None:
    """Delete whatever stands there, also what may not be entered."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    path.chmod(stat.S_IRWXU)
    for child in path.iterdir():
        remove(child)
    path.rmdir()


def copy(source: Path, target: Path) -> None:
    """Put the pristine file or folder in its place again."""
    remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy2(source, target)
