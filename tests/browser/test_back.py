"""The browser's Back leaves a page, however much the page has written into the address."""

import pytest
from serving import RUN, needs_chromium, open_page, wait_until

pytestmark = needs_chromium
TITLES = ("Parts", "Explain", "Compare", "Latent space")


@pytest.fixture
def page(browser):
    page = open_page(browser)
    yield page
    page.close()


def title(page):
    return page.get_by_role("heading", level=1).first


def go_to(page, name):
    page.get_by_test_id("stSidebarNav").get_by_text(name, exact=True).click()
    page.get_by_role("heading", name=name, level=1).wait_for()
    page.wait_for_url(lambda url: "?" in url)  # its choices are in the address


def test_a_page_is_one_entry_of_the_history_and_back_goes_back(page, address):
    page.goto(address)
    title(page).wait_for()
    wait_until(page, lambda: page.evaluate("history.ddnmfOnePageOneEntry"))  # a busy browser loads it late
    before = page.evaluate("history.length")
    for number, name in enumerate(TITLES, 1):
        go_to(page, name)
        assert page.evaluate("history.length") == before + number
    for name in (*TITLES[-2::-1], "DDNMF Studio"):
        page.go_back()
        page.get_by_role("heading", name=name, level=1).wait_for()
    page.go_forward()
    page.get_by_role("heading", name=TITLES[0], level=1).wait_for()


def test_a_choice_on_a_page_that_a_link_opened_is_no_entry_of_its_own(page, address):
    page.goto(f"{address}/explain?run={RUN.id}&sample=3")
    page.get_by_text("Contributions of the parts").wait_for()
    wait_until(page, lambda: page.evaluate("history.ddnmfOnePageOneEntry"))
    before = page.evaluate("history.length")
    page.get_by_role("button", name="Random").click()
    page.wait_for_url(lambda url: "sample=3&" not in f"{url}&")
    assert page.evaluate("history.length") == before
