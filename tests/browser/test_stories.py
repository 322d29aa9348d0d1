"""What people come for, in clicks from Home: at most three, and nothing has to be scrolled to at 1440 x 900."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from serving import RUN, dashboard, needs_chromium, open_page

from benchmarks.common.browser import settled
from ddnmf_core.store.run_store import Store

pytestmark = needs_chromium

HEIGHT, MOST = 900, 3


@contextmanager
def from_home(browser: Browser, address: str) -> Iterator[Page]:
    """Home with RUN chosen, on a screen of usual size; at most MOST clicks later nothing has gone wrong."""
    page = open_page(browser, viewport={"width": 1440, "height": HEIGHT})
    page.clicks = 0
    page.goto(f"{address}/?run={RUN.id}")
    page.get_by_role("heading", name="An image as a sum of parts").wait_for()
    settled(page)  # Streamlit may lose a click on another page while this one is still drawn
    yield page
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.clicks <= MOST
    page.close()


@pytest.fixture
def page(browser, address):
    with from_home(browser, address) as page:
        yield page


@pytest.fixture
def page_of_two_models(browser, made, tmp_path):
    """A store of its own with a DDNMF and an AE1, in which a training may be started."""
    trained = made(RUN, RUN.replace(model="ae1"))
    store = Store(shutil.copytree(trained.root, tmp_path / "two"))
    with dashboard(store) as address, from_home(browser, address) as page:
        yield page


def in_view(target: Locator) -> Locator:
    """Wait for it, where it can be seen without scrolling."""
    target.wait_for()
    box = target.bounding_box()
    assert 0 <= box["y"] < HEIGHT - 40, box
    return target


def click(page: Page, target: Locator, **options: object) -> None:
    in_view(target).click(**options)
    page.clicks += 1


def go(page: Page, name: str) -> None:
    click(page, page.get_by_test_id("stSidebarNav").get_by_role("link", name=name))
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for()


def test_the_settings_and_the_start_of_a_training(page):
    go(page, "Train")
    in_view(page.get_by_role("slider", name="Noise level"))
    in_view(page.get_by_role("button", name="Start training"))


def test_a_training_is_started_and_its_curve_watched(page_of_two_models):
    page = page_of_two_models
    go(page, "Train")
    click(page, page.get_by_role("button", name="Start training"))
    in_view(page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop", exact=True))
    in_view(page.get_by_text("Error on fixed images"))  # after the first epoch
    in_view(page.locator(".js-plotly-plot").first)
    started = page.evaluate("new URLSearchParams(location.search).get('run')")
    assert started not in (None, RUN.id)


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


def test_own_runs_are_in_a_table(page):
    go(page, "Compare")
    in_view(page.get_by_test_id("stDataFrame").first)


def test_ones_own_ae1_beside_ones_own_ddnmf(page_of_two_models):
    page = page_of_two_models
    go(page, "Compare")
    runs = page.get_by_test_id("stDataFrame").first
    for row in range(2):
        click(page, runs, position={"x": 18, "y": 52 + 35 * row})  # the boxes before the rows
    in_view(page.get_by_text("Scores", exact=True))
    in_view(page.get_by_test_id("stDataFrame").nth(1))
    in_view(page.get_by_text("Training curves: Error of noisy images"))
    curves = in_view(page.locator(".js-plotly-plot").first)
    expect(curves.locator(".legendtext").filter(has_text=re.compile("^(DDNMF|AE1), "))).to_have_count(2)
