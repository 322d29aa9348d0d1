"""Choose settings, see what they mean, train, and watch it learn."""

from typing import Any, get_args

import streamlit as st

from dashboard import charts, pictures
from dashboard.components.gallery import gallery
from dashboard.shared import (
    MODEL_TITLES,
    dataset_images,
    expected_time,
    explain_absence,
    from_link,
    images,
    linked,
    run_title,
    store,
    warn_of_collapse,
    whole_or_set_aside,
)
from ddnmf_core import data, engine
from ddnmf_core.config import PRESETS, NoiseKind, RunConfig
from ddnmf_core.runs import Entry

DEFAULTS = RunConfig()
SYMBOLS = {"alpha": "α", "beta": "β", "gamma": "γ"}
LIVE = ("queued", "running", "interrupted")
NOISE_TITLES = {"gaussian": "Gaussian", "masking": "Masking", "salt_and_pepper": "Salt and pepper"}


# --------------------------------------------------------------------------------------- settings

def key(name: str) -> str:
    return f"train.{name}"


def remember_defaults() -> None:
    """Widgets take their values from the session, so that presets can set them."""
    for name, value in DEFAULTS.model_dump().items():
        text = ", ".join(map(str, value)) if name == "layers" else value
        st.session_state.setdefault(key(name), text)
    st.session_state.setdefault(key("n_seeds"), 1)


def apply_preset() -> None:
    changes = PRESETS.get(st.session_state.get(key("preset")) or "", {})
    for name in {field for preset in PRESETS.values() for field in preset}:
        st.session_state[key(name)] = changes.get(name, getattr(DEFAULTS, name))


def settings() -> dict[str, Any]:
    """Every field of a RunConfig, as the widgets have it."""
    st.segmented_control("Preset", list(PRESETS), format_func=str.capitalize, key=key("preset"), on_change=apply_preset,
                         help="Quick: 15 epochs. Strong: 45 epochs. Paper: summed losses, gamma 1, full precision.")
    found = [name for name in data.DATASETS if data.find(name)]
    missing = [f"{spec.title}: not found. {data.ways_to_get(name)}" for name, spec in data.DATASETS.items()
               if name not in found]
    chosen: dict[str, Any] = {
        "dataset": st.selectbox("Data set", found, format_func=lambda name: data.DATASETS[name].title,
                                key=key("dataset"), persist_state="session",
                                help="\n\n".join(missing) or "Every set was found on this machine."),
        "model": st.segmented_control("Model", list(MODEL_TITLES), format_func=MODEL_TITLES.get, key=key("model"),
                                      required=True, persist_state="session",
                                      help="AE1: an autoencoder of the same layers, trained on the noisy images. AE2: "
                                           "one layer shallower."),
    }
    columns = st.columns(3)
    for column, (name, text) in zip(columns, {
            "alpha": "Alpha, weight of L_sym, the supervisor's reconstruction. Only the supervisor feels it, and Adam cancels "
                     "any constant factor of a gradient: with Adam, alpha changes the curves' scale and not the model.",
            "beta": "Beta, weight of L_ap: the student's layers should equal the supervisor's.",
            "gamma": "Gamma, weight of L_nc: the NMF module should rebuild the code. Too large, and the code shrinks to 0.",
    }.items(), strict=True):
        chosen[name] = column.number_input(SYMBOLS[name], 0.0, 1e6, step=0.1, format="%.4g", key=key(name), help=text,
                                           persist_state="session", disabled=chosen["model"] != "ddnmf")
    chosen["noise_kind"] = st.segmented_control("Noise", get_args(NoiseKind), format_func=NOISE_TITLES.get,
                                                key=key("noise_kind"), required=True, wrap=True, persist_state="session")
    chosen["noise_level"] = st.slider("Noise level", 0.0, 1.0, step=0.05, key=key("noise_level"),
                                      persist_state="session",
                                      help="Gaussian: the standard deviation. Otherwise the share of pixels spoilt.")
    columns = st.columns(3)
    chosen["n_parts"] = columns[0].number_input("Parts r", 1, 512, key=key("n_parts"), persist_state="session",
                                                disabled=chosen["model"] != "ddnmf")
    chosen["epochs"] = columns[1].number_input("Epochs", 1, 10_000, key=key("epochs"), persist_state="session")
    chosen["seed"] = columns[2].number_input("Seed", 0, 2**31 - 1, key=key("seed"), persist_state="session")
    with st.expander("Network and losses"):
        chosen |= network_settings()
    with st.expander("Optimiser and run"):
        chosen |= optimiser_settings()
    return chosen


