"""What every test shares: a home, one thread, the small data set, stores that are made once; and which tests are slow."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ddnmf_core.analysis import clustering
from ddnmf_core.config import PUBLISHED, Config, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.reproduce.protocol import SHORT_RUNS
from ddnmf_core.store.run_store import Store

ROOT = Path(__file__).parent.parent
# Browsers, engines, programs, pages, exports: `pytest -m "not slow"` leaves them out. Run in this order, the longest first, so
# that no worker is left with a long one at the end.
SLOW = (
    "faults",
    "browser",
    "cli",
    "engine",
    "project/test_benchmarks.py",
    "reproduce",
    "pages",
    "project/test_documentation.py",
    "export",
    "estimator",
    "project/test_packaging.py",
    "files/test_memory_map.py",
    "interpret/test_interpret_task.py",
    "experiment",
    "store/test_archive.py",
    "store/test_store_machine.py",
)
CLUSTERING = "analysis/"  # its own tests: as many short runs as the product makes

settings.register_profile("ddnmf", deadline=None, database=None)  # a first call may import for seconds
settings.load_profile("ddnmf")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is fast comes first."""
    for item in items:
        if _rank(_place(item)):
            item.add_marker("slow")
    items.sort(key=lambda item: _rank(_place(item)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile` a file stays with one worker; so do all files of the browser, which share a server. Faults share
    nothing."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            if file.startswith("tests/browser/"):
                return "browser"
            return nodeid if file.startswith("tests/faults/") else file

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def _place(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()


def _rank(place: str) -> int:
    """0 for what is fast, else the place in SLOW."""
    return next((rank for rank, slow in enumerate(SLOW, 1) if place == slow or place.startswith(f"{slow}/")), 0)


@pytest.fixture(scope="session", autouse=True)
def short_mixtures() -> Iterator[None]:
    """Scoring is nearly all of a tiny run's time, and mixtures nearly all of that: two short runs instead of 20, here and in
    the processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clustering, "SHORT_RUNS", 2)
        patch.setenv("PYTHONPATH", str(Path(__file__).parent / "processes"), prepend=os.pathsep)
        patch.setenv("DDNMF_EXAMPLES", "0")  # a new store is empty; tests of the examples set it
        yield


@pytest.fixture(autouse=True)
def mixtures_of_the_product(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if _place(request.node).startswith(CLUSTERING):
        monkeypatch.setattr(clustering, "SHORT_RUNS", SHORT_RUNS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DDNMF_HOME in a fresh folder, so that no test sees another's runs, or the user's."""
    folder = tmp_path / "ddnmf-home"
    monkeypatch.setenv("DDNMF_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def torch_as_it_starts() -> None:
    """One thread, since two only get in each other's way on small models, and denormals, which a training flushes. A test
    without torch does not load it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def digits() -> catalogue.Images:
    return catalogue.load("digits")


@pytest.fixture(scope="session")
def few_digits() -> catalogue.Images:
    """300 digits: four batches of 64 and one of 44."""
    return catalogue.load("digits", 300)


@pytest.fixture(scope="session")
def small() -> Callable[..., RunConfig]:
    """A run on digits that takes a fraction of a second; any field can be changed."""

    def config(**changes: object) -> RunConfig:
        return RunConfig(
            **{
                **PUBLISHED,
                "dataset": "digits",
                "layers": (32, 16, 6),
                "n_parts": 5,
                "batch_size": 64,
                "epochs": 3,
                "precision": "highest",
                **changes,
            }
        )

    return config


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Store]:
    """A store in which a worker has finished these entries. It is made once: who changes it asks for a copy."""

    @cache
    def finished(*configs: Config) -> Store:
        from stored import trained  # which loads torch

        store = Store(tmp_path_factory.mktemp("made"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DDNMF_HOME", str(store.root))  # as a worker does, which keeps it: a test has a home of its own
            for config in configs:
                trained(store, config)
        return store

    return finished


@pytest.fixture
def copy_of(made: Callable[..., Store], home: Path) -> Callable[..., Store]:
    """The same as a test's own, in its home."""

    def copied(*configs: Config) -> Store:
        shutil.copytree(made(*configs).root, home)
        return Store(home)

    return copied


@pytest.fixture(scope="session")
def loaded_by() -> Callable[[str], set[str]]:
    """The top-level modules that a fresh interpreter has after importing one module."""

    def modules(name: str) -> set[str]:
        code = f"import sys, {name}; print(*{{name.split('.')[0] for name in sys.modules}})"
        return set(
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
        )

    return modules
