"""Options of the import form for tables: how the file is written, the columns of labels and those left out."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.train.chosen_source import ChosenSource
from ddnmf_core.data.user.source import ImportOptions

if TYPE_CHECKING:
    import pandas as pd

NO_LABELS, AUTOMATIC = "(no labels)", "automatic"
TABLE_FORMAT: dict[str, dict[str, Any]] = {  # field of ImportOptions to title and value
    "separator": {"comma": ",", "semicolon": ";", "tab": "\t", "|": "|", "spaces": r"\s+"},
    "decimal": {"point": ".", "comma": ","},
    "encoding": {"UTF-8": "utf-8-sig", "Windows-1252 (Latin-1)": "cp1252", "UTF-16": "utf-16"},
    "header": {"first line names the columns": True, "no heading": False},
    "index": {"first column numbers the rows": True, "first column is a feature": False},
}


def table_options(chosen: ChosenSource) -> ImportOptions:
    from ddnmf_core.data.tables.proposals import likely_labels

    form = _table_format(chosen)
    frame = _head(chosen.identity, repr(form.reading), chosen, form)
    columns = list(frame)
    likely = likely_labels(frame)
    labels = st.selectbox(
        "Label column",
        [NO_LABELS, *columns],
        index=columns.index(likely) + 1 if likely else 0,
        key=f"train.own.labels.{chosen.identity}",
        help="The true classes. Not used in training, only to score clusters.",
    )
    texts = [column for column in frame.select_dtypes(exclude=["number", "bool"]) if column != labels]
    left_out = st.multiselect(
        "Columns to exclude",
        [column for column in columns if column != labels],
        texts,
        key=f"train.own.leave_out.{chosen.identity}.{labels}",
        placeholder="none",
        help="Columns that are not features, such as names or row numbers.",
    )
    return replace(form, labels=None if labels == NO_LABELS else labels, leave_out=tuple(left_out))


def _table_format(chosen: ChosenSource) -> ImportOptions:
    """Choose how the table is written; what is left at automatic is decided from its first lines."""
    if chosen.name.lower().endswith(".parquet"):
        return ImportOptions()
    fields: dict[str, Any] = {}
    with st.popover("Table format", help="Decided from the first lines unless you choose."):
        for field, options in TABLE_FORMAT.items():
            key = f"train.own.{field}.{chosen.identity}"
            title = st.selectbox(field.capitalize(), [AUTOMATIC, *options], key=key)
            fields[field] = None if title == AUTOMATIC else options[title]
    return ImportOptions(**fields)


@st.cache_resource(max_entries=4, show_spinner=False)
def _head(identity: str, reading: str, _chosen: ChosenSource, _choices: ImportOptions) -> "pd.DataFrame":
    from ddnmf_core.data.user.tables import read_frame

    return read_frame(_chosen.open(), _chosen.name, _choices, 200).frame
