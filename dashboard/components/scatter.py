"""A scatter map on a canvas with clicks and lassos, for 100 to 70,000 images, each a point.

Arrays are sent as content-addressed media files, as in `st.image`; the component's message holds only their addresses. A
rerun sends an array only if it changed, a click sends none, and thumbnail and name are fetched by byte range on hover.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import ArrayLike, DTypeLike, NDArray
from streamlit import runtime

MAP_HTML = """
<div class="map" data-testid="ddnmf-map">
  <div class="stage">
    <canvas class="points"></canvas>
    <canvas class="overlay" tabindex="0" role="application"></canvas>
    <div class="tools">
      <button type="button" class="lasso" aria-pressed="false">Lasso</button>
      <button type="button" class="reset">Reset view</button>
    </div>
    <div class="card" hidden><canvas></canvas><div class="text" aria-live="polite"></div></div>
  </div>
  <div class="legend" role="group" aria-label="Legend"></div>
  <div class="hint"></div>
</div>
"""
FOLDER = Path(__file__).parent
mount = st.components.v2.component(
    "ddnmf.scatter",
    html=MAP_HTML,
    css=(FOLDER / "scatter.css").read_text("utf-8"),
    js=(FOLDER / "scatter.js").read_text("utf-8"),
)

NO_SAMPLES = np.empty(0, np.int32)
ARRAY_FIELDS = ("points", "colors", "samples", "category")


class MapEvent(NamedTuple):
    clicked: int | None  # sample id, in the rerun started by the click; otherwise None
    lassoed: NDArray[np.int32]  # sample ids, in every rerun until cleared; empty: no lasso


class MediaFile(NamedTuple):
    data: bytes
    digest: str


class Thumbnails(NamedTuple):
    """Thumbnails shared by maps of the same images, as bytes."""

    file: MediaFile
    shape: tuple[int, int, int]  # (n, h, w)

    @classmethod
    def of(cls, pictures: NDArray[np.uint8]) -> "Thumbnails":
        """Pack gray pictures (n, h, w); raise ValueError for other arrays."""
        n, height, width = checked_array("thumbnails", pictures, (None, None, None), "u1").shape
        return cls(packed(pictures), (n, height, width))


class CardTexts(NamedTuple):
    """What hover cards say of each point below its class, one after the other; the browser fetches that of one point."""

    texts: MediaFile  # UTF-8
    ends: MediaFile  # uint32: where the text of each point ends, in bytes

    @classmethod
    def of(cls, texts: Sequence[str]) -> "CardTexts":
        """Pack the texts of n points."""
        encoded = [text.encode() for text in texts]
        content = b"".join(encoded)
        ends = np.cumsum([len(text) for text in encoded]).astype("<u4")
        return cls(MediaFile(content, hashlib.blake2b(content, digest_size=16).hexdigest()), packed(ends))


@dataclass(frozen=True, eq=False)
class Cloud:
    """The points of a map of n images. Row i of every array is the same image.

    Keep the object (`st.cache_resource`) and show it `recoloured`: its bytes are packed once.
    """

    points: NDArray[np.float32]  # (n, 2), y upwards
    colors: NDArray[np.uint8]  # (n, 3) RGB
    samples: NDArray[np.int32]  # (n,) ids reported by clicks and lassos
    category: NDArray[np.uint16] | None = None  # (n,) index into names
    names: Sequence[str] = ()  # second line of the hover card, e.g. "class 7"
    thumbnails: Thumbnails | None = None  # None: no thumbnail on hover
    card_texts: CardTexts | None = None  # None: the card says number and category alone

    def __post_init__(self) -> None:
        n = len(self.points)
        shapes = {"points": (n, 2), "colors": (n, 3), "samples": (n,), "category": (n,)}
        types = {"points": "<f4", "samples": "<i4", "category": "<u2"}
        for field, shape in shapes.items():
            if getattr(self, field) is not None:
                array = checked_array(field, getattr(self, field), shape, types.get(field, "u1"))
                object.__setattr__(self, field, array)
        if n == 0 or not np.isfinite(self.points).all():
            raise ValueError(f"points: {n} rows, should be one or more, all finite")
        if self.thumbnails is not None and self.thumbnails.shape[0] != n:
            raise ValueError(f"thumbnails: {self.thumbnails.shape[0]}, should be {n}")
        if self.card_texts is not None and len(self.card_texts.ends.data) != 4 * n:
            raise ValueError(f"card_texts: {len(self.card_texts.ends.data) // 4}, should be {n}")
        if self.category is not None and self.category.max() >= len(self.names):
            raise ValueError(f"category: holds {self.category.max()}, but names has {len(self.names)} entries")

    @cached_property
    def files(self) -> dict[str, MediaFile]:
        """The bytes of each array: row-major, little-endian."""
        arrays = {field: packed(getattr(self, field)) for field in ARRAY_FIELDS if getattr(self, field) is not None}
        thumbnails = {} if self.thumbnails is None else {"thumbnails": self.thumbnails.file}
        return arrays | thumbnails | ({} if self.card_texts is None else self.card_texts._asdict())

    def recoloured(self, colors: NDArray[np.uint8], category: NDArray[np.uint16] | None, names: Sequence[str]) -> "Cloud":
        """Return the cloud in other colours, sharing its other bytes: (n, 3) RGB, (n,) index into names."""
        other = replace(self, colors=colors, category=category, names=names)
        shared = {field: self.files[field] for field in self.files.keys() - {"colors", "category"}}
        fresh = {"colors": packed(other.colors)} | ({} if other.category is None else {"category": packed(other.category)})
        other.__dict__["files"] = shared | fresh  # fills the cached property
        return other


def scatter(
    cloud: Cloud,
    *,
    key: str,
    selected: int | None = None,
    nearest: int | None = None,
    lasso_key: str | None = None,
    on_click: Callable[[int], None] | None = None,
    height: int = 480,
    labelled: bool = False,
    legend: bool = True,
) -> MapEvent:
    """Show a cloud; return the user's click and lasso.

    selected   sample id to ring. A clicked point is ringed at once, before Python answers.
    nearest    sample id with a dashed ring in place of `selected`, where the cloud lacks that.
    lasso_key  key of the lassoed sample ids in `st.session_state`, by default `{key}-lasso`. Maps with the same
               key share the last lasso. To clear it, pop the entry.
    labelled   colours are categories: write their names on the map, at most 40, and draw those after the tenth with other
               marks than disks. False: colours are numbers.
    legend     list the categories under the map; a click dims the others, on all maps with the same names.
    on_click   called with the sample id before the rerun, so that elements above the map are up to date.

    Zoom and pan stay as they are until `cloud.points` change. Not for use inside `st.form`.
    """
    lasso_key = lasso_key or f"{key}-lasso"
    lassoed = st.session_state.get(lasso_key, NO_SAMPLES)
    files = cloud.files | ({"lassoed": packed(lassoed)} if len(lassoed) else {})
    data = {
        "key": key,
        "files": {name: publish(file, f"{key}-{name}") for name, file in files.items()},
        "names": list(cloud.names),
        "thumbnail": cloud.thumbnails and cloud.thumbnails.shape[1:],
        "selected": None if selected is None else int(selected),
        "nearest": None if nearest is None else int(nearest),
        "height": height,
        "labelled": labelled,
        "legend": legend,
    }
    result = mount(
        key=key,
        data=data,
        on_clicked_change=partial(tell_click, key, on_click),
        on_lasso_change=partial(keep_lasso, key, lasso_key),
    )
    return MapEvent(result.clicked, lassoed)


def tell_click(key: str, on_click: Callable[[int], None] | None) -> None:
    if on_click is not None:
        on_click(st.session_state[key]["clicked"])


def keep_lasso(key: str, lasso_key: str) -> None:
    st.session_state[lasso_key] = np.asarray(st.session_state[key]["lasso"], "<i4")


def checked_array(name: str, value: ArrayLike, shape: tuple[int | None, ...], dtype: DTypeLike) -> NDArray:
    """Convert to an array of the type and shape, where None is any length; raise ValueError if impossible."""
    array = np.asarray(value)
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits or not np.can_cast(array.dtype, dtype, "same_kind"):
        raise ValueError(f"{name}: {array.dtype} of shape {array.shape}, should be {np.dtype(dtype)} of shape {shape}")
    return np.ascontiguousarray(array, dtype)


def packed(array: NDArray) -> MediaFile:
    data = bytes_of(array)
    return MediaFile(data, hashlib.blake2b(data, digest_size=16).hexdigest())


def bytes_of(array: NDArray) -> bytes:
    """Return the bytes in row order; an array that views a whole bytes object is not copied."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    same = isinstance(owner, bytes) and len(owner) == array.nbytes and array.flags.c_contiguous
    return owner if same else array.tobytes()


def publish(file: MediaFile, place: str) -> str:
    """Return an address from which the browser can fetch the bytes.

    Streamlit identifies a file above 1 MB by samples of its content and its name; our digest as the name makes that exact.
    """
    url = runtime.get_instance().media_file_mgr.add(file.data, "application/octet-stream", place, file_name=file.digest)
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}{url}" if base else url
