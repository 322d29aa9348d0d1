"""Show a run during and after training: state, losses, pictures and units."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.action_button import action_button
from dashboard.components.gallery import gallery
from dashboard.figures import charts
from dashboard.figures.saving import show_chart, show_title
from dashboard.session.errors import warn_of_engine
from dashboard.session.results import report_damage
from dashboard.session.run_data import as_pictures, images
from dashboard.session.selections import warn_of_collapse
from dashboard.session.store import LATENT_PAGE, LIVE_STATUSES, store
from ddnmf_core.config import RunConfig
from ddnmf_core.data import pictures
from ddnmf_core.display.text import in_markdown
from ddnmf_core.engine import client as engine
from ddnmf_core.engine import estimate
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import snapshot_name, snapshots_of
from ddnmf_core.store.run_names import run_title

STATE_INTERVAL, CURVES_INTERVAL = "1s", "3s"  # refresh during training; drawing competes with it for cores
STOP_ICON = ":material/stop:"
LOSS_VIEWS = {"relative": "Relative", "raw": "Raw", "weighted": "Weighted by α, β, γ"}
MAX_PICTURES = 24  # in a row
MAX_QUEUE_SHOWN = 12  # a sweep has hundreds, and the list is redrawn each second


def live_panel(entry: RunEntry) -> None:
    """Show the run and the queue; refresh while anything is live."""
    live = {e.id for e in store().entries() if e.state.status in LIVE_STATUSES}
    _ticking(show_controls, STATE_INTERVAL if live else None)(entry, entry.id in live)
    _ticking(show_curves, CURVES_INTERVAL if live else None)(entry)
    _ticking(show_other_runs, STATE_INTERVAL if live else None)(entry, live)


def _ticking(body: Callable[..., None], every: str | None) -> Callable[..., None]:
    return st.fragment(report_damage(body), run_every=every)


def show_curves(entry: RunEntry) -> None:
    """Show the run's progress in numbers, curves and pictures."""
    history = entry.history()
    epochs = [row for row in history if row["kind"] == "epoch"]
    warn_of_collapse(epochs)
    if history:
        show_numbers(entry, history)
        show_errors(entry.config, epochs)
        show_losses(entry.config, history)
    elif entry.state.status in LIVE_STATUSES:
        st.caption("Waiting for the first batch …")
    show_pictures(entry, epochs)
    if epochs:
        show_unit_charts(history, len(entry.config.encoder_layers))


def show_other_runs(entry: RunEntry, live: set[str]) -> None:
    """Show the rest of the queue; rerun the page when the set of live runs changes."""
    entries = store().entries()
    if len(live) > (entry.id in live):
        st.markdown("**Queue**")
    show_queue(entries, entry)
    if live and {e.id for e in entries if e.state.status in LIVE_STATUSES} != live:
        st.rerun(scope="app")
    if live:
        engine.ensure_started(store())


def show_errors(config: RunConfig, epochs: list[dict[str, Any]]) -> None:
    """Show the errors on fixed images, which fall while a model learns. Runs of earlier versions have none."""
    if not any("relative" in row for row in epochs):
        return
    title = "Error on held-out images" if config.test_share else "Error on fixed images"
    student = "student, noisy input" if config.model == "ddnmf" else "autoencoder, noisy input"
    errors = {"error_student": student, "error_supervisor": "supervisor, clean input", "error": student}
    show_chart(
        charts.line_chart(epochs, {name: title for name, title in errors.items() if name in epochs[-1]}, title, log=True),
        "train.errors",
        "Mean squared error per pixel against clean images, the same images and noise after every epoch, log scale. Comparable "
        "between settings.",
    )


