"""axe-core on every page, light and dark: contrast, names of controls, order of headings, text for pictures."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from serving import CHROMIUM, FLAGS, dashboard, needs_chromium
from stored import trained

from ddnmf_core.config import EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.store.run_store import Store

pytestmark = needs_chromium

RUN = RunConfig(dataset="digits", n_samples=400, layers=(32, 6), n_parts=4, epochs=2)
PAGES = ["", "train", "latent", "parts", "explain", "noise", "sweep", "compare"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("accessible"))
    for config in (
        RUN,
        InterpretationConfig.of(RUN),
        EmbeddingConfig(run=RUN.id, method="pca", n_points=400),
        PixelNMFConfig(dataset="digits", n_samples=400, n_parts=4),
    ):
        trained(store, config)
    with dashboard(store) as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_known_to_keep_anybody_out(address, scheme):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = {}
        for name in PAGES:
            page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme=scheme, bypass_csp=True)
            page.goto(f"{address}/{name}?run={RUN.id}&method=pca&points=400")
            page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
            page.wait_for_timeout(1000)
            for violation in Axe().run(page).response["violations"]:
                where = [str(node["target"])[-80:] for node in violation["nodes"][:2]]
                found[f"{name or 'home'}: {violation['id']}"] = where
            page.close()
        browser.close()
    assert found == {}
