"""Cache finished runs and data sets for pages. Results are shared between sessions; do not modify them."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ddnmf_core.analysis.assignment import Centres
from ddnmf_core.config import Representation
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import Images
from ddnmf_core.data.held_out import with_split
from ddnmf_core.display.text import in_markdown
from ddnmf_core.store.entry import Entry, RunEntry
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store

STRIP, WIDEST_STRIP, MAX_LISTED_FEATURES = 16, 4096, 40  # rows and columns of a table's strip; features named
HASH_FUNCS: dict[str | type[Any], Callable[[Any], Any]] = {
    Entry: lambda entry: str(entry.folder),
    FinishedRun: lambda run: str(run.entry.folder),
}
Value = TypeVar("Value", bound=np.generic)


def images(run: RunEntry | FinishedRun) -> Images:
    """Return the run's data set, with a column "split" where samples are held out."""
    config = run.config
    of = dataset_images(config.dataset, config.n_samples)
    return _split_images(of, config.dataset, config.n_samples, config.test_share) if config.test_share else of


@st.cache_resource(max_entries=3, show_spinner=False)
def _split_images(_of: Images, dataset: str, n_samples: int | None, test_share: float) -> Images:
    return with_split(_of, test_share)


@st.cache_resource(max_entries=3, show_spinner="Reading images …")
def dataset_images(dataset: str, n_samples: int | None) -> Images:
    """Load a data set, or a subset of it."""
    return catalogue.load(dataset, n_samples)


@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs=HASH_FUNCS)
def cached_run(entry: RunEntry) -> FinishedRun:
    """Return a run whose model, codes and clusters stay loaded."""
    return FinishedRun(entry)


@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=HASH_FUNCS)
def centres(run: FinishedRun, representation: Representation, noisy: bool) -> Centres:
    """Return the K-means centres of a representation of the clean or noisy images."""
    return Centres.of(run.codes(representation, noisy=noisy), run.clusters(representation, "kmeans", noisy=noisy))


@st.cache_resource(max_entries=24, show_spinner=False, hash_funcs=HASH_FUNCS)
def cached_part_effects(run: FinishedRun) -> NDArray[np.float32]:
    """Return the signed effect of each part over its 5-95 % range: (r, n_pixels). Cached without the rest of the run, to
    compare many seeds."""
    return FinishedRun(run.entry).part_effects()


def siblings(run: FinishedRun) -> list[FinishedRun]:
    """Return finished runs that differ from this one only in the seed, by seed."""
    others = [
        entry
        for entry in Store(run.entry.root).entries()
        if entry != run.entry and entry.finished and entry.config.replace(seed=run.config.seed) == run.config
    ]
    return sorted(map(FinishedRun, others), key=lambda other: other.config.seed)


def as_picture(run: RunEntry | FinishedRun, pixels: NDArray[Value]) -> NDArray[Value]:
    """Reshape rows of pixels (..., d) to pictures (..., h, w)."""
    return as_pictures(images(run), pixels)


def as_pictures(of: Images, pixels: NDArray[Value]) -> NDArray[Value]:
    """Reshape rows of pixels (..., d) to pictures (..., h, w); rows of a table to strips with a column per feature."""
    shaped = np.asarray(pixels).reshape(*np.shape(pixels)[:-1], *of.image_shape)
    if of.feature_names is None:
        return shaped
    return np.repeat(shaped, max(1, min(STRIP, WIDEST_STRIP // shaped.shape[-1])), axis=-2)


def explain_data(of: Images) -> None:
    """Explain how a page shows tables and data without labels."""
    if of.feature_names is not None:
        names = ", ".join(map(in_markdown, of.feature_names[:MAX_LISTED_FEATURES]))
        more = f" and {len(of.feature_names) - MAX_LISTED_FEATURES} more" if len(of.feature_names) > MAX_LISTED_FEATURES else ""
        st.caption(
            f"The data are a table. A row is drawn as a strip with one column per feature, from left to right {names}{more}; "
            "light is high within the feature's range. Here “image” means row and “ink” means value."
        )
    if not of.labelled:
        st.caption("The data have no labels: ACC, NMI, ARI, purity and class names are not available.")
