"""Select the run and the sample for all pages."""

import textwrap
from collections.abc import Callable, Container, Mapping
from typing import Any

import streamlit as st

from dashboard.session.errors import warn_of_engine
from dashboard.session.links import from_link, linked_choice, linked_number
from dashboard.session.run_data import cached_run, images
from dashboard.session.store import TRAIN_PAGE, store
from ddnmf_core.display.text import in_markdown
from ddnmf_core.files.read_only import read_only
from ddnmf_core.model import diagnosis
from ddnmf_core.store.entry import ENDED_STATUSES, Entry, RunEntry
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_names import run_title

MAX_BRIEF = 110  # characters of a run's message beside another run
REMEDIES = {"failed": "Try again (Train)", "diverged": "Change its settings (Train)", "stopped": "Resume it (Train)"}


def newest_with_parts(ready: list[RunEntry]) -> RunEntry:
    """Return the default run: the newest DDNMF, else the newest run."""
    return next((entry for entry in ready if entry.config.model == "ddnmf"), ready[0])


def pick_run(
    label: str = "Run", key: str = "run", default: Callable[[list[RunEntry]], RunEntry] = newest_with_parts
) -> FinishedRun:
    """Pick a finished run by widget or link; explain and stop the page if there is none."""
    entries = {entry.id: entry for entry in store().entries()}
    ready = {entry_id: entry for entry_id, entry in entries.items() if entry.finished}
    explain_absence(key, set(ready), entries)
    if not ready:
        _invite_to_train(entries)
    chosen = linked_choice(
        st.selectbox,
        label,
        list(ready),
        key,
        default(list(ready.values())).id,
        explained=True,
        format_func=lambda entry_id: run_title(ready[entry_id]),
        help="Finished runs, newest first.",
    )
    run = cached_run(ready[chosen])
    warn_of_collapse(run.epochs())
    return run


def warn_of_collapse(rows: list[dict[str, Any]]) -> None:
    """Warn of collapse in the last epoch."""
    for sentence in diagnosis.collapse_warnings(rows[-1]) if rows else []:
        st.warning(sentence, icon=":material/warning:")


def explain_absence(key: str, shown: Container[str], entries: Mapping[str, RunEntry]) -> None:
    """Explain why the run named by the link is not shown, until another one is chosen."""
    wanted, missed = from_link(key), f"missed.{key}"
    if wanted is not None and wanted not in shown:
        st.session_state[missed] = wanted
    run_id = st.session_state.get(missed)
    if run_id is None or run_id in shown:
        st.session_state.pop(missed, None)
        return
    entry = entries.get(run_id)
    if entry is None:
        kept = dict(store().kept_entries()).get(Entry(store().root, "runs", run_id))
        why = f"stays as it is: {kept}." if kept else "is not in this store. It may have been deleted or trained elsewhere."
        st.warning(in_markdown(f"The run {run_id} in the link {why}"))
        return
    show_unfinished(entry, brief=True)


def show_unfinished(entry: RunEntry, brief: bool = False) -> None:
    """Say why a run has no results, `brief` where it is not the page's topic, and link to the Train page for the remedy."""
    status, message = entry.state.status, entry.state.message
    if brief:
        message = _beginning(message)
    if status in ("failed", "diverged"):
        said, show = f" {status}.", st.warning
    else:
        said, show = ":" if status == "stopped" else " is not finished yet.", st.info
    remedy = "See it on the Train page" if read_only() else REMEDIES.get(status, "Watch training")
    with st.container(horizontal=True, vertical_alignment="center"):
        show(f"**{in_markdown(run_title(entry))}**{said} {in_markdown(message)}")
        st.page_link(TRAIN_PAGE, label=remedy, icon=":material/model_training:", query_params={"run": entry.id})


def _beginning(message: str) -> str:
    """Return the first sentences of a long message, or the first words of a long sentence."""
    if len(message) <= MAX_BRIEF:
        return message
    end = message.rfind(". ", 0, MAX_BRIEF)
    return message[: end + 1] if end > 0 else textwrap.shorten(message, MAX_BRIEF, placeholder=" …")


def _invite_to_train(entries: dict[str, RunEntry]) -> None:
    if any(entry.state.status not in ENDED_STATUSES for entry in entries.values()):
        st.info("A model is being trained. This page updates when it has finished.")
        warn_of_engine()
        st.page_link(TRAIN_PAGE, label="Watch training", icon=":material/monitoring:")
        _watch_for_the_first()
    else:
        st.info("No trained model yet." + ("" if read_only() else " Train one first; the bundled MNIST subset is enough."))
        st.page_link(TRAIN_PAGE, label="Go to the Train page", icon=":material/play_arrow:")
    st.stop()


@st.fragment(run_every="2s")
def _watch_for_the_first() -> None:
    if any(entry.finished for entry in store().entries()):
        st.rerun(scope="app")


def pick_sample(run: FinishedRun) -> int:
    """Pick the sample of every page by number; kept in the link."""
    n = run.config.n_samples or len(images(run))
    if not 0 <= st.session_state.get("sample", 0) < n:
        st.session_state["sample"] = 0
    return int(
        linked_number(
            st.number_input, "Sample", 0, n - 1, key="sample", help=f"0 to {n - 1:,}, in the order of the run's images."
        )
    )


def choose_sample(sample: int) -> None:
    """Set the sample of every page, from a callback."""
    st.session_state["sample"] = int(sample)


def pick_part(run: FinishedRun) -> int:
    """Pick the part of every page by number, kept in the link; 0 is the first part. An autoencoder has one to pick, unused."""
    n_parts = run.config.n_parts
    if not 1 <= st.session_state.get("part", 1) <= n_parts:
        st.session_state["part"] = 1
    return int(linked_number(st.number_input, "Part", 1, n_parts, key="part")) - 1
