"""Data sets of the user's own: made from a file or folder once, then kept in the store under the hash of their content.

    data/own-<16 digits>/   meta.json (what it is and what was done to it), arrays.safetensors (pixels, labels)

The name depends on the values, classes and columns alone, not on what the file was called, so that a run on the same
values is the same run. What is read is checked against that name. Nothing else of the user's files is kept.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import ID_LENGTH, USER_DATASET, config_hash
from ddnmf_core.data.dataset import UNLABELLED, DataError, DatasetSpec, short_message
from ddnmf_core.data.user import array_file
from ddnmf_core.data.user.source import DataSource, ImportOptions, RawData
from ddnmf_core.files.atomic import CorruptFile, read_document, sha256, temporary_name, write_bytes, write_document
from ddnmf_core.files.home import default_root, make_home
from ddnmf_core.files.memory_map import is_mapped
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.progress import Progress, ignore_progress

META_FILE, ARRAYS_FILE = "meta.json", "arrays.safetensors"
NAMED_FIELDS = ("image_shape", "class_names", "feature_names", "done", "arrays")  # of the meta data: what the name depends on
MAX_TITLE = 60
LICENCE = "your own"


@dataclass(frozen=True)
class PreparedData:
    """A data set that is ready to be kept."""

    meta: dict[str, Any]
    content: bytes  # of its arrays
    pixels: NDArray[Any]  # (n, d), as they will be kept

    @property
    def name(self) -> str:
        return dataset_name(self.meta)


# ------------------------------------------------------------------------------------------- adding


def read_source(source: DataSource, name: str, choices: ImportOptions, report: Progress = ignore_progress) -> RawData:
    """What is in a file or folder, by the ending of its name. Raises DataError with what is wrong and what to do."""
    from ddnmf_core.data.user import arrays, image_folder, tables

    if isinstance(source, Path) and not source.exists():
        raise DataError(f"{source}: there is no such file or folder")
    try:
        match source_kind(source, name):
            case "pictures":
                return image_folder.read_pictures(source, choices, report)
            case "array":
                return (arrays.read_npy if name.lower().endswith(".npy") else arrays.read_npz)(source, choices)
            case _:
                return tables.read_table(source, name, choices)
    except DataError:
        raise
    except Exception as error:  # parsers of damaged files raise whatever they meet
        raise DataError(f"{name} cannot be read, it may be damaged: {short_message(error)}") from error


def source_kind(source: DataSource, name: str) -> str:
    """'pictures', 'array' or 'table'; raises DataError for any other file."""
    if isinstance(source, Path) and source.is_dir():
        return "pictures"
    endings = {".zip": "pictures", ".npy": "array", ".npz": "array", ".csv": "table", ".tsv": "table", ".parquet": "table"}
    ending = Path(name).suffix.lower()
    if ending not in endings:
        raise DataError(
            f"{name}: should be a folder or zip file of pictures, or a file that ends in {', '.join(list(endings)[1:])}"
        )
    return endings[ending]


def prepare(raw: RawData, source_name: str, choices: ImportOptions) -> PreparedData:
    """The values treated and scaled as chosen."""
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
        "done": done,
        "arrays": digest,
    }


def store_prepared(prepared: PreparedData) -> str:
    """Put it into the store, whole or not at all; its name. A set with the same content stays as it is."""
    if folder(prepared.name).exists() and _is_whole(prepared.name):
        require_writable()
        return prepared.name
    with _staging_folder() as beside:
        write_bytes(beside / ARRAYS_FILE, prepared.content)
        return _publish(beside, prepared.meta)


def store_by_blocks(raw: RawData, source_name: str, choices: ImportOptions, report: Progress = ignore_progress) -> str:
    """The same for an array that is too large for memory: treated, written and hashed block by block; its name."""
    from ddnmf_core.data.user.scaling import plan_preprocessing

    treatment = plan_preprocessing(raw, choices)
    with _staging_folder() as beside:
        digest = array_file.write_by_blocks(beside / ARRAYS_FILE, raw.values, treatment.of, report)
        return _publish(beside, _describe_data(raw, source_name, choices, treatment.done, digest))


@contextmanager
def _staging_folder() -> Iterator[Path]:
    """A private folder that becomes a set by being renamed, or goes."""
    require_writable()
    place = folder("own")
    beside = temporary_name(place)
    try:
        make_home(default_root())
        place.parent.mkdir(mode=0o700, exist_ok=True)
        beside.mkdir(mode=0o700)
        yield beside
    except OSError as error:
        raise DataError(
            f"the data cannot be kept in {place.parent}: {error.strerror or error}. Make room there, or set "
            "DDNMF_HOME to another folder"
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _publish(beside: Path, meta: dict[str, Any]) -> str:
    """Give it its name, unless somebody was quicker; a damaged set of this name is made anew."""
    name = dataset_name(meta)
    write_document(beside / META_FILE, meta)
    if folder(name).exists() and not _is_whole(name):
        shutil.rmtree(folder(name))
    if not folder(name).exists():
        try:
            beside.rename(folder(name))
        except OSError:
            if not folder(name).exists():
                raise
    return name


def add(source: DataSource, name: str, choices: ImportOptions, report: Progress = ignore_progress) -> str:
    """Read, treat and keep; the name of the new set."""
    raw = read_source(source, name, choices, report)
    return store_by_blocks(raw, name, choices, report) if is_mapped(raw.values) else store_prepared(prepare(raw, name, choices))


# ------------------------------------------------------------------------------------------ reading


def folder(name: str) -> Path:
    return default_root() / "data" / name


def size(name: str) -> int:
    """Bytes on the disk; 0 where it is not there."""
    return sum(path.stat().st_size for path in folder(name).glob("*"))


def names() -> list[str]:
    """The sets that are there, whole or not, the newest last."""
    found = [path for path in (default_root() / "data").glob("own-*") if USER_DATASET.fullmatch(path.name)]
    return [path.name for path in sorted(found, key=lambda path: (path.stat().st_mtime, path.name))]


def is_readable(name: str) -> bool:
    """Whether its description is whole; its arrays are checked when they are loaded."""
    try:
        return bool(meta(name))
    except DataError:
        return False


def meta(name: str) -> dict[str, Any]:
    """What is known of a set. Raises DataError where it is not there, or was changed."""
    path = folder(name) / META_FILE
    try:
        return _meta(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise DataError(
            f"the data set {name} is not in this store: it was removed, or its runs were trained elsewhere. Add "
            "its file or folder again in the same way, and it has the same name"
        ) from None
    except CorruptFile as error:
        raise DataError(f"the data set {name} is damaged: {error}. Remove it and add it again") from None


@lru_cache(maxsize=256)
def _meta(path: Path, changed: int) -> dict[str, Any]:
    content = read_document(path)
    if dataset_name(content) != path.parent.name:
        raise CorruptFile(path, "is not the description of this set")
    return content


def dataset_name(meta: dict[str, Any]) -> str:
    return f"own-{config_hash({part: meta[part] for part in NAMED_FIELDS})[:ID_LENGTH]}"


def user_spec(name: str) -> DatasetSpec:
    """The set as pages and runs know it. A table's row is a picture of one line, a pixel for each feature."""
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


