"""Options of the import form for tables: how the file is written, the columns of labels and those left out."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from dashboard.train.chosen_source import ChosenSource
from dashboard.train.picture_options import invert_toggle
from ddnmf_core.data.tables.kinds import TEXTS, is_annotated_matrix, is_matrix
from ddnmf_core.data.user.source import MAX_FEATURES, ImportOptions, shape_of

if TYPE_CHECKING:
    import pandas as pd

N_HEAD, MAX_OFFERED = 200, 100  # rows that propose, columns of a wide table in the lists
NO_LABELS, AUTOMATIC = "(no labels)", "automatic"
TABLE_FORMAT: dict[str, dict[str, Any]] = {  # field of ImportOptions to title and value
    "separator": {"comma": ",", "semicolon": ";", "tab": "\t", "|": "|", "spaces": r"\s+"},
    "decimal": {"point": ".", "comma": ","},
    "encoding": {"UTF-8": "utf-8-sig", "Windows-1252 (Latin-1)": "cp1252", "UTF-16": "utf-16"},
    "header": {"first line names the columns": True, "no heading": False},
    "index": {"first column numbers the rows": True, "first column is a feature": False},
}


def table_options(chosen: ChosenSource) -> ImportOptions:
    """Choose how the table is written, its columns, and whether its rows are pictures; what is proposed can be changed."""
    form = _count_options(_table_format(chosen), chosen)
    if _is_annotated(chosen.identity, chosen):
        return _annotated_options(form, chosen)
    if is_matrix(chosen.open(), chosen.name):
        return form
    frame = _head(chosen.identity, repr(form.reading), chosen, form)
    form = _column_options(form, frame, chosen)
    return form if form.most_varying else _shape_option(form, frame, chosen)


def _annotated_options(form: ImportOptions, chosen: ChosenSource) -> ImportOptions:
    """Choose the matrix of an annotated file, and the column of the samples that holds the labels."""
    matrices, columns = _annotations(chosen.identity, form.transpose, chosen)
    left, right = st.columns(2)
    x = left.selectbox("Matrix", matrices, key=f"train.own.matrix.{chosen.identity}") if len(matrices) > 1 else None
    labels = right.selectbox(
        "Label column",
        [NO_LABELS, *columns],
        key=f"train.own.obs.{chosen.identity}.{form.transpose}",
        help="The true classes. Not used in training, only to score clusters. The other columns are kept beside the samples.",
    )
    return replace(form, x=x, labels=None if labels == NO_LABELS else labels)


def _column_options(form: ImportOptions, frame: "pd.DataFrame", chosen: ChosenSource) -> ImportOptions:
    """Choose the column of labels and those left out; of a wide table the first columns and those of words are offered."""
    from ddnmf_core.data.tables.proposals import likely_labels, not_numeric

    likely, words = likely_labels(frame), not_numeric(frame)
    columns = list(dict.fromkeys([*list(frame)[:MAX_OFFERED], *words[:MAX_OFFERED], *([likely] if likely else [])]))
    if len(columns) < frame.shape[1]:
        st.caption(f"Offered: the first {MAX_OFFERED} of {frame.shape[1]:,} columns, and columns of text.")
    labels = st.selectbox(
        "Label column",
        [NO_LABELS, *columns],
        index=columns.index(likely) + 1 if likely else 0,
        key=f"train.own.labels.{chosen.identity}",
        help="The true classes. Not used in training, only to score clusters.",
    )
    left_out = st.multiselect(
        "Columns to exclude",
        [column for column in columns if column != labels],
        [column for column in columns if column in words and column != labels],
        key=f"train.own.leave_out.{chosen.identity}.{labels}",
        placeholder="none",
        help="Columns that are not features, such as names or row numbers.",
    )
    return replace(form, labels=None if labels == NO_LABELS else labels, leave_out=tuple(left_out))


def _shape_option(form: ImportOptions, frame: "pd.DataFrame", chosen: ChosenSource) -> ImportOptions:
    """Choose the shape of pictures in the rows; it is proposed for columns that look like pixels."""
    from ddnmf_core.data.tables.proposals import likely_shape, not_numeric

    others = {*form.leave_out, form.labels, *not_numeric(frame)}
    features = [column for column in frame if column not in others]
    is_square = math.isqrt(len(features)) ** 2 == len(features)
    shape = likely_shape([str(column) for column in features], frame[features].to_numpy(np.float64)) if is_square else None
    text = st.text_input(
        "Image shape of a row (height x width)",
        f"{shape[0]}x{shape[1]}" if shape else "",
        key=f"train.own.shape.{chosen.identity}.{form.labels}.{form.leave_out}",
        placeholder="28x28 (blank = not images)",
        help="Proposed for columns such as pixel0 … and for 784, 1,024 or 4,096 columns of whole numbers up to 255.",
    )
    return replace(form, shape=shape_of(text), invert=invert_toggle()) if text.strip() else form


def _count_options(form: ImportOptions, chosen: ChosenSource) -> ImportOptions:
    with st.popover("Counts and many columns", help="For tables of features x samples, such as genes."):
        key = f"{{}}.{chosen.identity}"
        transpose = st.toggle("Rows are features, columns are samples", key=key.format("train.own.transpose"))
        log1p = st.toggle("Take log(1 + x)", key=key.format("train.own.log1p"), help="For counts.")
        n = st.number_input(
            "Most variable columns to keep (0: all)",
            0,
            MAX_FEATURES,
            0,
            key=key.format("train.own.most_varying"),
            help="By their variance, after the logarithm.",
        )
    return replace(form, transpose=transpose, log1p=log1p, most_varying=int(n) or None)


def _table_format(chosen: ChosenSource) -> ImportOptions:
    """Choose how the table is written; what is left at automatic is decided from its first lines."""
    name = chosen.name.lower()
    if name.endswith(".xlsx"):
        sheet = st.text_input("Sheet", key=f"train.own.sheet.{chosen.identity}", placeholder="the first one")
        return ImportOptions(sheet=sheet.strip() or None)
    if not name.removesuffix(".gz").endswith(TEXTS):
        return ImportOptions()
    fields: dict[str, Any] = {}
    with st.popover("Table format", help="Detected from the first lines unless set here."):
        for field, options in TABLE_FORMAT.items():
            key = f"train.own.{field}.{chosen.identity}"
            title = st.selectbox(field.capitalize(), [AUTOMATIC, *options], key=key)
            fields[field] = None if title == AUTOMATIC else options[title]
    return ImportOptions(**fields)


@st.cache_resource(max_entries=8, show_spinner=False)
def _is_annotated(identity: str, _chosen: ChosenSource) -> bool:
    return is_annotated_matrix(_chosen.open(), _chosen.name)


@st.cache_resource(max_entries=4, show_spinner=False)
def _annotations(identity: str, transposed: bool, _chosen: ChosenSource) -> tuple[list[str], list[str]]:
    """Return the matrices of an annotated file and the columns of its samples."""
    from ddnmf_core.data.hdf5.annotated import describe_annotated

    return describe_annotated(_chosen.open(), transposed)


@st.cache_resource(max_entries=4, show_spinner=False)
def _head(identity: str, reading: str, _chosen: ChosenSource, _choices: ImportOptions) -> "pd.DataFrame":
    from ddnmf_core.data.tables.unpacking import unpacked
    from ddnmf_core.data.user.tables import read_frame

    with unpacked(_chosen.open(), _chosen.name) as (file, name):
        return read_frame(file, name, _choices, N_HEAD).frame
