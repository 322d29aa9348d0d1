"""The map's Python half. What the browser does with it is tested in tests/browser."""

import dataclasses

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.scatter import Cloud, Thumbnails
from ddnmf_core.data import catalogue

POINTS = np.array([[0.5, -1.0], [2.0, 3.0], [4.0, 5.0]])
COLORS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
SAMPLES = np.array([7, 69_999, 3])
THUMBNAILS = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)


def test_the_bytes_are_the_arrays_row_by_row_little_endian():
    files = Cloud(POINTS, COLORS, SAMPLES, np.array([1, 0, 1], np.uint8), ["a", "b"], Thumbnails.of(THUMBNAILS)).files
    assert np.frombuffer(files["points"].data, "<f4").tolist() == [0.5, -1, 2, 3, 4, 5]
    assert files["colors"].data == bytes([255, 0, 0, 0, 255, 0, 0, 0, 255])
    assert np.frombuffer(files["samples"].data, "<i4").tolist() == [7, 69_999, 3]
    assert files["category"].data == b"\1\0\0\0\1\0"  # two bytes: there may be 512 parts
    assert files["thumbnails"].data[8:16] == bytes(range(8, 16))  # image 1 of 2 x 4, found by byte range


def test_an_array_that_lies_otherwise_in_memory_gives_the_same_bytes():
    turned = dataclasses.replace(Cloud(POINTS, COLORS, SAMPLES), points=np.asfortranarray(POINTS))
    assert turned.files == Cloud(POINTS.astype(">f8"), COLORS, SAMPLES).files


def test_a_recoloured_cloud_differs_only_in_its_colours_and_lays_out_nothing_else_again():
    old = Cloud(POINTS, COLORS, SAMPLES, thumbnails=Thumbnails.of(THUMBNAILS))
    new = old.recoloured(COLORS[::-1], np.array([0, 1, 1], np.uint8), ["a", "b"])
    assert new.files["colors"] == Cloud(POINTS, COLORS[::-1], SAMPLES).files["colors"]
    assert new.files["category"].data == b"\0\0\1\0\1\0"
    assert {name for name in old.files if old.files[name] is new.files[name]} == {"points", "samples", "thumbnails"}


@pytest.mark.parametrize(
    ("field", "value", "came", "wanted"),
    [
        ("points", np.zeros((3, 3)), r"float64 of shape \(3, 3\)", r"float32 of shape \(3, 2\)"),
        ("colors", np.zeros((2, 3), np.uint8), r"uint8 of shape \(2, 3\)", r"uint8 of shape \(3, 3\)"),
        ("colors", np.full((3, 3), 300), r"int64 of shape \(3, 3\)", r"uint8 of shape \(3, 3\)"),
        ("samples", np.zeros(3), r"float64 of shape \(3,\)", r"int32 of shape \(3,\)"),
    ],
)
def test_an_array_that_does_not_fit_is_refused_by_name(field, value, came, wanted):
    with pytest.raises(ValueError, match=f"{field}: {came}, should be .*{wanted}"):
        dataclasses.replace(Cloud(POINTS, COLORS, SAMPLES), **{field: value})


def test_pictures_of_a_whole_set_share_its_bytes():
    content = THUMBNAILS.tobytes()
    whole = np.frombuffer(content, np.uint8).reshape(THUMBNAILS.shape)
    assert Thumbnails.of(whole).file.data is content
    for other in (whole[:2], whole[::-1], whole.copy()):
        assert Thumbnails.of(other).file.data is not content
        assert Thumbnails.of(other).file.data == other.tobytes()
    digits = catalogue.load("mnist-10k")
    assert np.shares_memory(np.frombuffer(Thumbnails.of(digits.shown().reshape(-1, 28, 28)).file.data, np.uint8), digits.pixels)


def test_thumbnails_are_shared_by_maps_and_refused_where_they_do_not_fit():
    shared = Thumbnails.of(THUMBNAILS)
    assert Cloud(POINTS, COLORS, SAMPLES, thumbnails=shared).files["thumbnails"].data is shared.file.data
    with pytest.raises(ValueError, match=r"thumbnails: uint8 of shape \(3, 784\), should be .*\(None, None, None\)"):
        Thumbnails.of(np.zeros((3, 784), np.uint8))
    with pytest.raises(ValueError, match="thumbnails: 3, should be 2"):
        Cloud(POINTS[:2], COLORS[:2], SAMPLES[:2], thumbnails=shared)


def test_points_that_are_nowhere_and_categories_without_a_name_are_refused():
    with pytest.raises(ValueError, match="points: 3 rows, should be one or more, all finite"):
        Cloud(POINTS * np.nan, COLORS, SAMPLES)
    with pytest.raises(ValueError, match="points: 0 rows, should be one or more"):
        Cloud(POINTS[:0], COLORS[:0], SAMPLES[:0])
    with pytest.raises(ValueError, match="category: holds 2, but names has 2 entries"):
        Cloud(POINTS, COLORS, SAMPLES, np.array([0, 1, 2], np.uint8), ["a", "b"])


def test_a_page_with_a_map_sees_no_click_and_the_lasso_that_was_kept():
    page = AppTest.from_function(page_with_a_map)
    page.session_state["latent-lasso"] = np.array([7, 3], np.int32)
    page.run()
    assert not page.exception
    assert page.text[0].value == "None [7, 3]"


def page_with_a_map():
    import streamlit as st

    from dashboard.components.scatter import scatter
    from tests.dashboard.test_scatter import COLORS, POINTS, SAMPLES, Cloud

    event = scatter(Cloud(POINTS, COLORS, SAMPLES), key="latent", selected=7)
    st.text(f"{event.clicked} {event.lassoed.tolist()}")
