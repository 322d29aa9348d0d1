"""A click on a cell of a sweep, in real Chromium: its runs appear, the link holds it, and one of them is opened."""

import re

import pytest
from playwright.sync_api import expect
from serving import dashboard, needs_chromium, open_page

from ddnmf_core.config import RunConfig
from ddnmf_core.experiment import sweeps

BASE = RunConfig(dataset="digits", n_samples=100, layers=(32, 16, 6), n_parts=5, epochs=1, gamma=0.1)
CONFIGS = sweeps.make_grid(BASE, {"gamma": [0.1, 1.0], "beta": [0.5, 1.0]}, [1])

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def server(made):
    """The dashboard on a store with four runs that were trained a little."""
    with dashboard(made(*CONFIGS)) as address:
        yield address


@pytest.fixture(scope="module")
def page(browser, server):
    page = open_page(browser, viewport={"width": 1400, "height": 1300})
    page.goto(f"{server}/sweep")
    yield page
    page.close()


def test_a_click_on_a_cell_shows_its_runs_and_the_way_into_one(page):
    cells = page.locator(".js-plotly-plot").first.locator(".nsewdrag").first
    cells.wait_for()
    page.get_by_text("Model selection", exact=True).wait_for()
    box = cells.bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])  # across: gamma 1, up: beta 1
    page.get_by_role("heading", name="γ 1, β 1").wait_for()
    page.wait_for_function("() => new URLSearchParams(location.search).get('cell') === 'gamma=1,beta=1'")
    page.get_by_test_id("stMain").get_by_role("link", name="Explain").click()
    page.get_by_text("Contributions of the parts").wait_for()
    wanted = BASE.replace(gamma=1.0, beta=1.0)
    assert re.search(rf"[?&]run={wanted.id}\b", page.evaluate("location.search"))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_row_of_the_table_chooses_the_cell_too(page, server):
    page.goto(f"{server}/sweep")
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for()
    page.get_by_text("Model selection", exact=True).wait_for()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 52)  # the box before the first row
    page.get_by_role("heading", name="γ 0.1, β 0.5").wait_for()
