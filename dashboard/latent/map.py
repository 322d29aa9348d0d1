"""Show one map of the Latent space page: points, previews, colours, thumbnails, legend."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.scatter import CardTexts, Cloud, Thumbnails, scatter
from dashboard.figures import charts
from dashboard.figures.files import PointMap, draw_points
from dashboard.figures.palette import GRAY, HIGH_COLOUR, LOW_COLOUR
from dashboard.figures.saving import remember_figure, show_title
from dashboard.session.results import result_of
from dashboard.session.run_data import HASH_FUNCS, as_picture, images
from dashboard.session.selections import choose_sample
from ddnmf_core.analysis.neighbours import nearest_rows
from ddnmf_core.config import EmbeddingConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.data.sample_columns import NO_TEXT, SampleColumn, table_cells
from ddnmf_core.display.text import in_html
from ddnmf_core.export.csv import escape_formulas
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


class PointColours(NamedTuple):
    """Colours of the points of a map, the category of each for its card, and the range of values that the colours are of."""

    rgb: NDArray[np.uint8]  # (n, 3)
    category: NDArray[np.uint16]  # (n,) index into names
    names: list[str]
    scale: tuple[str, float, float] | None = None  # title, lowest and highest value; None: colours of categories


def point_colours(
    run: FinishedRun, config: EmbeddingConfig, chosen: dict[str, Any], samples: NDArray[np.integer]
) -> PointColours:
    """Colour the points by category, or by a number: a part's coefficient, a column of a table, the error."""
    colour, of = chosen["colour"], images(run)
    labels, names = of.labels[samples], list(of.class_names)
    has_parts = "H" in run.config.representations
    if colour == "part" and has_parts:
        labels = standardised_coefficients(run.codes("H", noisy=config.noisy)).argmax(axis=1)[samples]
        names = [f"part {number + 1}" for number in range(labels.max() + 1)]
    elif colour == "cluster" or not of.labelled:
        labels = run.clusters(config.representation, chosen["clusterer"], noisy=config.noisy)[samples]
        names = [f"cluster {number + 1}" for number in range(labels.max() + 1)]
    category = labels.astype(np.uint16)
    if colour == "error":
        return _by_number("Reconstruction error (MSE)", run.errors(noisy=config.noisy)[samples], category, names)
    if colour == "coefficient" and has_parts:
        part = min(chosen["part"], run.config.n_parts - 1)
        values = run.codes("H", noisy=config.noisy)[samples, part]
        return _by_number(f"Coefficient of part {part + 1}", values, category, names)
    if colour == "kept" and (columns := colouring_columns(of)):
        return _by_column(columns[min(chosen["kept"], len(columns) - 1)].of(samples), category, names)
    if colour == "column" and of.feature_names is not None:
        column = min(chosen["column"], len(of.feature_names) - 1)
        return _by_number(of.feature_names[column], of.scaled(samples)[:, column], category, names)
    return PointColours(charts.categorical_colours(labels), category, names)


def colouring_columns(of: Images) -> list[SampleColumn]:
    """List the columns beside the features that can colour a map."""
    return [column for column in of.columns if column.can_colour]


def _by_column(column: SampleColumn, category: NDArray[np.uint16], names: list[str]) -> PointColours:
    """Colour by numbers, those that are missing as the lowest, or by texts as categories."""
    if column.texts is None:
        low = np.nanmin(column.values) if np.isfinite(column.values).any() else 0.0
        return _by_number(column.name, np.nan_to_num(column.values, nan=low), category, names)
    codes = np.where(column.values == NO_TEXT, len(column.texts), column.values)
    return PointColours(charts.categorical_colours(codes), codes.astype(np.uint16), [*column.texts, "(missing)"])


def _by_number(title: str, values: NDArray[np.floating], category: NDArray[np.uint16], names: list[str]) -> PointColours:
    low, high = charts.colour_ends(values)
    return PointColours(charts.continuous_colours(values), category, names, (title, low, high))


@st.cache_resource(max_entries=4, show_spinner=False)
def map_thumbnails(dataset: str, n_samples: int | None, samples: bytes, _run: FinishedRun) -> Thumbnails:
    """Return thumbnails of samples (int32 as bytes), shared by the maps of all runs on a data set."""
    of, mapped = images(_run), np.frombuffer(samples, np.int32)
    every = np.array_equal(mapped, np.arange(len(of)))  # then a view, which shares the bytes of the data set
    return Thumbnails.of(as_picture(_run, of.shown(slice(None) if every else mapped)))


