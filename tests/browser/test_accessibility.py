"""axe-core on every page, light and dark: contrast, names of controls, order of headings, text for pictures."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from serving import RUN, needs_chromium, open_page, wait_until

pytestmark = needs_chromium

TABS = {
    "parts": ("part", "training", "quality", "rank", "factors", "readout"),
    "explain": ("steps", "edit"),
    "compare": ("tables", "quality"),
}
PAGES = ["", "train", "latent", "parts", "explain", "noise", "sweep", "compare"]
PAGES += [f"{page}?{'tab' if page == 'parts' else page}={tab}" for page, tabs in TABS.items() for tab in tabs]
BRIGHTNESS = "() => Number(getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/)[0])"


@pytest.fixture(scope="module")
def page(browser):
    page = open_page(browser, bypass_csp=True)
    yield page
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_known_to_keep_anybody_out(page, address, name):
    page.goto(f"{address}/{name}{'&' if '?' in name else '?'}run={RUN.id}&method=pca&points=400")
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        wait_until(page, lambda dark=scheme == "dark": (page.evaluate(BRIGHTNESS) < 128) == dark)
        page.wait_for_timeout(1000)  # charts are drawn again
        for violation in Axe().run(page).response["violations"]:
            found[f"{violation['id']}, {scheme}"] = [str(node["target"])[-80:] for node in violation["nodes"][:2]]
    assert found == {}
