"""The map in real Chromium: names of classes, the legend, marks of many classes, and colours that are numbers."""

import pytest
from playwright.sync_api import expect
from serving import RUN, needs_chromium, open_page, wait_until

pytestmark = needs_chromium

OVERLAPS = """root => {
    const { labels } = root.map;
    const apart = (a, b) => Math.abs(a.left - b.left) >= (a.width + b.width) / 2 || Math.abs(a.top - b.top) >= 16;
    return labels.flatMap((a, i) => labels.slice(i + 1).filter((b) => !apart(a, b)));
}"""


@pytest.fixture(scope="module")
def page(browser):
    page = open_page(browser)
    yield page
    page.close()


def map_of(page, address, colour):
    page.goto(f"{address}/latent?run={RUN.id}&method=pca&points=400&colour={colour}")
    chart = page.get_by_test_id("ddnmf-map").first
    chart.wait_for()
    page.wait_for_function("map => map.dataset.ready === '1'", arg=chart.element_handle())
    return chart


def test_names_on_the_map_do_not_overlap_however_near_their_classes_are(page, address):
    chart = map_of(page, address, "class")
    assert chart.evaluate("root => root.map.labels.length") == 10
    assert chart.evaluate(OVERLAPS) == []
    chart.evaluate("root => { root.map.view.zoom = 0.02; root.map.draw(); }")
    wait_until(page, lambda: chart.evaluate("root => root.map.labels !== null"))
    assert chart.evaluate("root => root.map.labels.length") > 1
    assert chart.evaluate(OVERLAPS) == []


def test_a_click_in_the_legend_dims_the_other_classes_and_again_none(page, address):
    chart = map_of(page, address, "class")
    entry = chart.locator(".legend").get_by_role("button", name="3", exact=True)
    expect(chart.locator(".legend button")).to_have_count(10)
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "true")
    lit = chart.evaluate("root => [...new Set(root.map.category.filter((_, row) => root.map.lit[row]))]")
    assert lit == {"0": 3} or lit == [3]
    entry.press("Enter")  # by keyboard, too
    expect(entry).to_have_attribute("aria-pressed", "false")
    assert chart.evaluate("root => root.map.lit") is None


def test_classes_after_the_tenth_have_other_marks(page, address):
    chart = map_of(page, address, "class")
    marks = chart.evaluate("""root => {
        const { map } = root, { category, categories, data } = map;
        map.data = { ...data, names: Array.from({ length: 40 }, (_, i) => `class ${i}`) };
        map.category = category.map((_, row) => row % 40);
        map.findCategories();
        map.fillLegend();
        const marks = [...root.querySelectorAll(".legend .mark")].map((mark) => mark.className);
        Object.assign(map, { category, categories, data });
        map.fillLegend();
        return marks;
    }""")
    assert len(marks) == 40
    assert [marks[i] for i in (0, 10, 20, 30)] == ["mark disk", "mark ring", "mark square", "mark diamond"]


def test_a_part_s_coefficient_colours_the_map_with_a_scale_in_place_of_the_legend(page, address):
    chart = map_of(page, address, "coefficient")
    expect(page.get_by_text("Coefficient of part 1:")).to_be_visible()
    expect(chart.locator(".legend")).to_be_hidden()
    before = chart.evaluate("root => root.map.data.files.colors")
    page.get_by_label("Part", exact=True).fill("2")
    page.get_by_label("Part", exact=True).press("Enter")
    page.get_by_text("Coefficient of part 2:").wait_for()
    wait_until(page, lambda: chart.evaluate("root => root.map?.data?.files.colors ?? null") not in (None, before))


def test_the_card_of_a_point_says_the_name_of_its_sample_as_text(page, address):
    chart = map_of(page, address, "class")
    chart.evaluate("""root => {
        const { map } = root, texts = Array.from({ length: map.n }, (_, row) => `näme ${row}<i>\\nage: ${2 * row}`);
        const encoded = texts.map((text) => new TextEncoder().encode(text));
        let end = 0;
        const ends = Uint32Array.from(encoded, (bytes) => (end += bytes.length));
        const address = (content) => URL.createObjectURL(new Blob(content));
        map.data = { ...map.data, files: { ...map.data.files, texts: address(encoded), ends: address([ends]) } };
        map.hover(-1);
        map.hover(123, [50, 50]);
    }""")
    expect(chart.locator(".card .text")).to_contain_text("näme 123<i>")
    expect(chart.locator(".card .text")).to_contain_text("age: 246")
    chart.evaluate("root => { root.map.hover(-1); root.map.hover(0, [50, 50]); }")
    expect(chart.locator(".card .text")).to_contain_text("näme 0<i>")
