"""An unusable store and damaged files, as messages on the page."""

import streamlit as st

from dashboard.session.store import store
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.read_only import ReadOnlyError, read_only


def unusable_store(error: OSError) -> str:
    """No right to write, no room, no folder: what to do about it."""
    if isinstance(error, ReadOnlyError):
        return f"Nothing was done: {error}."
    return (
        f"The store {store().root} cannot be used ({error.strerror or error}). Make room or give the right to write "
        "there, or set DDNMF_HOME to another folder, and start again."
    )


def show_damage(error: CorruptFile) -> None:
    """A damaged file never reaches a chart: its entry is set aside, and the page says so."""
    entry = store().entry_of_file(error.path)
    st.cache_resource.clear()
    if not entry.folder.exists():
        st.warning(f"{entry.kind}/{entry.id} is no longer there: it was deleted or set aside meanwhile.")
    elif read_only():
        st.error(f"{entry.kind}/{entry.id} is damaged: {error}. Nothing of it is shown.")
    elif entry.locked:
        st.error(f"{entry.kind}/{entry.id} is damaged: {error}. A worker holds it; stop it, and it is set aside.")
    else:
        store().set_aside(entry, str(error))
        st.error(
            f"{entry.kind}/{entry.id} is damaged: {error}. It was set aside and nothing of it is shown. Asking for "
            "it again computes it again."
        )
    st.button("Reload the page", key=f"reload.{entry.id}")
