"""What every page needs: the store, its titles, and the frame around the page."""

import ctypes
import gc
import importlib
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import streamlit as st

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import short_name
from ddnmf_core.engine import client as engine
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.read_only import ReadOnly, read_only
from ddnmf_core.store.entry import Entry
from ddnmf_core.store.run_store import Store

# A picture of its own: Streamlit would fetch an emoji or an icon name from the network.
ICON = str(Path(__file__).parents[1] / "icon.png")
TRAIN, PARTS, EXPLAIN = "../pages/train.py", "../pages/parts.py", "../pages/explain.py"
HEAVY = ("plotly.graph_objects", "torch")                            # seconds to load
M_MMAP_THRESHOLD = -3                                               # as malloc.h of glibc has it
LIVE = ("queued", "running", "interrupted")                          # states of a run that somebody works on
IN_TITLE = {"model", "dataset", "n_samples", "n_parts", "noise_kind", "noise_level", "epochs", "seed"}
MODEL_TITLES = {"ddnmf": "DDNMF", "ae1": "AE1", "ae2": "AE2", "dae": "DAE"}
INPUT_TITLES = {"clean": "clean images", "noisy": "noisy images"}
SCORE_TITLES = {score: score.upper() for score in SCORE_NAMES}
REPRESENTATION_TITLES = {"z": "z, the code", "H": "H, the parts' coefficients", "z_hat": "z_hat, rebuilt code"}


def store() -> Store:
    return Store()


def run_title(entry: Entry) -> str:
    """What to call a run in a list."""
    c: RunConfig = entry.config
    size = f" ({c.n_samples:,})" if c.n_samples else ""
    parts = f" · r {c.n_parts}" if c.model == "ddnmf" else ""
    unusual = "".join(f" · {name.replace('_', ' ')} {value}" for name, value in c.unusual().items() if name not in IN_TITLE)
    return (f"{MODEL_TITLES[c.model]} · {short_name(c.dataset)}{size}{parts} · {c.noise_kind} {c.noise_level:.0%} · "
            f"{c.epochs} epoch{'s' if c.epochs > 1 else ''}{unusual} · seed {c.seed} · {entry.id[:6]}")


def table_key(name: str, rows: Iterable[str]) -> str:
    """The key of a table in which rows are ticked: Streamlit keeps ticks by position, so other rows make another table."""
    return f"{name}.{crc32(chr(0).join(rows).encode()):08x}"


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
        if problem := engine.trouble(store()):
            st.warning(problem)
        st.caption(f"Store: `{store().root}`")


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Once a server, when the first page stands: load what the other pages compute with, so that nobody waits for it."""
    threading.Thread(target=_load, daemon=True).start()


def _load() -> None:
    _give_freed_arrays_back()
    for name in HEAVY:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()     # Streamlit collects all garbage after each run of a page: a tenth of a second with what is loaded now


def _give_freed_arrays_back() -> None:
    """glibc keeps freed arrays of up to 32 MB to itself, a tenth of a gigabyte once two large sets are open: from now on
    those above 1 MB go back to the system."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, 2**20)


def unusable_store(error: OSError) -> str:
    """No right to write, no room, no folder: what to do about it."""
    if isinstance(error, ReadOnly):
        return f"Nothing was done: {error}."
    return (f"The store {store().root} cannot be used ({error.strerror or error}). Make room or give the right to write "
            "there, or set DDNMF_HOME to another folder, and start again.")


def show_damage(error: CorruptFile) -> None:
    """A damaged file never reaches a chart: its entry is set aside, and the page says so."""
    entry = store().owner(error.path)
    st.cache_resource.clear()
    if not entry.folder.exists():
        st.warning(f"{entry.kind}/{entry.id} is no longer there: it was deleted or set aside meanwhile.")
    elif read_only():
        st.error(f"{entry.kind}/{entry.id} is damaged: {error}. Nothing of it is shown.")
    elif entry.locked:
        st.error(f"{entry.kind}/{entry.id} is damaged: {error}. A worker holds it; stop it, and it is set aside.")
    else:
        store().set_aside(entry, str(error))
        st.error(f"{entry.kind}/{entry.id} is damaged: {error}. It was set aside and nothing of it is shown. Asking for "
                 "it again computes it again.")
    st.button("Reload the page", key=f"reload.{entry.id}")
