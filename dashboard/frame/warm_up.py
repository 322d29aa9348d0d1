"""Load what pages compute with, once a server."""

import ctypes
import gc
import importlib
import sys
import threading

import streamlit as st

HEAVY = ("plotly.graph_objects", "torch")  # seconds to load


M_MMAP_THRESHOLD = -3  # as malloc.h of glibc has it


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Once a server, when the first page stands: load what the other pages compute with, so that nobody waits for it."""
    threading.Thread(target=_load, daemon=True).start()


def _load() -> None:
    _give_freed_arrays_back()
    for name in HEAVY:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # Streamlit collects all garbage after each run of a page: a tenth of a second with what is loaded now


def _give_freed_arrays_back() -> None:
    """glibc keeps freed arrays of up to 32 MB to itself, a tenth of a gigabyte once two large sets are open: from now on
    those above 1 MB go back to the system."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, 2**20)
