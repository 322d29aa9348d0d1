"""The dashboard's process is killed while a run is trained and a browser looks at it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.faults.counting import Count
from benchmarks.faults.means import LONG, last_step, running_engine, stop, wait
from benchmarks.measuring import ROOT
from ddnmf_core import engine
from ddnmf_core.entries import Entry
from ddnmf_core.runs import Store

PORT = 8595
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def killed_dashboard(most: int) -> Count:
    """F4: kill -9 of the dashboard alone; the run goes on, and once the dashboard answers again the page that was open shows
    the run's state, without being reloaded. The seconds are those from its first answer."""
    from playwright.sync_api import sync_playwright
    count = Count("F4", "dashboard killed: the run goes on, the open page comes back", 20)
    with running_engine() as store, sync_playwright() as playwright:
        entry = engine.submit(store, LONG.replace(epochs=5000, seed=4))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        server, page = serve(store), browser.new_page()
        page.goto(f"http://127.0.0.1:{PORT}/train?run={entry.id}")
        page.get_by_text(" of 5000.").first.wait_for(timeout=60_000)
        for _ in range(min(most, count.full)):
            server.send_signal(signal.SIGKILL)
            server.wait()
            step = last_step(entry)
            on = wait(lambda step=step: last_step(entry) > step + 50)
            server = serve(store)
            began = time.monotonic()
            live = wait(lambda step=step: _shown_step(page, entry) > step, 30.0)
            count.add("" if on and live else f"run on: {on}, page live: {live}", time.monotonic() - began)
        browser.close()
        server.kill()
        stop(entry)
    return count


def _shown_step(page: Any, entry: Entry) -> float:
    """How far the run is by what the page says."""
    found = re.search(r"Epoch ([0-9.]+) of", page.get_by_test_id("stProgress").first.inner_text(timeout=30_000))
    steps_per_epoch = last_step(entry) / max(entry.history()[-1]["epoch"], 1e-9)
    return float(found.group(1)) * steps_per_epoch if found else -1.0


def serve(store: Store) -> "subprocess.Popen[bytes]":
    """The dashboard, once it answers."""
    server = subprocess.Popen([str(Path(sys.executable).with_name("streamlit")), "run", "dashboard/app.py", "--server.port",
                               str(PORT)], cwd=ROOT, env={**os.environ, "DDNMF_HOME": str(store.root)},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        with suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_stcore/health").read())
        return False
    wait(answers, every=0.02)
    return server
