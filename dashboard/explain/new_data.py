"""Apply the run to new data: upload a file, see coefficients, clusters and errors as a table, download it as CSV."""

import io
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.session.run_data import HASH_FUNCS, images
from dashboard.session.uploads import MAX_UPLOAD_MB, UPLOAD_TYPES, show_refusal
from ddnmf_core.config import CLUSTERERS, ClustererName, Representation
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.like_data_set import other_columns
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.display.text import in_markdown
from ddnmf_core.export.csv import escape_formulas
from ddnmf_core.interpret.apply import AppliedRun, apply_run
from ddnmf_core.labels import CLUSTERER_TITLES, REPRESENTATION_TITLES
from ddnmf_core.store.finished_run import FinishedRun

NO_CLASSES = "(no labels)"
GAPS = {"refuse": "As in the data set", "mean": "Column mean", "zero": "0"}
MAX_OFFERED_COLUMNS, MAX_RESULT_ROWS = 100, 1000  # in the list of labels; in the table of results


def show_new_data(run: FinishedRun) -> None:
    """Show the form and, once a file is chosen, the results; what is wrong with the file is said in its place."""
    kind = "rows with the columns" if images(run).feature_names else "pictures of the shape"
    st.caption(
        f"Coefficients, clusters and errors of new samples, without training: {kind} of the run's data set, scaled as it was. "
        "The file stays on this machine and is not kept."
    )
    file = st.file_uploader("File of new samples", UPLOAD_TYPES, key="explain.new.file", max_upload_size=MAX_UPLOAD_MB)
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    representation: Representation = left.selectbox(
        "Clusters of",
        run.config.representations,
        key="explain.new.representation",
        format_func=REPRESENTATION_TITLES.__getitem__,
    )
    clusterer: ClustererName = middle.selectbox(
        "Found with", CLUSTERERS, key="explain.new.clusterer", format_func=CLUSTERER_TITLES.__getitem__
    )
    with right.popover("Reading options", width="stretch"):
        options = _reading_options(run)
    if file is None:
        return
    try:
        options = _column_options(run, file.file_id, file.name, file.getvalue(), options)
        applied = _applied(run, file.file_id, repr(options), representation, clusterer, file.name, file.getvalue(), options)
    except DataError as error:
        show_refusal(error)
        return
    _show_results(run, applied)


def _reading_options(run: FinishedRun) -> ImportOptions:
    """Choose what becomes of missing and negative values, and for pictures whether they are inverted."""
    changes: dict[str, Any] = {
        "missing": st.segmented_control(
            "Missing values",
            list(GAPS),
            format_func=GAPS.__getitem__,
            default="refuse",
            key="explain.new.missing",
            required=True,
        )
    }
    if st.toggle("Set negative values to 0", key="explain.new.clip"):
        changes["negative"] = "clip"
    if not images(run).feature_names:
        changes["invert"] = st.toggle("Invert", key="explain.new.invert", help="Of dark figures on a light background.")
        changes["pages"] = st.toggle("Every page is a sample", key="explain.new.pages", help="Of TIFF stacks and animations.")
    return ImportOptions(**changes)


def _column_options(run: FinishedRun, identity: str, name: str, content: bytes, options: ImportOptions) -> ImportOptions:
    """Choose the labels among the columns that the data set does not have; the others are left out."""
    others, likely = other_columns(run.config.dataset, io.BytesIO(content), name, options)
    if not others:
        return options
    offered = others[:MAX_OFFERED_COLUMNS]
    labels = st.selectbox(
        "Label column",
        [NO_CLASSES, *offered],
        index=offered.index(likely) + 1 if likely in offered else 0,
        key=f"explain.new.labels.{identity}",
        help="A column that is no feature of the run, copied to the results. Other such columns are left out.",
    )
    left_out = tuple(column for column in others if column != labels)
    if left_out:
        shown = ", ".join(map(in_markdown, left_out[:10]))
        st.caption(f"Left out, not in the data set of the run: {shown}{' …' if len(left_out) > 10 else ''}.")
    return replace(options, labels=None if labels == NO_CLASSES else labels, leave_out=left_out)


@st.cache_resource(max_entries=2, show_spinner="Applying the run …", hash_funcs=HASH_FUNCS)
def _applied(
    run: FinishedRun,
    identity: str,
    chosen: str,
    representation: Representation,
    clusterer: ClustererName,
    _name: str,
    _content: bytes,
    _options: ImportOptions,
) -> AppliedRun:
    return apply_run(run, io.BytesIO(_content), _name, _options, representation, clusterer)


def _show_results(run: FinishedRun, applied: AppliedRun) -> None:
    frame = applied.frame
    if applied.notes:
        st.caption(in_markdown(f"Read as: {'; '.join(applied.notes)}."))
    if applied.shift:
        st.warning(in_markdown(applied.shift), icon=":material/warning:")
    st.markdown(
        f"**{len(frame):,} sample{'s' if len(frame) != 1 else ''}**, mean error {frame['error'].mean():.4f}; "
        f"of the run's own samples {run.errors().mean():.4f}."
    )
    numbers = {name: st.column_config.NumberColumn(format="%.4f") for name in frame.select_dtypes("floating")}
    st.dataframe(frame.head(MAX_RESULT_ROWS), hide_index=True, column_config=numbers, key="explain.new.results")
    if len(frame) > MAX_RESULT_ROWS:
        st.caption(f"The first {MAX_RESULT_ROWS:,} of {len(frame):,} samples; the file has all.")
    st.download_button(
        "Download as CSV",
        lambda: _csv(frame),
        f"ddnmf-{run.id}-applied.csv",
        "text/csv",
        key="explain.new.download",
        icon=":material/download:",
        on_click="ignore",
    )


def _csv(frame: pd.DataFrame) -> str:
    return escape_formulas(frame).to_csv(index=False)
