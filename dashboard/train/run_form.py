"""The form of a run: one widget per field of RunConfig, and presets."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.session.train_settings import DEFAULT_SETTINGS, train_key
from dashboard.train.advanced_form import network_settings, optimiser_settings
from dashboard.train.form_state import apply_preset, apply_suggestion, choose_data, mark_preset
from ddnmf_core.config import DISPLACING_KINDS, PRESETS, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DatasetSpec
from ddnmf_core.data.suggestions import suggestion_for
from ddnmf_core.display.text import in_markdown
from ddnmf_core.labels import MODEL_TITLES, NOISE_LEVEL_HELP, NOISE_TITLES, SETTING_SYMBOLS

LOSS_WEIGHT_HELP = {
    "alpha": "Alpha, weight of L_sym, the supervisor's reconstruction error. It scales only the supervisor's gradient, and "
    "Adam is invariant to that scale: with Adam, alpha does not change the model.",
    "beta": "Beta, weight of L_ap: distance of the student's features from the supervisor's.",
    "gamma": "Gamma, weight of L_nc, the NMF module's reconstruction error. Too large, and the code shrinks to 0.",
}


def settings_form() -> tuple[dict[str, Any], DeltaGenerator]:
    """Show the form; return every field of RunConfig, and the place for a preview of the noise."""
    mark_preset()
    _preset_choice()
    available = catalogue.available()
    if st.session_state.get(train_key("dataset")) not in available:  # removed
        choose_data(DEFAULT_SETTINGS.dataset)
    chosen = _data_and_model(available)
    of = available[chosen["dataset"]]
    if suggestion := suggestion_for(chosen["dataset"], of):
        st.caption(f"Settings suggested for this data set were applied. {suggestion.reason}")
    chosen |= _loss_weights(chosen["model"]) | _noise(of)
    preview = st.container()
    chosen |= _sizes(chosen["model"])
    with st.expander("Network and losses"):
        chosen |= network_settings()
    with st.expander("Optimiser and run"):
        chosen |= optimiser_settings()
    return chosen, preview


def _preset_choice() -> None:
    st.segmented_control(
        "Preset",
        list(PRESETS),
        format_func=str.capitalize,
        key=train_key("preset"),
        on_change=apply_preset,
        persist_state="session",
        wrap=True,
        help="Recommended: the NMF module at the pixels with 32 parts, so an image is exactly the sum of its parts. Quick: "
        "the defaults with 5 epochs. Published: the settings behind the published tables, 45 epochs at a constant learning "
        "rate. Paper: as Published with summed losses, linear output, 30 epochs, full precision. Parts: as Published with an "
        "additive decoder for clearer parts, at the cost of clustering (Compare, Part quality).",
    )


def _data_and_model(available: Mapping[str, DatasetSpec]) -> dict[str, Any]:
    missing = [
        f"{in_markdown(spec.title)}: not found. {catalogue.ways_to_get(name)}"
        for name, spec in catalogue.DATASETS.items()
        if name not in available
    ]
    return {
        "dataset": st.selectbox(
            "Data set",
            list(available),
            format_func=lambda name: available[name].title,
            key=train_key("dataset"),
            persist_state="session",
            on_change=apply_suggestion,
            help="\n\n".join(missing) or "All data sets are available on this machine.",
        ),
        "model": st.segmented_control(
            "Model",
            list(MODEL_TITLES),
            format_func=MODEL_TITLES.__getitem__,
            key=train_key("model"),
            required=True,
            persist_state="session",
            help="AE1: autoencoder with the same layers, trained to reconstruct the noisy images. AE2: one layer "
            "shallower. DAE: as AE1, trained to reconstruct the clean images.",
        ),
    }


def _loss_weights(model: str) -> dict[str, Any]:
    return {
        name: column.number_input(
            SETTING_SYMBOLS[name],
            0.0,
            1e6,
            step=0.1,
            format="%.4g",
            key=train_key(name),
            help=text,
            persist_state="session",
            disabled=model != "ddnmf",
        )
        for column, (name, text) in zip(_three_beside("weights"), LOSS_WEIGHT_HELP.items(), strict=True)
    }


def _noise(of: DatasetSpec) -> dict[str, Any]:
    """Choose kind and level; displacements are for images alone."""
    is_table = of.feature_names is not None
    if is_table and st.session_state.get(train_key("noise_kind")) in DISPLACING_KINDS:
        st.session_state[train_key("noise_kind")] = DEFAULT_SETTINGS.noise_kind
    return {
        "noise_kind": st.segmented_control(
            "Noise",
            [kind for kind in NOISE_TITLES if not (is_table and kind in DISPLACING_KINDS)],
            format_func=NOISE_TITLES.__getitem__,
            key=train_key("noise_kind"),
            required=True,
            wrap=True,
            persist_state="session",
        ),
        "noise_level": st.slider(
            "Noise level", 0.0, 1.0, step=0.05, key=train_key("noise_level"), persist_state="session", help=NOISE_LEVEL_HELP
        ),
    }


def _sizes(model: str) -> dict[str, Any]:
    columns = _three_beside("sizes")
    return {
        "n_parts": columns[0].number_input(
            "Parts r", 1, 512, key=train_key("n_parts"), persist_state="session", disabled=model != "ddnmf"
        ),
        "epochs": columns[1].number_input("Epochs", 1, 10_000, key=train_key("epochs"), persist_state="session"),
        "seed": columns[2].number_input("Seed", 0, 2**31 - 1, key=train_key("seed"), persist_state="session"),
    }


def _three_beside(name: str) -> Sequence[DeltaGenerator]:
    """Return three columns that stay side by side on a phone, too: of short numbers."""
    return st.container(key=f"train-beside-{name}").columns(3)


def checked_config(fields: dict[str, Any]) -> RunConfig | None:
    """Return the configuration; show the reason and return None if it is invalid."""
    try:
        config = RunConfig(**fields)
        catalogue.check_n_samples(config.dataset, config.n_samples)
        config.replace(seed=config.seed + st.session_state[train_key("n_seeds")] - 1)
        return config
    except (ValueError, catalogue.DataError) as error:
        st.error(str(error))
        return None
