"""The Noise page in real Chromium: the slider moves the markers and the pictures."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect
from serving import dashboard, needs_chromium, open_page, wait_until

from ddnmf_core.config import RunConfig

RUN = RunConfig(dataset="mnist-10k", n_samples=200, layers=(16, 8, 4), n_parts=3, epochs=1, noise_level=0.4)

N_CLASSES = 10

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def server(made):
    """The dashboard on a store with a small DDNMF and a small AE1; nothing is published."""
    store = made(RUN, RUN.replace(model="ae1"))
    with dashboard(store, DDNMF_RESULTS=str(store.root)) as address:
        yield address


@pytest.fixture(scope="module")
def page(browser, server):
    page = open_page(browser)
    page.goto(f"{server}/noise?level=40")
    page.get_by_test_id("ddnmf-gallery").first.wait_for()
    page.locator(".shapelayer path").nth(2).wait_for(state="attached")
    yield page
    page.close()


def pictures(page: Page) -> list[str | None]:
    """The first sample: clean, noisy, rebuilt by DDNMF, rebuilt by AE1."""
    images = page.get_by_test_id("ddnmf-gallery").first.locator("img")
    expect(images).to_have_count(4 * N_CLASSES)
    return [images.nth(row * N_CLASSES).get_attribute("src") for row in range(4)]


def markers(page: Page) -> list[float]:
    """Where the upright line stands in each panel, in pixels of the panel."""
    lines = page.locator(".shapelayer path")
    expect(lines).to_have_count(3)
    return [float(re.match(r"M([\d.]+)", path.get_attribute("d")).group(1)) for path in lines.all()]


def boxes(page: Page) -> list[dict]:
    """Where the panels stand on the screen, all at one moment: those of the tab before may still go."""
    return page.locator(".js-plotly-plot").evaluate_all("(all) => all.map((panel) => panel.getBoundingClientRect().toJSON())")


def test_the_slider_moves_every_marker_and_the_noise_and_what_is_made_of_it(page):
    before, at = pictures(page), markers(page)
    page.get_by_role("slider", name="Noise level").press("ArrowRight")
    page.wait_for_function("() => new URLSearchParams(location.search).get('level') === '45'")
    expect(page.get_by_text("was trained at 45% noise; showing the nearest level")).to_be_visible()
    expect(page.get_by_test_id("ddnmf-gallery").first.locator("img").last).not_to_have_attribute("src", before[3])
    after = pictures(page)
    assert [new == old for new, old in zip(after, before, strict=True)] == [True, False, False, False]
    wait_until(page, lambda: all(new > old for new, old in zip(markers(page), at, strict=True)))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_on_a_phone_the_panels_stand_below_each_other_and_keep_their_width(page):
    page.set_viewport_size({"width": 390, "height": 900})
    page.get_by_role("tab", name="All curves").click()
    wait_until(page, lambda: len(all_six := boxes(page)) == 6 and all(b["y"] > a["y"] + 100 for a, b in pairwise(all_six)))
    assert all(box["width"] > 250 for box in boxes(page))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


def test_from_published_numbers_a_button_leads_to_this_store(browser, address):
    """The button stands in a fragment, the choice of numbers outside it: the whole page has to follow."""
    other = open_page(browser)
    other.goto(f"{address}/noise")
    other.get_by_role("button", name="This store, 10,000 images", exact=True).last.click()
    other.wait_for_function("() => new URLSearchParams(location.search).get('numbers') === 'quick'")
    expect(other.get_by_role("button", name=re.compile("^Compute"))).not_to_have_count(0)
    other.close()
