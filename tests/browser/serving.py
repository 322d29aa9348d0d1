"""What every browser test shares: the dashboard as a user starts it, and Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.common.browser import address, serve
from benchmarks.common.harness import free_port
from ddnmf_core.engine import client as engine
from ddnmf_core.store.run_store import Store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)")


@contextmanager
def dashboard(store: Store, **environment: str) -> Iterator[str]:
    """The address of a dashboard on this store; its engine ends with it."""
    port = free_port()
    process = serve(store, port, **environment)
    yield address(port)
    process.terminate()
    engine.stop(store)