def choice(label: str, name: str, help_text: str = "") -> Any:
    options = get_args(RunConfig.model_fields[name].annotation)
    return st.selectbox(label, options, key=key(name), persist_state="session", help=help_text or None)


def network_settings() -> dict[str, Any]:
    layers = st.text_input("Layers of the encoder", key=key("layers"), persist_state="session",
                           help="Widths after the pixels; the decoder mirrors them. The last one is the code's width.")
    return {
        "layers": [part.strip() for part in layers.split(",")],
        "bottleneck_activation": choice("Bottleneck activation", "bottleneck_activation",
                                        "With relu, units die and the code collapses; linear keeps them alive."),
        "output_activation": choice("Output activation", "output_activation",
                                    "With relu, pixels that once fell below 0 stay black for good."),
        "basis": choice("Basis W", "basis", "paper: W may be negative, only X_hat may not. nonnegative: W >= 0."),
        "loss_reduction": choice("Loss reduction", "loss_reduction",
                                 "sum: as the paper, wide layers outweigh narrow ones. mean: every layer counts the same."),
    }


def optimiser_settings() -> dict[str, Any]:
    chosen = {"optimizer": choice("Optimiser", "optimizer")}
    chosen["learning_rate"] = st.number_input("Learning rate", 0.0, 10.0, step=1e-4, format="%.5g",
                                              key=key("learning_rate"), persist_state="session")
    chosen["batch_size"] = st.number_input("Batch size", 1, 65536, key=key("batch_size"), persist_state="session")
    chosen["n_samples"] = st.number_input("Images (empty: all)", 100, 70_000, value=None, key=key("n_samples"),
                                          persist_state="session", help="A random subset, the same for every run.")
    chosen["precision"] = choice("Matrix precision", "precision",
                                 "torch.set_float32_matmul_precision: medium is fastest where the processor has bfloat16.")
    st.selectbox("Device", ["auto", "cpu", "cuda", "mps"], key=key("device"), persist_state="session")
    st.number_input("Runs, with seeds one after the other", 1, 50, key=key("n_seeds"), persist_state="session")
    return chosen


def checked(fields: dict[str, Any]) -> RunConfig | None:
    """The configuration, or the reasons why there is none."""
    try:
        config = RunConfig(**fields)
        if (config.n_samples or 0) > data.DATASETS[config.dataset].n_samples:
            raise ValueError(f"n_samples = {config.n_samples}: {config.dataset} has "
                             f"{data.DATASETS[config.dataset].n_samples:,} images")
        config.replace(seed=config.seed + st.session_state[key("n_seeds")] - 1)
        return config
    except ValueError as error:
        st.error(str(error))
        return None


# ------------------------------------------------------------------------- before and while it runs

def noise_preview(config: RunConfig) -> None:
    """A few images at the level that the slider says."""
    import torch  # 2.7 s cold: after the rest of the page stands

    from ddnmf_core.corruption import corrupt_each
    chosen = dataset_images(config.dataset, None)
    samples = torch.tensor(chosen.one_of_each_class())
    clean = torch.from_numpy(chosen.scaled(samples.numpy()))
    noisy = corrupt_each(clean, samples, config.noise_kind, config.noise_level, config.seed)
    shown = pictures.to_u8(noisy.numpy()).reshape(-1, *chosen.image_shape)
    gallery(shown, [chosen.class_names[chosen.labels[sample]] for sample in samples], key="train.preview", size=52)
    st.caption(f"What the student sees at {config.noise_level:.0%} {NOISE_TITLES[config.noise_kind]} noise. The "
               "supervisor sees the clean images.")


