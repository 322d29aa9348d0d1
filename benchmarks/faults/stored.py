"""Damage stored files; fill the disk."""

import random
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import SHORT, UNDISTURBED, equal, folder, run_python, undisturbed_weights
from ddnmf_core.engine.worker import tasks
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.store.entry import CLUSTERS_FILE, CODES_FILE, CONFIG_FILE, MODEL_FILE, SCORES_FILE, STATE_FILE, Entry
from ddnmf_core.store.run_store import Store

WITHOUT_ROOM = """
import resource, sys
from ddnmf_core.engine.worker import tasks
import torch                                    # what writes its own caches does so before
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
tasks.perform(*sys.argv[2:])
"""


def damaged(most: int) -> Count:
    """F7: a flipped bit, a cut, zero length or a missing file, in each stored kind: detected, never read as if whole."""
    count, chance = Count("F7", "stored file damaged: detected", 200), random.Random(7)
    readers: dict[str, Callable[[Entry], object]] = {
        CONFIG_FILE: lambda e: e.config,
        STATE_FILE: lambda e: e.state,
        MANIFEST_FILE: lambda e: e.has(MODEL_FILE),
        MODEL_FILE: lambda e: e.read_tensors(MODEL_FILE),
        CODES_FILE: lambda e: e.read_tensors(CODES_FILE),
        SCORES_FILE: lambda e: e.read_json(SCORES_FILE),
        CLUSTERS_FILE: lambda e: e.read_table(CLUSTERS_FILE),
    }
    with folder() as home:
        store = Store(home)
        whole = store.create(SHORT)
        tasks.perform(str(home), "runs", whole.id, "cpu")
        for attempt in count.attempts(most):
            name, how = list(readers)[attempt % len(readers)], ("flip", "cut", "empty", "missing")[attempt // len(readers) % 4]
            path = whole.folder / name
            content = path.read_bytes()
            damage(path, how, chance)
            try:
                readers[name](whole)
                count.add(f"{name}, {how}: not noticed")
            except CorruptFile:
                count.add()
            path.write_bytes(content)
    return count


def damage(path: Path, how: str, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
        return
    if how == "flip":
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(content[: len(content) // 2] if how == "cut" else b"" if how == "empty" else content))


def full_disk(most: int) -> Count:
    """F8: no room from some byte on, at each write of a run in turn; what is there stays whole, the reason is said where there
    is room for it, and with room the run ends with the undisturbed run's bits."""
    count, chance = Count("F8", "no room to write: nothing damaged, goes on with room", 50), random.Random(8)
    weights = undisturbed_weights([SHORT])[SHORT]
    for _ in count.attempts(most):
        with folder() as home:
            store = Store(home)
            entry = store.create(SHORT)
            room = int(2 ** chance.uniform(8, 20))  # bytes of a file: state, history, snapshots, weights, codes
            run_python(WITHOUT_ROOM, str(room), home, "runs", entry.id, "cpu")
            problems, state = entry.problems(), entry.state
            said = state.status != "failed" or "disk is full" in state.message
            run_python(UNDISTURBED, home, entry.id)
            whole = entry.finished and not entry.problems() and equal(entry.read_tensors(MODEL_FILE), weights)
            count.add(
                ""
                if not problems and said and whole
                else f"room {room}: {problems}, {state.status} ({state.message}), then {entry.state.status}"
            )
    return count
