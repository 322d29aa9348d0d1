"""axe-core on every page, light and dark: contrast, names of controls, order of headings, text for pictures."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from serving import RUN, needs_chromium, open_page

pytestmark = needs_chromium

PAGES = ["", "train", "latent", "parts", "explain", "noise", "sweep", "compare"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_known_to_keep_anybody_out(browser, address, scheme):
    found = {}
    for name in PAGES:
        page = open_page(browser, color_scheme=scheme, bypass_csp=True)
        page.goto(f"{address}/{name}?run={RUN.id}&method=pca&points=400")
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        page.wait_for_timeout(1000)
        for violation in Axe().run(page).response["violations"]:
            where = [str(node["target"])[-80:] for node in violation["nodes"][:2]]
            found[f"{name or 'home'}: {violation['id']}"] = where
        page.close()
    assert found == {}
