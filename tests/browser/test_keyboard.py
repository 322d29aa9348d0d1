"""Without a mouse: from Home to a trained model, a point of its map, and one of its parts moved."""

import re

import pytest
from playwright.sync_api import Page, expect
from serving import RUN, dashboard, needs_chromium, open_page

from ddnmf_core.store.run_store import Store

pytestmark = needs_chromium

FOCUSED = """() => {
  let element = document.activeElement;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (element.matches("main, body")) return "";
  return [element.innerText, element.ariaLabel, element.className].join(" ").trim();
}"""


@pytest.fixture
def page(browser):
    page = open_page(browser)
    yield page
    page.close()


def tab_to(page: Page, words: str, most: int = 90) -> None:
    """Tab on until what has the focus says this."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if words in page.evaluate(FOCUSED):
            return
    pytest.fail(f"{words!r} cannot be reached with the Tab key")


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def test_a_first_model_is_trained_and_stopped_by_keys_alone(tmp_path, page):
    with dashboard(Store(tmp_path)) as address:
        page.goto(address)
        page.get_by_role("button", name="Train your first model").wait_for()
        tab_to(page, "Train your first model")
        page.keyboard.press("Enter")
        page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").wait_for()
        tab_to(page, "stop")  # its icon; Streamlit's own button of that name has none
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Resume").wait_for()


def test_a_point_of_the_map_is_chosen_by_keys_alone(address, page):
    page.goto(f"{address}/latent?run={RUN.id}&method=pca&points=400&sample=0")
    map_ = page.get_by_test_id("ddnmf-map").first
    expect(map_).to_have_attribute("data-ready", re.compile(".*"))
    settled(page)
    tab_to(page, "overlay")
    card = map_.locator(".card")
    for key in ("Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowLeft"):
        if card.is_hidden() or card.inner_text().split()[1] == "0":
            page.keyboard.press(key)
    expect(card).to_be_visible()
    sample = card.inner_text().split()[1]
    page.keyboard.press("Enter")
    page.get_by_text(f"sample {sample}").last.wait_for()
    expect(page).to_have_url(re.compile(f"sample={sample}"))


def test_a_part_is_moved_by_keys_alone(address, page):
    page.goto(f"{address}/explain?run={RUN.id}&explain=edit&sample=3")
    expect(page.get_by_text("Edited picture")).to_be_visible(timeout=60_000)
    settled(page)
    slider = page.get_by_role("slider").nth(1)
    tab_to(page, slider.get_attribute("aria-label") or "never", most=150)
    before = slider.get_attribute("aria-valuenow")
    page.keyboard.press("ArrowRight")
    settled(page)
    expect(slider).not_to_have_attribute("aria-valuenow", before)
