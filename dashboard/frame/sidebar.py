"""The sidebar of every page: device, engine, store."""

from pathlib import Path

import streamlit as st

from dashboard.session.errors import engine_problem
from dashboard.session.store import store
from ddnmf_core.display.text import in_markdown
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only

# A local file: Streamlit would fetch an emoji or an icon name from the network.
ICON = str(Path(__file__).parents[1] / "icon.png")
ENGINE_INTERVAL = "3s"  # refresh until the engine knows its device


def sidebar_status() -> None:
    """Show device, engine and store on every page."""
    running = engine.info(store())
    with st.sidebar:
        st.fragment(_engine_status, run_every=None if read_only() or (running and running.device) else ENGINE_INTERVAL)()
        if kept := list(store().kept_entries()):
            (entry, reason), others = kept[0], f" and {len(kept) - 1} more (see Home)" if len(kept) > 1 else ""
            st.warning(f"Not shown: {entry.kind}/{entry.id}{others}. {in_markdown(reason)}.")
        st.caption(f"Store: `{store().root}`")


def _engine_status() -> None:
    """Show device and engine, or why the engine does not run."""
    running, problem = engine.info(store()), engine_problem()
    if read_only():
        st.caption(":material/visibility: Read-only mode")
    elif running is None:
        st.caption("Engine: not running" if problem else "Device: starting …")
    else:
        st.caption(f"Device: **{running.device or 'starting …'}**  \nEngine: {running.scheduler}")
    if problem:
        st.warning(in_markdown(problem))
