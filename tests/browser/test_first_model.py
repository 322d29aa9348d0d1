"""A newcomer's first quarter of an hour, in real Chromium: train, watch, stop, resume, map, click, parts."""

import re

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect
from serving import needs_chromium, open_page, wait_until

EPOCHS = 20  # of 1,000 images: long enough to be stopped

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(browser, empty_address):
    page = open_page(browser)
    page.problems = []
    page.on("console", lambda message: page.problems.append(told(message)) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("requestfailed", lambda request: None if "127.0.0.1" in request.url else page.problems.append(request.url))
    page.goto(empty_address)
    yield page
    page.close()


def told(message: ConsoleMessage) -> str:
    return f"{message.text} {message.location.get('url', '')}"


@pytest.fixture(autouse=True)
def nothing_went_wrong(page):
    """After every step: no error box, no broken picture, no error in the console, no request to the outside.

    Streamlit drops a picture that a rerun has replaced, though a busy browser may not have fetched it yet.
    """
    yield
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    page.wait_for_function("[...document.images].every(image => !image.complete || image.naturalWidth > 0)")
    problems = [problem for problem in page.problems if "/media/" not in problem]
    page.problems.clear()  # the next test answers for its own
    assert problems == []


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for()


def fill(page: Page, label: str, value: int) -> None:
    page.get_by_label(label, exact=True).fill(str(value))
    page.get_by_label(label, exact=True).press("Enter")


def epoch_shown(page: Page) -> float:
    text = page.get_by_test_id("stMetric").filter(has_text="Epoch").get_by_test_id("stMetricValue").inner_text()
    return float(re.match(r"[\d.]+", text).group())


def wait_for_epoch(page: Page, epoch: float) -> None:
    page.get_by_test_id("stMetric").first.wait_for()
    wait_until(page, lambda: epoch_shown(page) > epoch)


def test_home_invites_to_train(page):
    page.get_by_role("button", name="Train your first model").wait_for()
    expect(page.get_by_role("img", name=re.compile("DDNMF"))).to_be_visible()


def test_the_noise_preview_follows_the_slider(page):
    go(page, "Train")
    first = page.get_by_test_id("ddnmf-gallery").first.locator("img").first
    before = first.get_attribute("src")
    page.get_by_role("slider", name="Noise level").press("ArrowRight")
    page.get_by_text("Student input at 45%").wait_for()
    assert first.get_attribute("src") != before
    page.get_by_role("slider", name="Noise level").press("ArrowLeft")
    page.get_by_text("Student input at 40%").wait_for()


def test_training_from_the_page_moves_the_curves_without_a_reload(page):
    fill(page, "Epochs", EPOCHS)
    page.get_by_text("Optimiser and run").click()
    fill(page, "Training images (blank = all)", 1000)
    page.evaluate("window.sameDocument = true")
    page.get_by_role("button", name="Start training").click()
    page.locator(".js-plotly-plot").first.wait_for()
    wait_for_epoch(page, 0.0)
    wait_for_epoch(page, epoch_shown(page))
    assert page.evaluate("window.sameDocument")


def test_a_run_stops_and_resumes(page):
    page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text(re.compile("Stopped in epoch")).wait_for()
    stopped_at = epoch_shown(page)
    page.get_by_role("button", name="Resume").click()
    wait_for_epoch(page, stopped_at)


def test_training_survives_a_reload_and_finishes(page):
    page.reload()
    page.get_by_text("Finished on").wait_for()
    assert epoch_shown(page) == EPOCHS
    page.problems.clear()  # Streamlit itself asks /train/_stcore first: 404


def test_a_click_on_the_map_chooses_the_sample(page):
    go(page, "Latent space")
    chart = page.get_by_test_id("ddnmf-map").first
    chart.wait_for()
    page.wait_for_function("map => map.dataset.ready === '1'", arg=chart.element_handle())
    spot = chart.evaluate("""map => { for (let sample = 1; sample < 10000; sample++) {
        const place = map.pointPosition(sample); if (place) return {sample, ...place}; } }""")
    page.mouse.click(spot["x"], spot["y"])
    page.wait_for_function("() => new URLSearchParams(location.search).has('sample')")
    chosen = int(re.search(r"sample=(\d+)", page.url).group(1))
    page.get_by_text(f"sample {chosen}", exact=False).first.wait_for()
    page.chosen = chosen


def test_a_click_chooses_the_point_that_is_shown(page):
    """A zoomed page or a fine screen gives moves fractions of a pixel, and clicks none: another point may be nearer."""
    chart = page.get_by_test_id("ddnmf-map").first
    shown = chart.evaluate("""root => {
        const map = root.map, pairs = [], { send, selected } = map;
        map.send = () => {};  // no rerun for each of them
        for (let sample = 1; sample < 10000 && pairs.length < 100; sample += 7) {
            const place = root.pointPosition(sample);
            if (!place) continue;
            const [x, y] = [place.x + 0.6, place.y + 0.45];
            map.overlay.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y }));
            const card = root.querySelector(".card .text").textContent;
            map.overlay.dispatchEvent(new MouseEvent("click", { clientX: Math.round(x), clientY: Math.round(y), detail: 1 }));
            pairs.push([parseInt(card.slice("sample ".length)), map.selected]);
        }
        map.choose(map.rows.get(selected));
        map.send = send;
        return pairs; }""")
    assert len(shown) > 50
    assert [pair for pair in shown if pair[0] != pair[1]] == []


def test_the_clicked_sample_is_rebuilt_from_its_parts(page):
    page.get_by_role("link", name="Explain this sample").click()
    page.get_by_text("Image as a sum of parts").wait_for()
    expect(page.get_by_label("Sample", exact=True)).to_have_value(str(page.chosen))
    page.get_by_role("tab", name="Step by step").click()
    page.get_by_text("Cumulative reconstruction").wait_for()
    page.get_by_role("tab", name="Edit and neighbours").click()
    pictures = page.get_by_test_id("ddnmf-gallery").filter(has_text="edited").locator("img")
    before = pictures.nth(1).get_attribute("src")
    slider = page.get_by_role("slider", name=re.compile("^part ")).first
    for _ in range(30):
        slider.press("ArrowRight" if float(slider.input_value()) < 0.5 else "ArrowLeft")
    expect(pictures.nth(1)).not_to_have_attribute("src", before)


def test_a_link_brings_back_what_was_on_screen(page):
    go(page, "Parts")
    page.get_by_role("radio", name="Swing").click()
    page.get_by_test_id("ddnmf-gallery").first.get_by_role("button").nth(3).click()
    page.get_by_role("heading", name="Part 4").wait_for()
    link = page.url
    other = open_page(page.context.browser)
    other.goto(link)
    other.get_by_role("heading", name="Part 4").wait_for()
    other.get_by_role("tab", name="All parts").click()
    expect(other.get_by_role("radio", name="Swing")).to_be_checked()
    assert re.search(r"[?&]run=[0-9a-f]{16}&", other.url)
    other.close()


def test_an_unknown_run_in_the_link_is_said_so(page, empty_address):
    other = open_page(page.context.browser)
    other.goto(f"{empty_address}/parts?run=0123456789abcdef")
    other.get_by_text("NMF of the pixels, same rank").first.wait_for()
    expect(other.get_by_text("The run 0123456789abcdef in the link is not in this store")).to_be_visible()
    other.close()


def test_a_page_stays_in_the_width_of_a_phone(page):
    page.set_viewport_size({"width": 420, "height": 900})
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth + 1")
