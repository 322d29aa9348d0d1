"""A run as it stands now: state, losses, pictures and units, while it is trained and afterwards."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.components.gallery import gallery
from dashboard.figures import charts
from dashboard.figures.saving import show_chart
from dashboard.session.results import report_damage
from dashboard.session.run_data import as_pictures, images
from dashboard.session.run_title import run_title
from dashboard.session.selections import warn_of_collapse
from dashboard.session.store import LIVE_STATUSES, store
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import snapshot_name, snapshots_of

STATE_INTERVAL, CURVES_INTERVAL = "1s", "3s"  # while it is trained, whose cores drawing takes
MAX_QUEUE_SHOWN = 12  # a sweep has hundreds: drawn each second


def live_panel(entry: RunEntry) -> None:
    """The run, and what else is in the queue; it moves as long as anything is live."""
    live = {e.id for e in store().entries() if e.state.status in LIVE_STATUSES}
    _ticking(show_controls, STATE_INTERVAL if live else None)(entry)
    _ticking(show_curves, CURVES_INTERVAL if live else None)(entry)
    _ticking(show_other_runs, STATE_INTERVAL if live else None)(entry, live)


def _ticking(body: Callable[..., None], every: str | None) -> Callable[..., None]:
    return st.fragment(report_damage(body), run_every=every)


def show_curves(entry: RunEntry) -> None:
    """What it has learned so far, in numbers, curves and pictures."""
    history = entry.history()
    epochs = [row for row in history if row["kind"] == "epoch"]
    warn_of_collapse(epochs)
    if history:
        show_numbers(entry, history)
        weighted = st.toggle("Weighted by alpha, beta, gamma", key="train.weighted")
        show_chart(
            charts.loss_curves(history, weighted), "train.losses", explain_losses(entry.config, weighted), title="Losses"
        )
    elif entry.state.status in LIVE_STATUSES:
        st.caption("The first numbers come as soon as the training has begun.")
    show_pictures(entry, epochs)
    if epochs:
        show_unit_charts(history, len(entry.config.encoder_layers))


def show_other_runs(entry: RunEntry, live: set[str]) -> None:
    """What else waits or works; the page is drawn anew once something has ended or has come."""
    entries = store().entries()
    if len(live) > (entry.id in live):
        st.markdown("**Also in the queue**")
    show_queue(entries, entry)
    if live and {e.id for e in entries if e.state.status in LIVE_STATUSES} != live:
        st.rerun(scope="app")
    if live:
        engine.ensure_started(store())


def explain_losses(config: RunConfig, weighted: bool) -> str:
    unit = "image" if config.loss_reduction == "sum" else "pixel or unit"
    if config.model != "ddnmf":
        asked_for = "clean images behind the noisy ones" if config.model == "dae" else "noisy images"
        return f"L_sym per {unit}, logarithmic: what the autoencoder cannot rebuild of the {asked_for} that it is given."
    return (
        f"The terms of eq 7 per {unit}, {'times' if weighted else 'before'} their weights; logarithmic. L_sym: what the "
        "supervisor cannot rebuild. L_ap: how far the student is from it, at first growing with the supervisor's own "
        "features. L_nc: what the NMF module cannot rebuild. L_in: their weighted sum, which training minimises."
    )


def show_controls(entry: RunEntry) -> None:
    state = entry.state
    stopping = entry.stop_requested and state.status in LIVE_STATUSES
    text = "Stopping." if stopping else state.message or state.status.capitalize()
    left, right = st.columns([4, 1], vertical_alignment="center")
    if state.status in LIVE_STATUSES:
        left.progress(state.progress, f"**{state.status.capitalize()}** · {text}")
        if right.button("Stop", key="train.stop", icon=":material/stop:", disabled=stopping or read_only()):
            entry.request_stop()
    elif state.status == "finished":
        left.success(f"Finished on {state.device}.", icon=":material/check:")
        right.page_link("../pages/latent.py", label="See its map", query_params={"run": entry.id})
    else:
        (left.info if state.status == "stopped" else left.error)(text)
        if right.button(
            "Resume" if state.status == "stopped" else "Try again",
            key="train.resume",
            icon=":material/play_arrow:",
            disabled=read_only(),
        ):
            engine.submit(store(), entry.config)
            st.rerun(scope="app")


def show_numbers(entry: RunEntry, history: list[dict[str, Any]]) -> None:
    last = history[-1]
    with_units: dict[str, Any] = next((row for row in reversed(history) if "n_units" in row), {})
    columns = st.columns(4)
    columns[0].metric(f"Epoch, of {entry.config.epochs}", f"{round(last['epoch'], 1):g}")
    columns[1].metric("Images a second", f"{last['images_per_second']:,.0f}")
    columns[2].metric("L_in", f"{last['L_in']:.4g}")
    columns[3].metric(
        f"Constant, of {with_units.get('n_units', entry.config.code_size)} units", with_units.get("constant_units", "–")
    )


def show_pictures(entry: RunEntry, epochs: list[dict[str, Any]]) -> None:
    """Reconstructions and parts of an epoch: of the newest one, or of any earlier one."""
    kept = snapshots_of(entry)
    if not kept:
        return
    st.session_state.setdefault("train.follow", True)
    follow = st.toggle("Follow the newest epoch", key="train.follow")
    if follow or len(kept) < 2:
        epoch = kept[-1]
    else:
        epoch = st.select_slider("Epoch", kept, value=kept[-1], key="train.epoch")
    snapshot = entry.read_tensors(snapshot_name(epoch))
    chosen = images(entry)
    samples = chosen.one_of_each_class()
    who = "student" if entry.config.model == "ddnmf" else "autoencoder"
    for name, title in {
        "supervisor": "The supervisor's reconstructions of clean images",
        "student": f"The {who}'s reconstructions of noisy images",
        "parts_raised": "Parts: what raising one coefficient to 1 gives, the others at their mean",
    }.items():
        if name in snapshot:
            st.markdown(f"**{title}**, epoch {epoch}")
            tiles = as_pictures(chosen, snapshot[name][:24])
            captions = (
                [f"part {k + 1}" for k in range(len(tiles))]
                if name.startswith("parts")
                else [chosen.caption(sample) for sample in samples[:24]]
            )
            gallery(tiles, captions, key=f"train.{name}", size=52, title=f"{title.partition(':')[0]}, epoch {epoch}")
    st.caption("Pictures are kept for every epoch: switch the newest off and move the slider to replay the training.")


def show_unit_charts(history: list[dict[str, Any]], n_encoder: int) -> None:
    opened = st.expander("Layers, speed, gradients and units", key="train.more", on_change="rerun")
    was_open = st.session_state.get("train.more.open", False)
    st.session_state["train.more.open"] = opened.open
    if opened.open and not was_open:
        st.rerun(scope="app")  # "Save a figure" hears of the charts, too
    if not opened.open:  # else they would be drawn each second for nobody
        return
    with opened:
        if any("layer_shares" in row for row in history):
            show_chart(
                charts.layer_shares(history, n_encoder),
                "train.shares",
                "How much of L_ap each layer makes. A layer that takes nearly all of it is all the student learns.",
                title="Share of each layer in L_ap",
            )
        left, right = st.columns(2)
        units = {"dead_units": "dead", "constant_units": "constant", "constant_parts": "constant parts"}
        gradients = {f"gradient_{name}": name for name in ("supervisor", "student", "autoencoder")}
        show_chart(
            charts.line_chart(history, {"images_per_second": "images/s"}, "Images a second"), "train.speed", None, place=left
        )
        show_chart(charts.line_chart(history, units, "Units that say nothing"), "train.units", None, place=right)
        show_chart(charts.line_chart(history, gradients, "Norm of the gradient", log=True), "train.gradients", None, place=left)
        show_chart(
            charts.line_chart(history, {"code_rms": "code"}, "Size of the code (root mean square)"),
            "train.code",
            None,
            place=right,
        )
        st.caption(
            "A constant unit gives the same value for every image; dead ones are always 0. A code that shrinks "
            "towards 0 satisfies L_nc without learning anything. A gradient that grows a hundredfold comes before a "
            "loss that is no longer finite."
        )


def queue_order(entries: list[RunEntry]) -> list[RunEntry]:
    """Those that wait or are worked on, of entries that come newest first: what is worked on, then what is next."""
    live = [entry for entry in reversed(entries) if entry.state.status in LIVE_STATUSES]
    return sorted(live, key=lambda entry: entry.state.status == "queued")


def show_queue(entries: list[RunEntry], watched: RunEntry) -> None:
    """The other runs that wait or work."""
    others = [entry for entry in queue_order(entries) if entry.id != watched.id]
    for entry in others[:MAX_QUEUE_SHOWN]:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.progress(entry.state.progress, f"{run_title(entry)} · {entry.state.message}")
        if right.button("Stop", key=f"train.stop.{entry.id}", icon=":material/stop:", disabled=read_only()):
            entry.request_stop()
    if n_more := max(0, len(others) - MAX_QUEUE_SHOWN):
        st.caption(f"And {n_more} more that wait{'s' if n_more == 1 else ''}: choose one under **Run to watch** to stop it.")
