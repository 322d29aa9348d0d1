"""The sidebar of every page: device, engine, store."""

from pathlib import Path

import streamlit as st

from dashboard.figures.text import in_markdown
from dashboard.session.store import store
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only

# A local file: Streamlit would fetch an emoji or an icon name from the network.
ICON = str(Path(__file__).parents[1] / "icon.png")


def sidebar_status() -> None:
    """Show device, engine and store on every page."""
    running = engine.info(store())
    with st.sidebar:
        if read_only():
            st.caption(":material/visibility: Read-only mode")
        elif running is None:
            st.caption("Device: starting …")
        else:
            st.caption(f"Device: **{running.device or 'starting …'}**  \nEngine: {running.scheduler}")
        if problem := engine.start_error(store()) or engine.crash_notice(store()):
            st.warning(problem)
        if kept := list(store().kept_entries()):
            (entry, reason), others = kept[0], f" and {len(kept) - 1} more (see Home)" if len(kept) > 1 else ""
            st.warning(f"Not shown: {entry.kind}/{entry.id}{others}. {in_markdown(reason)}.")
        st.caption(f"Store: `{store().root}`")