def arrays(name: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Pixels (n, d), mapped where they are too large for memory, and labels (n,), all of one class where it has no labels;
    checked against the set's name."""
    about = meta(name)
    try:
        found = array_file.read_arrays(folder(name) / ARRAYS_FILE, about["arrays"])
    except CorruptFile as error:
        raise DataError(f"the data set {name} is damaged: {error}. Remove it and add it again") from None
    labels = found.get("labels")
    return found["pixels"], np.zeros(len(found["pixels"]), np.int64) if labels is None else labels


def find_problem(name: str) -> str:
    """What is wrong with a set, everything read anew; empty where it is whole."""
    _meta.cache_clear()
    try:
        arrays(name)
        return ""
    except DataError as error:
        return str(error)


def _is_whole(name: str) -> bool:
    return not find_problem(name)


def describe(name: str) -> str:
    """One line: what it is, and what was done to its values."""
    from ddnmf_core.data.user.scaling import describe_preprocessing

    about, known = meta(name), user_spec(name)
    what = (
        f"{known.n_samples:,} rows of {known.n_pixels:,} features"
        if known.feature_names
        else f"{known.n_samples:,} images of {known.image_shape[0]} x {known.image_shape[1]}"
    )
    labels = f"{len(known.class_names)} classes" if known.labelled else "no labels"
    return f"{what}, {labels}. {describe_preprocessing(about['done'])}"


def as_json(name: str) -> dict[str, Any]:
    """What a script wants to know of a set."""
    return {"dataset": name, **json.loads(json.dumps({key: value for key, value in meta(name).items() if key != "arrays"}))}
