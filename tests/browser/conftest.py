"""What the tests in a browser share: Chromium, one dashboard on runs that were trained once, and one on an empty store."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from serving import CHROMIUM, FLAGS, PATIENCE, RUN, RUN_OF_TWO_SEEDS, dashboard

from ddnmf_core.config import EmbeddingConfig, InterpretationConfig, PixelNMFConfig
from ddnmf_core.store.run_store import Store


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium a file: Playwright allows a process only one at a time, and other tests start their own."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(made: Callable[..., Store], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard on RUN with what is made of it, and on a run that was trained with two seeds."""
    trained = made(
        RUN,
        InterpretationConfig.of(RUN),
        EmbeddingConfig(run=RUN.id, method="pca", n_points=400),
        PixelNMFConfig(dataset="digits", n_samples=400, n_parts=4),
        RUN_OF_TWO_SEEDS,
        RUN_OF_TWO_SEEDS.replace(seed=2),
        InterpretationConfig.of(RUN_OF_TWO_SEEDS),
        PixelNMFConfig(dataset="digits", n_parts=5),
    )
    with dashboard(Store(shutil.copytree(trained.root, tmp_path_factory.mktemp("browser") / "home"))) as address:
        yield address


@pytest.fixture(scope="session")
def empty_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard on a store in which there is nothing but what tests before have trained there."""
    with dashboard(Store(tmp_path_factory.mktemp("empty"))) as address:
        yield address