def show_losses(config: RunConfig, history: list[dict[str, Any]]) -> None:
    """Show the loss terms: raw during the first epoch, then relative to the variance of their targets, raw or weighted."""
    epochs = [row for row in history if row["kind"] == "epoch" and "relative" in row]
    heading, choice = st.columns([1, 3], vertical_alignment="center")
    view = "raw"
    if epochs:
        views = [name for name in LOSS_VIEWS if name != "weighted" or config.model == "ddnmf"]  # else L_sym alone
        if st.session_state.get("train.losses.view") not in views:
            st.session_state["train.losses.view"] = views[0]
        choice.segmented_control(
            "Losses",
            views,
            key="train.losses.view",
            format_func=LOSS_VIEWS.__getitem__,
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        view = st.session_state["train.losses.view"]
    if view == "relative":
        figure = charts.relative_losses(epochs)
    else:
        figure = charts.loss_curves(history, view == "weighted")
    show_title("Losses", explain_losses(config, view), heading)
    show_chart(figure, "train.losses", None, title="Losses")


def explain_losses(config: RunConfig, view: str) -> str:
    """Explain the loss curves in a caption."""
    unit = "image" if config.loss_reduction == "sum" else "pixel or unit"
    scale = {
        "relative": "relative to the variance of their targets (1: no better than a constant)",
        "raw": f"per {unit}, before their weights",
        "weighted": f"per {unit}, times their weights",
    }[view]
    if config.model != "ddnmf":
        target = "clean" if config.model == "dae" else "noisy"
        how = f"per {unit}" if view == "raw" else "relative to the variance of its target"
        return f"L_sym {how}, log scale: the autoencoder's reconstruction error against the {target} images."
    text = (
        f"Terms of eq 7 {scale}, log scale. L_sym: the supervisor's reconstruction error. L_ap: distance of the student's "
        "features from the supervisor's. L_nc: the NMF module's reconstruction error."
    )
    if view == "relative":
        return text
    total = " L_in: their weighted sum, the training objective." if view == "raw" else ""
    return f"{text}{total} L_ap and L_nc can rise because the supervisor's features grow."


def show_controls(entry: RunEntry, live: bool) -> None:
    """Show the run's state and the button to stop or resume it; rerun the page when it starts or ends."""
    state = entry.state
    if (state.status in LIVE_STATUSES) != live:
        st.rerun(scope="app")
    stopping = entry.stop_requested and state.status in LIVE_STATUSES
    text = "Stopping …" if stopping else in_markdown(state.message) or state.status.capitalize()
    left, right = st.columns([4, 1], vertical_alignment="center")
    if state.status in LIVE_STATUSES:
        left.progress(state.progress, f"**{state.status.capitalize()}** · {text}")
        action_button(
            "Stop",
            "train.stop",
            entry.request_stop,
            place=right,
            icon=STOP_ICON,
            disabled=stopping or read_only(),
            width="stretch",
        )
        warn_of_engine()
    elif state.status == "finished":
        left.success(f"Finished on {state.device}.", icon=":material/check:")
        right.page_link(LATENT_PAGE, label="Open map", icon=":material/scatter_plot:", query_params={"run": entry.id})
    else:
        if state.status == "stopped":
            left.info(text)
        else:
            left.error(f"**{state.status.capitalize()}.** {text}")
        action_button(
            "Resume" if state.status == "stopped" else "Try again",
            "train.resume",
            engine.submit,
            store(),
            entry.config,
            place=right,
            icon=":material/play_arrow:",
            disabled=read_only(),
            width="stretch",
        )


def show_numbers(entry: RunEntry, history: list[dict[str, Any]]) -> None:
    last = history[-1]
    with_units: dict[str, Any] = next((row for row in reversed(history) if "n_units" in row), {})
    n_units = with_units.get("n_units", entry.config.code_size)
    with st.container(horizontal=True, gap="medium"):  # wraps where numbers would not fit
        st.metric("Epoch", f"{round(last['epoch'], 1):g} / {entry.config.epochs}", width="content")
        st.metric("Images/s", f"{last['images_per_second']:,.0f}", width="content")
        st.metric("L_in", f"{last['L_in']:.4g}", width="content")
        st.metric(
            "Constant units",
            f"{with_units.get('constant_units', '–')} of {n_units}",
            help="Units of the code with the same value for every image.",
            width="content",
        )
        if entry.state.status == "running" and (left := estimate.seconds_left(entry.config, history)) is not None:
            st.metric(
                "Time left", estimate.format_duration(left), help="Training and scoring at this run's speed.", width="content"
            )


def show_pictures(entry: RunEntry, epochs: list[dict[str, Any]]) -> None:
    """Show reconstructions and parts at the latest or any earlier epoch."""
    epochs_shown = snapshots_of(entry)
    if not epochs_shown:
        return
    heading, choice = st.columns([3, 2], vertical_alignment="center")
    follow = choice.toggle(
        "Follow latest epoch",
        value=True,
        key="train.follow",
        persist_state="session",
        help="Turn it off and drag the slider to replay the training.",
    )
    if follow or len(epochs_shown) < 2:
        epoch = epochs_shown[-1]
    else:
        epoch = st.select_slider("Epoch", epochs_shown, value=epochs_shown[-1], key="train.epoch")
    snapshot = entry.read_tensors(snapshot_name(epoch))
    chosen = images(entry)
    samples = chosen.one_of_each_class()
    denoiser = "student" if entry.config.model == "ddnmf" else "autoencoder"
    rows = {"supervisor": "supervisor, clean input", "student": f"{denoiser}, noisy input"}
    shown = {title: snapshot[name][:MAX_PICTURES] for name, title in rows.items() if name in snapshot}
    if shown:
        n = min(len(samples), MAX_PICTURES)
        captions = [""] * n * (len(shown) - 1) + [chosen.caption(sample) for sample in samples[:n]]
        show_title(title := f"Reconstructions, epoch {epoch}", f"Rows from the top: {'; '.join(shown)}.", heading)
        gallery(
            as_pictures(chosen, np.concatenate(list(shown.values()))),
            captions,
            key="train.reconstructions",
            size=52,
            columns=n,
            title=title,
        )
    if "parts_swing" in snapshot:  # else of an autoencoder or an earlier version
        swings = snapshot["parts_swing"][:MAX_PICTURES].astype(np.float32) / np.float32(127)
        if entry.config.nmf_at == "pixels":  # a swing is then the part itself, times the range of its coefficient
            tiles = pictures.to_u8(as_pictures(chosen, pictures.brightest_at_one(swings)))
            how = "Each part alone, scaled to its brightest pixel. An image is a sum of them."
        else:
            tiles = pictures.differences(as_pictures(chosen, swings))
            how = (
                "Swing: the picture at the 95 % quantile of a coefficient minus that at its 5 %. Red: ink added, blue: removed."
            )
        gallery(
            tiles,
            [f"part {k + 1}" for k in range(len(swings))],
            key="train.parts",
            size=52,
            title=f"Parts{_of_all(entry.config.n_parts)}, epoch {epoch}",
            how=how,
        )


def _of_all(n_parts: int) -> str:
    return f", the first {MAX_PICTURES} of {n_parts}" if n_parts > MAX_PICTURES else ""


def show_unit_charts(history: list[dict[str, Any]], n_encoder: int) -> None:
    opened = st.expander("Layers, speed, gradients and units", key="train.more", on_change="rerun")
    was_open = st.session_state.get("train.more.open", False)
    st.session_state["train.more.open"] = opened.open
    if opened.open and not was_open:
        st.rerun(scope="app")  # so that "Save a figure" lists these charts
    if not opened.open:  # do not redraw hidden charts each second
        return
    with opened:
        if any("layer_shares" in row for row in history):
            show_chart(
                charts.layer_shares(history, n_encoder),
                "train.shares",
                "Fraction of L_ap by layer. If one layer takes nearly all of it, the student learns little else.",
                title="L_ap by layer",
            )
        left, right = st.columns(2)
        units = {"dead_units": "dead", "constant_units": "constant", "constant_parts": "constant parts"}
        gradients = {f"gradient_{name}": name for name in ("supervisor", "student", "autoencoder")}
        more: list[tuple[str, dict[str, str], str, str]] = [
            ("speed", {"images_per_second": "images/s"}, "Images per second", "Images trained on per second, by epoch."),
            ("units", units, "Dead and constant units", "Constant: same value for every image; dead: always 0."),
            ("gradients", gradients, "Gradient norm", "Log scale. A hundredfold rise precedes divergence."),
            ("code", {"code_rms": "code"}, "RMS of the code", "A code that shrinks to 0 minimises L_nc without learning."),
        ]
        for number, (name, series, title, how) in enumerate(more):
            figure = charts.line_chart(history, series, title, log=name == "gradients")
            show_chart(figure, f"train.{name}", how, place=(left, right)[number % 2])


def queue_order(entries: list[RunEntry]) -> list[RunEntry]:
    """Return live entries, running ones first, then queued ones in order; `entries` are newest first."""
    live = [entry for entry in reversed(entries) if entry.state.status in LIVE_STATUSES]
    return sorted(live, key=lambda entry: entry.state.status == "queued")


def show_queue(entries: list[RunEntry], watched: RunEntry) -> None:
    """Show the other live runs."""
    others = [entry for entry in queue_order(entries) if entry.id != watched.id]
    for entry in others[:MAX_QUEUE_SHOWN]:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.progress(entry.state.progress, f"{in_markdown(run_title(entry))} · {in_markdown(entry.state.message)}")
        action_button("Stop", f"train.stop.{entry.id}", entry.request_stop, place=right, icon=STOP_ICON, disabled=read_only())
    if n_more := max(0, len(others) - MAX_QUEUE_SHOWN):
        st.caption(f"And {n_more} more: select one under **Run** to stop it.")
