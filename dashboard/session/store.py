"""What every page needs: the store, its titles, and the frame around the page."""

from collections.abc import Iterable
from zlib import crc32

from ddnmf_core.store.run_store import Store

TRAIN_PAGE, PARTS_PAGE, EXPLAIN_PAGE = "../pages/train.py", "../pages/parts.py", "../pages/explain.py"
LIVE_STATUSES = ("queued", "running", "interrupted")  # states of a run that somebody works on


def store() -> Store:
    return Store()


def table_key(name: str, rows: Iterable[str]) -> str:
    """The key of a table in which rows are ticked: Streamlit keeps ticks by position, so other rows make another table."""
    return f"{name}.{crc32(chr(0).join(rows).encode()):08x}"
