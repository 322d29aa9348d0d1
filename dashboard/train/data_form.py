"""Data of one's own: a file is chosen, shown as the model will see it, treated as chosen, and kept as a data set."""

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from dashboard.components.gallery import gallery
from dashboard.session.run_data import as_pictures
from ddnmf_core.data.dataset import UNLABELLED, DataError, Images
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import DataSource, ImportOptions, RawData
from ddnmf_core.files.memory_map import is_mapped

UPLOAD_TYPES = ["zip", "npy", "npz", "csv", "tsv", "parquet"]
MAX_UPLOAD_MB = 500  # megabytes of an upload; a path has no such limit
SOURCE_TITLES = {"upload": "Upload", "path": "On this machine"}
NEGATIVE_TITLES = {"refuse": "Refuse", "shift": "Shift up to 0", "clip": "Cut off at 0"}
MISSING_TITLES = {"refuse": "Refuse", "mean": "Mean of the column", "zero": "0"}
SCALE_TITLES = {
    "range": "each column from its least to its greatest value",
    "maximum": "each column by its greatest value",
    "set": "all columns by the greatest value of the set",
}
NO_LABELS = "(no labels)"
N_ROWS, MAX_PREVIEW_TILES = 5, 20  # rows and pictures of a preview


class ChosenSource(NamedTuple):
    """A file or folder, and how to open it from its start."""

    identity: str  # changes with its content
    name: str
    open: Callable[[], DataSource]


def user_data_form(on_added: Callable[[str], None]) -> None:
    """Everything of it; `on_added` is told the name of the new set."""
    with st.expander("Add your own data", icon=":material/add_photo_alternate:"):
        if message := st.session_state.pop("train.own.message", ""):
            st.error(message)
        st.caption(
            "Images: a folder or zip file of PNG, JPEG, PGM, TIFF, BMP or WEBP, in a folder for each class if there are "
            "classes. Arrays: .npy or .npz (x, y). Tables: .csv or .parquet. It is copied into this machine's store and "
            "goes nowhere else."
        )
        try:
            if chosen := _choose():
                _show_options(chosen, on_added)
        except DataError as error:
            st.warning(f"{str(error)[:1].upper()}{str(error)[1:]}.", icon=":material/warning:")


