"""What every test shares: a home of its own, one thread for torch, and the small data set."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from ddnmf_core.config import RunConfig
from ddnmf_core.data import catalogue

ROOT = Path(__file__).parent.parent

settings.register_profile("ddnmf", deadline=None, database=None)  # a first call may import for seconds
settings.load_profile("ddnmf")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DDNMF_HOME in a fresh folder, so that no test sees another's runs, or the user's."""
    folder = tmp_path / "ddnmf-home"
    monkeypatch.setenv("DDNMF_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Two threads only get in each other's way on small models; a test without torch does not load it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


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
def loaded_by() -> Callable[[str], set[str]]:
    """The top-level modules that a fresh interpreter has after importing one module."""

    def modules(name: str) -> set[str]:
        code = f"import sys, {name}; print(*{{name.split('.')[0] for name in sys.modules}})"
        return set(
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
        )

    return modules