def start(config: RunConfig, n_runs: int, device: str) -> None:
    """Submit; the first of them is the one to watch. A finished configuration is found, not trained again."""
    submitted = [engine.submit(store(), config.replace(seed=config.seed + number), device) for number in range(n_runs)]
    st.session_state["run"] = submitted[0].id
    if all(entry.finished for entry in submitted):
        st.toast("This configuration has been trained before: here it is.", icon=":material/history:")


def pick_watched(entries: list[Entry]) -> Entry:
    """The run to watch, in any state."""
    by_id = {entry.id: entry for entry in entries}
    wanted = from_link("run")
    if wanted is not None and wanted not in by_id:
        explain_absence(wanted, None)
    live = [entry for entry in entries if entry.state.status in LIVE]
    return by_id[linked(st.selectbox, "Run to watch", list(by_id), "run", (live or entries)[0].id,
                        format_func=lambda entry_id: run_title(by_id[entry_id]))]


def watch(entry: Entry) -> None:
    """The run as it stands now; called every second while it is live."""
    state = entry.state
    controls(entry)
    history = entry.history()
    epochs = [row for row in history if row["kind"] == "epoch"]
    if epochs:
        warn_of_collapse(entry)
    if history:
        numbers(entry, history)
        weighted = st.toggle("Weighted by alpha, beta, gamma", key="train.weighted")
        st.plotly_chart(charts.loss_curves(history, weighted), key="train.losses", config={"displayModeBar": False})
        explain_losses(entry.config, weighted)
    elif state.status in LIVE:
        st.caption("The first numbers come as soon as the training has begun.")
    learned(entry, epochs)
    if epochs:
        unit_charts(history)


def explain_losses(config: RunConfig, weighted: bool) -> None:
    unit = "image" if config.loss_reduction == "sum" else "pixel or unit"
    if config.model != "ddnmf":
        st.caption(f"L_sym per {unit}, logarithmic: what the autoencoder cannot rebuild of the noisy images that it is given.")
        return
    st.caption(f"The terms of eq 7 per {unit}, {'times' if weighted else 'before'} their weights; logarithmic. L_sym: what the "
               "supervisor cannot rebuild. L_ap: how far the student is from it, at first growing with the supervisor's own "
               "features. L_nc: what the NMF module cannot rebuild. L_in: their weighted sum, which training minimises.")


def controls(entry: Entry) -> None:
    state = entry.state
    stopping = entry.stop_requested and state.status in LIVE
    text = "Stopping." if stopping else state.message or state.status.capitalize()
    left, right = st.columns([5, 1], vertical_alignment="center")
    if state.status in LIVE:
        left.progress(state.progress, f"**{state.status.capitalize()}** · {text}")
        if right.button("Stop", key="train.stop", icon=":material/stop:", disabled=stopping):
            entry.request_stop()
    elif state.status == "finished":
        left.success(f"Finished on {state.device}.", icon=":material/check:")
        right.page_link("../pages/latent.py", label="See its map", query_params={"run": entry.id})
    else:
        (left.info if state.status == "stopped" else left.error)(text)
        if right.button("Resume" if state.status == "stopped" else "Try again", key="train.resume",
                        icon=":material/play_arrow:"):
            engine.submit(store(), entry.config)
            st.rerun(scope="app")


def numbers(entry: Entry, history: list[dict[str, Any]]) -> None:
    last = history[-1]
    with_units = next((row for row in reversed(history) if "n_units" in row), {})
    columns = st.columns(4)
    columns[0].metric("Epoch", f"{last['epoch']:.3g} of {entry.config.epochs}")
    columns[1].metric("Images a second", f"{last['images_per_second']:,.0f}")
    columns[2].metric("L_in", f"{last['L_in']:.4g}")
    columns[3].metric("Units that say nothing", f"{with_units.get('constant_units', '–')} of "
                                                f"{with_units.get('n_units', entry.config.code_size)}")


