"""The form of a sweep: base settings, a list of values per swept setting, and seeds."""

from typing import Any

import streamlit as st

from dashboard.session.results import measured_speeds
from dashboard.session.store import store
from dashboard.session.train_settings import DEFAULT_SETTINGS, train_key
from dashboard.sweep.charts import AXIS_TITLES, SHORT_TITLES, format_setting
from ddnmf_core.config import PRESETS, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.suggestions import suggestion_for
from ddnmf_core.engine import client as engine
from ddnmf_core.engine import estimate
from ddnmf_core.experiment import sweeps
from ddnmf_core.labels import NOISE_LEVEL_HELP

BASE_TITLES = {"defaults": "Defaults", "train": "Train page", "paper": "Preset Paper"}
FIRST_LISTS = {"beta": "0.1, 1, 10", "gamma": "0.01, 0.1, 1"}  # a grid that finishes within minutes
FIRST_EPOCHS, FIRST_SEEDS, MAX_SWEEP_SEEDS = 5, 2, 10
SETTING_HELP = {
    "alpha": "Weight of L_sym, the supervisor's reconstruction error. With Adam it does not change the model.",
    "beta": "Weight of L_ap, the distance of the student's features from the supervisor's.",
    "gamma": "Weight of L_nc, the NMF module's reconstruction error.",
    "noise_level": NOISE_LEVEL_HELP,
    "n_parts": "Columns of W, the rank of the factorisation.",
}


def sweep_form() -> None:
    """Show the settings, the size of the grid, and the start button."""
    try:
        base, n_seeds = _base()
        configs = sweeps.make_grid(base, _lists(base), range(base.seed, base.seed + n_seeds))
        _explain(configs)
        _offer(configs)
    except (ValueError, catalogue.DataError) as error:
        st.error(str(error))


def _base() -> tuple[RunConfig, int]:
    """Return the common settings of all runs, and the number of seeds."""
    columns = st.columns([3, 3, 2, 2, 2], vertical_alignment="bottom")
    available = catalogue.available()
    if st.session_state.get("sweep.dataset") not in available:  # removed
        st.session_state.pop("sweep.dataset", None)
    dataset = columns[0].selectbox(
        "Data set",
        list(available),
        format_func=lambda name: available[name].title,
        key="sweep.dataset",
        persist_state="session",
    )
    source = columns[1].selectbox(
        "Other settings",
        list(BASE_TITLES),
        format_func=BASE_TITLES.__getitem__,
        key="sweep.base",
        persist_state="session",
        help="Values of all other settings.",
    )
    n_samples = columns[2].number_input(
        "Images (blank = all)",
        100,
        70_000,
        value=None,
        key="sweep.n_samples",
        persist_state="session",
        help="A random subset, the same for every run.",
    )
    epochs = columns[3].number_input("Epochs", 1, 10_000, FIRST_EPOCHS, key="sweep.epochs", persist_state="session")
    n_seeds = columns[4].number_input(
        "Seeds",
        1,
        MAX_SWEEP_SEEDS,
        FIRST_SEEDS,
        key="sweep.n_seeds",
        persist_state="session",
        help="Two or more show the variation by chance.",
    )
    catalogue.check_n_samples(dataset, n_samples)
    suggestion = suggestion_for(dataset, available[dataset]) if source != "train" else None
    fields = {
        **(suggestion.fields if suggestion else {}),
        **_other_settings(source),
        "dataset": dataset,
        "n_samples": n_samples,
        "epochs": epochs,
    }
    return RunConfig(**fields), n_seeds


def _other_settings(source: str) -> dict[str, Any]:
    """Return the settings of the defaults, a preset, or the Train page's form."""
    if source == "train":
        return {name: st.session_state.get(train_key(name), value) for name, value in DEFAULT_SETTINGS}
    return PRESETS.get(source, {})


def _lists(base: RunConfig) -> dict[str, list[sweeps.Number]]:
    """Read the values of each setting of the model; a blank list keeps the base value."""
    applicable = [name for name in sweeps.SWEEPABLE if base.model == "ddnmf" or name == "noise_level"]
    texts = {}
    for column, name in zip(st.columns(len(sweeps.SWEEPABLE)), sweeps.SWEEPABLE, strict=True):
        texts[name] = column.text_input(
            AXIS_TITLES[name],
            FIRST_LISTS.get(name, ""),
            key=f"sweep.list.{name}",
            persist_state="session",
            placeholder=f"{format_setting(getattr(base, name))} (not swept)",
            disabled=name not in applicable,
            help=f"{SETTING_HELP[name]} Numbers separated by commas; blank = not swept.",
        )
    return {name: sweeps.parse_values(name, texts[name]) for name in applicable}


def _explain(configs: list[RunConfig]) -> None:
    """Describe the grid and its expected time."""
    varied = {name: len({getattr(config, name) for config in configs}) for name in (*sweeps.SWEEPABLE, "seed")}
    words = [f"{n} values of {SHORT_TITLES[name]}" for name, n in varied.items() if n > 1 and name != "seed"]
    words.append("1 seed" if varied["seed"] == 1 else f"{varied['seed']} seeds")
    n_existing = sum(entry.available for entry in map(store().entry, configs))
    existing = f", {n_existing} of them exist already" if 0 < n_existing < len(configs) else ""
    st.markdown(f"{' × '.join(words)} = **{len(configs)} runs**{existing}. {_expected(configs, len(configs) - n_existing)}")
    if varied["alpha"] > 1 and configs[0].optimizer != "sgd":
        st.info(
            "Adam cancels a constant factor of the gradient, and alpha scales only the supervisor's: expect the same model "
            "and scores for every alpha; only L_in changes."
        )


def _expected(configs: list[RunConfig], n_runs: int) -> str:
    seconds = estimate.run_seconds(configs[0], measured_speeds(configs[0]))
    if not n_runs:
        return f"All {len(configs)} runs exist already."
    if seconds is None:
        return "Estimating training time …"
    return (
        f"Expected time: about **{estimate.format_duration(seconds * n_runs)}** on this machine if nothing else runs, "
        "clustering included."
    )


def _offer(configs: list[RunConfig]) -> None:
    points = {tuple(getattr(config, name) for name in sweeps.SWEEPABLE) for config in configs}
    if len(points) < 2:
        st.warning("A sweep needs at least two values of one setting.")
    elif st.button(
        "Start sweep",
        type="primary",
        icon=":material/play_arrow:",
        key="sweep.start",
        disabled=all(store().entry(config).available for config in configs),
    ):
        for config in configs:
            engine.submit(store(), config, st.session_state.get(train_key("device"), "auto"))
        st.session_state["sweep"] = sweeps.sweep_id(configs[0])
        st.rerun()
