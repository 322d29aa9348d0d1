"""Validate the content of imported files (types, shapes, required fields); a matching checksum proves neither."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, TypeAdapter, model_validator

from ddnmf_core.config import CLUSTERERS
from ddnmf_core.store.entry import HISTORY_FILE, PROVENANCE_FILE, SCORES_FILE, Entry
from ddnmf_core.store.run_names import MAX_RUN_NAME, RUN_NAME_FILE

MAX_TABLE_BYTES = 4 * 2**30  # uncompressed
MAX_TABLE_ROWS, MAX_TABLE_COLUMNS = 10_000_000, 1_000
PLAIN_TYPES = re.compile(r"(u?int(8|16|32|64)|float|double|bool|(large_)?string)")  # column types, Arrow's names
NUMBER_DTYPES = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}  # safetensors' names
PartNumber = Annotated[str, Field(pattern=r"^\d{1,4}$")]


class _Row(BaseModel, extra="allow"):
    """Row of a history."""

    __pydantic_extra__: dict[str, float | list[float] | dict[str, float]] = Field(init=False)
    kind: Literal["batch", "epoch"]
    step: int
    epoch: float
    seconds: float
    images_per_second: float
    L_in: float
    weighted: dict[str, float]
    layer_shares: list[float] = []


class _RunName(BaseModel, extra="forbid"):
    """The user's name of a run."""

    name: Annotated[str, Field(max_length=MAX_RUN_NAME, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Score(BaseModel):
    """Scores of a clustering; without labels the silhouette only, None for a single cluster."""

    input: str
    representation: str
    clusterer: str
    held_out: bool = False
    acc: float | None = None
    nmi: float | None = None
    ari: float | None = None
    silhouette: float | None = None

    @model_validator(mode="after")
    def _check_scores(self) -> Self:
        if "silhouette" not in self.model_fields_set and None in (self.acc, self.nmi, self.ari):
            raise ValueError("scores should be acc, nmi and ari, or silhouette")
        return self


def check_content(entry: Entry, name: str) -> None:
    """Check a file by its name; raise ValueError, or the error of its reader, if the content is invalid."""
    path = entry.folder / name
    if path.suffix == ".safetensors":
        _check_tensors(path)
    elif path.suffix == ".parquet":
        _check_table(path)
    elif name == HISTORY_FILE:
        _check_history(entry, (json.loads(line) for line in path.read_bytes().splitlines()))
    else:
        _check_json(entry, name, json.loads(path.read_bytes()))


def _check_tensors(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as tensors:
        for name in tensors.keys():  # noqa: SIM118 (no mapping)
            if (kind := tensors.get_slice(name).get_dtype()) not in NUMBER_DTYPES:
                raise ValueError(f"{name} has dtype {kind}: should be a number type")


def _check_table(path: Path) -> None:
    """Check that a table is small enough by its metadata, and has only plain column types."""
    from pyarrow import parquet

    table = parquet.ParquetFile(path)
    metadata = table.metadata
    size = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    if metadata.num_rows > MAX_TABLE_ROWS or metadata.num_columns > MAX_TABLE_COLUMNS or size > MAX_TABLE_BYTES:
        raise ValueError(f"{metadata.num_rows:,} rows, {metadata.num_columns:,} columns and {size:,} bytes are too many")
    for column in table.schema_arrow:
        if not PLAIN_TYPES.fullmatch(str(column.type)):
            raise ValueError(f"{column.name} has type {column.type}: should be a number, bool or string")


def _check_history(entry: Entry, rows: Iterable[Any]) -> None:
    config = entry.config
    terms = {"L_sym", "L_ap", "L_nc"} if config.model == "ddnmf" else {"L_sym"}
    n_layers = config.n_compared_layers
    for number, fields in enumerate(rows):
        row = _Row.model_validate(fields)
        if not terms <= set(row.weighted) & set(row.model_extra or {}):
            raise ValueError(f"line {number + 1} lacks one of {', '.join(sorted(terms))}")
        if len(row.layer_shares or [0.0] * n_layers) != n_layers:
            raise ValueError(f"line {number + 1} has {len(row.layer_shares)} layer_shares: should be {n_layers}")


def _check_json(entry: Entry, name: str, content: object) -> None:
    if name == SCORES_FILE and entry.kind == "runs":
        rows = TypeAdapter(list[_Score]).validate_python(content)
        scored = [(row.held_out, row.input, row.representation, row.clusterer) for row in rows]
        wanted = [
            (held_out, input_kind, representation, clusterer)
            for held_out in ((False, True) if entry.config.test_share else (False,))
            for input_kind in ("clean", "noisy")
            for representation in entry.config.representations
            for clusterer in CLUSTERERS
        ]
        if sorted(scored) != sorted(wanted):
            raise ValueError("scores should cover every representation and clusterer, clean and noisy")
    elif name in (SCORES_FILE, PROVENANCE_FILE):
        TypeAdapter(dict[str, Any]).validate_python(content)
    elif name == "part-names.json":
        TypeAdapter(dict[PartNumber, str]).validate_python(content)
    elif name == RUN_NAME_FILE:
        _RunName.model_validate(content)
