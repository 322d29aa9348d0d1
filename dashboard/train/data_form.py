"""Import user data: choose a file, set options, preview the result, add it as a data set."""

import io
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.gallery import gallery
from dashboard.session.run_data import as_pictures
from dashboard.session.uploads import MAX_UPLOAD_MB, UPLOAD_TYPES, show_refusal
from dashboard.train.chosen_source import ChosenSource
from dashboard.train.picture_options import array_options, image_options
from dashboard.train.table_options import table_options
from ddnmf_core.data.dataset import UNLABELLED, DataError, Images
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.pictures.checks import DARK
from ddnmf_core.data.user.source import ImportOptions, RawData
from ddnmf_core.display.text import in_markdown
from ddnmf_core.export.csv import escape_formulas
from ddnmf_core.files.memory_map import is_mapped

SOURCE_TITLES = {"upload": "Upload", "path": "Path on this machine"}
NEGATIVE_TITLES = {"refuse": "Refuse", "shift": "Shift up to 0", "clip": "Clip at 0"}
MISSING_TITLES = {"refuse": "Refuse", "mean": "Column mean", "zero": "0"}
SCALE_TITLES = {
    "range": "each column by its minimum and maximum",
    "maximum": "each column by its maximum",
    "set": "all columns by the overall maximum",
}
N_ROWS, MAX_PREVIEW_COLUMNS, MAX_PREVIEW_TILES = 5, 50, 20  # rows, columns and pictures of a preview


def user_data_form(on_added: Callable[[str], None]) -> None:
    """Show the import form; call `on_added` with the name of the new data set."""
    with st.expander("Add your own data", icon=":material/add_photo_alternate:"):
        if message := st.session_state.pop("train.own.message", ""):
            st.error(in_markdown(message))
        st.caption(
            "Images: a folder or zip file of PNG, JPEG, PGM, TIFF, BMP, GIF or WEBP, or one stack. Arrays: .npy, .npz, .mat, "
            "HDF5 or IDX, also zipped. Tables: .csv, .tsv (also .gz), .xlsx, .parquet, .h5ad, .loom, or sparse .npz and .mtx. "
            "Data are copied to this machine's store and nowhere else."
        )
        try:
            if chosen := _choose():
                _show_options(chosen, on_added)
        except DataError as error:
            show_refusal(error)


