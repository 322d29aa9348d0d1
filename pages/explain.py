"""Explain: one image, its reconstructions, and the contributions of its parts."""

from typing import Literal

import numpy as np
import streamlit as st
import torch

from dashboard.components.gallery import gallery
from dashboard.explain.contributions import show_build_up, show_contributions
from dashboard.explain.editing import show_editor
from dashboard.explain.equation import show_equation
from dashboard.explain.image import choose_image
from dashboard.figures.feature_charts import feature_profiles
from dashboard.figures.saving import show_chart
from dashboard.figures.text import in_markdown
from dashboard.session.links import linked_choice, set_choice
from dashboard.session.part_contributions import cached_contributions
from dashboard.session.read_outs import read_out_contributions
from dashboard.session.run_data import as_picture, centres, explain_data, images
from dashboard.session.selections import choose_sample, pick_run
from ddnmf_core.analysis.metrics import majority_class
from ddnmf_core.analysis.neighbours import nearest_rows
from ddnmf_core.config import CLUSTERERS
from ddnmf_core.data import pictures
from ddnmf_core.labels import CLUSTERER_TITLES
from ddnmf_core.model.networks import DDNMFNetwork
from ddnmf_core.store.finished_run import FinishedRun

TRAINED = {
    "ddnmf": "The supervisor is trained on clean images, the student on noisy ones.",
    "dae": "The autoencoder is trained to reconstruct the clean image from the noisy one.",
}
BASELINES = {"mean": "mean of H", "zero": "zero", "other": "another sample"}


def show_reconstructions(run: FinishedRun, x: torch.Tensor, noisy: torch.Tensor, label: str) -> None:
    network = run.model()
    with torch.no_grad():
        reconstructions = {
            "student's reconstruction\nof the noisy image": network(noisy),
            "student's reconstruction\nof the clean image": network(x),
        }
        if isinstance(network, DDNMFNetwork):
            reconstructions = {"supervisor's reconstruction\nof the clean image": network.supervisor(x), **reconstructions}
        else:
            reconstructions = {caption.replace("student", "autoencoder"): pixels for caption, pixels in reconstructions.items()}
    shown = {f"clean\n{label}": x, "noisy\n ": noisy, **reconstructions}
    captions = [
        caption if i < 2 else f"{caption}\nerror {(pixels - x).square().mean():.4f}"
        for i, (caption, pixels) in enumerate(shown.items())
    ]
    gallery(
        pictures.to_u8(as_picture(run, torch.cat(list(shown.values())).numpy())),
        captions,
        key="explain.images",
        size=132,
        title="Image and reconstructions",
    )
    if names := images(run).feature_names:
        rows = {" ".join(caption.split()): row[0].numpy() for caption, row in shown.items()}
        show_chart(
            feature_profiles(rows, names),
            "explain.profiles",
            "Line: the values of one row by feature. Where a reconstruction departs from the clean row, the model "
            "reconstructs that feature poorly.",
            title="Row and reconstructions",
        )
    st.caption(
        "Error: mean squared error against the clean image, pixels from 0 to 1. "
        + TRAINED.get(run.config.model, "The autoencoder is trained to reconstruct the noisy image.")
    )


def show_clusters(run: FinishedRun, sample: int | None, noisy: bool, z: np.ndarray) -> None:
    """Name the image's clusters and their majority classes. An image from outside the data set goes to the nearest centre."""
    chosen, sentences = images(run), []
    of = f" of the images with {run.config.noise_level:.0%} noise" if noisy else " of the clean images"
    for clusterer in CLUSTERERS if sample is not None else CLUSTERERS[:1]:
        clusters = run.clusters("z", clusterer, noisy=noisy)
        cluster = int(clusters[sample] if sample is not None else centres(run, "z", noisy).assign(z)[0])
        sentence = f"{CLUSTERER_TITLES[clusterer]} on z{of}: cluster {cluster + 1}"
        if chosen.labelled:
            label, share = majority_class(chosen.labels, clusters, cluster)
            sentence += f", mostly **{in_markdown(chosen.class_names[label])}** ({share:.0%})"
        else:
            sentence += f", {np.mean(clusters == cluster):.0%} of the images"
        sentences.append(sentence + ".")
    st.markdown("  \n".join(sentences))


