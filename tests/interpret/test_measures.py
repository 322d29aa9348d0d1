"""What measures are called and how they are written."""

import pytest

from ddnmf_core.interpret.measures import MEASURES, measure_rows


@pytest.mark.parametrize(
    ("name", "value", "deviation", "text"),
    [
        ("hoyer_parts", 0.7123, None, "0.71"),
        ("explained_variance", 0.5, 0.021, "50.0% ± 2.1%"),
        ("stability", None, None, "–"),
        ("stability", float("nan"), 0.1, "–"),
        ("purity", 0.5, float("nan"), "0.50"),
    ],
)
def test_a_measure_is_written_with_its_deviation_where_there_is_one(name, value, deviation, text):
    assert MEASURES[name].text(value, deviation) == text


def test_titles_differ_and_only_what_was_measured_is_listed():
    assert len({measure.title for measure in MEASURES.values()}) == len(MEASURES)
    assert measure_rows({"purity": 0.25, "acc": 0.9}) == [("Class purity", "0.25")]
