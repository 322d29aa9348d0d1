"""The sidebar of every page: device, engine, store."""

from pathlib import Path

import streamlit as st

from dashboard.session.store import store
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only

# A picture of its own: Streamlit would fetch an emoji or an icon name from the network.
ICON = str(Path(__file__).parents[1] / "icon.png")


def sidebar_status() -> None:
    """On every page: the device and the engine."""
    running = engine.info(store())
    with st.sidebar:
        if read_only():
            st.caption(":material/visibility: Only for looking: nothing can be trained, changed or deleted here.")
        elif running is None:
            st.caption("Device: known once the engine runs. It starts by itself.")
        else:
            st.caption(f"Device: **{running.device or 'warming up …'}**  \nEngine: {running.scheduler}")
        if problem := engine.start_error(store()):
            st.warning(problem)
        st.caption(f"Store: `{store().root}`")
