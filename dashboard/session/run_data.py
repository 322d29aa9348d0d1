"""What is in a run, loaded once for all pages: images, model, codes, clusters."""

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ddnmf_core.store.entry import CLUSTERS, CODES, Entry
from ddnmf_core.store.run_store import Store

STRIP, WIDEST_STRIP, MOST_NAMED = 16, 4096, 40                      # lines and columns of a table's strip; features named


def images(run: Entry) -> Any:
    """The run's data set."""
    return dataset_images(run.config.dataset, run.config.n_samples)


@st.cache_resource(max_entries=3, show_spinner="Reading the images.")
def dataset_images(dataset: str, n_samples: int | None) -> Any:
    from ddnmf_core.data import catalogue
    return catalogue.load(dataset, n_samples)


def model(run: Entry) -> Any:
    """The trained model on the CPU; not to be changed."""
    return _model(str(run.store.root), run.id)


@st.cache_resource(max_entries=6, show_spinner="Loading the model.")
def _model(root: str, run_id: str) -> Any:
    from ddnmf_core.engine.worker.train import load_model
    return load_model(Entry(Store(root), "runs", run_id))


def codes(run: Entry) -> dict[str, NDArray[np.float32]]:
    """'clean/z' (n, d), 'noisy/H' (n, r), 'clean/error' (n,) and so on; not to be changed."""
    return _codes(str(run.store.root), run.id)


@st.cache_resource(max_entries=6, show_spinner=False)
def _codes(root: str, run_id: str) -> dict[str, NDArray[np.float32]]:
    return Entry(Store(root), "runs", run_id).read_tensors(CODES)


def clusters(run: Entry) -> Any:
    """The table of clusters: a column for 'clean/z/kmeans' and so on."""
    return _clusters(str(run.store.root), run.id)


@st.cache_resource(max_entries=6, show_spinner=False)
def _clusters(root: str, run_id: str) -> Any:
    return Entry(Store(root), "runs", run_id).read_table(CLUSTERS)


def centres(run: Entry, seen: str, representation: str) -> Any:
    """The centres of K-means on a representation of the clean or the noisy images; not to be changed."""
    return _centres(str(run.store.root), run.id, f"{seen}/{representation}")


@st.cache_resource(max_entries=12, show_spinner=False)
def _centres(root: str, run_id: str, name: str) -> Any:
    from ddnmf_core.interpret.causal import Centres
    return Centres.of(_codes(root, run_id)[name], _clusters(root, run_id)[f"{name}/kmeans"].to_numpy())


def swings(run: Entry) -> NDArray[np.float32]:
    """What each part does to the picture over its own range: (r, n_pixels), signed; not to be changed."""
    return _swings(str(run.store.root), run.id)


@st.cache_resource(max_entries=24, show_spinner=False)
def _swings(root: str, run_id: str) -> NDArray[np.float32]:
    import torch

    from ddnmf_core.model.decoding import part_swings
    return part_swings(_model(root, run_id).student.decode, torch.from_numpy(_codes(root, run_id)["clean/H"])).numpy()


def epoch_rows(run: Entry) -> list[dict[str, Any]]:
    """The rows of a run's epochs, as far as it is; not to be changed."""
    return _epoch_rows(str(run.store.root), run.id) if run.finished else run.epochs()


@st.cache_resource(max_entries=24, show_spinner=False)
def _epoch_rows(root: str, run_id: str) -> list[dict[str, Any]]:
    return Entry(Store(root), "runs", run_id).epochs()


def siblings(run: Entry) -> list[Entry]:
    """The finished runs that differ from this one in the seed alone, by seed."""
    others = [entry for entry in run.store.entries()
              if entry != run and entry.finished and entry.config.replace(seed=run.config.seed) == run.config]
    return sorted(others, key=lambda entry: entry.config.seed)


def picture(run: Entry, pixels: NDArray[Any]) -> NDArray[Any]:
    """Rows of pixels (..., d) as pictures (..., h, w)."""
    return as_pictures(images(run), pixels)


def as_pictures(of: Any, pixels: NDArray[Any]) -> NDArray[Any]:
    """Rows of pixels (..., d) of a data set as pictures (..., h, w); of a table as strips, a column for each feature."""
    shaped = np.asarray(pixels).reshape(*np.shape(pixels)[:-1], *of.image_shape)
    if of.feature_names is None:
        return shaped
    return np.repeat(shaped, max(1, min(STRIP, WIDEST_STRIP // shaped.shape[-1])), axis=-2)


def explain_data(of: Any) -> None:
    """What is different on a page where the data are a table, or have no labels."""
    if of.feature_names is not None:
        names = ", ".join(of.feature_names[:MOST_NAMED])
        more = f" and {len(of.feature_names) - MOST_NAMED} more" if len(of.feature_names) > MOST_NAMED else ""
        st.caption(f"The data are a table: the picture of a row is a strip with a column for each feature, from left to right "
                   f"{names}{more}. Light is high within the feature's range. What a page calls an image is a row, and its "
                   "ink that value.")
    if not of.labelled:
        st.caption("The data have no labels, so what needs classes is left out here: ACC, NMI, ARI, purity and class names.")
