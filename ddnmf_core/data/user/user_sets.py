"""User data: imported from a file or folder, then kept in the store under the hash of their content.

    data/own-<16 digits>/   meta.json (description and preprocessing), arrays.safetensors (pixels, labels)

The name depends on values, classes and columns, not on the name of the file, so that a run on the same values is the
same run. Arrays are checked against the name when read. Nothing else of the user's files is kept.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import ID_LENGTH, USER_DATASET, config_hash
from ddnmf_core.data.dataset import UNLABELLED, DataError, DatasetSpec, short_message
from ddnmf_core.data.sample_columns import SampleColumn, column_from_json, that_fit
from ddnmf_core.data.user import array_file
from ddnmf_core.data.user.pretenders import check_head, check_options
from ddnmf_core.data.user.source import DataSource, ImportOptions, RawData, check_is_file, short_sample_name
from ddnmf_core.files.atomic import (
    CorruptFile,
    is_folder,
    move_beside,
    read_document,
    sha256,
    temporary_name,
    write_bytes,
    write_document,
)
from ddnmf_core.files.home import default_root, make_home
from ddnmf_core.files.memory_map import is_mapped
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.files.system_errors import explain_os_error
from ddnmf_core.progress import Progress, ignore_progress

META_FILE, ARRAYS_FILE = "meta.json", "arrays.safetensors"
NAMED_FIELDS = ("image_shape", "class_names", "feature_names", "done", "arrays")  # of the metadata, hashed to the name
BESIDE_FIELDS = ("sample_names", "columns")  # of the metadata, kept beside the values and not hashed
MAX_TITLE = 60
LICENCE = "your own"
_PICKLE = "pickled files can run code and are never loaded: save the arrays with numpy.savez('data.npz', x=x, y=y)"
_ARCHIVE = "of archives only .zip is read: unpack it and give the folder, or pack it as .zip"
_PICTURE = "one picture is no data set: give the folder or a .zip of at least 20"
OTHER_FORMATS = {  # ending to the way out
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth", ".joblib"), _PICKLE),
    **dict.fromkeys((".tar", ".tgz", ".bz2", ".xz", ".7z", ".rar"), _ARCHIVE),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".heic"), _PICTURE),
}


@dataclass(frozen=True)
class PreparedData:
    """A preprocessed data set, not stored yet."""

    meta: dict[str, Any]
    content: bytes  # of arrays.safetensors
    pixels: NDArray[Any]  # (n, d), preprocessed

    @property
    def name(self) -> str:
        return dataset_name(self.meta)


# ------------------------------------------------------------------------------------------- adding


def read_source(source: DataSource, name: str, choices: ImportOptions, report: Progress = ignore_progress) -> RawData:
    """Read a file or folder, by its suffix and content. Raises DataError with the problem and the remedy."""
    from ddnmf_core.data.tables.selection import select
    from ddnmf_core.data.user.pictures.checks import warnings_of

    if isinstance(source, Path) and not source.is_dir():
        check_is_file(source)
    try:
        raw = _with_columns_that_fit(select(_read(source, name, choices, report), choices))
        return replace(raw, warnings=(*raw.warnings, *warnings_of(raw, choices.invert)))
    except DataError:
        raise
    except Exception as error:  # parsers raise any error on damaged files
        raise DataError(f"{name} cannot be read, and may be damaged: {short_message(error)}") from error


def _with_columns_that_fit(raw: RawData) -> RawData:
    """Keep the columns beside the samples that are not too large, and say which."""
    kept, others = that_fit(raw.columns)
    notes = [
        f"{title}: {', '.join(repr(name) for name in names[:8])}{f' and {len(names) - 8} more' if len(names) > 8 else ''}"
        for title, names in (("kept beside the samples", [column.name for column in kept]), ("too large to be kept", others))
        if names
    ]
    return replace(raw, columns=kept, notes=(*raw.notes, *notes))


def _read(source: DataSource, name: str, choices: ImportOptions, report: Progress) -> RawData:
    from ddnmf_core.data.user import arrays, tables
    from ddnmf_core.data.user.pictures.in_parquet import image_column, read_parquet_pictures
    from ddnmf_core.data.user.pictures.reading import read_pictures

    check_head(source, name)
    kind = source_kind(source, name)
    check_options(kind, choices)
    match kind:
        case "pictures":
            return read_pictures(source, name, choices, report)
        case "array":
            if name.lower().endswith(".npy"):
                return arrays.read_npy(source, choices)
            return arrays.read_named_arrays(source, name, choices)
        case _ if (column := image_column(source, name)) is not None:
            return read_parquet_pictures(source, column, choices, report)
        case _:
            return tables.read_table(source, name, choices)


def source_kind(source: DataSource, name: str) -> str:
    """Return 'pictures', 'array' or 'table', by the ending and for zip and IDX files by content; else raise DataError."""
    from ddnmf_core.data.tables.kinds import TABLES, is_table
    from ddnmf_core.data.user.array_formats import holds_arrays, is_idx
    from ddnmf_core.data.user.image_folder import holds_pictures

    if isinstance(source, Path) and source.is_dir():
        return "pictures"
    if is_table(source, name):
        return "table"
    endings = {
        ".zip": "pictures",
        ".tif": "pictures",
        ".tiff": "pictures",
        ".gif": "pictures",
        ".npy": "array",
        ".npz": "array",
        ".mat": "array",
        ".h5": "array",
        ".hdf5": "array",
        ".hdf": "array",
    }
    ending = Path(name).suffix.lower()
    if ending == ".zip" and not holds_pictures(source) and holds_arrays(source):
        return "array"
    if ending not in endings and is_idx(source):
        return "array"
    if name.lower().endswith(".tar.gz"):
        ending = ".tar"
    if ending in OTHER_FORMATS:
        raise DataError(f"{name}: {OTHER_FORMATS[ending]}")
    if ending not in endings:
        raise DataError(
            f"{name}: should be a folder or zip file of pictures, or a file that ends in "
            f"{', '.join([*list(endings)[1:], *TABLES])}"
        )
    return endings[ending]


def prepare(raw: RawData, source_name: str, choices: ImportOptions) -> PreparedData:
    """Preprocess data with the options chosen."""
    from safetensors.numpy import save

    from ddnmf_core.data.user.scaling import preprocess

    pixels, done = preprocess(raw, choices)
    labels = {} if raw.labels is None else {"labels": raw.labels}
    content = save({"pixels": np.ascontiguousarray(pixels), **labels})
    return PreparedData(_describe_data(raw, source_name, choices, done, sha256(content)), content, pixels)


def _describe_data(raw: RawData, source_name: str, choices: ImportOptions, done: dict[str, Any], digest: str) -> dict[str, Any]:
    title = " ".join((choices.title or Path(source_name).stem).split())[:MAX_TITLE] or "My data"
    return {
        "title": title,
        "source": Path(source_name).name,
        "n_samples": len(raw.values),
        "image_shape": raw.image_shape and list(raw.image_shape),
        "class_names": list(raw.class_names) if raw.labels is not None else None,
        "feature_names": raw.feature_names and list(raw.feature_names),
        "skipped_files": raw.skipped,
        "sample_names": raw.sample_names and [short_sample_name(name) for name in raw.sample_names],
        "columns": [column.as_json() for column in raw.columns] or None,
        "done": done,
        "arrays": digest,
    }


def store_prepared(prepared: PreparedData) -> str:
    """Store a data set atomically and return its name. An intact set of the same content is left unchanged."""
    if folder(prepared.name).exists() and _is_intact(prepared.name):
        require_writable()
        _add_beside(prepared)
        return prepared.name
    with _staging_folder() as tmp:
        write_bytes(tmp / ARRAYS_FILE, prepared.content)
        return _publish(tmp, prepared.meta)


def _add_beside(prepared: PreparedData) -> None:
    """Add names and columns of samples to a stored set that has none; they are not part of its id."""
    about = meta(prepared.name)
    fresh = {part: prepared.meta[part] for part in BESIDE_FIELDS if prepared.meta[part] and not about.get(part)}
    if fresh:
        write_document(folder(prepared.name) / META_FILE, about | fresh)


def store_by_blocks(raw: RawData, source_name: str, choices: ImportOptions, report: Progress = ignore_progress) -> str:
    """Preprocess, write and hash an array too large for memory, block by block; return its name."""
    from ddnmf_core.data.user.scaling import plan_preprocessing

    plan = plan_preprocessing(raw, choices)
    with _staging_folder() as tmp:
        digest = array_file.write_by_blocks(tmp / ARRAYS_FILE, raw.values, plan.of, report)
        return _publish(tmp, _describe_data(raw, source_name, choices, plan.done, digest))


@contextmanager
def _staging_folder() -> Iterator[Path]:
    """Create a private temporary folder; it is removed unless renamed to a data set."""
    require_writable()
    place = folder("own")
    tmp = temporary_name(place)
    try:
        make_home(default_root())
        place.parent.mkdir(mode=0o700, exist_ok=True)
        tmp.mkdir(mode=0o700)
        yield tmp
    except OSError as error:
        raise DataError(
            f"the data cannot be written to {place.parent}: {error.strerror or error}. Free disk space, or set "
            "DDNMF_HOME to another folder"
        ) from None
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


def _publish(tmp: Path, meta: dict[str, Any]) -> str:
    """Rename the folder to the data set, unless another process has stored it; a damaged one is replaced, and what is no folder
    is moved beside it."""
    name = dataset_name(meta)
    write_document(tmp / META_FILE, meta)
    if os.path.lexists(folder(name)) and not _is_intact(name):
        if is_folder(folder(name)):
            shutil.rmtree(folder(name))
        else:
            move_beside(folder(name))
    if not folder(name).exists():
        try:
            tmp.rename(folder(name))
        except OSError:
            if not folder(name).exists():
                raise
    return name


def add(source: DataSource, name: str, choices: ImportOptions, report: Progress = ignore_progress) -> str:
    """Read, preprocess and store data; return the name of the data set."""
    return add_read(read_source(source, name, choices, report), name, choices, report)


def add_read(raw: RawData, name: str, choices: ImportOptions, report: Progress = ignore_progress) -> str:
    """Preprocess and store data that were read; return the name of the data set."""
    return store_by_blocks(raw, name, choices, report) if is_mapped(raw.values) else store_prepared(prepare(raw, name, choices))


# ------------------------------------------------------------------------------------------ reading


def folder(name: str) -> Path:
    """Return the folder of a data set."""
    return default_root() / "data" / name


def size(name: str) -> int:
    """Return the bytes on the disk; what is missing or cannot be reached counts as 0."""
    total = 0
    with suppress(OSError):
        for path in folder(name).iterdir():
            total += path.lstat().st_size
    return total


def names() -> list[str]:
    """List all data sets, damaged ones included, the newest last."""
    folders = [path for path in (default_root() / "data").glob("own-*") if USER_DATASET.fullmatch(path.name)]
    return [path.name for path in sorted(folders, key=lambda path: (path.lstat().st_mtime, path.name))]


def is_readable(name: str) -> bool:
    """Return True if the description is intact; arrays are checked when loaded."""
    try:
        return bool(meta(name))
    except DataError:
        return False


def meta(name: str) -> dict[str, Any]:
    """Read the description of a data set; raises DataError if it is missing or damaged."""
    path = folder(name) / META_FILE
    try:
        return _meta(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise DataError(
            f"the data set {name} is not in this store: it was removed, or its runs were trained elsewhere. Add "
            "its file or folder again with the same options to restore it"
        ) from None
    except OSError as error:  # no folder, a link to itself, no permission
        raise DataError(f"the data set {name} cannot be read: {explain_os_error(error)}") from None
    except CorruptFile as error:
        raise DataError(f"the data set {name} is damaged: {error}. Remove it and add it again") from None


@lru_cache(maxsize=256)
def _meta(path: Path, changed: int) -> dict[str, Any]:
    content = read_document(path)
    if not content.keys() >= set(NAMED_FIELDS) or dataset_name(content) != path.parent.name:
        raise CorruptFile(path, "is not the description of this set")
    return content


def dataset_name(meta: dict[str, Any]) -> str:
    """Return the name of a data set: the hash of NAMED_FIELDS."""
    return f"own-{config_hash({part: meta[part] for part in NAMED_FIELDS})[:ID_LENGTH]}"


def user_spec(name: str) -> DatasetSpec:
    """Describe a data set; a row of a table is a picture of height 1 with a pixel for each feature."""
    about = meta(name)
    features = about["feature_names"]
    shape = tuple(about["image_shape"] or (1, len(features)))
    classes = tuple(about["class_names"] or ())
    return DatasetSpec(
        about["title"],
        about["n_samples"],
        shape,
        classes if len(classes) > 1 else UNLABELLED,
        None,
        (),
        LICENCE,
        tuple(features) if features else None,
    )


def sample_names(name: str) -> tuple[str, ...] | None:
    """Return the names of the samples, such as their files; None if there are none."""
    names = meta(name).get("sample_names")
    return tuple(names) if names else None


def sample_columns(name: str) -> tuple[SampleColumn, ...]:
    """Return the columns that are no features, such as identifiers and dates."""
    return tuple(map(column_from_json, meta(name).get("columns") or ()))


def arrays(name: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Read pixels (n, d), memory-mapped if too large, and labels (n,), all 0 without labels; checked by SHA-256.

    Raises DataError if the data set is missing or damaged.
    """
    about = meta(name)
    try:
        contents = array_file.read_arrays(folder(name) / ARRAYS_FILE, about["arrays"])
    except CorruptFile as error:
        raise DataError(f"the data set {name} is damaged: {error}. Remove it and add it again") from None
    labels = contents.get("labels")
    return contents["pixels"], np.zeros(len(contents["pixels"]), np.int64) if labels is None else labels


