"""Without a mouse: from Home to a trained model, a point of its map, and one of its parts moved."""

import re

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from serving import CHROMIUM, FLAGS, dashboard, needs_chromium
from stored import trained

from ddnmf_core.config import EmbeddingConfig, RunConfig
from ddnmf_core.store.run_store import Store

pytestmark = needs_chromium

RUN = RunConfig(dataset="digits", n_samples=400, layers=(32, 6), n_parts=4, epochs=2)
FOCUSED = """() => {
  let element = document.activeElement;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (element.matches("main, body")) return "";
  return [element.innerText, element.ariaLabel, element.className].join(" ").trim();
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("keys"))
    for config in (RUN, EmbeddingConfig(run=RUN.id, method="pca", n_points=400)):
        trained(store, config)
    with dashboard(store) as address:
        yield address


@pytest.fixture
def page():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        yield page
        browser.close()


def tab_to(page: Page, words: str, most: int = 90) -> None:
    """Tab on until what has the focus says this."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if words in page.evaluate(FOCUSED):
            return
    pytest.fail(f"{words!r} cannot be reached with the Tab key")


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)


def test_a_first_model_is_trained_and_stopped_by_keys_alone(tmp_path, page):
    with dashboard(Store(tmp_path)) as address:
        page.goto(address)
        page.get_by_role("button", name="Train your first model").wait_for(timeout=60_000)
        tab_to(page, "Train your first model")
        page.keyboard.press("Enter")
        page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").wait_for(timeout=60_000)
        tab_to(page, "stop")  # its icon; Streamlit's own button of that name has none
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Resume").wait_for(timeout=60_000)


def test_a_point_of_the_map_is_chosen_by_keys_alone(address, page):
    page.goto(f"{address}/latent?run={RUN.id}&method=pca&points=400&sample=0")
    map_ = page.get_by_test_id("ddnmf-map").first
    expect(map_).to_have_attribute("data-ready", re.compile(".*"), timeout=60_000)
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
    page.goto(f"{address}/explain?run={RUN.id}&sample=3")
    expect(page.get_by_text("Shapley values")).to_be_visible(timeout=60_000)
    settled(page)
    slider = page.get_by_role("slider").nth(1)
    tab_to(page, slider.get_attribute("aria-label") or "never", most=150)
    before = slider.get_attribute("aria-valuenow")
    page.keyboard.press("ArrowRight")
    settled(page)
    expect(slider).not_to_have_attribute("aria-valuenow", before)
