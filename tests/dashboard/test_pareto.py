"""Which rows no other row beats, and what the plot shows of them."""

import numpy as np
import pandas as pd
import pytest

from dashboard.compare.pareto import pareto_chart, pareto_front
from ddnmf_core.interpret.measures import MEASURES


@pytest.mark.parametrize(
    ("x", "y", "better", "front"),
    [
        ([1, 2, 3], [3, 2, 1], "high", [0, 1, 2]),
        ([1, 2, 3], [1, 2, 3], "high", [2]),
        ([1, 2, 3], [1, 2, 3], "low", [0, 1, 2]),
        ([1, 2, 2], [5, 5, 4], "high", [1]),
        ([1, 1], [1, 1], "high", [0, 1]),
    ],
)
def test_the_front_is_what_nothing_beats_in_both(x, y, better, front):
    assert pareto_front(x, y, better) == front


def test_every_method_and_every_seed_has_a_point():
    rows = pd.DataFrame(
        {"method": ["DDNMF", "NMF"], "origin": ["paper", "baseline"], "hoyer_parts_mean": [0.3, 0.7], "acc_mean": [0.8, 0.5]}
    )
    records = [{"method": method, "seed": seed, "hoyer_parts": 0.5, "acc": 0.6} for method in rows["method"] for seed in (1, 2)]
    figure = pareto_chart(rows, records, MEASURES["hoyer_parts"], "acc")
    line, *points = figure.data
    assert list(line.x) == [0.3, 0.7]
    assert sorted(text for trace in points for text in np.atleast_1d(trace.text) if text) == ["DDNMF", "NMF"]
    assert sum(len(trace.x) for trace in points if trace.text is None) == 4
