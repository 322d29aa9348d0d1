"""Figures of the Sweep page: what is written into a cell, what a click gives, and where a run without a number stands."""

import math

import pandas as pd
import pytest

from dashboard.sweep import charts

GRID = pd.DataFrame(
    [
        {"gamma": 0.01, "beta": 0.1, "mean": 0.5, "std": 0.1, "n": 2, "states": {"finished": 2}},
        {"gamma": 0.01, "beta": 1.0, "mean": 0.9, "std": math.nan, "n": 1, "states": {"finished": 1, "diverged": 1}},
        {"gamma": 0.1, "beta": 0.1, "mean": math.nan, "std": math.nan, "n": 0, "states": {"failed": 1, "queued": 2}},
    ]
)
LINE = GRID[GRID["beta"] == 0.1]
RUNS = pd.DataFrame({"gamma": [0.01, 0.01, 0.1], "seed": [1, 2, 1], "acc": [0.4, 0.6, math.nan], "L_in": [3.0, 1.0, math.nan]})


def markers(figure):
    """Text of each point that can be clicked, by its name."""
    return {
        name: text
        for trace in figure.data
        if trace.customdata is not None
        for name, text in zip(trace.customdata, trace.text, strict=True)
    }


def test_a_cell_says_its_mean_deviation_and_seeds_and_what_became_of_the_others():
    assert markers(charts.surface_map(GRID, "gamma", "beta", "ACC", None, True)) == {
        "gamma=0.01,beta=0.1": "0.500<br>± 0.100<br>2 seeds",
        "gamma=0.01,beta=1": "0.900<br>1 seed<br>1 diverged",
        "gamma=0.1,beta=0.1": "1 failed<br>2 queued",
    }


def test_the_colours_are_the_means_with_gaps_where_there_are_none():
    colours = charts.surface_map(GRID, "gamma", "beta", "ACC", None, True).data[0]
    assert (list(colours.x), list(colours.y)) == (["0.01", "0.1"], ["0.1", "1"])
    assert colours.z[:, 0].tolist() == [0.5, 0.9]
    assert [math.isnan(value) for value in colours.z[:, 1]] == [True, True]  # one failed, one was never asked for


def test_text_is_black_on_light_cells_and_white_on_dark_ones():
    colour = {
        trace.customdata[0]: trace.textfont.color
        for trace in charts.surface_map(GRID, "gamma", "beta", "ACC", None, True).data[1:]
    }
    assert colour == {"gamma=0.01,beta=1": "black", "gamma=0.01,beta=0.1": "white", "gamma=0.1,beta=0.1": None}


def test_colours_span_two_deviations_to_each_side_so_that_chance_is_no_landscape():
    chance = GRID.assign(mean=[0.5, 0.51, math.nan], std=[0.1, 0.1, math.nan])
    assert charts.colour_range(chance) == pytest.approx((0.305, 0.705))
    assert charts.colour_range(GRID.assign(std=0.01)) == pytest.approx((0.5, 0.9))
    assert charts.colour_range(GRID.assign(mean=0.5, std=math.nan)) == pytest.approx((0.495, 0.505))


def test_the_chosen_cell_is_framed():
    (frame,) = charts.surface_map(GRID, "gamma", "beta", "ACC", [0.1, 0.1], True).layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (0.5, 1.5, -0.5, 0.5)


def test_a_grid_without_any_number_yet_can_be_drawn():
    empty = GRID.assign(mean=math.nan, n=0, states=[{"queued": 1}] * 3)
    assert set(markers(charts.surface_map(empty, "gamma", "beta", "ACC", None, True)).values()) == {"1 queued"}
    assert markers(charts.surface_line(empty[empty["beta"] == 0.1], RUNS[["gamma"]], "gamma", "acc", "ACC", None, True))


def test_a_line_has_a_band_of_one_deviation_and_a_dot_for_each_seed():
    figure = charts.surface_line(LINE, RUNS, "gamma", "acc", "ACC", None, True)
    band, dots, mean, _ = figure.data
    assert list(band.y) == pytest.approx([0.6, 0.4])
    assert list(dots.y) == [0.4, 0.6]
    assert list(mean.customdata) == ["gamma=0.01"]


def test_a_value_without_a_result_stays_on_the_line_s_axis_and_can_be_clicked():
    figure = charts.surface_line(LINE, RUNS, "gamma", "acc", "ACC", [0.1], True)
    assert markers(figure)["gamma=0.1"] == "1 failed<br>2 queued"
    assert list(figure.layout.xaxis.categoryarray) == ["0.01", "0.1"]


def test_settings_stand_in_even_steps_between_the_measures_of_a_run():
    figure = charts.parallel(RUNS.iloc[:2].assign(gamma=[0.01, 10.0]), {"gamma": "γ", "L_in": "L_in"}, "acc", "ACC")
    steps, loss = figure.data[0].dimensions
    assert (list(steps.values), list(steps.ticktext)) == ([0, 1], ["0.01", "10"])
    assert list(loss["values"]) == [3.0, 1.0]
    assert list(figure.data[0].line.color) == [0.4, 0.6]


def test_scores_have_three_decimals_and_others_three_digits():
    assert charts.format_measure(0.8, True) == "0.800"
    assert [charts.format_measure(value, False) for value in (0.0123456, 1234.4)] == ["0.0123", "1,234"]
    assert charts.format_setting(0.1 + 0.2) == "0.3"
