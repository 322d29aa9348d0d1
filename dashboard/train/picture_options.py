"""Options of the import form for pictures and arrays."""

import streamlit as st

from dashboard.train.chosen_source import ChosenSource
from ddnmf_core.data.user.source import ImportOptions, shape_of


def image_options(chosen: ChosenSource) -> ImportOptions:
    size = st.number_input(
        "Longer side, pixels",
        4,
        256,
        28,
        key="train.own.size",
        help="Images are converted to grayscale and resized to the most common shape. Start with 28 or 32; doubling "
        "the side makes four times the work.",
    )
    by_folder = st.toggle("One class per folder", True, key="train.own.by_folder")
    return ImportOptions(size=int(size), by_folder=by_folder, invert=invert_toggle())


def invert_toggle() -> bool:
    return st.toggle(
        "Invert (dark figures on a light background)",
        key="train.own.invert",
        help="Parts add light to a dark background, so figures should be light.",
    )


def array_options(chosen: ChosenSource) -> ImportOptions:
    text = st.text_input(
        "Image shape of a row (height x width)",
        key="train.own.shape",
        placeholder="28x28 (blank = not images)",
        help="For arrays (n, d). Arrays (n, height, width) are always images.",
    )
    return ImportOptions(shape=shape_of(text) if text.strip() else None, invert=invert_toggle())
