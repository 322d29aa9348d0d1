"""Train: choose settings, preview the noise, train, and watch the run learn."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.gallery import gallery
from dashboard.session.links import linked_choice, set_choice
from dashboard.session.results import expected_time
from dashboard.session.run_data import as_pictures, dataset_images, explain_data
from dashboard.session.selections import explain_absence
from dashboard.session.store import store
from dashboard.session.train_settings import train_key
from dashboard.train.data_form import user_data_form
from dashboard.train.data_list import list_data_sets
from dashboard.train.form_state import choose_data, remember_defaults, use_settings
from dashboard.train.live_run import live_panel, queue_order
from dashboard.train.run_form import checked_config, settings_form
from ddnmf_core.config import RunConfig
from ddnmf_core.data import pictures
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only
from ddnmf_core.labels import NOISE_TITLES
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.run_names import run_title

PREVIEW_TILE_WIDTH = 44  # pixels


def noise_preview(config: RunConfig) -> None:
    """Show one image per class at the chosen noise level."""
    import torch  # 2.7 s cold: loaded after the rest of the page is drawn

    from ddnmf_core.model.corruption import corrupt_each

    chosen = dataset_images(config.dataset, None)
    samples = torch.tensor(chosen.one_of_each_class())
    clean = torch.from_numpy(chosen.scaled(samples.numpy()))
    noisy = corrupt_each(clean, samples, config.noise_kind, config.noise_level, config.seed, chosen.image_shape)
    shown = as_pictures(chosen, pictures.to_u8(noisy.numpy()))
    gallery(
        shown,
        [chosen.caption(sample) for sample in samples.tolist()],
        key="train.preview",
        size=PREVIEW_TILE_WIDTH,
        title=f"Student input at {config.noise_level:.0%} {NOISE_TITLES[config.noise_kind]} noise",
        how="One image per class. The supervisor receives the clean images.",
    )
    explain_data(chosen)


def start_bar() -> DeltaGenerator:
    """Return a container that stays at the lower end of the window while the form above it is longer."""
    st.html(
        "<style>div:has(> .st-key-train-bar) { position: sticky; bottom: 0; z-index: 10; padding: 0.5rem 0 0.75rem; "
        "background: light-dark(#fff, #0f1419); }</style>"  # as the page in either theme
    )
    return st.container(key="train-bar", gap="small")


def start(config: RunConfig, n_runs: int, device: str) -> None:
    """Submit one run per seed and watch the first. A finished configuration is reused, not trained again."""
    submitted = [engine.submit(store(), config.replace(seed=config.seed + number), device) for number in range(n_runs)]
    set_choice("run", submitted[0].id)
    if all(entry.finished for entry in submitted):
        st.toast("Already trained: showing the existing run.", icon=":material/history:")


def pick_watched(entries: list[RunEntry]) -> RunEntry:
    """Pick a run in any state."""
    by_id = {entry.id: entry for entry in entries}
    explain_absence("run", by_id, by_id)
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        chosen = linked_choice(
            st.selectbox,
            "Run",
            list(by_id),
            "run",
            (queue_order(entries) or entries)[0].id,
            format_func=lambda entry_id: run_title(by_id[entry_id]),
        )
    if not read_only():
        right.button(
            "Use these settings",
            key=train_key("use"),
            icon=":material/content_copy:",
            on_click=use_settings,
            args=(by_id[chosen].config,),
            help="Copy the settings of this run into the form.",
            width="stretch",
        )
    return by_id[chosen]


st.title("Train")
remember_defaults()
left, right = st.columns([4, 7], gap="large")
with left:
    if read_only():
        st.info("Read-only: training is disabled. Past runs are shown on the right.")
        list_data_sets()
        config = None
    else:
        user_data_form(choose_data)
        list_data_sets()
        fields, preview = settings_form()
        config = checked_config(fields)
    if config:
        n_runs = st.session_state[train_key("n_seeds")]
        with start_bar():
            st.write(expected_time(config, n_runs))
            if st.button(
                "Start training", type="primary", icon=":material/play_arrow:", key=train_key("start"), width="stretch"
            ):
                start(config, n_runs, st.session_state.get(train_key("device"), "auto"))
with right:
    entries = store().entries()
    if entries:
        live_panel(pick_watched(entries))
    else:
        st.info("No runs yet. Adjust the settings or keep them, then press **Start training**.")
if config:
    with preview:
        noise_preview(config)
