"""The care of runs on the Home page: deleted after a question, brought back, carried away in one file and taken in."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import IO

import streamlit as st

from dashboard.session.links import forget_choice
from dashboard.session.run_title import run_title
from dashboard.session.store import store
from ddnmf_core.data.catalogue import short_name
from ddnmf_core.data.user import user_sets
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store import archive_export, trash
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.entry import Busy, Entry, UnknownEntry

MAX_BROWSER_BYTES = 500_000_000  # bytes; a browser's download passes through memory


def delete_with_confirmation(entry: Entry) -> None:
    """A button that opens the question; deleting is the second click."""
    if read_only():
        return
    made = len(trash.derived_entries(entry))
    with st.popover(f"Delete {entry.id} …", icon=":material/delete:"):
        st.write(
            f"**{run_title(entry)}**"
            + (f", and {_counted(made)} made of it" if made else "")
            + f". For {trash.KEPT_DAYS} days it can be brought back on this page."
        )
        st.button("Delete it", type="primary", key=f"home.delete.{entry.id}", on_click=_delete, args=(entry.id,))


def _delete(run_id: str) -> None:
    """The run whose number is on the button, wherever it stands in the table by now."""
    try:
        trash.delete_entry(store().get("runs", run_id))
        forget_choice(run_id, "run", "other")
        st.session_state["home.deleted"] = run_id
    except UnknownEntry:
        pass
    except Busy:
        st.toast("It, or a map of it, is being worked on. Stop that first.", icon=":material/warning:")


def _restore(run_id: str) -> None:
    st.session_state.pop("home.deleted", None)
    try:
        if trash.restore_deletion(trash.latest_deletion(store(), run_id)):
            st.toast(f"{run_id} is back.", icon=":material/undo:")
        else:
            st.toast(f"{run_id} has been computed again since; that one stays.", icon=":material/warning:")
    except UnknownEntry as error:
        st.toast(str(error), icon=":material/warning:")


def offer_undo() -> None:
    """Right after a deletion, where it happened."""
    run_id = st.session_state.get("home.deleted")
    if run_id:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/delete: {run_id} was deleted.")
            st.button("Undo", icon=":material/undo:", key="home.undo", on_click=_restore, args=(run_id,))


def show_deleted_runs() -> None:
    """All that can still be brought back."""
    deletions = trash.deletions(store())
    if not deletions or read_only():
        return
    with st.expander(f"Deleted: {len(deletions)} that can be brought back"):
        for deletion in deletions:
            with st.container(horizontal=True, vertical_alignment="center"):
                more = f"with {_counted(made)}, " if (made := len(deletion.entries) - 1) else ""
                st.markdown(
                    f"{_title(deletion.entries[0])}  \n:gray[{more}{deletion.size / 1e6:.1f} MB, "
                    f"{max(deletion.days_left, 0):.0f} days left]"
                )
                st.button(
                    "Bring back",
                    icon=":material/undo:",
                    key=f"home.restore.{deletion.at}",
                    on_click=_restore,
                    args=(deletion.id,),
                )


def _counted(n_results: int) -> str:
    return f"{n_results} result{'s' if n_results > 1 else ''}"


def _title(entry: Entry) -> str:
    try:
        return run_title(entry) if entry.kind == "runs" else f"{entry.kind} {entry.id}"
    except CorruptFile:
        return f"{entry.kind} {entry.id} (damaged)"


def show_archives(chosen: Entry | None, entries: list[Entry]) -> None:
    """Runs as one file, and such a file taken in. What this costs is only spent when somebody opens it."""
    part = st.expander("Carry runs to another machine, or keep them in one file", key="home.archive", on_change="rerun")
    if not part.open:
        return
    with part:
        runs = {"the chosen run": [chosen] if chosen else [], "all finished runs": [e for e in entries if e.finished]}
        offered = [name for name, several in runs.items() if several]
        if offered:
            what = st.radio("What", offered, horizontal=True, key="home.archive.what", label_visibility="collapsed")
            _download(archive_export.with_derived(runs[what]))
        if read_only():
            return
        file = st.file_uploader(
            "Take in an archive of runs",
            type="zip",
            key="home.archive.file",
            max_upload_size=MAX_BROWSER_BYTES // 10**6,
            help="Each run is checked first. What is here already stays as it is. Larger files: `ddnmf runs import FILE`.",
        )
        if file is not None:
            st.button("Take in", icon=":material/upload:", key="home.archive.import", on_click=_import, args=(file,))
        for kind, sentence in st.session_state.pop("home.archive.outcome", []):
            (st.success if kind == "taken" else st.error)(sentence)


def _download(wanted: list[Entry]) -> None:
    own = archive_export.user_data_sets(wanted)
    with_data = bool(own) and st.checkbox(
        f"With my own data ({', '.join(map(short_name, own))})",
        key="home.archive.data",
        help="Without it, whoever takes the file in has to add the same data.",
    )
    size = sum(entry.size for entry in wanted) + with_data * sum(user_sets.size(name) for name in own)
    if size > MAX_BROWSER_BYTES:
        st.write(f"They take {size / 1e6:,.0f} MB, too much for a browser: `ddnmf runs export --all --out runs.zip`.")
        return
    st.download_button(
        f"Download, {size / 1e6:,.1f} MB",
        lambda: _pack(wanted, with_data),
        "ddnmf-runs.zip",
        "application/zip",
        icon=":material/download:",
        key="home.archive.download",
        help="Models, codes, clusters, scores and histories, with the maps and interpretations made of them.",
    )


def _pack(wanted: list[Entry], with_data: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "runs.zip"
        archive_export.export_archive(wanted, file, with_data=with_data)
        return file.read_bytes()


def _names(entries: list[Entry]) -> str:
    """How many of each kind."""
    kinds = Counter(entry.kind for entry in entries)
    return ", ".join(f"{kind} {n}" for kind, n in kinds.items()) or "nothing"


def _import(file: IO[bytes]) -> None:
    """Before the page is drawn, so that its list has them; what came of it is said there."""
    try:
        imported = import_archive(store(), file)
    except (ValueError, OSError) as error:
        st.session_state["home.archive.outcome"] = [("refused", f"Nothing was taken in: {error}.")]
        return
    there = f" Here already: {_names(imported.already_present)}." if imported.already_present else ""
    data = f", data sets {len(imported.data)}" if imported.data else ""
    st.session_state["home.archive.outcome"] = [
        ("taken", f"Taken in: {_names(imported.imported)}{data}.{there}"),
        *(("refused", f"{name} was refused: {reason}.") for name, reason in imported.refused.items()),
    ]
