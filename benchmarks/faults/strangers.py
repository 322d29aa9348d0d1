"""Another user of the machine, foreign Host and Origin headers, wrong tokens, and dask's ports without its keys."""

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import psutil

from benchmarks.common.browser import serve
from benchmarks.common.harness import free_port
from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import SHORT, ended, environment, wait
from benchmarks.faults.stranger_tries import NOBODY, SOCKET, TOKEN, TRIES, UPGRADE, Places, Try, http
from ddnmf_core.engine import client as engine
from ddnmf_core.store.entry import Entry
from ddnmf_core.store.run_store import Store

TEMPORARY = ("/tmp", "/dev/shm", "/var/tmp")


def strangers(most: int) -> Count:
    """F18: as another user of the machine (where the benchmark may become one), read the store, the processes and the token;
    speak HTTP, dask's protocol and TLS with other keys to every port of the engine; ask the dashboards for pages, sockets and
    changes with foreign Host and Origin headers, without and with wrong tokens. Nothing that is guarded is answered."""
    count, chance = Count("F18", "other users, foreign hosts and origins, wrong tokens: nothing told", 1000), random.Random(18)
    with _served() as (store, places), _stranger() as ask:
        for number in count.attempts(most):
            attempt = TRIES[number % len(TRIES)]
            began = time.monotonic()
            lost = ask(attempt, places, random.Random(chance.random()))
            count.add(f"{attempt.__name__.replace('_', ' ')}: {lost}" if lost else "", time.monotonic() - began)
        count.lost += [f"the owner: {lost}"] if (lost := _owner(store, places)) else []
    who = "as another user" if os.geteuid() == 0 else "as the same user: files and processes could not be tried"
    count.figures = f"{len(TRIES)} kinds of tries {who}, {len(places.dask_ports)} ports of the engine"
    return count


# --------------------------------------------------------------------------------------------- what there is


@contextmanager
def _served() -> Iterator[tuple[Store, Places]]:
    """Serve a store by an engine, a dashboard on loopback and one on all addresses."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, environment(DDNMF_EXAMPLES="0"):
        os.chmod(folder, 0o755)  # the store's own mode is tried
        store = Store(Path(folder) / "store")
        engine.start(store)
        entry = engine.submit(store, SHORT)
        wait(ended, entry)
        here, wide = free_port(), free_port()
        servers = [serve(store, here), serve(store, wide, STREAMLIT_SERVER_ADDRESS="0.0.0.0", DDNMF_TOKEN=TOKEN)]
        try:
            yield store, _places(store, entry, here, wide, [server.pid for server in servers], Path(folder))
        finally:
            for server in servers:
                server.kill()
                server.wait()
            engine.stop(store)


def _places(store: Store, entry: Entry, here: int, wide: int, servers: list[int], folder: Path) -> Places:
    from distributed.security import Security

    running = engine.info(store)
    assert running is not None
    top = psutil.Process(running.pid)
    tree = [top, *top.children(recursive=True)]
    certificate, key, other = folder / "certificate.pem", folder / "key.pem", Security.temporary()
    for path, content in ((certificate, other.tls_client_cert), (key, other.tls_client_key)):
        path.write_text(str(content))
        path.chmod(0o644)
    opened = [file.path for process in tree for file in process.open_files() if file.path.startswith(TEMPORARY)]
    return Places(
        entry.id,
        (*map(str, [store.root, *store.root.rglob("*")]), *opened),
        tuple(sorted(_listening(tree))),
        here,
        wide,
        tuple([process.pid for process in tree] + servers),
        str(certificate),
        str(key),
    )


def _listening(tree: list[psutil.Process]) -> set[int]:
    return {
        connection.laddr.port
        for process in tree
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }


@contextmanager
def _stranger() -> Iterator[Callable[[Try, Places, random.Random], str]]:
    """Yield a call that makes a try in a process of another user: nobody, if this one may become it."""
    with ProcessPoolExecutor(1, mp_context=get_context("fork"), initializer=_become_another) as pool:

        def ask(attempt: Try, places: Places, chance: random.Random) -> str:
            asked: Future[str] = pool.submit(_attempt, attempt, places, chance)
            return asked.result(timeout=60)

        yield ask


def _become_another() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _attempt(attempt: Try, places: Places, chance: random.Random) -> str:
    try:
        return attempt(places, chance)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:150]


def _owner(store: Store, places: Places) -> str:
    """Return what keeps the owner out of what the strangers were refused; empty if nothing does."""
    page = http(places.wide, "/", {"Host": f"127.0.0.1:{places.wide}", "Cookie": f"ddnmf-token={TOKEN}"})
    local = http(places.here, "/", {"Host": f"127.0.0.1:{places.here}"})
    own = {"Host": f"127.0.0.1:{places.here}", "Origin": f"http://127.0.0.1:{places.here}"}
    opened = http(places.here, SOCKET, own | UPGRADE)
    entry = engine.submit(store, SHORT.replace(seed=2))
    answers = {
        "a page with the token": page.status == 200,
        "a page on loopback": local.status == 200,
        "a socket": opened.status == 101,
        "a run": wait(ended, entry) and entry.finished,
    }
    return ", ".join(f"no {name}" for name, fine in answers.items() if not fine)
