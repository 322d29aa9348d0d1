"""The store, paths of pages, and keys of tables."""

from collections.abc import Iterable
from zlib import crc32

from ddnmf_core.store.run_store import Store

TRAIN_PAGE, LATENT_PAGE = "../pages/train.py", "../pages/latent.py"
PARTS_PAGE, EXPLAIN_PAGE = "../pages/parts.py", "../pages/explain.py"
LIVE_STATUSES = ("queued", "running", "interrupted")  # states of a run in the queue or in work


def store() -> Store:
    return Store()


def table_key(name: str, rows: Iterable[str]) -> str:
    """Return the key of a selectable table: Streamlit keeps ticks by position, so other rows need another key."""
    return f"{name}.{crc32(chr(0).join(rows).encode()):08x}"
