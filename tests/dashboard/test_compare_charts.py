"""The figures of the Compare page."""

import numpy as np

from dashboard.compare import charts as compare_charts
from dashboard.figures.palette import TEXT_ON_LIGHT


def test_every_share_of_a_confusion_matrix_can_be_read_on_a_light_and_on_a_dark_page():
    counts = np.array([[2, 90, 8], [70, 5, 25]])  # two classes, three clusters
    chart = compare_charts.confusion(counts, ["sneaker", "bag"], "")
    shown, dark_on_colour, own_on_none = chart.data
    assert np.allclose(shown.z, [[0.9, 0.02, 0.08], [0.05, 0.7, 0.25]])  # matched clusters first
    assert list(zip(dark_on_colour.y, dark_on_colour.x, dark_on_colour.text, strict=True)) == [
        ("sneaker", "1", "90%"),
        ("bag", "2", "70%"),
        ("bag", "3", "25%"),
    ]
    assert list(own_on_none.text) == ["2%", "8%", "5%"]
    assert (dark_on_colour.textfont.color, own_on_none.textfont.color) == (TEXT_ON_LIGHT, None)
