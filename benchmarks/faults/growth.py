"""Hundreds of short runs through one engine: does anything grow?"""

import time

import psutil

from benchmarks.faults.counting import Count
from benchmarks.faults.means import PATIENCE, SHORT, ended, running_engine, wait
from ddnmf_core import engine
from ddnmf_core.runs import Store

AT_ONCE, WARM_UP = 10, 50                                           # runs asked for together; after which growth is counted
MOST_GROWTH = 1.05                                                  # of the memory


def soak(most: int) -> Count:
    """F13: short runs, ten asked for at a time; after the first fifty the engine and its workers grow by 5 % at most in memory,
    keep their processes, threads and descriptors, and leave no zombie. A run counts as a try."""
    count = Count("F13", "short runs, hundreds: nothing grows", 500)
    n = len(count.attempts(most))
    with running_engine() as store:
        first = None
        for begin in range(0, n, AT_ONCE):
            entries = [engine.submit(store, SHORT.replace(seed=begin + k)) for k in range(min(AT_ONCE, n - begin))]
            began = time.monotonic()
            wait(lambda entries=entries: ended(*entries), 2 * PATIENCE)
            took = (time.monotonic() - began) / len(entries)
            for entry in entries:
                count.add("" if entry.finished else f"a run ended as {entry.state.status}", took)
            if begin + len(entries) <= min(WARM_UP, n // 2):
                first = usage(store)
        last = usage(store)
        if first and (grown := _grown(first, last)):
            count.lost.append(grown)
    return count


def usage(store: Store) -> dict[str, float]:
    """Of the engine's process and all below it: MB, descriptors, processes, threads, zombies."""
    running = engine.info(store)
    assert running is not None
    top = psutil.Process(running.pid)
    tree = [top, *top.children(recursive=True)]
    alive = [process for process in tree if process.status() != psutil.STATUS_ZOMBIE]
    return {"memory, MB": sum(process.memory_info().rss for process in alive) / 1e6,
            "descriptors": sum(process.num_fds() for process in alive), "processes": len(alive),
            "threads": sum(process.num_threads() for process in alive), "zombies": len(tree) - len(alive)}


def _grown(first: dict[str, float], last: dict[str, float]) -> str:
    """What grew more than it may, as a sentence; empty when nothing did."""
    allowed = {"memory, MB": first["memory, MB"] * MOST_GROWTH, "descriptors": first["descriptors"] + 5,
               "processes": first["processes"], "threads": first["threads"] + 5, "zombies": 0}
    return ", ".join(f"{name} {first[name]:.0f} to {last[name]:.0f}" for name in allowed if last[name] > allowed[name])
