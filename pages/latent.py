"""Latent space (Figure 2): compare maps of two runs' codes; click a point, or draw a lasso."""

from typing import Any, get_args

import streamlit as st

from dashboard.components.gallery import gallery
from dashboard.latent.lasso import show_lasso
from dashboard.latent.map import colouring_columns, show_map
from dashboard.session.links import from_link, linked_choice, linked_number, set_choice
from dashboard.session.reproduction import published_results
from dashboard.session.results import result_of
from dashboard.session.run_data import as_picture, explain_data, images
from dashboard.session.selections import pick_part, pick_run, pick_sample
from dashboard.session.store import EXPLAIN_PAGE, store
from ddnmf_core.config import CLUSTERERS, EmbeddingMethod, Representation, RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only
from ddnmf_core.labels import CLUSTERER_TITLES, INPUT_TITLES, MAP_TITLES, MODEL_TITLES, REPRESENTATION_TITLES
from ddnmf_core.reproduce import results
from ddnmf_core.store.entry import ENDED_STATUSES, RunEntry
from ddnmf_core.store.finished_run import FinishedRun

COLOUR_TITLES = {
    "class": "Class",
    "cluster": "Cluster",
    "part": "Strongest part",
    "coefficient": "One part's coefficient",
    "column": "Column of the table",
    "kept": "Other column",
    "error": "Error",
}


def comparison_run(ready: list[RunEntry]) -> RunEntry:
    """Return the default run for the right map: an AE1 on the same data if there is one."""
    first = next(entry for entry in ready if entry.id == st.session_state["run"])
    same_data = [
        entry
        for entry in ready
        if entry.id != first.id
        and (entry.config.dataset, entry.config.n_samples) == (first.config.dataset, first.config.n_samples)
    ]
    return next((entry for entry in same_data if entry.config.model == "ae1"), same_data[0] if same_data else first)


def colours_of(run: FinishedRun) -> list[str]:
    """Return what the points can be coloured by: classes need labels, columns need to be there."""
    of = images(run)
    absent = {"class": not of.labelled, "column": of.feature_names is None, "kept": not colouring_columns(of)}
    return [name for name in COLOUR_TITLES if not absent.get(name)]


def pick_number_shown(run: FinishedRun, colour: str) -> dict[str, int]:
    """Pick the part or the column that colours the points, where one does."""
    if colour == "coefficient":
        return {"part": pick_part(run)}
    names = images(run).feature_names
    if colour == "column" and names is not None:
        wanted = linked_choice(
            st.selectbox, "Column", list(map(str, range(len(names)))), "column", format_func=lambda i: names[int(i)]
        )
        return {"column": int(wanted)}
    if colour == "kept" and (kept := [column.name for column in colouring_columns(images(run))]):
        wanted = linked_choice(
            st.selectbox, "Column", list(map(str, range(len(kept)))), "kept", format_func=lambda i: kept[int(i)]
        )
        return {"kept": int(wanted)}
    return {}


def controls(run: FinishedRun) -> tuple[dict[str, Any], int]:
    """Return the settings of the maps and the selected sample."""
    by_number = from_link("colour") in ("coefficient", "column", "kept")
    columns = st.columns([2, 3, 3, 3, *([2] if by_number else []), 2, 3], vertical_alignment="bottom")
    with columns[0]:
        method = linked_choice(st.selectbox, "Map", get_args(EmbeddingMethod), "method", format_func=MAP_TITLES.get)
    with columns[1]:
        representation = linked_choice(
            st.selectbox, "Representation", get_args(Representation), "representation", format_func=REPRESENTATION_TITLES.get
        )
    with columns[2]:
        input_kind = linked_choice(st.selectbox, "Input", list(INPUT_TITLES), "input", format_func=INPUT_TITLES.get)
    with columns[3]:
        colour = linked_choice(st.selectbox, "Colour", colours_of(run), "colour", format_func=COLOUR_TITLES.get)
    chosen: dict[str, Any] = {
        "method": method,
        "representation": representation,
        "noisy": input_kind == "noisy",
        "colour": colour,
    }
    with columns[4]:
        chosen |= pick_number_shown(run, colour)
    with columns[-2]:
        sample = pick_sample(run)
    with columns[-1].popover("Map settings", width="stretch"):
        chosen["n_points"] = linked_number(
            st.number_input,
            "Max. points",
            50,
            70_000,
            5000,
            step=1000,
            key="points",
            help="t-SNE time grows with the number of points.",
        )
        chosen["perplexity"] = linked_number(st.slider, "Perplexity (t-SNE)", 5, 100, 30, key="perplexity")
        chosen["n_neighbors"] = linked_number(st.slider, "Neighbours (UMAP)", 2, 100, 15, key="neighbors")
        chosen["seed"] = linked_number(st.number_input, "Random seed", 0, 2**31 - 1, 1, key="mapseed")
        chosen["clusterer"] = linked_choice(
            st.selectbox, "Clustering", CLUSTERERS, "clusterer", format_func=CLUSTERER_TITLES.get
        )
    return chosen, sample


