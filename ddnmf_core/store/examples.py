"""Example runs: finished models in the package, copied once into a store that has no runs.

Each file is an archive with one run and what was derived from it. To be small it holds the student alone and its codes, in half
precision: the supervisor's work is done when the training ends.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ddnmf_core.files.atomic import KeptFile, read_document, write_document
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store import archive_export, archive_import, trash
from ddnmf_core.store.entry import CODES_FILE, MODEL_FILE, PROVENANCE_FILE, Entry, RunEntry
from ddnmf_core.store.finished_run import EXAMPLE_MARK, SNAPSHOTS, STUDENT, FinishedRun
from ddnmf_core.store.run_names import rename_run
from ddnmf_core.store.run_store import Store

EXAMPLES = Path(__file__).parents[1] / "example_runs"
COPIED_FILE = "examples.json"  # in the store: examples were copied once, so that deleted ones stay away
SWITCH = "DDNMF_EXAMPLES"  # environment variable; 0: none are copied
KEPT_SNAPSHOTS = 5  # every fifth epoch's pictures are kept


def add_first_examples(store: Store) -> None:
    """Copy the package's examples into a new store, once: not where there are runs, and not again after they were deleted."""
    if os.environ.get(SWITCH) == "0" or read_only() or (store.root / COPIED_FILE).exists():
        return
    if store.entries():
        _note_copied(store, [])
    else:
        add_examples(store)


def add_examples(store: Store) -> list[Entry[Any]]:
    """Copy the examples that the store does not have; return what was copied."""
    imported = [archive_import.import_archive(store, file) for file in sorted(EXAMPLES.glob("*.zip"))]
    _note_copied(store, [entry for each in imported for entry in (*each.imported, *each.already_present)])
    return [entry for each in imported for entry in each.imported]


def _note_copied(store: Store, entries: Iterable[Entry[Any]]) -> None:
    store.prepare()
    write_document(store.root / COPIED_FILE, {"runs": [entry.id for entry in entries if entry.kind == "runs"]})


def example_runs(store: Store) -> list[RunEntry]:
    """List the examples in a store; a run that was trained again with the settings of one is not among them."""
    path = store.root / COPIED_FILE
    ids = read_document(path).get("runs", []) if path.exists() else []
    runs: list[RunEntry] = [Entry(store.root, "runs", run_id) for run_id in ids]
    return [run for run in runs if _is_example(run)]


def _is_example(run: RunEntry) -> bool:
    try:
        return run.available and run.has(PROVENANCE_FILE) and FinishedRun(run).is_example
    except KeptFile:  # a newer version has written to it, or it may not be read: `Store.notices` tells it
        return False


def remove_examples(store: Store) -> list[RunEntry]:
    """Delete the examples of a store, which can be undone as any deletion; return them."""
    examples = example_runs(store)
    for run in examples:
        trash.delete_entry(run)
    return examples


def pack_example(run: RunEntry, derived: Iterable[Entry[Any]], name: str, out: Path) -> None:
    """Write a finished run and what was derived from it as an example, under this name.

    Raises
    ------
    ValueError
        If the file exists, or one of the entries is not finished or is damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        slim = [_copied(entry, Path(folder)) for entry in (run, *derived)]
        _slim_run(slim[0], name)
        exported = archive_export.export_archive(slim, out)
    if exported.left_out:
        out.unlink()
        raise ValueError("; ".join(exported.left_out.values()))


def _copied(entry: Entry[Any], root: Path) -> Entry[Any]:
    copy: Entry[Any] = Entry(root, entry.kind, entry.id)
    shutil.copytree(entry.folder, copy.folder)
    return copy


def _slim_run(run: RunEntry, name: str) -> None:
    model = run.read_tensors(MODEL_FILE)
    run.write_tensors(MODEL_FILE, _in_half({key: array for key, array in model.items() if key.startswith(STUDENT)}))
    run.write_tensors(CODES_FILE, _in_half(run.read_tensors(CODES_FILE)))
    for number, snapshot in enumerate(run.names(SNAPSHOTS)):
        if number % KEPT_SNAPSHOTS:
            run.remove(snapshot)
    run.write_json(PROVENANCE_FILE, run.read_json(PROVENANCE_FILE) | {EXAMPLE_MARK: True})
    rename_run(run, name)


def _in_half(arrays: dict[str, Any]) -> dict[str, Any]:
    """Convert float32 to float16, half the bytes."""
    return {key: array.astype(np.float16) if array.dtype == np.float32 else array for key, array in arrays.items()}
