"""Load heavy modules in the background, once per server."""

import ctypes
import gc
import importlib
import sys
import threading

import streamlit as st

HEAVY = ("plotly.graph_objects", "torch")  # seconds to load
M_MMAP_THRESHOLD = -3  # from malloc.h of glibc


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Start loading after the first page is drawn, so that later pages open at once."""
    threading.Thread(target=_load, daemon=True).start()


def _load() -> None:
    _return_freed_memory()
    for name in HEAVY:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # Streamlit collects garbage after each script run: 0.1 s with these modules unless frozen


def _return_freed_memory() -> None:
    """Return freed arrays above 1 MB to the system: glibc keeps up to 32 MB each, 0.1 GB with two large sets open."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, 2**20)
