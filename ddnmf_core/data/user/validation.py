"""Validate an imported data set in the format of the store."""

import re
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ddnmf_core.data.sample_columns import MAX_COLUMN_NAME, MAX_COLUMNS_BESIDE, MAX_TEXT, NO_TEXT
from ddnmf_core.data.user import array_file, user_sets
from ddnmf_core.data.user.scaling import describe_preprocessing
from ddnmf_core.data.user.source import (
    MAX_CLASSES,
    MAX_FEATURES,
    MAX_MAPPED_SAMPLES,
    MAX_NAME,
    MAX_SAMPLE_NAME,
    MAX_VALUES,
    MIN_SAMPLES,
)
from ddnmf_core.files.atomic import read_document, write_document
from ddnmf_core.files.memory_map import blocks

DATA_FILES = {user_sets.META_FILE, user_sets.ARRAYS_FILE}
UNSAFE_LETTERS = re.compile(r"[^\w .,'&+-]")  # removed from imported titles, which would be shown as Markdown
Name = Annotated[str, Field(max_length=MAX_NAME)]
Side = Annotated[int, Field(ge=1, le=MAX_FEATURES)]


class _Column(BaseModel):
    """A column beside the features: numbers, or texts and their codes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(max_length=MAX_COLUMN_NAME)]
    numbers: list[Annotated[float, Field(allow_inf_nan=False)] | None] | None = None
    texts: list[Annotated[str, Field(max_length=MAX_TEXT)]] | None = None
    codes: list[Annotated[int, Field(ge=NO_TEXT)]] | None = None

    def fits(self, n: int) -> bool:
        """Return True if it has a value of one kind for each of n samples."""
        if self.texts is None or self.codes is None:
            return self.numbers is not None and self.texts is self.codes is None and len(self.numbers) == n
        return self.numbers is None and len(self.codes) == n and max(self.codes) < len(self.texts)


class _Meta(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    title: Annotated[str, Field(min_length=1, max_length=user_sets.MAX_TITLE)]
    source: Annotated[str, Field(max_length=1000)]
    n_samples: Annotated[int, Field(ge=MIN_SAMPLES, le=MAX_MAPPED_SAMPLES)]
    image_shape: Annotated[list[Side], Field(min_length=2, max_length=2)] | None
    class_names: Annotated[list[Name], Field(max_length=MAX_CLASSES)] | None
    feature_names: Annotated[list[Name], Field(max_length=MAX_FEATURES)] | None
    skipped_files: Any = None
    sample_names: list[Annotated[str, Field(max_length=MAX_SAMPLE_NAME)]] | None = None
    columns: Annotated[list[_Column], Field(max_length=MAX_COLUMNS_BESIDE)] | None = None
    done: dict[str, Any]
    arrays: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def check_data_set(folder: Path, name: str, files: set[str]) -> None:
    """Raise ValueError or CorruptFile if the data set is not valid. Markdown is removed from its title."""
    if files != DATA_FILES:
        raise ValueError(f"should hold {' and '.join(sorted(DATA_FILES))}")
    content = read_document(folder / user_sets.META_FILE)
    try:
        about = _Meta.model_validate(content)
        describe_preprocessing(about.done)
    except (ValidationError, KeyError, TypeError, ValueError):
        raise ValueError(f"{user_sets.META_FILE} does not describe a data set") from None
    if (about.image_shape is None) == (about.feature_names is None):
        raise ValueError(f"{user_sets.META_FILE} should describe either pictures or a table")
    if about.sample_names is not None and len(about.sample_names) != about.n_samples:
        raise ValueError(f"{user_sets.META_FILE} names {len(about.sample_names):,} of {about.n_samples:,} samples")
    unfit = [column.name for column in about.columns or () if not column.fits(about.n_samples)]
    if unfit:
        raise ValueError(f"the column {unfit[0]!r} in {user_sets.META_FILE} does not have a value for each sample")
    if user_sets.dataset_name(content) != name:
        raise ValueError("its description does not belong to its name")
    _check_arrays(about, array_file.read_arrays(folder / user_sets.ARRAYS_FILE, about.arrays))
    write_document(
        folder / user_sets.META_FILE, content | {"title": " ".join(UNSAFE_LETTERS.sub(" ", about.title).split()) or "Data"}
    )


def _check_arrays(about: _Meta, arrays: dict[str, NDArray[Any]]) -> None:
    """Check shapes, types and ranges against the description."""
    wanted = {"pixels"} | ({"labels"} if about.class_names is not None else set())
    if set(arrays) != wanted:
        raise ValueError(f"{user_sets.ARRAYS_FILE} holds {', '.join(sorted(arrays))}, not {', '.join(sorted(wanted))}")
    pixels = arrays["pixels"]
    width = len(about.feature_names or ()) if about.image_shape is None else about.image_shape[0] * about.image_shape[1]
    if width < 2 or pixels.shape != (about.n_samples, width) or pixels.dtype not in (np.uint8, np.float32):
        raise ValueError(f"its values are {pixels.dtype} of shape {pixels.shape}, unlike its description")
    if pixels.size > MAX_VALUES and not array_file.too_large(pixels.nbytes):
        raise ValueError(f"{pixels.size:,} values are too many for memory")
    if pixels.dtype == np.float32 and not all(
        np.isfinite(pixels[rows]).all() and pixels[rows].min() >= 0 and pixels[rows].max() <= 1 for rows in blocks(pixels)
    ):
        raise ValueError("its values are not all between 0 and 1")
    labels = arrays.get("labels")
    if labels is not None and (
        labels.shape != (about.n_samples,)
        or labels.dtype != np.int64
        or labels.min() < 0
        or labels.max() >= len(about.class_names or ())
    ):
        raise ValueError("its classes do not fit their names")