def _choose() -> ChosenSource | None:
    source = st.segmented_control(
        "From",
        list(SOURCE_TITLES),
        format_func=SOURCE_TITLES.__getitem__,
        key="train.own.from",
        default="upload",
        required=True,
        label_visibility="collapsed",
    )
    if source == "upload":
        file = st.file_uploader(
            "File", UPLOAD_TYPES, key="train.own.file", max_upload_size=MAX_UPLOAD_MB, label_visibility="collapsed"
        )
        return ChosenSource(file.file_id, file.name, lambda: io.BytesIO(file.getvalue())) if file else None
    text = st.text_input("Folder or file", key="train.own.path", placeholder="/home/me/pictures")
    if not text.strip():
        return None
    path = Path(text.strip()).expanduser()
    try:
        return ChosenSource(_fingerprint(path), Path(os.path.abspath(path)).name, lambda: path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file or folder on the machine that runs this dashboard") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from None


def _fingerprint(path: Path) -> str:
    """Return a string that changes with the file, or with any picture in the folder."""
    from ddnmf_core.data.user.image_folder import user_files

    stats, folder = [path.stat()], path.is_dir()
    for file in user_files(path)[0] if folder else ():
        with suppress(FileNotFoundError):  # deleted meanwhile
            stats.append(file.stat())
    return f"{path}-{hash(tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats))}"


def _show_options(chosen: ChosenSource, on_added: Callable[[str], None]) -> None:
    """Show options, preview and button for a chosen source."""
    kind = _kind(chosen.identity, chosen)
    choices = {"pictures": image_options, "array": array_options, "table": table_options}[kind](chosen)
    choices = replace(
        choices,
        title=st.text_input(
            "Title", Path(chosen.name).stem, max_chars=user_sets.MAX_TITLE, key=f"train.own.title.{chosen.name}"
        ),
    )
    raw = _read(chosen.identity, repr(choices.reading), chosen, choices)
    if is_mapped(raw.values):
        raise DataError(
            f"{chosen.name} is too large for this page, which loads the whole set into memory. Add it with `ddnmf data add`, "
            "which reads it in blocks; it is then listed on this page"
        )
    if raw.values.dtype != np.uint8 or not raw.image_shape or raw.values.max() < DARK:
        choices = _value_options(raw, choices)
    _show_raw(raw)
    prepared = _prepared(chosen.identity, repr(choices), raw, chosen, choices)
    _show_prepared(raw, prepared)
    st.button(
        "Add this data set",
        type="primary",
        icon=":material/add:",
        key="train.own.add",
        width="stretch",
        on_click=_add,
        args=(prepared, on_added),
    )


def _add(prepared: user_sets.PreparedData, on_added: Callable[[str], None]) -> None:
    try:
        on_added(user_sets.store_prepared(prepared))
        st.toast(f"Added data set {in_markdown(prepared.meta['title'])}.", icon=":material/check:")
    except DataError as error:
        st.session_state["train.own.message"] = str(error)


@st.cache_resource(max_entries=8, show_spinner=False)
def _kind(identity: str, _chosen: ChosenSource) -> str:
    return user_sets.source_kind(_chosen.open(), _chosen.name)


@st.cache_resource(max_entries=2, show_spinner="Reading your data …")
def _read(identity: str, reading: str, _chosen: ChosenSource, _choices: ImportOptions) -> RawData:
    return user_sets.read_source(_chosen.open(), _chosen.name, _choices)


@st.cache_resource(max_entries=2, show_spinner="Preparing your data …")
def _prepared(
    identity: str, choices: str, _raw: RawData, _chosen: ChosenSource, _choices: ImportOptions
) -> user_sets.PreparedData:
    return user_sets.prepare(_raw, _chosen.name, _choices)


# ------------------------------------------------------------------------------------------ options


def _value_options(raw: RawData, choices: ImportOptions) -> ImportOptions:
    """Choose the treatment of missing and negative values, where there are any, and the scaling."""
    x = raw.values
    changes: dict[str, Any] = {}
    for field, options, present, title in (
        ("missing", MISSING_TITLES, bool((~np.isfinite(x)).any()), "Missing values"),
        ("negative", NEGATIVE_TITLES, bool((x < 0).any()), "Negative values"),
    ):
        if present:
            changes[field] = st.segmented_control(
                title, list(options), format_func=options.__getitem__, default="refuse", key=f"train.own.{field}", required=True
            )
    if raw.image_shape:
        changes["white"] = st.number_input(
            "Value of white", 0.0, value=None, key="train.own.white", placeholder="the maximum of the set"
        )
    else:
        changes["scale"] = st.selectbox(
            "Scale to 0–1", list(SCALE_TITLES), format_func=SCALE_TITLES.__getitem__, key="train.own.scale"
        )
    return replace(choices, **changes)


# ------------------------------------------------------------------------------------------ preview


def _show_raw(raw: RawData) -> None:
    """Show counts, classes and the first rows of the file."""
    n, d = raw.values.shape
    size = f"**{n:,} rows of {d:,} features**" if raw.image_shape is None else f"**{n:,} images**"
    counts = np.bincount(raw.labels).tolist() if raw.labels is not None else []
    classes = ", ".join(
        f"{in_markdown(name)} ({count:,})" for name, count in list(zip(raw.class_names, counts, strict=True))[:10]
    )
    more = " …" if len(counts) > 10 else ""
    labels = f"{len(counts)} classes: {classes}{more}" if counts else "no labels"
    st.markdown(f"{size}, {labels}." + (f" Skipped {raw.skipped} files that are not images." if raw.skipped else ""))
    if raw.notes:
        st.caption(in_markdown(f"Read as: {'; '.join(raw.notes)}."))
    for warning in raw.warnings:
        st.warning(in_markdown(warning), icon=":material/warning:")
    if raw.feature_names:
        import pandas as pd

        columns = list(raw.feature_names[:MAX_PREVIEW_COLUMNS])
        head = pd.DataFrame(raw.values[:N_ROWS, : len(columns)], columns=columns)
        st.dataframe(escape_formulas(head), hide_index=True, key="train.own.rows")
        if len(columns) < d:
            st.caption(f"The first {len(columns)} of {d:,} columns.")


def _show_prepared(raw: RawData, prepared: user_sets.PreparedData) -> None:
    """Show samples after preprocessing."""
    from ddnmf_core.data.user.scaling import describe_preprocessing

    n, d = prepared.pixels.shape
    labels = np.zeros(n, np.int64) if raw.labels is None else raw.labels
    names = raw.class_names if len(raw.class_names) > 1 else UNLABELLED
    images = Images("", prepared.pixels, labels, raw.image_shape or (1, d), names, raw.feature_names, raw.sample_names)
    caption = images.tile_caption if images.sample_names else images.caption
    samples = images.one_of_each_class()[:MAX_PREVIEW_TILES]
    gallery(
        as_pictures(images, images.shown(samples)),
        [caption(sample) for sample in samples.tolist()],
        key="train.own.preview",
        size=52,
    )
    st.caption(
        f"After preprocessing. {describe_preprocessing(prepared.meta['done'])}"
        + ("" if raw.image_shape else " A row is drawn as a strip with one column per feature; light is high.")
    )
