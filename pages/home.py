"""Home: an image as a sum of its parts, a first model, the runs, and how DDNMF works."""

import streamlit as st

from dashboard.figures.files import Vector
from dashboard.figures.saving import remember_figure
from dashboard.frame.glossary import terms
from dashboard.home import architecture, run_management
from dashboard.home.cards import show_cards
from dashboard.session.errors import warn_of_engine
from dashboard.session.links import from_link, set_choice, to_link
from dashboard.session.results import expected_time, report_damage
from dashboard.session.run_data import cached_run, images
from dashboard.session.run_export import show_export
from dashboard.session.run_list import show_run_list
from dashboard.session.selections import explain_absence, newest_with_parts, show_unfinished, warn_of_collapse
from dashboard.session.store import LIVE_STATUSES, TRAIN_PAGE, store
from ddnmf_core.config import PRESETS, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.display.text import in_markdown
from ddnmf_core.engine import client as engine
from ddnmf_core.files.home import exposure
from ddnmf_core.files.read_only import read_only
from ddnmf_core.labels import CLUSTERER_TITLES, SCORE_TITLES
from ddnmf_core.store.cluster_scores import ClusterScore
from ddnmf_core.store.entry import ENDED_STATUSES, RunEntry
from ddnmf_core.store.examples import example_runs
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_names import run_title

FIRST = RunConfig(**PRESETS["recommended"])
TILE_WIDTH = 96  # pixels, of a part
RUN_COLUMNS = (
    "Name",
    "Model",
    "Data",
    "ACC K-means",
    "NMI K-means",
    "ACC GMM",
    "NMI GMM",
    "Error",
    "Seed",
    "State",
    "Finished",
)


def train_first() -> None:
    """Submit the default model, and choose it for the Train page."""
    set_choice("run", engine.submit(store(), FIRST).id)


def offer_first_model() -> None:
    with st.container(border=True):
        left, right = st.columns([3, 1], vertical_alignment="center")
        left.write(
            f"Trains the recommended model for {FIRST.epochs} epochs on the bundled MNIST subset (10,000 images): every digit "
            f"becomes a sum of {FIRST.n_parts} parts. Watch it learn, open the map, click a digit and see which parts it is "
            f"made of. {expected_time(FIRST)}"
        )
        if right.button(
            "Train your first model", type="primary", icon=":material/play_arrow:", key="home.first", width="stretch"
        ):
            train_first()
            st.switch_page(TRAIN_PAGE)


@st.fragment(run_every="2s")
@report_damage
def show_live_run(run: RunEntry) -> None:
    """Show the progress of a run in work; rerun the page when it has ended."""
    state = run.state
    if state.status not in LIVE_STATUSES:
        st.rerun(scope="app")
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.progress(state.progress, f"**{in_markdown(run_title(run))}** · {in_markdown(state.message)}")
    warn_of_engine()
    right.page_link(TRAIN_PAGE, label="Watch training", icon=":material/monitoring:", query_params={"run": run.id})


@report_damage
def show_sum(run: FinishedRun) -> None:
    """Show the chosen image, or the first one, as a sum of parts."""
    import torch  # 2.7 s cold: after the rest of the page

    from dashboard.session.part_contributions import show_strip

    H, sample = run.codes("H"), st.session_state.get("sample", 0)
    sample = sample if 0 <= sample < len(H) else 0
    st.header("An image as a sum of parts")
    what = "the sum of its parts" if run.is_additive() else "contributions of its parts"
    title = f"S{images(run).title_of(sample)[1:]}: {what}"
    show_strip(run, torch.from_numpy(H[sample]), "home.sum", TILE_WIDTH, title)


def show_scores(run: FinishedRun) -> None:
    """Show the scores of the chosen run, or without labels its silhouettes."""
    of_z = [row for row in run.scores() if row.representation == "z" and not row.noisy]
    scores = [(row.clusterer, name, value) for row in of_z for name, value in row.values.items()]
    with st.container(horizontal=True, gap="large"):  # wraps where numbers would not fit
        for clusterer, name, value in scores:
            title = SCORE_TITLES.get(name, "Silhouette")
            st.metric(f"{title}, {CLUSTERER_TITLES[clusterer]} on z", f"{value:.3f}", help=terms()[title], width="content")
    if held_out := [row for row in run.scores(held_out=True) if row.representation == "z" and not row.noisy]:
        st.caption(f"Held out, {run.config.test_share:.0%} of the images: {', '.join(map(_scores_text, held_out))}.")
    title = in_markdown(run_title(run.entry))
    st.caption(
        f"Clusters of the clean images by {title}. Single seed; scores vary by several points across seeds."
        if catalogue.spec(run.config.dataset).labelled
        else f"{title}. No labels, so no ACC, NMI or ARI."
    )


