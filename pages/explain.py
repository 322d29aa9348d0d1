"""Explain: one image as a sum of its parts, step by step, and edited; the run applied to new data; a tab each."""

import numpy as np
import streamlit as st
import torch

from dashboard.components.gallery import gallery
from dashboard.explain.contributions import show_contributions, show_steps
from dashboard.explain.editing import show_editor
from dashboard.explain.equation import show_equation
from dashboard.explain.image import ExplainedImage, choose_image, explain_sample
from dashboard.explain.new_data import show_new_data
from dashboard.explain.reconstructions import show_clusters, show_reconstructions
from dashboard.session.links import linked_choice, linked_number, linked_tabs
from dashboard.session.part_contributions import cached_contributions
from dashboard.session.read_outs import read_out_contributions
from dashboard.session.run_data import as_picture, explain_data, images
from dashboard.session.selections import pick_run
from ddnmf_core.analysis.neighbours import nearest_rows
from ddnmf_core.store.finished_run import FinishedRun

BASELINES = {"mean": "mean of H", "zero": "zero", "other": "another sample"}
TABS = {"parts": "Parts of the image", "steps": "Step by step", "edit": "Edit and neighbours", "new": "Apply to new data"}


def pick_settings(run: FinishedRun) -> tuple[float, bool, str]:
    """Pick the noise level, whether the noisy image is encoded, and the baseline."""
    level = linked_number(
        st.slider,
        f"Noise level ({run.config.noise_kind}, trained at {run.config.noise_level:.0%})",
        0.0,
        1.0,
        run.config.noise_level,
        0.05,
        key="noise",
    )
    encoded = linked_choice(st.segmented_control, "Encode", ["noisy", "clean"], "of", required=True, format_func=str.capitalize)
    adds = run.is_additive()
    baseline = "zero"
    if run.config.model == "ddnmf":
        baseline = linked_choice(
            st.segmented_control,
            "Baseline",
            sorted(BASELINES, key=lambda name: name != "zero") if adds else list(BASELINES),
            "additive_baseline" if adds else "baseline",  # each has a default of its own
            required=True,
            format_func=BASELINES.get,
            help="Value of an omitted part.",
        )
    return level, encoded == "noisy", baseline


def baseline_of(run: FinishedRun, name: str, H: torch.Tensor) -> tuple[torch.Tensor, str]:
    """Return the value of an omitted part: (r,), and its title."""
    if name == "mean":
        return torch.from_numpy(run.codes("H").mean(axis=0)), "mean of H"
    if name == "zero":
        return torch.zeros_like(H), "all parts 0"
    n = len(images(run))
    other = int(st.number_input("Baseline sample", 0, n - 1, 0, key="explain.against"))
    return torch.from_numpy(run.codes("H")[other]), f"sample {other}"


def show_neighbours(run: FinishedRun, code: np.ndarray, sample: int | None) -> None:
    """Show the images with the nearest codes z; a click explains one."""
    chosen = images(run)
    neighbours = [other for other in nearest_rows(run.codes("z"), code, 17) if other != sample][:16]
    agree = ""
    if sample is not None and chosen.labelled:
        agree = f"; {np.mean(chosen.labels[neighbours] == chosen.labels[sample]):.0%} share the sample's class"
    gallery(
        as_picture(run, chosen.shown(neighbours)),
        [chosen.tile_caption(other) for other in neighbours],
        size=64,
        key="explain.neighbours",
        title="Nearest neighbours in z",
        how=f"Clean images by distance in z, nearest first{agree}. Click one to explain it.",
        on_pick=lambda tile: explain_sample(neighbours[tile]),
    )


def show_autoencoder(run: FinishedRun, image: ExplainedImage, z: np.ndarray) -> None:
    """Show the parts of a read-out, if there is one, and the neighbours in z."""
    ranked = None if image.sample is None else read_out_contributions(run, image.sample)
    if ranked is not None:
        show_equation(run, ranked)
        st.caption("Parts: the additive read-out of this autoencoder (page Parts), for the clean image.")
    else:
        st.info(
            "An autoencoder has no parts of its own (no NMF module). Choose a DDNMF run, or read this one out in additive "
            "parts on the page Parts: the images of the data set are then explained here."
        )
    show_neighbours(run, z[0], image.sample)


st.title("Explain")
left, right = st.columns([5, 1], vertical_alignment="bottom")
with left:
    run = pick_run()
explain_data(images(run))
with right.popover("Settings", width="stretch"):
    level, encode_noisy, baseline_name = pick_settings(run)
    baseline_place = st.container()
image = choose_image(run)
x, noisy = image.x, image.corrupted(run, level)
with torch.no_grad():
    code = run.model().encode(noisy if encode_noisy else x)


def show_image() -> None:
    left, right = st.columns([7, 3], gap="medium")
    with left:
        show_reconstructions(run, x, noisy, image.title, level)
    with right:
        show_clusters(run, image.sample, encode_noisy, code.z.numpy())


if code.H is None:
    show_image()
    show_autoencoder(run, image, code.z.numpy())
    with st.expander(TABS["new"]):
        show_new_data(run)
    st.stop()
H = code.H[0]
with baseline_place:
    baseline, baseline_title = baseline_of(run, baseline_name, H)
contributions = cached_contributions(run, H, baseline)
tab, place = linked_tabs(TABS, "explain")
with place:
    if tab == "parts":
        show_image()
        if run.is_additive() and baseline_name == "zero":
            show_equation(run, contributions)
        else:
            show_contributions(run, H, baseline, contributions, baseline_title)
    elif tab == "steps":
        show_steps(run, H, baseline, contributions, x)
    elif tab == "new":
        show_new_data(run)
    else:
        name = f"explain.H.{run.id}.{image.key}.{'noisy' if encode_noisy else 'clean'}.{level}"
        show_editor(run, name, image, encode_noisy, H, baseline, contributions.shown)
