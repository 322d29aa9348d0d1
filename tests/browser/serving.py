"""What every browser test shares: the dashboard as a user starts it, Chromium, and the runs that are shown."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.common.browser import address, serve
from benchmarks.common.harness import free_port
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", n_samples=400, layers=(32, 6), n_parts=4, epochs=2)
RUN_OF_TWO_SEEDS = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=5, output_activation="linear", gamma=0.1)
PATIENCE = 300_000  # milliseconds: no speed is asserted here, and the machine may be busy
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
    """The address of a dashboard on this store; its engine ends with it.

    One thread a run: two of them wait for each other at every product while the cores are busy with other tests.
    """
    port = free_port()
    process = serve(store, port, **{"DDNMF_THREADS": "1", **environment})
    try:
        yield address(port)
    finally:
        process.terminate()
        process.wait()
        engine.stop(store)


def open_page(browser: Browser, **options: Any) -> Page:
    """A page of its own; it waits for everything, lazily loaded scripts too, as long as PATIENCE."""
    page = browser.new_page(**{"viewport": {"width": 1400, "height": 1000}, **options})
    page.set_default_timeout(PATIENCE)
    return page


def wait_until(page: Page, condition: Callable[[], object]) -> None:
    """Ask again every 0.1 s, while the page goes on, for at most PATIENCE."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        page.wait_for_timeout(100)
