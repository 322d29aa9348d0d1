"""Removal of user data sets."""

import os
import shutil

from ddnmf_core.config import USER_DATASET
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user.user_sets import folder
from ddnmf_core.files.atomic import is_folder, temporary_name
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.store import trash
from ddnmf_core.store.entry import Kind
from ddnmf_core.store.run_store import Store


def remove_data_set(name: str) -> None:
    """Remove a user data set and the results computed from its pixels; raise DataError if a run was trained on it."""
    require_writable()
    store, target = Store(), folder(name)
    if not USER_DATASET.fullmatch(name) or not os.path.lexists(target):
        raise DataError(f"no data set {name!r} of your own in {store.root}; `ddnmf data list` shows yours")
    using = [entry.id for entry in store.entries() if entry.config.dataset == name]
    if using:
        raise DataError(
            f"{len(using)} run{'s were' if len(using) > 1 else ' was'} trained on {name} ({', '.join(using[:3])}"
            f"{' …' if len(using) > 3 else ''}): delete {'them' if len(using) > 1 else 'it'} first"
        )
    kinds: tuple[Kind, ...] = ("clusterings", "interpretations", "pixel-nmf")
    for kind in kinds:
        for entry in store.entries(kind):
            if entry.config.dataset == name:
                trash.delete_entry(entry)
    tmp = temporary_name(target)
    target.rename(tmp)
    if is_folder(tmp):
        shutil.rmtree(tmp, ignore_errors=True)
    else:
        tmp.unlink()
