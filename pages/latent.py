"""Figure 2: maps of two runs' codes side by side; click a point, or draw a lasso."""

from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import charts
from dashboard.background import result_of
from dashboard.components.gallery import gallery
from dashboard.components.scatter import Cloud, Thumbnails, scatter
from dashboard.contents import clusters, codes, explain_data, images, picture
from dashboard.drawings import PointMap, dots
from dashboard.feature_charts import profiles
from dashboard.links import choose, linked
from dashboard.reproduction import published
from dashboard.saving import remember, show_chart
from dashboard.selections import choose_sample, pick_run, pick_sample
from dashboard.shared import EXPLAIN, INPUT_TITLES, MODEL_TITLES, REPRESENTATION_TITLES, store
from ddnmf_core import engine
from ddnmf_core.clustering import CLUSTERERS, TITLES
from ddnmf_core.config import MAP_TITLES, EmbeddingConfig, EmbeddingMethod, Representation
from ddnmf_core.entries import EARLY, ENDED, POINTS, Entry
from ddnmf_core.files import CorruptFile
from ddnmf_core.parts import prominence
from ddnmf_core.read_only import read_only
from ddnmf_core.reproduce import results

COLOUR_TITLES = {"class": "Class", "cluster": "Cluster", "part": "Strongest part", "error": "Error"}
LASSO = "latent.lasso"


def rival(ready: list[Entry]) -> Entry:
    """Beside the first run: an AE1 on the same data where there is one."""
    first = next(entry for entry in ready if entry.id == st.session_state["run"])
    same_data = [entry for entry in ready if entry.id != first.id and
                 (entry.config.dataset, entry.config.n_samples) == (first.config.dataset, first.config.n_samples)]
    return next((entry for entry in same_data if entry.config.model == "ae1"), same_data[0] if same_data else first)


def controls(run: Entry) -> tuple[dict[str, Any], int]:
    """What is mapped and how, and the sample that is ringed."""
    columns = st.columns([2, 3, 3, 3, 2, 3], vertical_alignment="bottom")
    with columns[0]:
        method = linked(st.selectbox, "Map", get_args(EmbeddingMethod), "method", format_func=MAP_TITLES.get)
    with columns[1]:
        representation = linked(st.selectbox, "Representation", get_args(Representation), "representation",
                                format_func=REPRESENTATION_TITLES.get)
    with columns[2]:
        seen = linked(st.selectbox, "Input", list(INPUT_TITLES), "input", format_func=INPUT_TITLES.get)
    with columns[3]:
        known = [name for name in COLOUR_TITLES if name != "class" or images(run).labelled]
        colour = linked(st.selectbox, "Colour", known, "colour", format_func=COLOUR_TITLES.get)
    chosen: dict[str, Any] = {"method": method, "representation": representation, "noisy": seen == "noisy", "colour": colour}
    with columns[4]:
        sample = pick_sample(run)
    with columns[5].popover("Settings of the map", width="stretch"):
        chosen["n_points"] = st.number_input("Points at most", 50, 70_000, 5000, step=1000, key="points",
                                             bind="query-params", help="t-SNE takes time in proportion to the points.")
        chosen["perplexity"] = st.slider("Perplexity (t-SNE)", 5, 100, 30, key="perplexity", bind="query-params")
        chosen["n_neighbors"] = st.slider("Neighbours (UMAP)", 2, 100, 15, key="neighbors", bind="query-params")
        chosen["seed"] = st.number_input("Seed of the map", 0, 2**31 - 1, 1, key="mapseed", bind="query-params")
        chosen["clusterer"] = linked(st.selectbox, "Clusters by", CLUSTERERS, "clusterer", format_func=TITLES.get)
    return chosen, sample


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
    """Samples with the number of their class, where there are classes."""
    return table.assign(**{"class": images(run).labels[table["sample"]]}) if images(run).labelled else table


def legend(names: list[str]) -> None:
    palette = charts.CLASS_COLOURS
    st.html("".join(f"<span style='display:inline-block;margin-right:12px;font-size:13px'><span style='display:inline-block;"
                    f"width:10px;height:10px;border-radius:5px;background:{palette[i % len(palette)]};margin-right:4px'>"
                    f"</span>{name}</span>" for i, name in enumerate(names[:20])))


def chosen_sample(run: Entry, sample: int) -> None:
    """The point that is ringed, beside the map."""
    known, chosen_images = codes(run), images(run)
    left, right = st.columns([1, 6], vertical_alignment="center")
    with left:
        gallery([picture(run, chosen_images.shown(sample))],
                [f"sample {sample}\n{chosen_images.class_of(sample)}"], key="latent.sample", size=96)
    with right:
        if "clean/H" in known:
            import torch  # 2.7 s cold: after the maps stand

            from dashboard.contributions import show_strip
            H = known["clean/H"]
            show_strip(run, torch.from_numpy(H[sample]), torch.from_numpy(H.mean(axis=0)), "latent.strip")
            st.caption("Its picture shared out among its parts (Shapley values), the strongest first: red is ink that a part "
                       "adds to the mean image, blue ink that it takes away.")
        st.page_link(EXPLAIN, label="See it rebuilt from its parts", icon=":material/search:",
                     query_params={"run": run.id, "image": "set", "sample": str(sample)})