def chosen_sample(run: FinishedRun, sample: int) -> None:
    """Show the selected sample and its strongest parts."""
    chosen_images = images(run)
    left, right = st.columns([1, 6], vertical_alignment="center")
    with left:
        gallery(
            [as_picture(run, chosen_images.shown(sample))],
            ["\n".join([chosen_images.title_of(sample, "\n"), *chosen_images.details_of(sample)])],
            key="latent.sample",
            size=96,
        )
    with right:
        if "H" in run.config.representations:
            import torch  # 2.7 s cold: loaded after the maps are drawn

            from dashboard.session.part_contributions import show_strip

            H = run.codes("H")
            show_strip(run, torch.from_numpy(H[sample]), "latent.strip")
        st.page_link(
            EXPLAIN_PAGE,
            label="Explain this sample",
            icon=":material/search:",
            query_params={"run": run.id, "image": "set", "sample": str(sample)},
        )


def offer_comparison_run(first: FinishedRun) -> None:
    """Offer the other model of Figure 2 (DDNMF v. AE1): show it if trained, else train it."""
    config = first.config.replace(model="ae1" if first.config.model == "ddnmf" else "ddnmf")
    title = MODEL_TITLES[config.model]
    entry = store().entry(config)
    if read_only() and not entry.available:
        st.info("No other run to compare with.")
        return
    if entry.exists and entry.state.status not in ENDED_STATUSES:
        result_of(config, f"Training {title}")
        return
    if entry.available:
        st.info(f"Both maps show the same run. A trained {title} with the same settings is available.")
        st.button(f"Show {title}", key="latent.show", icon=":material/compare:", on_click=set_choice, args=("other", entry.id))
        return
    st.info(
        f"No other run to compare with. Figure 2 of the paper compares DDNMF and AE1 with the same layers and noise: "
        f"train {title} to show it here."
    )
    st.button(
        f"Train {title} with the same settings",
        key="latent.rival",
        icon=":material/play_arrow:",
        on_click=_submit,
        args=(config,),
    )


def _submit(config: RunConfig) -> None:
    engine.submit(store(), config)


def show_published() -> None:
    """Show the published Figure 2 until the store has a finished run."""
    path = results.published_folder() / "figure2.png"
    if any(entry.finished for entry in store().entries()) or not path.exists():
        return
    for figure2 in published_results(("figure2",)):
        n = figure2.protocol["n_map_points"]
        st.image(
            str(path),
            caption=f"Published: t-SNE of the codes of {n:,} images of each set, seed {figure2.seeds[0]}, "
            f"coloured by class (Figure 2). Command: `{figure2.command}`, {figure2.created}; protocol on the Compare page.",
        )


st.title("Latent space")
place_of_runs = st.container()  # above the published figure: what it says of the chosen run is seen first
show_published()
left, right = place_of_runs.columns(2, gap="medium", vertical_alignment="bottom")
with left:
    first = pick_run("Left map")
alone = sum(entry.finished for entry in store().entries()) < 2
second = first
if not alone:
    with right:
        second = pick_run("Right map", key="other", default=comparison_run)
same_images = (first.config.dataset, first.config.n_samples) == (second.config.dataset, second.config.n_samples)
if not same_images:
    st.info("The two runs use different images: the same sample number is a different image on each side.")
explain_data(images(first))
chosen, sample = controls(first)
left, right = st.columns(2, gap="medium")
with left:
    show_map(first, chosen, "left", sample)
with right:
    if second.id == first.id:
        offer_comparison_run(first)
    else:
        show_map(second, chosen, "right", sample, legend=not same_images or chosen["colour"] != "class")  # else the left one's
chosen_sample(first, sample)
show_lasso(first)
