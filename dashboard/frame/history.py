"""Keep one entry of the browser's history for each page, whatever its address says of the choices made on it."""

from pathlib import Path

import streamlit as st

_mount = st.components.v2.component("ddnmf_history", js=(Path(__file__).parent / "history.js").read_text())


def keep_one_entry_per_page() -> None:
    """Make Back leave the page."""
    _mount(key="frame.history")
