"""What people come for, in clicks from Home: at most three, and nothing has to be scrolled to at 1440 x 900."""

import pytest
from playwright.sync_api import Locator, Page, expect
from serving import RUN, needs_chromium, open_page

pytestmark = needs_chromium

HEIGHT, MOST = 900, 3


@pytest.fixture
def page(browser, address):
    page = open_page(browser, viewport={"width": 1440, "height": HEIGHT})
    page.clicks = 0
    page.goto(f"{address}/?run={RUN.id}")
    page.get_by_role("heading", name="An image as a sum of parts").wait_for()
    yield page
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.clicks <= MOST
    page.close()


def in_view(target: Locator) -> Locator:
    """Wait for it, where it can be seen without scrolling."""
    target.wait_for()
    box = target.bounding_box()
    assert 0 <= box["y"] < HEIGHT - 40, box
    return target


def click(page: Page, target: Locator) -> None:
    in_view(target).click()
    page.clicks += 1


def go(page: Page, name: str) -> None:
    click(page, page.get_by_test_id("stSidebarNav").get_by_role("link", name=name))
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for()


def test_the_settings_and_the_start_of_a_training(page):
    go(page, "Train")
    in_view(page.get_by_role("slider", name="Noise level"))


def test_a_sample_on_the_map_to_its_parts(page):
    go(page, "Latent space")
    chart = page.get_by_test_id("ddnmf-map").first
    chart.wait_for()
    page.wait_for_function("map => map.dataset.ready === '1'", arg=chart.element_handle())
    spot = chart.evaluate("""map => { for (let sample = 1; sample < 400; sample++) {
        const place = map.pointPosition(sample); if (place && place.y < 800) return {sample, ...place}; } }""")
    page.mouse.click(spot["x"], spot["y"])
    page.clicks += 1
    page.wait_for_function("() => new URLSearchParams(location.search).has('sample')")
    go(page, "Explain")
    in_view(page.get_by_text("Contributions of the parts"))
    in_view(page.locator(".ddnmf-tile").filter(has_text="reconstruction\nsum of all").locator("img"))


def test_the_parts_and_the_bases_of_nmf(page):
    go(page, "Parts")
    in_view(page.locator(".ddnmf-tile").filter(has_text="part 1").first)
    in_view(page.locator(".ddnmf-tile").filter(has_text="basis 1").first)


def test_the_slider_of_the_noise_and_what_it_moves(page):
    go(page, "Noise")
    in_view(page.get_by_role("slider", name="Noise level"))
    in_view(page.get_by_test_id("ddnmf-gallery").first)
    in_view(page.locator(".js-plotly-plot").first)


def test_own_runs_side_by_side(page):
    go(page, "Compare")
    in_view(page.get_by_test_id("stDataFrame").first)
