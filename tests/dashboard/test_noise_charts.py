"""Figures of the Noise page: what is drawn where."""

import math

import pandas as pd
import pytest

from dashboard.noise.charts import legend_html, mark_level, noise_heat_map, score_panel
from ddnmf_core.reproduce import paper
from ddnmf_core.reproduce.figures import METHOD_COLOURS


def row(method, level, acc, deviation, n_seeds=3, dataset="mnist-10k", test_level=None):
    return {
        "dataset": dataset,
        "method": method,
        "noise_level": level,
        "test_level": level if test_level is None else test_level,
        "n_seeds": n_seeds,
        "acc_mean": acc,
        "acc_std": deviation,
    }


ROWS = pd.DataFrame(
    [
        row("DDNMF", 0.4, 0.6, 0.05),
        row("DDNMF", 0.1, 0.8, 0.02),
        row("DDNMF", 0.4, 0.1, 0.0, test_level=0.8),
        row("AE1", 0.1, 0.7, math.nan, n_seeds=1),
        row("DAE", 0.1, 0.5, 0.1, dataset="fashion-mnist-10k"),
    ]
)


@pytest.fixture
def traces():
    return {trace.name: trace for trace in score_panel(ROWS, "mnist-10k", "acc").data}


def test_a_curve_goes_through_the_means_of_its_own_noise_in_order(traces):
    assert (list(traces["DDNMF"].x), list(traces["DDNMF"].y)) == ([0.1, 0.4], [0.8, 0.6])
    assert list(traces["DDNMF"].customdata) == ["0.800 ± 0.020, 3 seeds", "0.600 ± 0.050, 3 seeds"]
    assert "DAE" not in traces  # on this data set


def test_the_band_is_one_deviation_to_each_side(traces):
    band = traces["DDNMF, ± 1 SD"]
    assert list(band.x) == [0.1, 0.4, 0.4, 0.1]
    assert list(band.y) == pytest.approx([0.82, 0.65, 0.55, 0.78])


def test_one_seed_has_no_band(traces):
    assert "AE1, ± 1 SD" not in traces
    assert list(traces["AE1"].customdata) == ["0.700, 1 seed"]


def test_the_papers_runs_are_dashed_in_the_models_colour(traces):
    for method in ("DDNMF", "AE1"):
        assert list(traces[f"{method}, paper"].y) == paper.noise_curve("mnist", method)["acc"]
        assert traces[f"{method}, paper"].line.dash == "dash"
        assert traces[f"{method}, paper"].line.color == traces[method].line.color == METHOD_COLOURS[method]
    assert "DAE, paper" not in traces


def test_before_anything_is_computed_the_paper_stands_alone():
    assert [trace.name for trace in score_panel(pd.DataFrame(), "mnist", "nmi").data] == ["DDNMF, paper", "AE1, paper"]


def test_the_marker_stands_at_the_level_and_moves():
    figure = mark_level(score_panel(ROWS, "mnist-10k", "acc"), 0.35)
    assert [(line.x0, line.x1) for line in figure.layout.shapes] == [(0.35, 0.35)]
    assert [line.x0 for line in mark_level(figure, 0.5).layout.shapes] == [0.5]


def test_the_heat_map_has_training_in_rows_and_blank_cells_where_nothing_is_known():
    figure = noise_heat_map(ROWS[ROWS["method"] == "DDNMF"], "acc", (0.1, 0.4), (0.1, 0.4, 0.8), "DDNMF")
    (cells,) = figure.data
    assert [list(line) for line in cells.z] == [[0.8, None, None], [None, 0.6, 0.1]]
    assert cells.customdata[1][2] == "0.100 ± 0.000, 3 seeds"
    assert list(figure.layout.yaxis.ticktext) == ["10%", "40%"]
    assert list(figure.layout.xaxis.ticktext) == ["10%", "40%", "80%"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first row on top


def test_an_empty_heat_map_is_blank_and_still_has_its_levels():
    figure = noise_heat_map(pd.DataFrame(), "acc", (0.1, 0.4), (0.0, 0.1), "DDNMF")
    assert [list(line) for line in figure.data[0].z] == [[None, None], [None, None]]
    assert list(figure.layout.xaxis.ticktext) == ["0%", "10%"]


def test_the_legend_names_what_is_shown_and_the_paper():
    html = legend_html(["DDNMF"])
    assert html.count("solid") == 1
    assert html.count("dashed") == 2
    assert "DAE" not in html