def learned(entry: Entry, epochs: list[dict[str, Any]]) -> None:
    """Reconstructions and parts of an epoch: of the newest one, or of any earlier one."""
    names = entry.names("snapshots/")
    if not names:
        return
    numbers_of = [int(name.split("/")[1].split(".")[0]) for name in names]
    st.session_state.setdefault("train.follow", True)
    follow = st.toggle("Follow the newest epoch", key="train.follow")
    if follow or len(names) < 2:
        epoch = numbers_of[-1]
    else:
        epoch = st.select_slider("Epoch", numbers_of, value=numbers_of[-1], key="train.epoch")
    snapshot = entry.read_tensors(names[numbers_of.index(epoch)])
    chosen = images(entry)
    samples = chosen.one_of_each_class()
    who = "student" if entry.config.model == "ddnmf" else "autoencoder"
    for name, title in {"supervisor": "The supervisor's reconstructions of clean images",
                        "student": f"The {who}'s reconstructions of noisy images",
                        "parts_raised": "Parts: what raising one coefficient to 1 gives, the others at their mean"}.items():
        if name in snapshot:
            st.markdown(f"**{title}**, epoch {epoch}")
            tiles = snapshot[name][:24].reshape(-1, *chosen.image_shape)
            captions = ([f"part {k + 1}" for k in range(len(tiles))] if name.startswith("parts")
                        else [chosen.class_names[chosen.labels[sample]] for sample in samples])
            gallery(tiles, captions, key=f"train.{name}", size=52)
    st.caption("Pictures are kept for every epoch: switch the newest off and move the slider to replay the training.")


def unit_charts(history: list[dict[str, Any]]) -> None:
    with st.expander("Layers, speed, gradients and units"):
        if any("layer_shares" in row for row in history):
            st.plotly_chart(charts.layer_shares(history), key="train.shares", config={"displayModeBar": False})
            st.caption("How much of L_ap each layer makes. A layer that takes nearly all of it is all the student learns.")
        left, right = st.columns(2)
        left.plotly_chart(charts.lines(history, {"images_per_second": "images/s"}, "Images a second"),
                          key="train.speed", config={"displayModeBar": False})
        right.plotly_chart(charts.lines(history, {"dead_units": "dead", "constant_units": "constant",
                                                  "constant_parts": "constant parts"}, "Units that say nothing"),
                           key="train.units", config={"displayModeBar": False})
        gradients = {f"gradient_{name}": name for name in ("supervisor", "student", "autoencoder")}
        left.plotly_chart(charts.lines(history, gradients, "Norm of the gradient", log=True),
                          key="train.gradients", config={"displayModeBar": False})
        right.plotly_chart(charts.lines(history, {"code_rms": "code"}, "Size of the code (root mean square)"),
                           key="train.code", config={"displayModeBar": False})
        st.caption("A constant unit gives the same value for every image; dead ones are always 0. A code that shrinks "
                   "towards 0 satisfies L_nc without learning anything.")


def queue(entries: list[Entry], watched: Entry) -> None:
    """The other runs that wait or work."""
    others = [entry for entry in entries if entry.state.status in LIVE and entry.id != watched.id]
    for entry in others:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.progress(entry.state.progress, f"{run_title(entry)} · {entry.state.message}")
        if right.button("Stop", key=f"train.stop.{entry.id}", icon=":material/stop:"):
            entry.request_stop()


def live_panel(entry: Entry) -> None:
    live = [e for e in store().entries() if e.state.status in LIVE]

    @st.fragment(run_every="1s" if live else None)
    @whole_or_set_aside
    def panel() -> None:
        entries = store().entries()
        watch(entry)
        if len(live) > (entry in live):
            st.markdown("**Also in the queue**")
        queue(entries, entry)
        if live and {e.id for e in entries if e.state.status in LIVE} != {e.id for e in live}:
            st.rerun(scope="app")
        if live:
            engine.ensure_started(store())
    panel()


st.title("Train")
remember_defaults()
left, right = st.columns([3, 7], gap="large")
with left:
    config = checked(settings())
    if config:
        n_runs = st.session_state[key("n_seeds")]
        st.write(expected_time(config, n_runs))
        if st.button("Start training", type="primary", icon=":material/play_arrow:", key=key("start"), width="stretch"):
            start(config, n_runs, st.session_state.get(key("device"), "auto"))
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
