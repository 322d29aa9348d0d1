"""Data of one's own in real Chromium: a zip of images and a table are uploaded, seen, added, chosen, and removed again."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from serving import needs_chromium, open_page

pytestmark = needs_chromium


@pytest.fixture
def page(browser, empty_address):
    page = open_page(browser)
    page.goto(f"{empty_address}/train")
    page.get_by_text("Add your own data").click()
    yield page
    page.close()


def images() -> bytes:
    """20 dark and 20 light pictures, in a folder each."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(40):
            picture = io.BytesIO()
            Image.fromarray(np.full((12, 12), 200 * (number % 2) + number, np.uint8)).save(picture, "PNG")
            archive.writestr(f"{('dark', 'light')[number % 2]}/{number}.png", picture.getvalue())
    return content.getvalue()


def table() -> bytes:
    return ("a,b,c,kind\n" + "".join(f"{i},{i % 7 - 1},{i % 5},{'xy'[i % 2]}\n" for i in range(40))).encode()


def unlabelled_table() -> bytes:
    return ("a,b,c\n" + "".join(f"{0.37 * i:.2f},{i % 7 + 0.5},{1 / (i + 1):.4f}\n" for i in range(40))).encode()


def upload(page: Page, name: str, content: bytes) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def add(page: Page, title: str) -> None:
    page.get_by_role("button", name="Add this data set").click()
    expect(page.get_by_role("combobox", name="Data set")).to_have_value(title)


def test_images_and_a_table_are_uploaded_added_chosen_and_removed(page):
    upload(page, "shades.zip", images())
    expect(page.get_by_text("40 images, 2 classes: dark (20), light (20).")).to_be_visible()
    expect(page.get_by_role("img", name="light").first).to_be_visible()
    add(page, "shades")
    expect(page.get_by_text("For 40 samples of 784 pixels")).to_be_visible()

    upload(page, "sizes.csv", table())
    expect(page.get_by_text("6 of 120 values are negative")).to_be_visible()
    page.get_by_role("radio", name="Shift up to 0").click()
    expect(page.get_by_text("6 negative values: shifted")).to_be_visible()
    add(page, "sizes")

    listed = page.get_by_test_id("stExpander").filter(has_text="all 70,000 images")
    listed.locator("summary").click()
    expect(listed.get_by_text("40 rows of 3 features, 2 classes.")).to_be_visible()
    listed.locator("[class*=st-key-train-remove-own]").last.get_by_role("button").click()
    expect(listed.get_by_text("40 rows of 3 features, 2 classes.")).to_have_count(0)
    expect(listed.get_by_text("40 images of 28 x 28, 2 classes.")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_table_without_labels_is_added_and_clusters_are_asked_for(page):
    upload(page, "plain.csv", unlabelled_table())
    expect(page.get_by_text("40 rows of 3 features, no labels.")).to_be_visible()
    add(page, "plain")
    expect(page.get_by_text("because there are no labels to count")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
