"""Remove a user's data set from the store."""

import shutil

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user.user_sets import folder
from ddnmf_core.files.atomic import temporary_name
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.store import trash
from ddnmf_core.store.entry import Kind
from ddnmf_core.store.run_store import Store


def remove_data_set(name: str) -> None:
    """Delete a set, and what was computed of its pixels alone. Raises DataError while a run was trained on it."""
    require_writable()
    store, target = Store(), folder(name)
    if not USER_DATASET.fullmatch(name) or not target.exists():
        raise DataError(f"there is no data set {name!r} of your own in {store.root}")
    using = [entry.id for entry in store.entries() if entry.config.dataset == name]
    if using:
        raise DataError(
            f"{len(using)} run{'s were' if len(using) > 1 else ' was'} trained on {name} ({', '.join(using[:3])}"
            f"{' …' if len(using) > 3 else ''}): delete what was trained on it first, or its pages are lost"
        )
    kinds: tuple[Kind, ...] = ("clusterings", "interpretations", "pixel-nmf")
    for kind in kinds:
        for entry in store.entries(kind):
            if entry.config.dataset == name:
                trash.delete_entry(entry)
    gone = temporary_name(target)
    target.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
