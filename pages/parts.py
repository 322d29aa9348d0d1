"""Parts: pictures, samples, quality and stability of a run's parts, beside NMF of the pixels."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.gallery import gallery
from dashboard.figures import charts
from dashboard.figures.saving import show_chart
from dashboard.parts.detail import show_measured, show_other_seeds, show_part
from dashboard.parts.film import show_training_film
from dashboard.parts.rank_survey import show_survey
from dashboard.parts.readout import show_read_out
from dashboard.parts.table import show_part_list
from dashboard.session.links import linked_choice
from dashboard.session.results import result_of
from dashboard.session.run_data import as_picture, cached_part_effects, explain_data, images, siblings
from dashboard.session.run_export import show_export
from dashboard.session.selections import pick_run
from ddnmf_core.analysis.metrics import majority_class
from ddnmf_core.config import InterpretationConfig, PixelNMFConfig
from ddnmf_core.data import pictures
from ddnmf_core.export.report import report_html
from ddnmf_core.interpret.measures import measure_rows
from ddnmf_core.interpret.quality import class_mass
from ddnmf_core.store.entry import FACTORS_FILE, INTERPRETATION_FILE, PARTS_FILE, SCORES_FILE, Entry
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names, part_title

VIEWS = {"raised": "Raised from the mean", "difference": "Difference from the baseline", "swing": "Swing", "alone": "Alone"}
READING = {
    "raised": "Coefficient k high, others at their mean: the mean image with more of part k. High: 1; with the NMF module at "
    "the pixels, where coefficients have no limit, the 95 % quantile.",
    "difference": "The raised picture minus the baseline: red is ink added, blue ink removed.",
    "swing": "The picture at the 95 % quantile of coefficient k minus that at its 5 % quantile, others at their mean: "
    "the effect of the part over its actual range.",
    "alone": "Coefficient k high, all others 0. A sigmoid never gives 0, so with the NMF module at the code the decoder has "
    "not been trained on such inputs.",
}
MEASURED = "Evaluating the parts"


def part_tiles(run: FinishedRun, view: str) -> list[np.ndarray]:
    if view == "swing":
        return list(pictures.differences(as_picture(run, cached_part_effects(run))))
    decoded = run.part_pictures()
    if view == "difference":
        return list(pictures.differences(as_picture(run, decoded["raised"] - decoded["baseline"])))
    return list(pictures.to_u8(as_picture(run, decoded[view])))


def choose_part(part: int) -> None:
    st.session_state["part"] = part + 1


def show_parts(run: FinishedRun, H: np.ndarray, mass: np.ndarray) -> int:
    """Show all parts as tiles; return the chosen one."""
    r, names = H.shape[1], images(run).class_names
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        view = linked_choice(
            st.segmented_control,
            "View",
            list(VIEWS),
            "view",
            format_func=VIEWS.get,
            required=True,
            default="swing" if images(run).feature_names else "raised",
        )
    if not 1 <= st.session_state.get("part", 1) <= r:
        st.session_state["part"] = 1
    part = int(right.number_input("Part", 1, r, key="part", bind="query-params")) - 1
    own_names = part_names(run.entry)
    captions = [
        f"{part_title(own_names, k).lower()}\nH {H[:, k].mean():.2f} ± {H[:, k].std():.2f}\n"
        + (f"{names[mass[k].argmax()]} {mass[k].max():.0%}" if images(run).labelled else "")
        for k in range(r)
    ]
    gallery(
        part_tiles(run, view),
        captions,
        key="parts.tiles",
        size=88,
        selected=part,
        on_pick=choose_part,
        title=f"The parts: {VIEWS[view].lower()}",
    )
    st.caption(
        READING[view]
        + " Captions: mean ± SD of the coefficient"
        + (", class with most of its mass." if images(run).labelled else ".")
    )
    return part


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
    st.header("Quality of the parts")
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


def show_pixel_nmf(run: FinishedRun) -> None:
    st.header("NMF of the pixels, same rank")
    config = PixelNMFConfig(dataset=run.config.dataset, n_samples=run.config.n_samples, n_parts=run.config.n_parts)
    entry = result_of(config, "scikit-learn's NMF")
    if entry is None:
        return
    factors = entry.read_tensors(FACTORS_FILE)
    bases = factors["bases"] / np.maximum(factors["bases"].max(axis=1, keepdims=True), 1e-9)
    gallery(
        pictures.to_u8(as_picture(run, bases)),
        [f"basis {k + 1}" for k in range(len(bases))],
        key="parts.nmf",
        size=88,
        title="NMF of the pixels",
    )
    st.caption(
        f"scikit-learn's NMF with {len(bases)} bases, each scaled to its own brightest pixel; it explains "
        f"{factors['explained_variance'][0]:.1%} of the pixels' variance. Purely additive: the shallow baseline."
    )


st.title("Parts")
run = pick_run()
if run.config.model != "ddnmf":
    st.info("An autoencoder has no parts of its own (no NMF module). Read it out in parts below, or choose a DDNMF run above.")
    show_read_out(run)
    st.stop()
explain_data(images(run))
H = run.codes("H")
mass = class_mass(H, images(run).labels, len(images(run).class_names))
part = show_parts(run, H, mass)
measured = result_of(InterpretationConfig.of(run.config), MEASURED)
named, others = cluster_names(run), siblings(run)
if measured is not None:
    show_part_list(run, measured.read_table(PARTS_FILE), named, others)
show_part(run, part, H, mass)
if measured is not None:
    show_measured(run, part, measured.read_tensors(INTERPRETATION_FILE), measured.read_table(PARTS_FILE), named)
show_other_seeds(run, part, others)
if measured is not None:
    show_quality(measured)
show_training_film(run)
if not run.is_additive():
    show_read_out(run)
show_survey(run)
st.header("Factors W and H")
show_matrices(run, H)
show_pixel_nmf(run)
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
