"""Memory, processes and descriptors over hundreds of short runs with a browser open."""

import time
from collections.abc import Sequence
from typing import Any

import psutil

from benchmarks.common.browser import address, chromium, serve, settled
from benchmarks.common.harness import free_port
from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import PATIENCE, SHORT, ended, running_engine, wait
from ddnmf_core.engine import client as engine
from ddnmf_core.store.run_store import Store

AT_ONCE, WARM_UP = 10, 50  # runs asked for together; after which growth is counted
MAX_GROWTH = 1.05  # of the memory
KEPT_OPEN = 10.0  # seconds, after which a server closes what is idle
Usage = dict[str, float]


def soak(most: int) -> Count:
    """F13: short runs, ten asked for at a time, with Home and Train open in a browser; after the first fifty the engine with
    its workers and the dashboard grow by 5 % at most in memory, keep processes, threads and descriptors, and leave no zombie.
    A run counts as a try."""
    count = Count("F13", "short runs, hundreds, with a browser open: nothing grows", 500)
    n, before = len(count.attempts(most)), {}
    port = free_port()
    with running_engine() as store, chromium() as browser:
        server = serve(store, port)
        try:
            pages = [browser.new_page(), browser.new_page()]
            for begin in range(0, n, AT_ONCE):
                entries = [engine.submit(store, SHORT.replace(seed=begin + k)) for k in range(min(AT_ONCE, n - begin))]
                if begin == 0:
                    for page, path in zip(pages, ("", f"/train?run={entries[0].id}"), strict=True):
                        page.goto(address(port) + path)
                began = time.monotonic()
                wait(ended, *entries, seconds=2 * PATIENCE)
                took = (time.monotonic() - began) / len(entries)
                for entry in entries:
                    count.add("" if entry.finished else f"a run ended as {entry.state.status}", took)
                if begin + len(entries) <= min(WARM_UP, n // 2):
                    before = _at_rest(store, server.pid, pages)
            after = _at_rest(store, server.pid, pages)
        finally:
            server.kill()
        count.figures = "; ".join(f"{who}: {_told(before[who], after[who])}" for who in before)
        count.lost += [f"{who}: {grown}" for who in before if (grown := _grown(before[who], after[who]))]
    return count


def _at_rest(store: Store, dashboard: int, pages: Sequence[Any]) -> dict[str, Usage]:
    """Measure engine and dashboard after the browser's idle connections were closed."""
    for page in pages:
        settled(page)
    time.sleep(KEPT_OPEN)
    running = engine.info(store)
    assert running is not None
    return {"engine and workers": usage(running.pid), "dashboard": usage(dashboard)}


def usage(pid: int) -> Usage:
    """Count a process tree's MB, descriptors, processes, threads and zombies."""
    top = psutil.Process(pid)
    tree = [top, *top.children(recursive=True)]
    alive = [process for process in tree if process.status() != psutil.STATUS_ZOMBIE]
    return {
        "memory, MB": sum(process.memory_info().rss for process in alive) / 1e6,
        "descriptors": sum(process.num_fds() for process in alive),
        "processes": len(alive),
        "threads": sum(process.num_threads() for process in alive),
        "zombies": len(tree) - len(alive),
    }


def _told(first: Usage, last: Usage) -> str:
    return ", ".join(f"{name} {first[name]:.0f} to {last[name]:.0f}" for name in first)


def _grown(first: Usage, last: Usage) -> str:
    """Describe quantities that grew beyond their limit; empty if none did."""
    allowed = {
        "memory, MB": first["memory, MB"] * MAX_GROWTH,
        "descriptors": first["descriptors"] + 5,
        "processes": first["processes"],
        "threads": first["threads"] + 5,
        "zombies": 0,
    }
    return _told({name: first[name] for name in allowed if last[name] > allowed[name]}, last)
