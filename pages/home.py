"""Home: introduce DDNMF, train a first model, list runs and data sets."""

import streamlit as st

from dashboard.figures.files import Vector
from dashboard.figures.saving import remember_figure
from dashboard.figures.text import in_markdown
from dashboard.frame.glossary import terms
from dashboard.home import architecture, run_management
from dashboard.home.user_data_list import show_user_data_sets
from dashboard.session.links import from_link, set_choice, to_link
from dashboard.session.results import expected_time
from dashboard.session.run_export import show_export
from dashboard.session.run_list import show_run_list
from dashboard.session.selections import explain_absence, newest_with_parts, warn_of_collapse
from dashboard.session.store import TRAIN_PAGE, store
from ddnmf_core.config import RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only
from ddnmf_core.labels import CLUSTERER_TITLES, SCORE_TITLES
from ddnmf_core.store.entry import ENDED_STATUSES
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_names import run_title

FIRST = RunConfig()
RUN_COLUMNS = ("Name", "Model", "Data", "ACC K-means", "ACC GMM", "Seed", "State", "Finished")


def train_first() -> None:
    """Submit the default model, and choose it for the Train page."""
    set_choice("run", engine.submit(store(), FIRST).id)


st.title("DDNMF Studio")
st.markdown(
    "A **supervisor** autoencoder learns clean images and teaches a **student** that sees only noisy ones. A "
    "non-negative factorisation between the student's encoder and decoder makes every image a sum of *parts* with "
    "weights `H`; each part decodes to a picture. Chen et al. (2021), "
    "[doi 10.3389/fnbot.2021.701194](https://doi.org/10.3389/fnbot.2021.701194)."
)

entries = store().entries()
finished = [entry for entry in entries if entry.finished]
for notice in store().notices():
    st.warning(notice)

if not finished and not read_only():
    with st.container(border=True):
        st.header("Train your first model")
        st.write(
            f"Trains the default network for {FIRST.epochs} epochs on the bundled MNIST subset (10,000 images). Watch it "
            f"learn, open the map, click a digit and see which parts it is made of. {expected_time(FIRST)}"
        )
        if st.button("Train your first model", type="primary", icon=":material/play_arrow:", key="home.first"):
            train_first()
            st.switch_page("../pages/train.py")

wanted = from_link("run")
chosen = next((entry for entry in finished if entry.id == wanted), newest_with_parts(finished) if finished else None)
explain_absence("run", {entry.id for entry in entries}, {})
if chosen and wanted in (None, chosen.id):  # a run still in training stays chosen
    st.session_state["run"] = chosen.id
    to_link("run", chosen.id)
if chosen and not catalogue.is_known(chosen.config.dataset):
    st.warning(
        f"{in_markdown(run_title(chosen))}: its data set is missing from this store or damaged, so the run cannot be shown. "
        "Add the same file or folder again with the same options (Train), or delete the run."
    )
    chosen = None
config = chosen.config if chosen else FIRST
epochs = chosen.epochs() if chosen else []
st.header("Figure 1: the two networks and their losses")
figure = architecture.draw_architecture(config, catalogue.spec(config.dataset).n_pixels, epochs[-1] if epochs else None)
st.markdown(figure, unsafe_allow_html=True)
remember_figure("home.figure1", "Figure 1", Vector(figure))
st.caption(
    f"{in_markdown(run_title(chosen))}; losses of the last epoch."
    if chosen
    else "Default network. Losses appear once a run has been trained."
)

if chosen:
    warn_of_collapse(epochs)
    of_z = [row for row in FinishedRun(chosen).scores() if row.representation == "z" and not row.noisy]
    scores = [(row.clusterer, name, value) for row in of_z for name, value in row.values.items()]
    for column, (clusterer, name, value) in zip(st.columns(6), scores, strict=False):
        column.metric(f"{SCORE_TITLES.get(name, 'Silhouette')}, {CLUSTERER_TITLES[clusterer]} on z", f"{value:.3f}")
    st.caption(
        "Clusters of the clean images v. the classes (eq 17–19). Single seed; scores vary by several points across seeds."
        if catalogue.spec(config.dataset).labelled
        else f"No labels, so no ACC, NMI or ARI. Silhouette: {terms()['Silhouette']}"
    )
    show_export(chosen)

left, right = st.columns([3, 2], gap="large")
with left:
    st.header("Runs")
    if entries:
        ticked = show_run_list(entries, "home.runs", "single-row", RUN_COLUMNS)
        st.caption(
            "Select a run to use it on every page, delete it, or see why it stopped. Compare runs: page Compare, My runs."
        )
        if ticked:
            entry = ticked[0]
            state = entry.state
            if entry.finished and st.session_state.get("run") != entry.id:
                set_choice("run", entry.id)
                st.rerun()
            if state.message:
                st.write(state.message)
            if state.status in ENDED_STATUSES:
                run_management.delete_with_confirmation(entry)
    else:
        st.info("No runs yet.")
    run_management.offer_undo()
    run_management.show_deleted_runs()
    run_management.show_archives(chosen, entries)
with right:
    st.header("Data sets")
    for name, spec in catalogue.DATASETS.items():
        location = catalogue.find(name)
        if location:
            st.markdown(f":green[:material/check_circle:] **{spec.title}** · {spec.licence} · {location.source}")
        else:
            st.markdown(f":gray[:material/cancel:] **{spec.title}** · not found")
            st.caption(catalogue.ways_to_get(name))
    show_user_data_sets()
    if not read_only():
        st.page_link(TRAIN_PAGE, label="Add your own images or table", icon=":material/add_photo_alternate:")
