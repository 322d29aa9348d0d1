"""Kill the dashboard while a run is trained and a browser shows it."""

import re
import signal
import time
from typing import Any

from benchmarks.common.browser import address, chromium, serve
from benchmarks.common.harness import free_port
from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import LONG, is_past, last_step, running_engine, stop, wait
from ddnmf_core.engine import client as engine
from ddnmf_core.store.entry import Entry


def killed_dashboard(most: int) -> Count:
    """F4: kill -9 of the dashboard alone; the run goes on, and once the dashboard answers again the page that was open shows
    the run's state, without being reloaded. The seconds are those from its first answer."""
    count = Count("F4", "dashboard killed: the run goes on, the open page comes back", 20)
    with running_engine() as store, chromium() as browser:
        entry = engine.submit(store, LONG.replace(epochs=5000, seed=4))
        port = free_port()
        server, page = serve(store, port), browser.new_page()
        page.goto(f"{address(port)}/train?run={entry.id}")
        page.get_by_text(" of 5000.").first.wait_for(timeout=60_000)
        for _ in count.attempts(most):
            server.send_signal(signal.SIGKILL)
            server.wait()
            step = last_step(entry)
            on = wait(is_past, entry, step + 50)
            server = serve(store, port)
            began = time.monotonic()
            live = wait(_shows_past, page, entry, step, seconds=30.0)
            count.add("" if on and live else f"run on: {on}, page live: {live}", time.monotonic() - began)
        server.kill()
        stop(entry)
    return count


def _shows_past(page: Any, entry: Entry, step: int) -> bool:
    return _shown_step(page, entry) > step


def _shown_step(page: Any, entry: Entry) -> float:
    """Return the step of the run that the page shows."""
    found = re.search(r"Epoch ([0-9.]+) of", page.get_by_test_id("stProgress").first.inner_text(timeout=30_000))
    steps_per_epoch = last_step(entry) / max(entry.history()[-1]["epoch"], 1e-9)
    return float(found.group(1)) * steps_per_epoch if found else -1.0
