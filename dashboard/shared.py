"""What two pages need: the store, the chosen run and sample, and what is loaded of them."""

import time
from collections.abc import Callable, Container, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ddnmf_core import diagnosis, engine, estimate
from ddnmf_core.config import RunConfig
from ddnmf_core.entries import CLUSTERS, CODES, ENDED, Entry
from ddnmf_core.files import CorruptFile
from ddnmf_core.runs import Store

# A picture of its own: Streamlit would fetch an emoji or an icon name from the network.
ICON = str(Path(__file__).parent / "icon.png")
TRAIN, EXPLAIN = "../pages/train.py", "../pages/explain.py"
LIVE = ("queued", "running", "interrupted")                          # states of a run that somebody works on
STALE_FOR = 5.0                                                     # seconds in which an old address may still arrive
IN_TITLE = {"model", "dataset", "n_samples", "n_parts", "noise_kind", "noise_level", "epochs", "seed"}
MODEL_TITLES = {"ddnmf": "DDNMF", "ae1": "AE1", "ae2": "AE2"}
INPUT_TITLES = {"clean": "clean images", "noisy": "noisy images"}
REPRESENTATION_TITLES = {"z": "z, the code", "H": "H, the parts' coefficients", "z_hat": "z_hat, rebuilt code"}


def store() -> Store:
    return Store()


def run_title(entry: Entry) -> str:
    """What to call a run in a list."""
    c: RunConfig = entry.config
    size = f" ({c.n_samples:,})" if c.n_samples else ""
    parts = f" · r {c.n_parts}" if c.model == "ddnmf" else ""
    unusual = "".join(f" · {name.replace('_', ' ')} {value}" for name, value in c.unusual().items() if name not in IN_TITLE)
    return (f"{MODEL_TITLES[c.model]} · {c.dataset}{size}{parts} · {c.noise_kind} {c.noise_level:.0%} · "
            f"{c.epochs} epochs{unusual} · seed {c.seed} · {entry.id[:6]}")


# ------------------------------------------------------------------------------------- selections

def linked(widget: Callable[..., Any], label: str, options: Sequence[str], key: str, default: str | None = None,
           **details: Any) -> str:
    """A choice that the link holds by its own name: `?key=option` brings it back, here and on other pages.

    Streamlit's own binding would put the option's title into the link, which changes with its wording.
    """
    wanted = from_link(key)
    st.session_state[key] = wanted if wanted in options else default or options[0]
    chosen = widget(label, options, key=key, persist_state="session", on_change=_chosen_by_hand, args=(key,), **details)
    to_link(key, chosen)
    return chosen


def _chosen_by_hand(key: str) -> None:
    st.session_state.pop(f"missed.{key}", None)


def to_link(key: str, value: str) -> None:
    """Put a choice into the address bar, and remember that it was not somebody's new link."""
    written = st.session_state.get(f"link.{key}", _Written())
    if value != written.value:
        st.session_state[f"link.{key}"] = _Written(value, written.value, time.monotonic())
    st.query_params[key] = value


def from_link(key: str) -> str | None:
    """What the link says, if somebody has just followed one; else what was chosen before.

    The browser sends its address with every click. After quick clicks that is still the one from before the last
    choice, which is no new link.
    """
    said, written = st.query_params.get(key), st.session_state.get(f"link.{key}", _Written())
    stale = said == written.before and time.monotonic() - written.at < STALE_FOR
    if said is not None and said != written.value and not stale:
        return said
    return st.session_state.get(key)


class _Written(NamedTuple):
    """What stands in the address bar for a choice, what stood there before, and since when."""

    value: str | None = None
    before: str | None = None
    at: float = 0.0


def newest_with_parts(ready: list[Entry]) -> Entry:
    """What to show when nothing was chosen: the newest DDNMF, else the newest run."""
    return next((entry for entry in ready if entry.config.model == "ddnmf"), ready[0])


def pick_run(label: str = "Run", key: str = "run", default: Callable[[list[Entry]], Entry] = newest_with_parts) -> Entry:
    """A finished run, chosen here or by the link; explains itself and stops the page when there is none."""
    entries = {entry.id: entry for entry in store().entries()}
    ready = {entry_id: entry for entry_id, entry in entries.items() if entry.finished}
    explain_absence(key, set(ready), entries)
    if not ready:
        _invite_to_train(entries)
    chosen = linked(st.selectbox, label, list(ready), key, default(list(ready.values())).id,
                    format_func=lambda entry_id: run_title(ready[entry_id]),
                    help="Every finished run of the store, newest first.")
    warn_of_collapse(ready[chosen])
    return ready[chosen]


