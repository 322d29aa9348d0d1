"""One map of the Latent space page: a run's codes in two dimensions, early pictures, colours, thumbnails, legend."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.scatter import Cloud, Thumbnails, scatter
from dashboard.figures import charts
from dashboard.figures.files import PointMap, dots
from dashboard.figures.saving import remember
from dashboard.session.results import result_of
from dashboard.session.run_data import clusters, codes, images, picture
from dashboard.session.selections import choose_sample
from dashboard.session.store import MODEL_TITLES
from ddnmf_core.config import MAP_TITLES, EmbeddingConfig
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.model.decoding import prominence
from ddnmf_core.store.entry import EARLY, POINTS, Entry

LASSO = "latent.lasso"


def embedding_of(run: Entry, chosen: dict[str, Any]) -> EmbeddingConfig:
    """An autoencoder has no H: its code stands in."""
    representation = chosen["representation"]
    fields = {name: chosen[name] for name in ("method", "noisy", "n_points", "perplexity", "n_neighbors", "seed")}
    return EmbeddingConfig(run=run.id, **fields, representation=(
        representation if representation in run.config.representations else "z"))


@st.cache_resource(max_entries=8, show_spinner=False)
def table_of(root: str, embedding_id: str, _entry: Entry) -> pd.DataFrame:
    return _entry.read_table(POINTS)


def colours(run: Entry, config: EmbeddingConfig, chosen: dict[str, Any], samples: np.ndarray) -> tuple[Any, Any, list[str]]:
    """RGB of each point, and the category that its card names."""
    known, seen = codes(run), "noisy" if config.noisy else "clean"
    labels, names = images(run).labels[samples], list(images(run).class_names)
    if chosen["colour"] == "part" and f"{seen}/H" in known:
        labels = prominence(known[f"{seen}/H"]).argmax(axis=1)[samples]
        names = [f"part {number + 1}" for number in range(labels.max() + 1)]
    elif chosen["colour"] == "cluster" or not images(run).labelled:
        labels = clusters(run)[f"{seen}/{config.representation}/{chosen['clusterer']}"].to_numpy()[samples]
        names = [f"cluster {number + 1}" for number in range(labels.max() + 1)]
    rgb = charts.categorical_colours(labels)
    if chosen["colour"] == "error":
        rgb = charts.continuous_colours(known[f"{seen}/error"][samples])
    return rgb, labels.astype(np.uint16), names


@st.cache_resource(max_entries=4, show_spinner=False)
def thumbnails(dataset: str, n_samples: int | None, samples: bytes, _run: Entry) -> Thumbnails:
    """Of a data set's samples, int32 as bytes: the maps of all runs on them share these."""
    of, mapped = images(_run), np.frombuffer(samples, np.int32)
    every = np.array_equal(mapped, np.arange(len(of)))              # a view then: their bytes are those of the data set
    return Thumbnails.of(picture(_run, of.shown(slice(None) if every else mapped)))


@st.cache_resource(max_entries=6, show_spinner=False)
def bare_cloud(root: str, embedding_id: str, _run: Entry, _table: pd.DataFrame) -> Cloud:
    """The points and thumbnails of a map, still gray: they are sent once, colours change on top."""
    samples, of = _table["sample"].to_numpy(np.int32), _run.config
    return Cloud(_table[["x", "y"]].to_numpy(np.float32), np.full((len(samples), 3), 128, np.uint8), samples,
                 thumbnails=thumbnails(of.dataset, of.n_samples, samples.tobytes(), _run))


def show_early(run: Entry, config: EmbeddingConfig, chosen: dict[str, Any], entry: Entry) -> None:
    """A map that is still being made, as it is now."""
    if not entry.has(EARLY):
        return
    try:
        table = entry.read_table(EARLY)
    except CorruptFile:                                             # it has just ended: the map itself comes next
        return
    rgb, _, _ = colours(run, config, chosen, table["sample"].to_numpy())
    st.image(dots(table[["x", "y"]].to_numpy(np.float32), rgb), caption="As it is now; points still move.")


def show_map(run: Entry, chosen: dict[str, Any], place: str, sample: int) -> None:
    config = embedding_of(run, chosen)
    title = f"{MAP_TITLES[config.method]} of {MODEL_TITLES[run.config.model]}'s {config.representation}"
    entry = result_of(config, title, partial(show_early, run, config, chosen))
    if entry is None:
        return
    table = table_of(str(entry.store.root), entry.id, entry)
    rgb, category, names = colours(run, config, chosen, table["sample"].to_numpy())
    cloud = bare_cloud(str(entry.store.root), entry.id, run, table).recoloured(rgb, category, names)
    by_error = chosen["colour"] == "error"
    remember(f"latent.{place}", title, PointMap(cloud.points, cloud.colors, None if by_error else cloud.category, cloud.names))
    scatter(cloud, key=f"latent.{place}.{entry.id}", selected=sample, lasso_key=LASSO, on_click=choose_sample)
    if not by_error:
        legend(names)
    st.caption(f"{MAP_TITLES[config.method]} of {config.representation} of {len(table):,} "
               f"{'noisy' if config.noisy else 'clean'} images, seed {config.seed}. Near points have similar codes; "
               "distances between far groups mean little. " +
               ("Blue is rebuilt well, red badly (mean squared error). " if by_error else "") +
               ("An autoencoder has no parts: colours are classes, or clusters where there are none. "
                if chosen["colour"] == "part" and run.config.model != "ddnmf" else ""))
    st.download_button("Coordinates as CSV", lambda: with_classes(run, table).to_csv(index=False), f"map-{entry.id}.csv",
                       "text/csv", key=f"latent.csv.{place}.{entry.id}", icon=":material/download:", on_click="ignore")


def with_classes(run: Entry, table: pd.DataFrame) -> pd.DataFrame:
    """Samples with the number and the name of their class, where there are classes."""
    if not images(run).labelled:
        return table
    labels = images(run).labels[table["sample"]]
    return table.assign(**{"class": labels, "class_name": np.asarray(images(run).class_names)[labels]})


def legend(names: list[str]) -> None:
    palette = charts.CLASS_COLOURS
    st.html("".join(f"<span style='display:inline-block;margin-right:12px;font-size:13px'><span style='display:inline-block;"
                    f"width:10px;height:10px;border-radius:5px;background:{palette[i % len(palette)]};margin-right:4px'>"
                    f"</span>{name}</span>" for i, name in enumerate(names[:20])))
