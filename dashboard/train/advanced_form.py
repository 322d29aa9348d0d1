"""Folded fields of the run form: network, losses, optimiser and run."""

from typing import Any, get_args

import streamlit as st

from dashboard.session.train_settings import train_key
from ddnmf_core.config import DEVICES, RunConfig


def choice_box(label: str, name: str, help_text: str = "") -> Any:
    options = get_args(RunConfig.model_fields[name].annotation)
    return st.selectbox(label, options, key=train_key(name), persist_state="session", help=help_text or None)


def network_settings() -> dict[str, Any]:
    layers = st.text_input(
        "Encoder layers",
        key=train_key("layers"),
        persist_state="session",
        help="Layer widths after the input; the decoder mirrors them. The last is the code size.",
    )
    return {
        "layers": layers,
        "bottleneck_activation": choice_box(
            "Bottleneck activation",
            "bottleneck_activation",
            "With relu, units can die and the code collapse; linear avoids it.",
        ),
        "output_activation": choice_box(
            "Output activation", "output_activation", "With relu, a pixel that falls below 0 stays black permanently."
        ),
        "nmf_at": choice_box(
            "NMF module at",
            "nmf_at",
            "code: between encoder and decoder, as in the paper. pixels (extension): the student's decoder ends in "
            "coefficients H >= 0 and parts W >= 0 of pixels, so a picture is the sum of its parts; basis W, coefficients H and "
            "decoder do not apply.",
        ),
        "basis": choice_box("Basis W", "basis", "paper: W is unconstrained, only X_hat is non-negative. nonnegative: W >= 0."),
        "coefficients": choice_box(
            "Coefficients H",
            "coefficients",
            "paper: σ(W′X), near .5 while the code is small. biased (extension): σ(W′X + b), parts start nearly absent.",
        ),
        "decoder": choice_box(
            "Decoder",
            "decoder",
            "mirrored: the encoder's layers reversed. additive (extension): one layer of weights >= 0 from code to pixels, so "
            "a part can only add ink.",
        ),
        "loss_reduction": choice_box(
            "Loss reduction",
            "loss_reduction",
            "sum: as in the paper; wide layers outweigh narrow ones. mean: all layers count equally.",
        ),
        "initialization": choice_box(
            "Initial weights",
            "initialization",
            "xavier: Glorot and Bengio 2010. kaiming: larger before a ReLU, so signals keep their scale (He et al. 2015).",
        ),
        "output_bias": choice_box(
            "Initial output",
            "output_bias",
            "mean: the decoder starts from the mean image. An additive decoder starts from a dark image.",
        ),
    }


def optimiser_settings() -> dict[str, Any]:
    chosen = {"optimizer": choice_box("Optimiser", "optimizer")}
    chosen["learning_rate"] = st.number_input(
        "Learning rate", 0.0, 10.0, step=1e-4, format="%.5g", key=train_key("learning_rate"), persist_state="session"
    )
    chosen["schedule"] = choice_box(
        "Learning rate schedule", "schedule", "linear: rises over the first 10% of the steps, then falls to 0."
    )
    chosen["batch_size"] = st.number_input("Batch size", 1, 65536, key=train_key("batch_size"), persist_state="session")
    chosen["n_samples"] = st.number_input(
        "Training images (blank = all)",
        100,
        70_000,
        value=None,
        key=train_key("n_samples"),
        persist_state="session",
        help="A random subset, the same for every run.",
    )
    chosen["test_share"] = st.number_input(
        "Held-out share",
        0.0,
        0.9,
        step=0.05,
        key=train_key("test_share"),
        persist_state="session",
        help="Share of the images kept from training and clustering, and scored apart; of each class the same share, the same "
        "images for every run. 0: none.",
    )
    chosen["n_clusters"] = st.number_input(
        "Clusters (blank = one per class)",
        2,
        200,
        value=None,
        key=train_key("n_clusters"),
        persist_state="session",
        help="Number of clusters for K-means and GMM; blank without labels: 10.",
    )
    chosen["precision"] = choice_box(
        "Matrix precision",
        "precision",
        "medium: fast on processors with bfloat16. bfloat16: autocast, faster for large batches. highest: float32.",
    )
    st.selectbox("Device", DEVICES, key=train_key("device"), persist_state="session")
    st.number_input("Number of seeds", 1, 50, key=train_key("n_seeds"), persist_state="session")
    return chosen
