"""Show an unusable store, damaged files and an engine that does not run as messages on the page."""

import streamlit as st

from dashboard.session.store import store
from ddnmf_core.display.text import in_markdown
from ddnmf_core.engine import client as engine
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


def engine_problem() -> str:
    """Return why nothing is computed; empty while the engine runs or starts."""
    return engine.start_error(store()) or engine.crash_notice(store())


def warn_of_engine() -> None:
    """Say above work that waits why nothing is computed."""
    if problem := engine_problem():
        st.warning(f"Nothing is computed at the moment. {in_markdown(problem)}", icon=":material/power_off:")


def show_damage(error: CorruptFile) -> None:
    """Set the entry of a damaged file aside and report it; none of it reaches a chart."""
    entry, reason = store().entry_of_file(error.path), in_markdown(str(error))
    st.cache_resource.clear()
    if isinstance(error, KeptFile):
        st.warning(f"{entry.kind}/{entry.id}: {reason}. It stays where it is.")
    elif not entry.folder.exists():
        st.warning(f"{entry.kind}/{entry.id} no longer exists: it has been deleted or set aside.")
    elif read_only():
        st.error(f"{entry.kind}/{entry.id} is damaged and not shown: {reason}.")
    elif entry.locked:
        st.error(f"{entry.kind}/{entry.id} is damaged: {reason}. A worker is using it; stop it to set the entry aside.")
    else:
        store().set_aside(entry, str(error))
        st.error(
            f"{entry.kind}/{entry.id} is damaged: {reason}. It was set aside and is not shown; it is recomputed on "
            "the next request."
        )
    st.button("Reload the page", key=f"reload.{entry.id}")
