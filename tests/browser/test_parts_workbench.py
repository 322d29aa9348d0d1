"""The parts workbench in real Chromium: draw, upload, edit, swap, name a part, its badge."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from serving import RUN_OF_TWO_SEEDS as RUN
from serving import needs_chromium, open_page

pytestmark = needs_chromium


@pytest.fixture
def page(browser):
    page = open_page(browser)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.problems == []
    page.close()


def image_of(page, caption):
    """The picture above a caption."""
    return page.locator(".ddnmf-tile").filter(has_text=caption).first.locator("img")


def picture_of(page, caption):
    return image_of(page, caption).get_attribute("src")


def wait_for_other(page, caption, before):
    expect(image_of(page, caption)).not_to_have_attribute("src", before)


def test_a_drawn_figure_is_taken_apart_and_follows_the_pen(page, address):
    page.goto(f"{address}/explain?run={RUN.id}&image=draw")
    page.get_by_text("Draw with the mouse or a finger").wait_for()
    canvas = page.get_by_test_id("ddnmf-sketch")
    canvas.wait_for()
    box = canvas.bounding_box()

    def stroke(*points):
        page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(box["x"] + x, box["y"] + y, steps=5)
        page.mouse.up()

    stroke((110, 30), (110, 190))
    page.get_by_text("your drawing").first.wait_for()
    page.get_by_text("Contributions of the parts").wait_for()
    before = picture_of(page, "your drawing")
    stroke((110, 30), (180, 60), (110, 110))
    wait_for_other(page, "your drawing", before)
    page.locator(".ddnmf-sketch").get_by_role("button", name="Clear").click()
    page.get_by_text("Draw with the mouse or a finger").wait_for()


def test_an_uploaded_picture_is_taken_apart_and_what_is_none_is_refused(page, address):
    page.goto(f"{address}/explain?run={RUN.id}&image=upload")
    chooser = page.get_by_test_id("stFileUploaderDropzoneInput")
    chooser.set_input_files({"name": "broken.png", "mimeType": "image/png", "buffer": b"not a picture"})
    page.get_by_text(re.compile("broken.png: this is not a picture that can be read")).wait_for()
    paper = np.full((60, 60), 255, np.uint8)
    paper[10:50, 25:35] = 0
    buffer = io.BytesIO()
    Image.fromarray(paper).save(buffer, "PNG")
    chooser.set_input_files({"name": "one.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
    page.get_by_text("your picture").first.wait_for()
    page.get_by_role("tab", name="Edit and neighbours").click()
    page.get_by_text("Nearest neighbours in H").wait_for()


def test_parts_are_edited_and_swapped_and_the_picture_follows(page, address):
    page.goto(f"{address}/explain?run={RUN.id}&explain=edit&sample=3")
    page.get_by_text("Edited picture").wait_for()
    own = picture_of(page, "edited")
    page.get_by_role("button", name="Smallest change of cluster").click()
    page.get_by_text(re.compile(r"(Smallest change of one part|Change of \d+ parts, the fewest):")).wait_for()
    page.get_by_role("button", name="Reset").click()
    page.get_by_text(re.compile(r"(Smallest change of one part|Change of \d+ parts, the fewest):")).wait_for(state="detached")
    assert picture_of(page, "edited") == own  # the edit may be too small for the picture
    way = page.get_by_role("slider", name="Interpolation")
    for _ in range(10):
        expect(way).to_have_count(1)  # while the page runs, an old one may stay
        way.press("ArrowRight")
    wait_for_other(page, "edited", own)


def test_a_click_swaps_a_part_with_the_other_sample_and_back(page, address):
    page.goto(f"{address}/explain?run={RUN.id}&explain=edit&sample=3&pinned=8")
    page.get_by_text("Edited picture").wait_for()
    own = picture_of(page, "edited")
    offered = page.locator(".ddnmf-gallery", has=page.locator("button", has_text=re.compile(r"^part \d+$"))).first
    offered.locator("button").first.click()
    page.get_by_text("parts swapped").first.wait_for()
    wait_for_other(page, "edited", own)
    offered.locator("button", has_text="swapped").click()
    expect(page.get_by_text("parts swapped")).to_have_count(0)
    assert picture_of(page, "edited") == own


def test_a_click_on_a_neighbour_explains_it(page, address):
    page.goto(f"{address}/explain?run={RUN.id}&explain=edit&sample=3")
    page.get_by_text("Nearest neighbours in H").wait_for()
    neighbour = page.locator(".ddnmf-gallery").last.locator("button").nth(1)
    sample = neighbour.inner_text().split()[0]
    neighbour.click()
    page.wait_for_function("sample => new URLSearchParams(location.search).get('sample') === sample", arg=sample)
    expect(page.get_by_label("Sample", exact=True)).to_have_value(sample)
    expect(page.get_by_text(f"sample {sample},").first).to_be_visible()


def test_a_part_has_a_badge_and_keeps_its_name(page, address):
    page.goto(f"{address}/parts?run={RUN.id}&part=2&tab=part")
    page.get_by_text(re.compile(r"Reappears in \d of 1 seeds")).wait_for()
    page.get_by_role("textbox", name="Part name").fill("left arc")
    page.get_by_role("textbox", name="Part name").press("Enter")
    page.get_by_role("heading", name="Part 2, left arc").wait_for()
    page.reload()
    page.get_by_role("heading", name="Part 2, left arc").wait_for()


def test_the_report_is_one_file_that_opens_without_a_server(page, address, tmp_path):
    page.goto(f"{address}/parts?run={RUN.id}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download report").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.get_by_role("heading", name="Parts", exact=True).wait_for()
    assert page.get_by_text("Part 5").is_visible()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
