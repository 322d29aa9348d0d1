"""A dashboard and a headless browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common.harness import ROOT
from ddnmf_core.config import EmbeddingConfig, RunConfig
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.run_store import Store

PORT, PATIENCE = 8597, 60.0  # seconds
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking"]
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


def serve(store: Store, port: int = PORT, **environment: str) -> "subprocess.Popen[bytes]":
    """Start a dashboard and return its process once it answers.

    Raises RuntimeError if another process has the port: its pages would be taken for this one's.
    """
    with socket.socket() as probe:
        if not probe.connect_ex(("127.0.0.1", port)):
            raise RuntimeError(f"port {port} is in use")
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("streamlit")), "run", "dashboard/app.py", "--server.port", str(port)],
        cwd=ROOT,
        env={**os.environ, "DDNMF_HOME": str(store.root), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address(port)}/_stcore/health").read()
            return server
        except urllib.error.HTTPError:  # refused without a token: it answers
            return server
        except OSError:
            pass
        time.sleep(0.02)
    server.kill()
    raise RuntimeError(f"the dashboard did not answer (exit status {server.returncode})")


def address(port: int = PORT) -> str:
    return f"http://127.0.0.1:{port}"


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's browser, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


def settled(page: Any) -> None:
    """Wait until the page's script has ended and was not started again."""
    page.locator(IDLE).wait_for()
    page.wait_for_timeout(1500)
    page.locator(IDLE).wait_for()


def two_runs_with_maps(store: Store, dataset: str) -> RunConfig:
    """Train two models of one epoch with their maps by PCA; return the first one's configuration."""
    run = RunConfig(dataset=dataset, epochs=1)
    n = 10_000 if dataset.endswith("10k") else 70_000
    maps = [EmbeddingConfig(run=run.replace(seed=seed).id, method="pca", n_points=n) for seed in (1, 2)]
    for config in (run, run.replace(seed=2), *maps):
        entry = store.create(config)
        if tasks.perform(str(store.root), entry.kind, entry.id, "cpu") != "finished":
            raise RuntimeError(f"{entry.kind}/{entry.id}: {entry.state.message}")
    return run