def _choose() -> ChosenSource | None:
    way = st.segmented_control(
        "From",
        list(SOURCE_TITLES),
        format_func=SOURCE_TITLES.__getitem__,
        key="train.own.from",
        default="upload",
        required=True,
        label_visibility="collapsed",
    )
    if way == "upload":
        file = st.file_uploader(
            "File", UPLOAD_TYPES, key="train.own.file", max_upload_size=MAX_UPLOAD_MB, label_visibility="collapsed"
        )
        return ChosenSource(file.file_id, file.name, lambda: io.BytesIO(file.getvalue())) if file else None
    text = st.text_input("Folder or file", key="train.own.path", placeholder="/home/me/pictures")
    if not text.strip():
        return None
    path = Path(text.strip()).expanduser()
    try:
        return ChosenSource(_fingerprint(path), path.resolve().name, lambda: path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file or folder on the machine where this dashboard runs") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from None


def _fingerprint(path: Path) -> str:
    """Other words when a file, or a picture in a folder, has changed."""
    from ddnmf_core.data.user.image_folder import pictures_in

    found, folder = [path.stat()], path.is_dir()
    for picture in pictures_in(path)[0] if folder else ():
        with suppress(FileNotFoundError):  # it went while the others were looked at
            found.append(picture.lstat())
    return f"{path}-{hash(tuple((now.st_ino, now.st_mtime_ns, now.st_size) for now in found))}"


def _show_options(chosen: ChosenSource, on_added: Callable[[str], None]) -> None:
    """The choices, the preview and the button."""
    kind = user_sets.source_kind(chosen.open(), chosen.name)
    choices = {"pictures": _image_options, "array": _array_options, "table": _table_options}[kind](chosen)
    choices = replace(
        choices,
        title=st.text_input(
            "Title", Path(chosen.name).stem, max_chars=user_sets.MAX_TITLE, key=f"train.own.title.{chosen.name}"
        ),
    )
    raw = _read(chosen.identity, repr(choices.reading), chosen, choices)
    if is_mapped(raw.values):
        raise DataError(
            f"{chosen.name} is too large for this page, which keeps the whole set in memory. The command "
            "`ddnmf data add` takes it block by block; the set then stands in the list of this page"
        )
    if raw.values.dtype != np.uint8 or not raw.image_shape:
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
        st.toast(f"{prepared.meta['title']} is a data set now.", icon=":material/check:")
    except DataError as error:
        st.session_state["train.own.message"] = str(error)


@st.cache_resource(max_entries=2, show_spinner="Reading your data.")
def _read(identity: str, reading: str, _chosen: ChosenSource, _choices: ImportOptions) -> RawData:
    return user_sets.read_source(_chosen.open(), _chosen.name, _choices)


@st.cache_resource(max_entries=2, show_spinner="Preparing your data.")
def _prepared(
    identity: str, choices: str, _raw: RawData, _chosen: ChosenSource, _choices: ImportOptions
) -> user_sets.PreparedData:
    return user_sets.prepare(_raw, _chosen.name, _choices)


# ------------------------------------------------------------------------------------------ choices


def _image_options(chosen: ChosenSource) -> ImportOptions:
    size = st.number_input(
        "Size, pixels of the longer side",
        4,
        256,
        28,
        key="train.own.size",
        help="Pictures are turned gray and resized to one shape, that of most. 28 or 32 is a good start: "
        "twice the side is four times the work.",
    )
    folders = st.toggle("A folder is a class", True, key="train.own.by_folder")
    return ImportOptions(size=int(size), by_folder=folders, invert=_inverted())


def _inverted() -> bool:
    return st.toggle(
        "Dark figures on a light ground: turn them round",
        key="train.own.invert",
        help="Parts add light to a dark picture, so what the pictures show should be the light.",
    )


def _array_options(chosen: ChosenSource) -> ImportOptions:
    from ddnmf_core.data.user.source import shape_of

    text = st.text_input(
        "Rows are pictures of height x width",
        key="train.own.shape",
        placeholder="28x28; empty: no pictures",
        help="For arrays (n, d). Arrays (n, height, width) are pictures anyway.",
    )
    return ImportOptions(shape=shape_of(text) if text.strip() else None, invert=_inverted())


def _table_options(chosen: ChosenSource) -> ImportOptions:
    from ddnmf_core.data.user.tables import likely_labels

    frame = _head(chosen.identity, chosen)
    columns = list(frame)
    likely = likely_labels(frame)
    labels = st.selectbox(
        "Labels",
        [NO_LABELS, *columns],
        index=columns.index(likely) + 1 if likely else 0,
        key=f"train.own.labels.{chosen.identity}",
        help="The column that holds the true classes. No training sees it; it serves to score clusters.",
    )
    texts = [column for column in frame.select_dtypes(exclude=["number", "bool"]) if column != labels]
    left_out = st.multiselect(
        "Leave out",
        [column for column in columns if column != labels],
        texts,
        key=f"train.own.leave_out.{chosen.identity}.{labels}",
        placeholder="nothing",
        help="Columns that are no features: names, numbers of rows.",
    )
    return ImportOptions(labels=None if labels == NO_LABELS else labels, leave_out=tuple(left_out))


@st.cache_resource(max_entries=4, show_spinner=False)
def _head(identity: str, _chosen: ChosenSource) -> Any:
    from ddnmf_core.data.user.tables import read_frame

    return read_frame(_chosen.open(), _chosen.name, 200)


def _value_options(raw: RawData, choices: ImportOptions) -> ImportOptions:
    """What becomes of values that a factorisation cannot use; shown where there are such values."""
    x = raw.values
    changes: dict[str, Any] = {}
    for field, options, there, title in (
        ("missing", MISSING_TITLES, bool((~np.isfinite(x)).any()), "Missing values"),
        ("negative", NEGATIVE_TITLES, bool((x < 0).any()), "Negative values"),
    ):
        if there:
            changes[field] = st.segmented_control(
                title, list(options), format_func=options.__getitem__, default="refuse", key=f"train.own.{field}", required=True
            )
    if not raw.image_shape:
        changes["scale"] = st.selectbox(
            "Scale to 0 to 1", list(SCALE_TITLES), format_func=SCALE_TITLES.__getitem__, key="train.own.scale"
        )
    return replace(choices, **changes)


# ------------------------------------------------------------------------------------------ preview


def _show_raw(raw: RawData) -> None:
    """The numbers as they are in the file."""
    n, d = raw.values.shape
    what = f"**{n:,} rows of {d:,} features**" if raw.image_shape is None else f"**{n:,} images**"
    counts = np.bincount(raw.labels).tolist() if raw.labels is not None else []
    classes = ", ".join(f"{name} ({count:,})" for name, count in list(zip(raw.class_names, counts, strict=True))[:10])
    more = " …" if len(counts) > 10 else ""
    labels = f"{len(counts)} classes: {classes}{more}" if counts else "no labels"
    st.markdown(f"{what}, {labels}." + (f" {raw.skipped} files that are no pictures are left out." if raw.skipped else ""))
    if raw.feature_names:
        import pandas as pd

        st.dataframe(pd.DataFrame(raw.values[:N_ROWS], columns=list(raw.feature_names)), hide_index=True, key="train.own.rows")


def _show_prepared(raw: RawData, prepared: user_sets.PreparedData) -> None:
    """Samples as the model will see them."""
    from ddnmf_core.data.user.scaling import describe_preprocessing

    n, d = prepared.pixels.shape
    labels = np.zeros(n, np.int64) if raw.labels is None else raw.labels
    names = raw.class_names if len(raw.class_names) > 1 else UNLABELLED
    images = Images("", prepared.pixels, labels, raw.image_shape or (1, d), names, raw.feature_names)
    samples = images.one_of_each_class()[:MAX_PREVIEW_TILES]
    gallery(
        as_pictures(images, images.shown(samples)),
        [images.caption(sample) for sample in samples.tolist()],
        key="train.own.preview",
        size=52,
    )
    st.caption(
        f"As the model will see them. {describe_preprocessing(prepared.meta['done'])}"
        + ("" if raw.image_shape else " A row is a strip with a column for each feature; light is high.")
    )


# ------------------------------------------------------------------------------------------ the list