def warn_of_collapse(run: Entry) -> None:
    """On every page that shows a run whose units say nothing."""
    epochs = run.epochs()
    for sentence in diagnosis.warnings(epochs[-1]) if epochs else []:
        st.warning(sentence, icon=":material/warning:")


def explain_absence(key: str, shown: Container[str], entries: Mapping[str, Entry]) -> None:
    """Say why the run that a link names is not shown, until somebody chooses another one."""
    wanted, missed = from_link(key), f"missed.{key}"
    if wanted is not None and wanted not in shown:
        st.session_state[missed] = wanted
    run_id = st.session_state.get(missed)
    if run_id is None or run_id in shown:
        st.session_state.pop(missed, None)
        return
    entry = entries.get(run_id)
    if entry is None:
        st.warning(f"The run {run_id} that the link names is not in this store. It may have been deleted, or it "
                   "was trained elsewhere.")
        return
    state = entry.state
    doing = "is not finished yet" if state.status not in ENDED else f"ended as {state.status}"
    st.info(f"{run_title(entry)} {doing}. {state.message}")


def _invite_to_train(entries: dict[str, Entry]) -> None:
    if any(entry.state.status not in ENDED for entry in entries.values()):
        st.info("A model is being trained. This page fills as soon as it has finished.")
        st.page_link(TRAIN, label="Watch it on the Train page", icon=":material/monitoring:")
        _watch_for_the_first()
    else:
        st.info("There is no trained model yet. Train one first; the shipped MNIST is enough for it.")
        st.page_link(TRAIN, label="Go to the Train page", icon=":material/play_arrow:")
    st.stop()


@st.fragment(run_every="2s")
def _watch_for_the_first() -> None:
    if any(entry.finished for entry in store().entries()):
        st.rerun(scope="app")


def pick_sample(run: Entry) -> int:
    """The sample that every page shows, by number; kept in the link."""
    n = run.config.n_samples or len(images(run))
    if not 0 <= st.session_state.get("sample", 0) < n:
        st.session_state["sample"] = 0
    return int(st.number_input("Sample", 0, n - 1, key="sample", bind="query-params",
                               help=f"0 to {n - 1:,}, in the order of the run's images."))


def choose_sample(sample: int) -> None:
    """For callbacks: make this the sample on every page."""
    st.session_state["sample"] = int(sample)


# ------------------------------------------------------------------------------- what is in a run

def images(run: Entry) -> Any:
    """The run's data set."""
    return dataset_images(run.config.dataset, run.config.n_samples)


@st.cache_resource(max_entries=3, show_spinner="Reading the images.")
def dataset_images(dataset: str, n_samples: int | None) -> Any:
    from ddnmf_core import data
    return data.load(dataset, n_samples)                            # type: ignore[arg-type]


def model(run: Entry) -> Any:
    """The trained model on the CPU; not to be changed."""
    return _model(str(run.store.root), run.id)


@st.cache_resource(max_entries=6, show_spinner="Loading the model.")
def _model(root: str, run_id: str) -> Any:
    from ddnmf_core.tasks import load_model
    return load_model(Entry(Store(root), "runs", run_id))


def codes(run: Entry) -> dict[str, NDArray[np.float32]]:
    """'clean/z' (n, d), 'noisy/H' (n, r), 'clean/error' (n,) and so on; not to be changed."""
    return _codes(str(run.store.root), run.id)


@st.cache_resource(max_entries=6, show_spinner=False)
def _codes(root: str, run_id: str) -> dict[str, NDArray[np.float32]]:
    return Entry(Store(root), "runs", run_id).read_tensors(CODES)


def clusters(run: Entry) -> Any:
    """The table of clusters: a column for 'clean/z/kmeans' and so on."""
    return _clusters(str(run.store.root), run.id)


@st.cache_resource(max_entries=6, show_spinner=False)
def _clusters(root: str, run_id: str) -> Any:
    return Entry(Store(root), "runs", run_id).read_table(CLUSTERS)


