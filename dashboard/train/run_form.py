"""The form of a run: one widget per field of RunConfig, and presets."""

from collections.abc import Sequence
from typing import Any, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.text import in_markdown
from dashboard.session.train_settings import DEFAULT_SETTINGS, train_key
from ddnmf_core.config import DEFAULT_PRESET, DEVICES, DISPLACING_KINDS, PRESETS, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.suggestions import preset_for_data, suggestion_for
from ddnmf_core.labels import MODEL_TITLES, NOISE_LEVEL_HELP, NOISE_TITLES, SETTING_SYMBOLS


def remember_defaults() -> None:
    """Put the first settings into the session, where widgets read them and presets set them."""
    for name, value in RunConfig(**PRESETS[DEFAULT_PRESET]):
        st.session_state.setdefault(train_key(name), widget_value(value))
    st.session_state.setdefault(train_key("preset"), DEFAULT_PRESET)
    st.session_state.setdefault(train_key("n_seeds"), 1)


def _preset() -> str | None:
    """Name the chosen preset."""
    chosen: str | None = st.session_state.get(train_key("preset"))
    return chosen


def apply_preset() -> None:
    """Apply the preset; reset fields set by other presets to the data set's suggestion or the default."""
    for name, value in _fields_of(_preset()).items():
        st.session_state[train_key(name)] = value


def _fields_of(preset: str | None) -> dict[str, Any]:
    """Return what a preset sets: its own fields, and those of other presets as the data set suggests or by default."""
    settings = _own_fields_of(preset)
    otherwise = dict(DEFAULT_SETTINGS) | st.session_state.get(train_key("suggested"), {})
    return {field: settings.get(field, otherwise[field]) for each in PRESETS.values() for field in each}


def _own_fields_of(preset: str | None) -> dict[str, Any]:
    """Return a preset's own fields, for the chosen data set."""
    return preset_for_data(preset, st.session_state[train_key("dataset")])


def _mark_preset() -> None:
    """Mark the preset that the form equals, none after a change by hand."""
    equal = [
        name
        for name in PRESETS
        if all(st.session_state[train_key(field)] == value for field, value in _fields_of(name).items())
    ]
    st.session_state[train_key("preset")] = equal[0] if equal else None


def use_settings(config: RunConfig) -> None:
    """Put a run's settings into the form, from a callback."""
    for name, value in config:
        st.session_state[train_key(name)] = widget_value(value)
    st.session_state.pop(train_key("suggested"), None)


def choose_data(name: str) -> None:
    """Choose a data set, from a callback."""
    st.session_state[train_key("dataset")] = name
    apply_suggestion()


def apply_suggestion() -> None:
    """Apply the settings suggested for the data set, except those of the preset; undo the previous suggestion where it was not
    changed by hand."""
    name, before = st.session_state[train_key("dataset")], st.session_state.pop(train_key("suggested"), {})
    for field, value in before.items():
        if st.session_state[train_key(field)] == value:
            st.session_state[train_key(field)] = widget_value(getattr(DEFAULT_SETTINGS, field))
    if catalogue.is_known(name) and (suggestion := suggestion_for(name, catalogue.spec(name))):
        suited = {field: widget_value(value) for field, value in suggestion.fields.items()}
        st.session_state.update({train_key(field): value for field, value in suited.items()})
        st.session_state[train_key("suggested")] = suited
    st.session_state.update({train_key(field): value for field, value in _own_fields_of(_preset()).items()})


def widget_value(value: object) -> object:
    """Convert a setting to its widget's value: layers become text."""
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else value


def settings_form() -> tuple[dict[str, Any], DeltaGenerator]:
    """Show the form; return every field of RunConfig, and the place for a preview of the noise."""
    _mark_preset()
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
    available = catalogue.available()
    if st.session_state.get(train_key("dataset")) not in available:  # removed
        choose_data(DEFAULT_SETTINGS.dataset)
    missing = [
        f"{in_markdown(spec.title)}: not found. {catalogue.ways_to_get(name)}"
        for name, spec in catalogue.DATASETS.items()
        if name not in available
    ]
    chosen: dict[str, Any] = {
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
    if suggestion := suggestion_for(chosen["dataset"], available[chosen["dataset"]]):
        st.caption(f"Settings suggested for this data set were applied. {suggestion.reason}")
    for column, (name, text) in zip(
        _three_beside("weights"),
        {
            "alpha": "Alpha, weight of L_sym, the supervisor's reconstruction error. It scales only the supervisor's gradient, "
            "and Adam is invariant to that scale: with Adam, alpha does not change the model.",
            "beta": "Beta, weight of L_ap: distance of the student's features from the supervisor's.",
            "gamma": "Gamma, weight of L_nc, the NMF module's reconstruction error. Too large, and the code shrinks to 0.",
        }.items(),
        strict=True,
    ):
        chosen[name] = column.number_input(
            SETTING_SYMBOLS[name],
            0.0,
            1e6,
            step=0.1,
            format="%.4g",
            key=train_key(name),
            help=text,
            persist_state="session",
            disabled=chosen["model"] != "ddnmf",
        )
    is_table = available[chosen["dataset"]].feature_names is not None
    if is_table and st.session_state.get(train_key("noise_kind")) in DISPLACING_KINDS:
        st.session_state[train_key("noise_kind")] = DEFAULT_SETTINGS.noise_kind
    chosen["noise_kind"] = st.segmented_control(
        "Noise",
        [kind for kind in NOISE_TITLES if not (is_table and kind in DISPLACING_KINDS)],
        format_func=NOISE_TITLES.__getitem__,
        key=train_key("noise_kind"),
        required=True,
        wrap=True,
        persist_state="session",
    )
    chosen["noise_level"] = st.slider(
        "Noise level", 0.0, 1.0, step=0.05, key=train_key("noise_level"), persist_state="session", help=NOISE_LEVEL_HELP
    )
    preview = st.container()
    columns = _three_beside("sizes")
    chosen["n_parts"] = columns[0].number_input(
        "Parts r", 1, 512, key=train_key("n_parts"), persist_state="session", disabled=chosen["model"] != "ddnmf"
    )
    chosen["epochs"] = columns[1].number_input("Epochs", 1, 10_000, key=train_key("epochs"), persist_state="session")
    chosen["seed"] = columns[2].number_input("Seed", 0, 2**31 - 1, key=train_key("seed"), persist_state="session")
    with st.expander("Network and losses"):
        chosen |= network_settings()
    with st.expander("Optimiser and run"):
        chosen |= optimiser_settings()
    return chosen, preview


def _three_beside(name: str) -> Sequence[DeltaGenerator]:
    """Return three columns that stay side by side on a phone, too: of short numbers."""
    return st.container(key=f"train-beside-{name}").columns(3)


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
