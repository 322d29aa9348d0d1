"""Rows of pictures at several widths in real Chromium: ten are ten or 5 + 5, and a table keeps its columns."""

from collections import Counter

import pytest
from serving import RUN, needs_chromium, open_page, wait_until

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(browser):
    page = open_page(browser)
    yield page
    page.close()


def rows(page, gallery):
    """How many tiles stand in each row of a gallery."""
    tops = [round(tile.bounding_box()["y"]) for tile in gallery.locator(".ddnmf-tile").all()]
    return list(Counter(tops).values())


@pytest.mark.parametrize("width", [1280, 1440, 1920])
@pytest.mark.parametrize(
    ("name", "key"), [("train", "train-reconstructions"), ("parts", "parts-tiles"), ("noise", "noise-stacks")]
)
def test_rows_of_ten_hold_ten(page, address, name, key, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}/{name}?run={RUN.id}")
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    gallery = page.locator(f".st-key-{key}").get_by_test_id("ddnmf-gallery")
    gallery.locator(".ddnmf-tile").first.wait_for()
    n = gallery.locator(".ddnmf-tile").count()
    wait_until(page, lambda: len(set(rows(page, gallery))) == 1)
    assert rows(page, gallery)[0] == (10 if n % 10 == 0 else n)
    if name == "train":
        preview = page.locator(".st-key-train-preview").get_by_test_id("ddnmf-gallery")
        wait_until(page, lambda: rows(page, preview) in ([10], [5, 5]))


def test_on_a_phone_rows_are_even_and_within_the_screen(page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/train?run={RUN.id}")
    gallery = page.get_by_test_id("ddnmf-gallery").first
    gallery.locator(".ddnmf-tile").first.wait_for()
    wait_until(page, lambda: rows(page, gallery) == [5, 5])
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
