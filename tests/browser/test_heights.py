"""How tall and wide a page is in real Chromium: nobody scrolls far, or sideways."""

import pytest
from serving import RUN, needs_chromium, open_page, wait_until

pytestmark = needs_chromium

IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
HEIGHT = "document.querySelector('.stMainBlockContainer').getBoundingClientRect().height"
SIDEWAYS = "Math.max(document.documentElement.scrollWidth - innerWidth, ...['.stMain', '.stApp'].map((name) => {"
SIDEWAYS += " const part = document.querySelector(name); return part.scrollWidth - part.clientWidth; }))"
PAGES = ("", "train", "latent", "parts", "explain", "noise", "sweep", "compare")


@pytest.fixture(scope="module")
def page(browser):
    page = open_page(browser)
    yield page
    page.close()


def measured(page, expression):
    """The value at rest: pictures and charts come after the script."""
    values = [-1]

    def at_rest():
        page.wait_for_timeout(1000)
        page.locator(IDLE).wait_for()
        values.append(page.evaluate(expression))
        return values[-1] == values[-2]

    wait_until(page, at_rest)
    return values[-1]


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_a_page_has_four_screens_at_most_and_its_width(page, address, name):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/{name}?run={RUN.id}")
    assert measured(page, HEIGHT) / 844 < 4
    assert measured(page, SIDEWAYS) <= 1


@pytest.mark.parametrize(
    ("name", "screens"), [("train", 1.55), ("compare?compare=tables", 1.5), ("noise", 1.55), ("explain", 1.5)]
)
def test_on_a_desk_a_page_has_a_screen_and_a_half(page, address, name, screens):
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{address}/{name}{'&' if '?' in name else '?'}run={RUN.id}")
    assert measured(page, HEIGHT) / 900 < screens


def test_numbers_stand_two_in_a_row_on_a_phone(page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/?run={RUN.id}")
    first = page.locator(".stMetric").first
    first.wait_for()
    boxes = [metric.bounding_box() for metric in page.locator(".stMetric").all()[:3]]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[2]["y"] - boxes[0]["y"] - boxes[0]["height"] < 12  # pixels between rows


def test_a_caption_of_six_letters_is_not_broken(page, address):
    for width in (1024, 1240):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{address}/noise?run={RUN.id}&dataset=digits")
        caption = page.locator(".st-key-noise-stacks .ddnmf-tile span", has_text="noisy").first
        caption.wait_for()
        wait_until(page, lambda caption=caption: caption.bounding_box()["height"] < 35)  # two lines: name and error
