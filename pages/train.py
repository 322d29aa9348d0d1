"""Choose settings, see what they mean, train, and watch it learn."""

import streamlit as st

from dashboard.components.gallery import gallery
from dashboard.session.links import linked_choice, set_choice
from dashboard.session.results import expected_time
from dashboard.session.run_data import as_pictures, dataset_images, explain_data
from dashboard.session.run_title import run_title
from dashboard.session.selections import explain_absence
from dashboard.session.store import store
from dashboard.session.train_settings import train_key
from dashboard.train.data_form import user_data_form
from dashboard.train.live_run import live_panel, queue_order
from dashboard.train.run_form import checked_config, choose_data, remember_defaults, settings_form
from ddnmf_core.config import RunConfig
from ddnmf_core.data import pictures
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only
from ddnmf_core.labels import NOISE_TITLES
from ddnmf_core.store.entry import RunEntry


def noise_preview(config: RunConfig) -> None:
    """A few images at the level that the slider says."""
    import torch  # 2.7 s cold: after the rest of the page stands

    from ddnmf_core.model.corruption import corrupt_each

    chosen = dataset_images(config.dataset, None)
    samples = torch.tensor(chosen.one_of_each_class())
    clean = torch.from_numpy(chosen.scaled(samples.numpy()))
    noisy = corrupt_each(clean, samples, config.noise_kind, config.noise_level, config.seed)
    shown = as_pictures(chosen, pictures.to_u8(noisy.numpy()))
    gallery(shown, [chosen.caption(sample) for sample in samples.tolist()], key="train.preview", size=52)
    st.caption(
        f"What the student sees at {config.noise_level:.0%} {NOISE_TITLES[config.noise_kind]} noise. The "
        "supervisor sees the clean images."
    )
    explain_data(chosen)


def start(config: RunConfig, n_runs: int, device: str) -> None:
    """Submit; the first of them is the one to watch. A finished configuration is found, not trained again."""
    submitted = [engine.submit(store(), config.replace(seed=config.seed + number), device) for number in range(n_runs)]
    set_choice("run", submitted[0].id)
    if all(entry.finished for entry in submitted):
        st.toast("This configuration has been trained before: here it is.", icon=":material/history:")


def pick_watched(entries: list[RunEntry]) -> RunEntry:
    """The run to watch, in any state."""
    by_id = {entry.id: entry for entry in entries}
    explain_absence("run", by_id, by_id)
    return by_id[
        linked_choice(
            st.selectbox,
            "Run to watch",
            list(by_id),
            "run",
            (queue_order(entries) or entries)[0].id,
            format_func=lambda entry_id: run_title(by_id[entry_id]),
        )
    ]


st.title("Train")
remember_defaults()
left, right = st.columns([4, 7], gap="large")
with left:
    if read_only():
        st.info("Here nothing is trained. On the right are the trainings of the runs that are in the store.")
        config = None
    else:
        user_data_form(choose_data)
        config = checked_config(settings_form())
    if config:
        n_runs = st.session_state[train_key("n_seeds")]
        st.write(expected_time(config, n_runs))
        if st.button("Start training", type="primary", icon=":material/play_arrow:", key=train_key("start"), width="stretch"):
            start(config, n_runs, st.session_state.get(train_key("device"), "auto"))
with right:
    preview = st.container()
    st.divider()
    everything = store().entries()
    if everything:
        live_panel(pick_watched(everything))
    else:
        st.info("Nothing has been trained yet. Choose settings, or keep them, and press **Start training**.")
if config:
    with preview:
        noise_preview(config)
