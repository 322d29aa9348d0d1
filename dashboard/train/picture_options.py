"""Options of the import form for pictures and arrays."""

from typing import Any

import streamlit as st

from dashboard.train.chosen_source import ChosenSource
from ddnmf_core.data.user.source import ImportOptions, shape_of

CLASS_SOURCES = {  # from the folders unless another is chosen
    "folders": "Folders",
    "level": "One level of folders",
    "names": "File names",
    "table": "A table of classes",
    "none": "No classes",
}
NO_ARRAY = "(none)"


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
    classes = _class_options()
    pages = st.toggle(
        "Every page is a sample", key="train.own.pages", help="Of TIFF stacks and animations; otherwise the first page is read."
    )
    skip = st.toggle(
        "Leave out damaged images",
        key="train.own.skip",
        help="Their number is reported; otherwise they are listed and the set is refused.",
    )
    return ImportOptions(size=int(size), pages=pages, skip_damaged=skip, invert=invert_toggle(), **classes)


def _class_options() -> dict[str, Any]:
    """Choose where the classes of images come from; return fields of ImportOptions."""
    source = st.selectbox(
        "Classes from",
        list(CLASS_SOURCES),
        format_func=CLASS_SOURCES.__getitem__,
        key="train.own.classes",
        help="Folders: the folder of an image, or its path where folders of the same name lie in different places.",
    )
    match source:
        case "level":
            level = st.number_input(
                "Level", -9, 9, 1, key="train.own.level", help="1 is right below the common folder, -1 the image's own folder."
            )
            return {"class_level": int(level)}
        case "names":
            pattern = st.text_input(
                "Pattern of the file names",
                key="train.own.pattern",
                placeholder=r"subject(\d+)",
                help="A regular expression; its one group in parentheses is the class.",
            )
            return {"class_from": pattern or None}
        case "table":
            table = st.text_input(
                "Table",
                key="train.own.class_table",
                placeholder="labels.csv",
                help="One column of file names, one of classes. The other columns are kept beside the images.",
            )
            column = st.text_input("Column of the classes", key="train.own.class_column", placeholder="the likely one")
            return {"labels": table.strip() or None, "y": column.strip() or None}
        case _:
            return {"by_folder": source == "folders"}


def invert_toggle() -> bool:
    return st.toggle(
        "Invert (dark figures on a light background)",
        key="train.own.invert",
        help="Parts add light to a dark background, so figures should be light.",
    )


def array_options(chosen: ChosenSource) -> ImportOptions:
    names = _array_names(chosen)
    text = st.text_input(
        "Image shape of a row (height x width)",
        key="train.own.shape",
        placeholder="28x28, or none (blank = by the file)",
        help="For arrays (n, d). Arrays (n, height, width) are always images.",
    )
    return ImportOptions(shape=shape_of(text) if text.strip() else None, invert=invert_toggle(), **names)


def _array_names(chosen: ChosenSource) -> dict[str, Any]:
    """Choose samples and labels where a file has several arrays; those that are likely are proposed."""
    from ddnmf_core.data.user.arrays import likely_labels_of, possible_samples

    shapes = {} if chosen.name.lower().endswith(".npy") else _shapes(chosen.identity, chosen)
    samples = possible_samples(shapes)
    if len(shapes) < 2 or not samples:
        return {}
    titles = {name: f"{name} {shape}" for name, shape in shapes.items()}
    key = f"train.own.{{}}.{chosen.identity}"
    left, right = st.columns(2)
    x = left.selectbox("Samples", samples, format_func=titles.__getitem__, key=key.format("x"))
    others = [NO_ARRAY, *(name for name in shapes if name != x)]
    likely = likely_labels_of(shapes, x)
    y = right.selectbox(
        "Labels",
        others,
        index=others.index(likely) if likely else 0,
        format_func=lambda name: titles.get(name, name),
        key=key.format(f"y.{x}"),
    )
    return {"x": x, "y": "" if y == NO_ARRAY else y}


@st.cache_resource(max_entries=4, show_spinner=False)
def _shapes(identity: str, _chosen: ChosenSource) -> dict[str, tuple[int, ...]]:
    from ddnmf_core.data.user.arrays import named_arrays

    with named_arrays(_chosen.open(), _chosen.name) as arrays:
        return {name: array.shape for name, array in arrays.items()}
