"""Read pictures in a column of a Parquet table: structs of bytes and path, as in data sets of Hugging Face."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.sample_columns import MAX_COLUMNS_BESIDE, SampleColumn, sample_column
from ddnmf_core.data.tables.parquet import holds_files
from ddnmf_core.data.tables.proposals import LIKELY_LABELS
from ddnmf_core.data.user.pictures.reading import read_pictures
from ddnmf_core.data.user.source import (
    MAX_SAMPLES,
    MAX_UNPACKED,
    DataSource,
    ImportOptions,
    RawData,
    encode_classes,
    from_start,
)
from ddnmf_core.progress import Progress


def image_column(source: DataSource, name: str) -> str | None:
    """Return the name of the column of pictures; None for other tables and files that are not Parquet."""
    import pyarrow
    from pyarrow import parquet

    if not name.lower().endswith(".parquet"):
        return None
    try:
        schema = parquet.read_schema(from_start(source))
    except (pyarrow.ArrowException, ValueError, OSError):
        return None  # the reader of tables says what is wrong
    return next((field.name for field in schema if holds_files(field.type)), None)


def read_parquet_pictures(source: DataSource, column: str, choices: ImportOptions, report: Progress) -> RawData:
    """Read the pictures of a column, as those of a zip file are; classes are in the column `labels`, others are kept beside."""
    from pyarrow import parquet

    with parquet.ParquetFile(from_start(source)) as file:
        about = file.metadata
        n_bytes = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
        if about.num_rows > MAX_SAMPLES or n_bytes > MAX_UNPACKED:
            raise DataError(f"the table has {about.num_rows:,} pictures of {n_bytes / 2**30:.1f} GiB: use a part of it")
        others = [name for name in file.schema_arrow.names if name != column]
        if choices.labels is not None and choices.labels not in others:
            raise DataError(
                f"there is no column {choices.labels!r}: beside the pictures there are {', '.join(others) or 'none'}"
            )
        plain = [field.name for field in file.schema_arrow if field.name != column and _is_plain(field.type)]
        beside = [name for name in plain if name != choices.labels][:MAX_COLUMNS_BESIDE]
        table = file.read([column, *beside, *([choices.labels] if choices.labels is not None else [])])
    cells = table.column(column).to_pylist()
    options = replace(choices, labels=None, by_folder=False, class_level=None, class_from=None, skip_damaged=False, pages=False)
    raw = read_pictures(_archive(cells), "pictures.zip", options, report)
    names = [str((cell or {}).get("path") or "") for cell in cells]
    raw = replace(raw, sample_names=tuple(names) if all(names) else None, columns=_columns(table, beside))
    if choices.labels is None:
        likely = next((name for name in beside if name.lower() in LIKELY_LABELS), None)
        hint = (f"column {likely!r} may hold labels (--labels {likely!r})",) if likely is not None else ()
        return replace(raw, notes=(*raw.notes, *hint))
    labels, class_names = encode_classes(_cells(table, choices.labels), f"column {choices.labels!r}")
    return replace(raw, labels=labels, class_names=class_names)


def _is_plain(kind: Any) -> bool:
    """Return True for a column with one value in a row: no structs, lists or bytes."""
    from pyarrow import types

    return not (types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind))


def _columns(table: Any, names: list[str]) -> tuple[SampleColumn, ...]:
    return tuple(sample_column(name, _cells(table, name)) for name in names)


def _cells(table: Any, name: str) -> list[Any]:
    """Return the values of a column; of numbers that stand for classes, as data sets of Hugging Face say, the names."""
    cells = table.column(name).to_pylist()
    classes = _names_of_classes(table.schema.metadata or {}).get(name)
    if classes is None or not all(cell is None or (isinstance(cell, int) and 0 <= cell < len(classes)) for cell in cells):
        return cells
    return [None if cell is None else classes[cell] for cell in cells]


def _names_of_classes(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Read the names of classes by column from the metadata that the library `datasets` writes; empty if there are none."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        found = {name: about["names"] for name, about in features.items() if about.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: [str(each) for each in names] for name, names in found.items() if isinstance(names, list)}


def _archive(cells: list[Any]) -> io.BytesIO:
    """Pack the files in their order; raise DataError for a row without one."""
    empty = [number + 1 for number, cell in enumerate(cells) if not cell or not cell.get("bytes")]
    if empty:
        raise DataError(f"{len(empty):,} rows have no picture, the first in row {empty[0]:,}: leave out these rows")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number, cell in enumerate(cells):
            ending = PurePosixPath(str(cell.get("path") or "")).suffix or ".png"
            archive.writestr(f"row {number + 1:08d}{ending}", cell["bytes"])
    content.seek(0)
    return content
