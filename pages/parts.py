"""Parts: all parts beside NMF of the pixels; one part; training, quality, rank and factors, a tab each."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.figures import charts
from dashboard.figures.saving import show_chart
from dashboard.parts.detail import show_distribution, show_measured, show_other_seeds, show_part, show_purity
from dashboard.parts.film import show_training_film
from dashboard.parts.overview import show_parts
from dashboard.parts.rank_survey import show_survey
from dashboard.parts.readout import show_read_out
from dashboard.parts.table import show_part_list
from dashboard.session.links import linked_tabs
from dashboard.session.results import result_of
from dashboard.session.run_data import explain_data, images, siblings
from dashboard.session.run_export import show_export
from dashboard.session.selections import pick_part, pick_run
from ddnmf_core.analysis.metrics import majority_class
from ddnmf_core.config import InterpretationConfig
from ddnmf_core.export.report import report_html
from ddnmf_core.interpret.measures import measure_rows
from ddnmf_core.interpret.quality import class_mass
from ddnmf_core.store.entry import INTERPRETATION_FILE, PARTS_FILE, SCORES_FILE, Entry
from ddnmf_core.store.finished_run import FinishedRun

MEASURED = "Evaluating the parts"
TABS = {
    "gallery": "All parts",
    "part": "One part",
    "training": "During training",
    "quality": "Quality",
    "rank": "Number of parts",
    "factors": "Factors W and H",
    "readout": "Additive read-out",
}


def cluster_names(run: FinishedRun) -> dict[int, str]:
    """Name each cluster of K-means on z by its majority class: '3, mostly Bag'; without labels '3'."""
    clusters, chosen = run.clusters("z", "kmeans"), images(run)
    if not chosen.labelled:
        return {cluster: str(cluster + 1) for cluster in np.unique(clusters).tolist()}
    return {
        cluster: f"{cluster + 1}, mostly {chosen.class_names[majority_class(chosen.labels, clusters, cluster)[0]]}"
        for cluster in np.unique(clusters).tolist()
    }


def show_quality(measured: Entry[InterpretationConfig]) -> None:
    """Show deletion and insertion curves and the measures of all parts together."""
    scores = measured.read_json(SCORES_FILE)
    left, right = st.columns([3, 2], gap="large")
    with left:
        curves = charts.deletion_curves(measured.read_tensors(INTERPRETATION_FILE))
        show_chart(
            curves,
            "parts.worth",
            title="Deletion and insertion",
            how=(
                "Fraction of the picture left as parts are removed, most important first, and reached as they are added; "
                "gray: random order. If the ranking is faithful, deletion falls and insertion rises faster than gray "
                "(RISE, Petsiuk et al. 2018, applied to parts)."
            ),
        )
    with right:
        st.dataframe(pd.DataFrame(measure_rows(scores), columns=["Measure", "Value"]), hide_index=True, key="parts.scores")


def show_matrices(run: FinishedRun, H: np.ndarray) -> None:
    chosen = images(run)
    part_names = [str(k + 1) for k in range(H.shape[1])]
    groups, titles = chosen.labels, list(chosen.class_names)
    if not chosen.labelled:
        groups = run.clusters("z", "kmeans")
        titles = [f"cluster {cluster + 1}" for cluster in range(groups.max() + 1)]
    by_group = np.stack([H[groups == number].mean(axis=0) for number in range(len(titles))])
    kind = "class" if chosen.labelled else "cluster"
    left, right = st.columns(2)
    if run.config.nmf_at == "code":  # at the pixels the columns of W are the parts' pictures
        W = run.ddnmf().student.nmf.W.detach().numpy()
        units = [f"unit {unit + 1}" for unit in range(len(W))]
        show_chart(
            charts.heat_map(W, units, part_names, "W: code units x parts", diverging=True),
            "parts.W",
            f"Column: a part's basis in code space. {'Eq 3 leaves W unconstrained' if W.min() < 0 else 'W >= 0'}: "
            f"entries from {W.min():.2f} to {W.max():.2f}.",
            place=left,
        )
    show_chart(
        charts.heat_map(
            by_group - H.mean(axis=0), titles, part_names, f"H by {kind}: mean coefficient minus overall mean", diverging=True
        ),
        "parts.H",
        f"Red: images of this {kind} use the part more than average. A part specific to one {kind} has one red cell in "
        "its column.",
        place=right,
    )


def show_all(run: FinishedRun, part: int, H: np.ndarray, mass: np.ndarray) -> None:
    show_parts(run, H, mass, part)
    if measured := measured_parts(run):
        show_part_list(run, measured.read_table(PARTS_FILE), cluster_names(run), siblings(run))


def show_one(run: FinishedRun, part: int, H: np.ndarray, mass: np.ndarray) -> None:
    show_part(run, part, H)
    labelled = images(run).labelled
    first, *others, left, right = st.columns(4 if labelled else 3)
    show_distribution(run, part, H, first)
    if labelled:
        show_purity(run, part, mass, others[0])
    if measured := measured_parts(run):
        tensors, table = measured.read_tensors(INTERPRETATION_FILE), measured.read_table(PARTS_FILE)
        show_measured(run, part, tensors, table, cluster_names(run), (left, right))
    show_other_seeds(run, part, siblings(run))


def measured_parts(run: FinishedRun) -> Entry[InterpretationConfig] | None:
    return result_of(InterpretationConfig.of(run.config), MEASURED)


st.title("Parts")
left, right = st.columns([5, 1], vertical_alignment="bottom")
with left:
    run = pick_run()
if run.config.model != "ddnmf":
    st.info("An autoencoder has no parts of its own (no NMF module). Read it out in parts below, or choose a DDNMF run above.")
    show_read_out(run)
    st.stop()
with right:
    part = pick_part(run)
explain_data(images(run))
H = run.codes("H")
mass = class_mass(H, images(run).labels, len(images(run).class_names))
tab, place = linked_tabs({name: title for name, title in TABS.items() if name != "readout" or not run.is_additive()}, "tab")
with place:
    if tab == "gallery":
        show_all(run, part, H, mass)
    elif tab == "part":
        show_one(run, part, H, mass)
    elif tab == "training":
        show_training_film(run)
    elif tab == "quality" and (measured := measured_parts(run)):
        show_quality(measured)
    elif tab == "rank":
        show_survey(run)
    elif tab == "factors":
        show_matrices(run, H)
    elif tab == "readout":
        show_read_out(run)
with st.container(horizontal=True):
    show_export(run.entry)
    st.download_button(
        "Download report (HTML)",
        lambda: report_html(run.entry),
        f"ddnmf-{run.id}.html",
        "text/html",
        key="parts.report",
        icon=":material/description:",
        on_click="ignore",
        help="Parts, scores, examples and provenance in one file that works offline.",
    )
