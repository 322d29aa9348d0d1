"""Show an unusable store and damaged files as messages on the page."""

import streamlit as st

from dashboard.session.store import store
from ddnmf_core.files.atomic import CorruptFile, KeptFile
from ddnmf_core.files.read_only import ReadOnlyError, read_only


def unusable_store(error: OSError) -> str:
    """Explain a store without permission, space or folder, and the remedy."""
    if isinstance(error, ReadOnlyError):
        return f"Nothing was done: {error}."
    return (
        f"The store {store().root} cannot be used ({error.strerror or error}). Free some space, grant write permission, or "
        "set DDNMF_HOME to another folder, then restart."
    )


def show_damage(error: CorruptFile) -> None:
    """Set the entry of a damaged file aside and report it; none of it reaches a chart."""
    entry = store().entry_of_file(error.path)
    st.cache_resource.clear()
    if isinstance(error, KeptFile):
        st.warning(f"{entry.kind}/{entry.id}: {error}. It stays where it is.")
    elif not entry.folder.exists():
        st.warning(f"{entry.kind}/{entry.id} no longer exists: it has been deleted or set aside.")
    elif read_only():
        st.error(f"{entry.kind}/{entry.id} is damaged and not shown: {error}.")
    elif entry.locked:
        st.error(f"{entry.kind}/{entry.id} is damaged: {error}. A worker is using it; stop it to set the entry aside.")
    else:
        store().set_aside(entry, str(error))
        st.error(
            f"{entry.kind}/{entry.id} is damaged: {error}. It was set aside and is not shown; it is recomputed on "
            "the next request."
        )
    st.button("Reload the page", key=f"reload.{entry.id}")