def find_problem(name: str) -> str:
    """Read the whole data set again and return its problem; empty if it is intact."""
    _meta.cache_clear()
    try:
        arrays(name)
        return ""
    except DataError as error:
        return str(error)


def _is_intact(name: str) -> bool:
    return not find_problem(name)


def describe(name: str) -> str:
    """Describe a data set and its preprocessing in one line."""
    from ddnmf_core.data.user.scaling import describe_preprocessing

    about, spec = meta(name), user_spec(name)
    extent = (
        f"{spec.n_samples:,} rows of {spec.n_pixels:,} features"
        if spec.feature_names
        else f"{spec.n_samples:,} images of {spec.image_shape[0]} x {spec.image_shape[1]}"
    )
    labels = f"{len(spec.class_names)} classes" if spec.labelled else "no labels"
    return f"{extent}, {labels}. {describe_preprocessing(about['done'])}"


def as_json(name: str) -> dict[str, Any]:
    """Describe a data set for scripts: its metadata, without the hash of the arrays, names of samples, values of columns."""
    hidden = ("arrays", *BESIDE_FIELDS)
    shown = {key: value for key, value in meta(name).items() if key not in hidden}
    columns = [column.name for column in sample_columns(name)]
    return {"dataset": name, **json.loads(json.dumps(shown)), "columns": columns}
