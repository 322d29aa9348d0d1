"""Figures of a page saved as a user saves them: tiles, a chart by its camera, and a chart as a page of its own."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from serving import RUN, needs_chromium, open_page

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(browser, address):
    page = open_page(browser, accept_downloads=True)
    page.goto(f"{address}/parts?run={RUN.id}&tab=part")
    page.get_by_role("button", name="Save a figure").click()
    yield page
    page.close()


def saved(page, press, path):
    with page.expect_download() as download:
        press()
    download.value.save_as(path / download.value.suggested_filename)
    return path / download.value.suggested_filename


def test_the_parts_are_saved_as_a_picture(page, tmp_path):
    file = saved(page, page.get_by_test_id("stPopoverBody").get_by_role("button", name="Save").click, tmp_path)
    assert file.suffix == ".png"
    assert Image.open(file).width > 400


def test_the_camera_of_a_chart_saves_what_was_asked_for(page, tmp_path):
    page.get_by_test_id("stPopoverBody").get_by_text("SVG", exact=True).click()
    chart = page.get_by_test_id("stPlotlyChart").first
    camera = chart.locator(".modebar-btn")
    expect(camera).to_have_attribute("data-title", re.compile("Download plot$"))
    page.keyboard.press("Escape")
    chart.scroll_into_view_if_needed()
    chart.hover()
    file = saved(page, camera.click, tmp_path)
    assert file.suffix == ".svg"
    assert "<svg" in file.read_text("utf-8")


def test_a_chart_is_saved_as_a_page_that_opens_alone(page, tmp_path):
    page.get_by_role("button", name="Save a figure").click()
    body = page.get_by_test_id("stPopoverBody")
    body.get_by_role("combobox").click()
    page.get_by_role("option", name="Distribution of the coefficient").click()
    expect(body.get_by_text("Press the camera")).to_be_visible()
    body.get_by_text("HTML", exact=True).click()
    expect(body.get_by_text("Press the camera")).to_be_hidden()
    file = saved(page, body.get_by_role("button", name="Save").click, tmp_path)
    assert file.name == "distribution-of-the-coefficient.html"
    alone = open_page(page.context.browser, accept_downloads=True)
    asked = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(file.as_uri())
    expect(alone.locator(".js-plotly-plot .bars")).to_be_visible()
    assert saved(alone, alone.get_by_role("button", name="Save as SVG").click, tmp_path).suffix == ".svg"
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    alone.close()
