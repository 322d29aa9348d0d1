"""Show one map of the Latent space page: points, previews, colours, thumbnails, legend."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.scatter import Cloud, Thumbnails, scatter
from dashboard.figures import charts
from dashboard.figures.files import PointMap, draw_points
from dashboard.figures.saving import remember_figure
from dashboard.figures.text import in_html
from dashboard.session.results import result_of
from dashboard.session.run_data import HASH_FUNCS, as_picture, images
from dashboard.session.selections import choose_sample
from ddnmf_core.config import EmbeddingConfig
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.interpret.quality import standardised_coefficients
from ddnmf_core.labels import MAP_TITLES, MODEL_TITLES
from ddnmf_core.store.entry import EARLY_FILE, POINTS_FILE, Entry
from ddnmf_core.store.finished_run import FinishedRun

LASSO_KEY = "latent.lasso"


def embedding_config(run: FinishedRun, chosen: dict[str, Any]) -> EmbeddingConfig:
    """Return the config of a map; an autoencoder, which has no H, falls back to z."""
    representation = chosen["representation"]
    fields = {name: chosen[name] for name in ("method", "noisy", "n_points", "perplexity", "n_neighbors", "seed")}
    return EmbeddingConfig(
        run=run.id, **fields, representation=(representation if representation in run.config.representations else "z")
    )


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=HASH_FUNCS)
def map_points(embedding: Entry[EmbeddingConfig]) -> pd.DataFrame:
    """Return the points of a map: sample, x, y."""
    return embedding.read_table(POINTS_FILE)


def point_colours(
    run: FinishedRun, config: EmbeddingConfig, chosen: dict[str, Any], samples: NDArray[np.integer]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16], list[str]]:
    """Return the RGB and the category of each point, and the names of the categories."""
    labels, names = images(run).labels[samples], list(images(run).class_names)
    if chosen["colour"] == "part" and "H" in run.config.representations:
        labels = standardised_coefficients(run.codes("H", noisy=config.noisy)).argmax(axis=1)[samples]
        names = [f"part {number + 1}" for number in range(labels.max() + 1)]
    elif chosen["colour"] == "cluster" or not images(run).labelled:
        labels = run.clusters(config.representation, chosen["clusterer"], noisy=config.noisy)[samples]
        names = [f"cluster {number + 1}" for number in range(labels.max() + 1)]
    rgb = charts.categorical_colours(labels)
    if chosen["colour"] == "error":
        rgb = charts.continuous_colours(run.errors(noisy=config.noisy)[samples])
    return rgb, labels.astype(np.uint16), names


@st.cache_resource(max_entries=4, show_spinner=False)
def map_thumbnails(dataset: str, n_samples: int | None, samples: bytes, _run: FinishedRun) -> Thumbnails:
    """Return thumbnails of samples (int32 as bytes), shared by the maps of all runs on a data set."""
    of, mapped = images(_run), np.frombuffer(samples, np.int32)
    every = np.array_equal(mapped, np.arange(len(of)))  # then a view, which shares the bytes of the data set
    return Thumbnails.of(as_picture(_run, of.shown(slice(None) if every else mapped)))


@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs=HASH_FUNCS)
def uncoloured_cloud(embedding: Entry[EmbeddingConfig], run: FinishedRun) -> Cloud:
    """Return the points and thumbnails of a map in gray; they are sent once and recoloured."""
    table, of = map_points(embedding), run.config
    samples = table["sample"].to_numpy(np.int32)
    return Cloud(
        table[["x", "y"]].to_numpy(np.float32),
        np.full((len(samples), 3), 128, np.uint8),
        samples,
        thumbnails=map_thumbnails(of.dataset, of.n_samples, samples.tobytes(), run),
    )


def show_early(run: FinishedRun, config: EmbeddingConfig, chosen: dict[str, Any], entry: Entry[EmbeddingConfig]) -> None:
    """Show a preview of a map in progress."""
    if not entry.has(EARLY_FILE):
        return
    try:
        table = entry.read_table(EARLY_FILE)
    except CorruptFile:  # just finished: the map itself comes next
        return
    rgb, _, _ = point_colours(run, config, chosen, table["sample"].to_numpy())
    st.image(draw_points(table[["x", "y"]].to_numpy(np.float32), rgb), caption="Preview; points still move.")


def show_map(run: FinishedRun, chosen: dict[str, Any], place: str, sample: int) -> None:
    config = embedding_config(run, chosen)
    title = f"{MAP_TITLES[config.method]} of {MODEL_TITLES[run.config.model]}'s {config.representation}"
    entry = result_of(config, title, partial(show_early, run, config, chosen))
    if entry is None:
        return
    table = map_points(entry)
    rgb, category, names = point_colours(run, config, chosen, table["sample"].to_numpy())
    cloud = uncoloured_cloud(entry, run).recoloured(rgb, category, names)
    by_error = chosen["colour"] == "error"
    remember_figure(
        f"latent.{place}", title, PointMap(cloud.points, cloud.colors, None if by_error else cloud.category, cloud.names)
    )
    scatter(
        cloud,
        key=f"latent.{place}.{entry.id}",
        selected=sample,
        lasso_key=LASSO_KEY,
        on_click=choose_sample,
        labelled=not by_error,
    )
    if sample not in table["sample"].values:
        st.caption(f"Sample {sample} is not among the {len(table):,} images of this map (Map settings, **Max. points**).")
    if not by_error:
        show_legend(names)
    st.caption(
        f"{MAP_TITLES[config.method]} of {config.representation} of {len(table):,} "
        f"{'noisy' if config.noisy else 'clean'} images, seed {config.seed}. Near points have similar codes; "
        "distances between far groups mean little. "
        + ("Reconstruction error (MSE): blue low, red high. " if by_error else "")
        + (
            "An autoencoder has no parts: coloured by class, or by cluster without labels. "
            if chosen["colour"] == "part" and run.config.model != "ddnmf"
            else ""
        )
    )
    st.download_button(
        "Download coordinates (CSV)",
        lambda: with_classes(run, table).to_csv(index=False),
        f"map-{entry.id}.csv",
        "text/csv",
        key=f"latent.csv.{place}.{entry.id}",
        icon=":material/download:",
        on_click="ignore",
    )


def with_classes(run: FinishedRun, table: pd.DataFrame) -> pd.DataFrame:
    """Add to samples their own names, and class number and name, if there are any."""
    if sample_names := images(run).sample_names:
        table = table.assign(name=[sample_names[sample] for sample in table["sample"]])
    if not images(run).labelled:
        return table
    labels = images(run).labels[table["sample"]]
    return table.assign(**{"class": labels, "class_name": np.asarray(images(run).class_names)[labels]})


def show_legend(names: list[str]) -> None:
    palette = charts.CLASS_COLOURS
    st.html(
        "".join(
            f"<span style='display:inline-block;margin-right:12px;font-size:13px'><span style='display:inline-block;"
            f"width:10px;height:10px;border-radius:5px;background:{palette[i % len(palette)]};margin-right:4px'>"
            f"</span>{in_html(name)}</span>"
            for i, name in enumerate(names[:20])
        )
    )