def lassoed(run: Entry) -> None:
    """What lies inside the lasso: pictures, classes, the mean image."""
    chosen_images = images(run)
    inside = np.asarray(st.session_state.get(LASSO, ()), dtype=int)
    inside = inside[inside < len(chosen_images)]
    if not len(inside):
        st.caption("Drag with Shift (or press Lasso) to select a group: its images and classes appear here.")
        return
    left, right = st.columns([2, 3])
    counts = np.bincount(chosen_images.labels[inside], minlength=len(chosen_images.class_names))
    if chosen_images.labelled:
        show_chart(charts.bars(counts, chosen_images.class_names, f"Classes of the {len(inside):,} selected"), "latent.classes",
                   "One high bar: the group on the map is one class.", place=left)
    else:
        left.markdown(f"**{len(inside):,} of {len(chosen_images):,} samples are selected.**")
    with right:
        mean = chosen_images.shown(inside).mean(axis=0).astype(np.uint8)
        shown = inside[:23]
        gallery(picture(run, np.vstack([mean, chosen_images.shown(shown)])), ["mean", *map(str, shown)], size=52,
                key="latent.inside", on_pick=lambda tile: choose_sample(shown[tile - 1]) if tile else None)
    if chosen_images.feature_names:
        means = {"the selected": chosen_images.scaled(inside).mean(axis=0), "all": chosen_images.scaled().mean(axis=0)}
        st.markdown("**Mean of the selected rows, and of all**, feature by feature")
        show_chart(profiles(means, chosen_images.feature_names), "latent.profiles", "Where the two differ lies what sets the "
                   "selected apart.", title="Mean of the selected rows, and of all")
    frame = with_classes(run, pd.DataFrame({"sample": inside}))
    st.download_button("Selection as CSV", lambda: frame.to_csv(index=False), "selection.csv", "text/csv",
                       key="latent.selection", icon=":material/download:", on_click="ignore")


def offer_rival(first: Entry) -> None:
    """Figure 2 holds a DDNMF against an AE1: train the one that is missing."""
    config = first.config.replace(model="ae1" if first.config.model == "ddnmf" else "ddnmf")
    title = MODEL_TITLES[config.model]
    entry = store().entry(config)
    if read_only() and not entry.available:
        st.info("There is no other run to compare with here.")
        return
    if entry.exists and entry.state.status not in ENDED:
        result_of(config, f"Training {title}")
        return
    if entry.available:
        st.info(f"Both maps show the same run. The {title} with its settings is trained already.")
        st.button(f"Show the {title} here", key="latent.show", icon=":material/compare:",
                  on_click=choose, args=("other", entry.id))
        return
    st.info(f"There is no other run to compare with here. Figure 2 of the paper shows a DDNMF and an AE1 with the same "
            f"layers on the same noise: train the {title} and it appears here.")
    st.button(f"Train {title} with the same settings", key="latent.rival", icon=":material/play_arrow:",
              on_click=engine.submit, args=(store(), config))


def show_published() -> None:
    """Figure 2 as it was published, until the store has a run of its own to map."""
    path = results.published_folder() / "figure2.png"
    if any(entry.finished for entry in store().entries()) or not path.exists():
        return
    for made in published(("figure2",)):
        n = made.protocol["n_map_points"]
        st.image(str(path), caption=f"Published: t-SNE of the codes of {n:,} images of each set, seed {made.seeds[0]}, "
                                    f"coloured by class (Figure 2). Made by `{made.command}` on {made.created}; its "
                                    "protocol is on the Compare page.")


st.title("Latent space")
show_published()
left, right = st.columns(2, gap="medium")
with left:
    first = pick_run("Left map")
alone = sum(entry.finished for entry in store().entries()) < 2
second = first
if not alone:
    with right:
        second = pick_run("Right map", key="other", default=rival)
if first.config.dataset != second.config.dataset or first.config.n_samples != second.config.n_samples:
    st.info("The two runs hold different images: a sample's number means another image on each side.")
explain_data(images(first))
chosen, sample = controls(first)
left, right = st.columns(2, gap="medium")
with left:
    show_map(first, chosen, "left", sample)
with right:
    if second.id == first.id:
        offer_rival(first)
    else:
        show_map(second, chosen, "right", sample)
chosen_sample(first, sample)
lassoed(first)