def _scores_text(row: ClusterScore) -> str:
    """Format the scores of one clustering: 'K-means ACC .712, NMI .655'."""
    values = ", ".join(f"{SCORE_TITLES.get(name, 'silhouette')} {value:.3f}" for name, value in row.values.items())
    return f"{CLUSTERER_TITLES[row.clusterer]} {values}"


def show_runs(entries: list[RunEntry], chosen: RunEntry | None, n_examples: int) -> None:
    """Show the table of runs; choose, delete, export and import."""
    st.header(
        "My runs",
        help="Select a run to use it on every page, delete it, or see why it stopped. Compare runs: page Compare, My runs.",
    )
    if entries:
        ticked = show_run_list(entries, "home.runs", "single-row", RUN_COLUMNS)
        if ticked:
            _act_on(ticked[0])
    else:
        st.info("No runs yet.")
    run_management.offer_undo()
    run_management.show_deleted_runs()
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen:
            show_export(chosen)
        run_management.offer_to_remove_examples(n_examples)
    run_management.show_archives(chosen, entries)


def _act_on(entry: RunEntry) -> None:
    state = entry.state
    if entry.finished and st.session_state.get("run") != entry.id:
        set_choice("run", entry.id)
        st.rerun()
    if not entry.finished:
        show_unfinished(entry)
    if state.status in ENDED_STATUSES:
        run_management.delete_with_confirmation(entry)


def show_figure_1(chosen: RunEntry | None) -> None:
    config = chosen.config if chosen else FIRST
    epochs = chosen.epochs() if chosen else []
    figure = architecture.draw_architecture(config, catalogue.spec(config.dataset).n_pixels, epochs[-1] if epochs else None)
    remember_figure("home.figure1", "Figure 1", Vector(figure))
    with st.expander("How it works: the two networks and their losses (Figure 1)", expanded=chosen is None):
        st.markdown(figure, unsafe_allow_html=True)
        st.caption(
            f"{in_markdown(run_title(chosen))}; losses of the last epoch."
            if chosen
            else "The recommended model. Losses appear once a run has been trained."
        )


st.title("DDNMF Studio")
st.markdown(
    "A **supervisor** autoencoder learns clean images and teaches a **student** that sees only noisy ones. A "
    "non-negative factorisation between the student's encoder and decoder makes every image a sum of *parts* with "
    "weights `H`; each part decodes to a picture. Chen et al. (2021), "
    "[doi 10.3389/fnbot.2021.701194](https://doi.org/10.3389/fnbot.2021.701194)."
)

entries = store().entries()
finished = [entry for entry in entries if entry.finished]
live = [entry for entry in entries if entry.state.status in LIVE_STATUSES]
for notice in filter(None, [exposure(store().root), *store().notices()]):
    st.warning(in_markdown(notice))
place_of_sum, examples = st.container(), example_runs(store())
if live:
    show_live_run(next((entry for entry in live if entry.state.status == "running"), live[-1]))
elif not read_only() and not set(finished) - set(examples):
    offer_first_model()

wanted = from_link("run")
chosen = next((entry for entry in finished if entry.id == wanted), newest_with_parts(finished) if finished else None)
explain_absence("run", {entry.id for entry in (*finished, *live)}, {entry.id: entry for entry in entries})
if chosen and wanted in (None, chosen.id):  # a run still in training stays chosen
    st.session_state["run"] = chosen.id
    to_link("run", chosen.id)
if chosen and not catalogue.is_known(chosen.config.dataset):
    st.warning(
        f"{in_markdown(run_title(chosen))}: its data set is missing from this store or damaged, so the run cannot be shown. "
        "Add the same file or folder again with the same options (Train), or delete the run."
    )
    chosen = None
run = cached_run(chosen) if chosen else None
if run:
    warn_of_collapse(run.epochs())
    show_scores(run)
place_of_cards = st.container()
show_runs(entries, chosen, len(examples))
show_figure_1(chosen)
if run:
    with place_of_cards:
        report_damage(show_cards)(run)
    if run.config.model == "ddnmf" and run.entry.folder.exists():  # else the cards have found it damaged, and said so
        with place_of_sum:
            show_sum(run)
