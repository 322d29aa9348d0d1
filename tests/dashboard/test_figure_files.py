"""Figures as files: each kind can be opened by what it is for, and nothing in it comes from another place."""

import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from dashboard.figures.files import HTML, PNG, SVG, Chart, PointMap, Tiles, Vector, draw_points

CLASSES = np.array([0, 1, 1], np.uint8)
POINTS = np.array([[0, 0], [1, 1], [2, 0]], np.float32)
COLOURS = np.array([[255, 0, 0], [0, 0, 255], [0, 0, 255]], np.uint8)
DRAWINGS = {
    "chart": Chart(go.Figure(go.Bar(x=["</script>"], y=[1]))),
    "tiles": Tiles(np.zeros((12, 5, 5), np.uint8), [f"part {k}" for k in range(12)]),
    "classes": PointMap(POINTS, COLOURS, CLASSES, ["shirt", "bag"]),
    "values": PointMap(POINTS, COLOURS),
    "vector": Vector('<svg xmlns="http://www.w3.org/2000/svg"><title>Figure 1</title></svg>'),
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, drawing in DRAWINGS.items() for kind in drawing.formats])
def test_a_file_is_of_its_kind_and_asks_for_nothing_from_elsewhere(name, kind):
    content = DRAWINGS[name].as_file(kind, "A <title>")
    if kind == PNG:
        assert min(Image.open(io.BytesIO(content)).size) > 100
    elif kind == SVG:
        assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
    else:
        assert "A &lt;title&gt;" in content.decode()
        assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"'](?!data:)", content.decode())


def test_a_chart_in_a_page_holds_the_figure_whole():
    page = DRAWINGS["chart"].as_file(HTML, "Bars").decode()
    figure = json.loads(page.split('id="figure">')[1].split("</script>")[0])
    assert figure["data"][0]["x"] == ["</script>"]


def test_a_map_names_its_classes_and_draws_every_point():
    svg = DRAWINGS["classes"].as_file(SVG, "Map").decode()
    page = DRAWINGS["classes"].as_file(HTML, "Map").decode()
    assert "shirt" in page
    assert "<svg" in svg
    figure = DRAWINGS["classes"]._chart()
    assert [(trace.name, len(trace.x)) for trace in figure.data] == [("shirt", 1), ("bag", 2)]


def test_tiles_have_their_captions():
    assert Tiles(np.zeros((2, 3, 3), np.uint8), ["<b>", "two"]).as_file(HTML, "Tiles").count(b"&lt;b&gt;") == 2


def test_a_map_in_the_making_is_a_picture_of_its_points():
    points = np.array([[0, 0], [10, 0], [0, 5]], np.float32)
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    picture = draw_points(points, colours, 102)
    assert picture.shape == (102, 102, 4)
    assert (picture[..., 3] == 255).sum() == 3 * 4
    assert [picture[row, column].tolist() for row, column in ((75, 0), (75, 100), (25, 0))] == [
        [255, 0, 0, 255],
        [0, 255, 0, 255],
        [0, 0, 255, 255],
    ]  # y upwards, in its proportions
    assert draw_points(points[:1], colours[:1]).any()