def baseline_of(run: FinishedRun, name: str, H: torch.Tensor) -> tuple[torch.Tensor, str]:
    """Return the value of an omitted part: (r,), and its title."""
    if name == "mean":
        return torch.from_numpy(run.codes("H").mean(axis=0)), "mean of H"
    if name == "zero":
        return torch.zeros_like(H), "all parts 0"
    n = len(images(run))
    other = int(st.number_input("Baseline sample", 0, n - 1, 0, key="explain.against"))
    return torch.from_numpy(run.codes("H")[other]), f"sample {other}"


def explain_sample(sample: int) -> None:
    set_choice("image", "set")
    choose_sample(sample)


def show_neighbours(run: FinishedRun, code: np.ndarray, sample: int | None, space: Literal["z", "H"]) -> None:
    st.header(f"Nearest neighbours in {space}")
    chosen = images(run)
    neighbours = [other for other in nearest_rows(run.codes(space), code, 17) if other != sample][:16]
    gallery(
        as_picture(run, chosen.shown(neighbours)),
        [chosen.tile_caption(other) for other in neighbours],
        size=64,
        key="explain.neighbours",
        on_pick=lambda tile: explain_sample(neighbours[tile]),
    )
    agree = ""
    if sample is not None and chosen.labelled:
        agree = f"; {np.mean(chosen.labels[neighbours] == chosen.labels[sample]):.0%} share the sample's class"
    st.caption(f"Clean images by distance in {space}, nearest first{agree}. Click one to explain it.")


st.title("Explain")
run = pick_run()
explain_data(images(run))
image = choose_image(run)
columns = st.columns([3, 2, 3], vertical_alignment="bottom")
level = columns[0].slider(
    f"Noise level ({run.config.noise_kind}, trained at {run.config.noise_level:.0%})",
    0.0,
    1.0,
    run.config.noise_level,
    0.05,
    key="noise",
    bind="query-params",
)
with columns[1]:
    input_kind = linked_choice(
        st.segmented_control, "Encode", ["noisy", "clean"], "of", required=True, format_func=str.capitalize
    )
adds = run.is_additive()
with columns[2]:
    baseline_name = linked_choice(
        st.segmented_control,
        "Baseline",
        sorted(BASELINES, key=lambda name: name != "zero") if adds else list(BASELINES),
        "additive_baseline" if adds else "baseline",  # each has a default of its own
        required=True,
        format_func=BASELINES.get,
        help="Value of an omitted part.",
    )
x, noisy = image.x, image.corrupted(run, level)
show_reconstructions(run, x, noisy, image.title)
with torch.no_grad():
    code = run.model().encode(noisy if input_kind == "noisy" else x)
show_clusters(run, image.sample, input_kind == "noisy", code.z.numpy())
if run.config.model != "ddnmf":
    ranked = None if image.sample is None else read_out_contributions(run, image.sample)
    if ranked is not None:
        show_equation(run, ranked)
        st.caption("Parts: the additive read-out of this autoencoder (page Parts), for the clean image.")
    else:
        st.info(
            "An autoencoder has no parts of its own (no NMF module). Choose a DDNMF run, or read this one out in additive "
            "parts on the page Parts: the images of the data set are then explained here."
        )
    show_neighbours(run, code.z[0].numpy(), image.sample, "z")
    st.stop()
assert code.H is not None
H = code.H[0]
baseline, baseline_title = baseline_of(run, baseline_name, H)
contributions = cached_contributions(run, H, baseline)
if adds and baseline_name == "zero":
    show_equation(run, contributions)
else:
    show_contributions(run, H, baseline, contributions, baseline_title)
show_build_up(run, H, baseline, contributions, x)
show_editor(
    run, f"explain.H.{run.id}.{image.key}.{input_kind}.{level}", image, input_kind == "noisy", H, baseline, contributions.shown
)
show_neighbours(run, H.numpy(), image.sample, "H")