@st.cache_resource(max_entries=4, show_spinner=False)
def map_texts(dataset: str, n_samples: int | None, test_share: float, samples: bytes, _run: FinishedRun) -> CardTexts | None:
    """Return the names of samples (int32 as bytes) and their other columns for hover cards; None if there are neither."""
    of = images(_run)
    if not (of.sample_names or of.columns):
        return None
    mapped = np.frombuffer(samples, np.int32).tolist()
    return CardTexts.of(["\n".join(filter(None, [of.name_of(sample), *of.details_of(sample)])) for sample in mapped])


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
        card_texts=map_texts(of.dataset, of.n_samples, of.test_share, samples.tobytes(), run),
    )


def show_early(run: FinishedRun, config: EmbeddingConfig, chosen: dict[str, Any], entry: Entry[EmbeddingConfig]) -> None:
    """Show a preview of a map in progress."""
    if not entry.has(EARLY_FILE):
        return
    try:
        table = entry.read_table(EARLY_FILE)
    except CorruptFile:  # just finished: the map itself comes next
        return
    colours = point_colours(run, config, chosen, table["sample"].to_numpy())
    st.image(draw_points(table[["x", "y"]].to_numpy(np.float32), colours.rgb), caption="Preview; points still move.")


def show_map(run: FinishedRun, chosen: dict[str, Any], place: str, sample: int, legend: bool = True) -> None:
    """Show the map of a run under its title."""
    config = embedding_config(run, chosen)
    title = f"{MAP_TITLES[config.method]} of {MODEL_TITLES[run.config.model]}'s {config.representation}"
    entry = result_of(config, title, partial(show_early, run, config, chosen))
    if entry is None:
        return
    table = map_points(entry)
    colours = point_colours(run, config, chosen, table["sample"].to_numpy())
    cloud = uncoloured_cloud(entry, run).recoloured(colours.rgb, colours.category, colours.names)
    by_number = colours.scale is not None
    remember_figure(
        f"latent.{place}", title, PointMap(cloud.points, cloud.colors, None if by_number else cloud.category, cloud.names)
    )
    show_title(
        title,
        f"{len(table):,} {'noisy' if config.noisy else 'clean'} images, seed {config.seed}. Near points have similar codes; "
        "distances between far groups mean little. Click a name in the legend to see its points alone.",
    )
    nearest = nearest_on_map(run, config, sample, table["sample"].to_numpy())
    scatter(
        cloud,
        key=f"latent.{place}.{entry.id}",
        selected=sample,
        nearest=nearest,
        lasso_key=LASSO_KEY,
        on_click=choose_sample,
        labelled=not by_number,
        legend=legend,
    )
    if colours.scale is not None:
        show_scale(*colours.scale)
    if sample not in table["sample"].values:
        ring = f"; dashed ring: its nearest neighbour in {config.representation}" if nearest is not None else ""
        st.caption(f"Sample {sample} is not among the {len(table):,} images of this map (Map settings, **Max. points**){ring}.")
    if chosen["colour"] in ("part", "coefficient") and run.config.model != "ddnmf":
        st.caption("An autoencoder has no parts: coloured by class, or by cluster without labels.")
    st.download_button(
        "Download coordinates (CSV)",
        lambda: escape_formulas(with_classes(run, table)).to_csv(index=False),
        f"map-{entry.id}.csv",
        "text/csv",
        key=f"latent.csv.{place}.{entry.id}",
        icon=":material/download:",
        on_click="ignore",
    )


def nearest_on_map(run: FinishedRun, config: EmbeddingConfig, sample: int, mapped: NDArray[np.integer]) -> int | None:
    """Return the mapped sample (of (n,)) whose code is nearest; None if the sample is mapped itself, or not of this data."""
    codes = run.codes(config.representation, noisy=config.noisy)
    if sample in mapped or sample >= len(codes):
        return None
    return int(mapped[nearest_rows(codes[mapped], codes[sample], 1)[0]])


def with_classes(run: FinishedRun, table: pd.DataFrame) -> pd.DataFrame:
    """Add to samples their own names, class number and name, and other columns, if there are any."""
    of, samples = images(run), table["sample"].to_numpy()
    if sample_names := of.sample_names:
        table = table.assign(name=[sample_names[sample] for sample in samples])
    if of.labelled:
        labels = of.labels[samples]
        table = table.assign(**{"class": labels, "class_name": np.asarray(of.class_names)[labels]})
    return table.assign(**table_cells((column.of(samples) for column in of.columns), table.columns))


def show_scale(title: str, low: float, high: float) -> None:
    """Show the colours of a number, from its lowest to its highest 2 %."""
    st.html(
        f"<div style='font-size:13px'>{in_html(title)}: {low:.3g} <span style='display:inline-block;width:120px;height:10px;"
        f"border-radius:5px;margin:0 4px;background:linear-gradient(90deg,{LOW_COLOUR},{GRAY},{HIGH_COLOUR})'></span> "
        f"{high:.3g}</div>"
    )
