"""What every browser test shares: the dashboard as a user starts it, Chromium, and the runs that are shown."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.common.browser import address, serve
from benchmarks.common.harness import free_port
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", n_samples=400, layers=(32, 6), n_parts=4, epochs=2)
RUN_OF_TWO_SEEDS = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=5, output_activation="linear", gamma=0.1)
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
    try:
        yield address(port)
    finally:
        process.terminate()
        process.wait()
        engine.stop(store)