def picture(run: Entry, pixels: NDArray[Any]) -> NDArray[Any]:
    """Rows of pixels (..., d) as pictures (..., h, w)."""
    return np.asarray(pixels).reshape(*np.shape(pixels)[:-1], *images(run).image_shape)


# --------------------------------------------------------------------------------- background work

def result_of(config: Any, what: str) -> Entry | None:
    """An entry's finished result, asked for where it is not there; meanwhile its progress, and None."""
    entry = store().entry(config)
    if entry.exists and entry.finished:
        return entry
    status = entry.state.status if entry.exists else "new"
    if status in ("failed", "stopped") and not store().is_requested(entry):
        st.warning(f"{what}: {entry.state.message}")
        if st.button("Try again", key=f"again.{entry.id}"):
            engine.submit(store(), config)
            st.rerun()
        return None
    if not store().is_requested(entry):
        engine.submit(store(), config)
    _progress(entry, what)
    return None


def whole_or_set_aside(body: Callable[..., None]) -> Callable[..., None]:
    """For fragments, whose exceptions never reach app.py: what is damaged is set aside, what is gone is said so."""
    @wraps(body)
    def guarded(*arguments: Any) -> None:
        try:
            body(*arguments)
        except CorruptFile as error:
            show_damage(error)
    return guarded


@st.fragment(run_every="1s")
@whole_or_set_aside
def _progress(entry: Entry, what: str) -> None:
    state = entry.state
    if state.status in ENDED and not store().is_requested(entry):
        st.rerun(scope="app")
    st.progress(state.progress, f"{what}: {state.message}")
    if st.button("Cancel", key=f"cancel.{entry.id}", icon=":material/cancel:"):
        entry.request_stop()


def expected_time(config: RunConfig, n_runs: int = 1) -> str:
    """A sentence for before the training, from this machine's own speed."""
    seconds = estimate.training_seconds(config, _measured_speeds(config))
    if seconds is None:
        return "The expected time is known once the engine has warmed up."
    return f"Expected time: about **{estimate.in_words(seconds * n_runs)}** by this machine's measured speed."


def _measured_speeds(config: RunConfig) -> list[dict[str, float]]:
    """The engine's own measurement, then the newest run at this precision."""
    running = engine.info(store())
    speeds = [{"weights": running.weights, "images_per_second": running.images_per_second}] if running else []
    for entry in store().entries()[:20]:
        alike = entry.config.precision == config.precision and estimate.alike(entry.config, config)
        if rows := entry.history() if alike else []:
            return [*speeds, {"weights": estimate.count_weights(entry.config),
                              "images_per_second": rows[-1]["images_per_second"]}]
    return speeds


# ------------------------------------------------------------------------------------------- frame

def sidebar_status() -> None:
    """On every page: the device and the engine."""
    running = engine.info(store())
    with st.sidebar:
        if running is None:
            st.caption("Device: known once the engine runs. It starts by itself.")
        else:
            st.caption(f"Device: **{running.device or 'warming up …'}**  \nEngine: {running.scheduler}")
        if problem := engine.trouble(store()):
            st.warning(problem)
        st.caption(f"Store: `{store().root}`")


def unusable_store(error: OSError) -> str:
    """No right to write, no room, no folder: what to do about it."""
    return (f"The store {store().root} cannot be used ({error.strerror or error}). Make room or give the right to write "
            "there, or set DDNMF_HOME to another folder, and start again.")


def show_damage(error: CorruptFile) -> None:
    """A damaged file never reaches a chart: its entry is set aside, and the page says so."""
    entry = store().owner(error.path)
    st.cache_resource.clear()
    if not entry.folder.exists():
        st.warning(f"{entry.kind}/{entry.id} is no longer there: it was deleted or set aside meanwhile.")
    elif entry.locked:
        st.error(f"{entry.kind}/{entry.id} is damaged: {error}. A worker holds it; stop it, and it is set aside.")
    else:
        store().set_aside(entry, str(error))
        st.error(f"{entry.kind}/{entry.id} is damaged: {error}. It was set aside and nothing of it is shown. Asking for "
                 "it again computes it again.")
    st.button("Reload the page", key=f"reload.{entry.id}")
