"""Show one image with its reconstructions, and the clusters that it belongs to."""

import numpy as np
import streamlit as st
import torch

from dashboard.components.gallery import gallery
from dashboard.figures.feature_charts import feature_profiles
from dashboard.figures.saving import show_chart, show_title
from dashboard.session.run_data import as_picture, centres, images
from ddnmf_core.analysis.metrics import majority_class
from ddnmf_core.config import CLUSTERERS
from ddnmf_core.data import pictures
from ddnmf_core.display.text import in_markdown
from ddnmf_core.labels import CLUSTERER_TITLES
from ddnmf_core.model.networks import DDNMFNetwork
from ddnmf_core.store.finished_run import FinishedRun

TRAINED = {
    "ddnmf": "The supervisor is trained on clean images, the student on noisy ones.",
    "dae": "The autoencoder is trained to reconstruct the clean image from the noisy one.",
}


def show_reconstructions(run: FinishedRun, x: torch.Tensor, noisy: torch.Tensor, label: str, level: float) -> None:
    """Show the image clean, with noise, and reconstructed by each network; tables also by feature."""
    network = run.model()
    with torch.no_grad():
        reconstructions = {
            "student's reconstruction\nof the noisy image": network(noisy),
            "student's reconstruction\nof the clean image": network(x),
        }
        if isinstance(network, DDNMFNetwork):
            if run.has_supervisor:
                reconstructions = {"supervisor's reconstruction\nof the clean image": network.supervisor(x), **reconstructions}
        else:
            reconstructions = {caption.replace("student", "autoencoder"): pixels for caption, pixels in reconstructions.items()}
    shown = {f"clean\n{label}": x, f"noisy\n{run.config.noise_kind.replace('_', ' ')} {level:.0%}": noisy, **reconstructions}
    captions = [
        caption if i < 2 else f"{caption}\nerror {(pixels - x).square().mean():.4f}"
        for i, (caption, pixels) in enumerate(shown.items())
    ]
    gallery(
        pictures.to_u8(as_picture(run, torch.cat(list(shown.values())).numpy())),
        captions,
        key="explain.images",
        size=112,
        title="Image and reconstructions",
        how="Error: mean squared error against the clean image, pixels from 0 to 1. "
        + TRAINED.get(run.config.model, "The autoencoder is trained to reconstruct the noisy image."),
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


def show_clusters(run: FinishedRun, sample: int | None, noisy: bool, z: np.ndarray) -> None:
    """Name the majority class of the image's clusters. An image from outside the data set goes to the nearest centre."""
    chosen, sentences = images(run), []
    for clusterer in CLUSTERERS if sample is not None else CLUSTERERS[:1]:
        clusters = run.clusters("z", clusterer, noisy=noisy)
        cluster = int(clusters[sample] if sample is not None else centres(run, "z", noisy).assign(z)[0])
        if chosen.labelled:
            label, share = majority_class(chosen.labels, clusters, cluster)
            found = f"cluster of mostly **{in_markdown(chosen.class_names[label])}** ({share:.0%})"
        else:
            found = f"cluster {cluster + 1}, {np.mean(clusters == cluster):.0%} of the images"
        sentences.append(f"{CLUSTERER_TITLES[clusterer]} on z: {found}.")
    show_title("Clusters", f"Of the {f'images with {run.config.noise_level:.0%} noise' if noisy else 'clean images'}.")
    st.markdown("  \n".join(sentences))
