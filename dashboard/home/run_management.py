"""Delete, restore, export and import runs on the Home page."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import IO

import streamlit as st

from dashboard.session.links import forget_choice
from dashboard.session.store import store
from ddnmf_core.data.catalogue import short_name
from ddnmf_core.data.user import user_sets
from ddnmf_core.display.text import in_markdown
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store import archive_export, trash
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.entry import Busy, Entry, UnknownEntry
from ddnmf_core.store.examples import remove_examples
from ddnmf_core.store.run_names import run_title

MAX_BROWSER_BYTES = 500_000_000  # a browser download passes through memory


def delete_with_confirmation(entry: Entry) -> None:
    """Show a button that asks for confirmation before deleting."""
    if read_only():
        return
    n_derived = len(trash.derived_entries(entry))
    with st.popover(f"Delete {entry.id} …", icon=":material/delete:"):
        st.write(
            f"**{in_markdown(run_title(entry))}**"
            + (f" and {_counted(n_derived)} derived from it" if n_derived else "")
            + f". It can be restored on this page for {trash.KEPT_DAYS} days."
        )
        st.button("Delete", type="primary", key=f"home.delete.{entry.id}", on_click=_delete, args=(entry.id,))


def _delete(run_id: str) -> None:
    """Delete a run by id."""
    try:
        trash.delete_entry(store().get("runs", run_id))
        forget_choice(run_id, "run", "other")
        st.session_state["home.deleted"] = run_id
    except UnknownEntry:
        pass
    except Busy:
        st.toast("The run or a result of it is being computed. Stop that first.", icon=":material/warning:")


def _restore(run_id: str) -> None:
    st.session_state.pop("home.deleted", None)
    try:
        if trash.restore_deletion(trash.latest_deletion(store(), run_id)):
            st.toast(f"Restored {run_id}.", icon=":material/undo:")
        else:
            st.toast(f"{run_id} has been recomputed; the new run is kept.", icon=":material/warning:")
    except UnknownEntry as error:
        st.toast(str(error), icon=":material/warning:")


def offer_undo() -> None:
    """Offer to undo the last deletion."""
    run_id = st.session_state.get("home.deleted")
    if run_id:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/delete: Deleted {run_id}.")
            st.button("Undo", icon=":material/undo:", key="home.undo", on_click=_restore, args=(run_id,))


def offer_to_remove_examples(n_examples: int) -> None:
    """Say how many runs came with the program, with a button that deletes them, until they are gone."""
    if not n_examples or read_only():
        return
    st.button("Remove the examples", icon=":material/visibility_off:", key="home.examples", on_click=_remove_examples)
    st.caption(f"{n_examples} example run{'s' if n_examples > 1 else ''} came with the program.", width="content")


def _remove_examples() -> None:
    for run in remove_examples(store()):
        forget_choice(run.id, "run", "other")


def show_deleted_runs() -> None:
    """List deleted runs that can be restored."""
    deletions = trash.deletions(store())
    if not deletions or read_only():
        return
    with st.expander(f"Deleted runs ({len(deletions)})"):
        for deletion in deletions:
            with st.container(horizontal=True, vertical_alignment="center"):
                more = f"with {_counted(n_derived)}, " if (n_derived := len(deletion.entries) - 1) else ""
                st.markdown(
                    f"{in_markdown(_title(deletion.entries[0]))}  \n:gray[{more}{deletion.size / 1e6:.1f} MB, "
                    f"{max(deletion.days_left, 0):.0f} days left]"
                )
                st.button(
                    "Restore", icon=":material/undo:", key=f"home.restore.{deletion.at}", on_click=_restore, args=(deletion.id,)
                )


def _counted(n_results: int) -> str:
    return f"{n_results} result{'s' if n_results > 1 else ''}"


def _title(entry: Entry) -> str:
    try:
        return run_title(entry) if entry.kind == "runs" else f"{entry.kind} {entry.id}"
    except CorruptFile:
        return f"{entry.kind} {entry.id} (damaged)"


def show_archives(chosen: Entry | None, entries: list[Entry]) -> None:
    """Export runs as one file, and import such a file; computed only when the section is open."""
    section = st.expander("Export or import runs", key="home.archive", on_change="rerun")
    if not section.open:
        return
    with section:
        runs = {"Chosen run": [chosen] if chosen else [], "All finished runs": [e for e in entries if e.finished]}
        offered = [name for name, several in runs.items() if several]
        if offered:
            scope = st.radio("Runs to export", offered, horizontal=True, key="home.archive.what", label_visibility="collapsed")
            _download(archive_export.with_derived(runs[scope]))
        if read_only():
            return
        file = st.file_uploader(
            "Import an archive",
            type="zip",
            key="home.archive.file",
            max_upload_size=MAX_BROWSER_BYTES // 10**6,
            help="Runs are checked first; existing ones are kept. Larger files: `ddnmf runs import FILE`.",
        )
        if file is not None:
            st.button("Import", icon=":material/upload:", key="home.archive.import", on_click=_import, args=(file,))
        for kind, sentence in st.session_state.pop("home.archive.outcome", []):
            (st.success if kind == "imported" else st.error)(in_markdown(sentence))


def _download(wanted: list[Entry]) -> None:
    data_sets = archive_export.user_data_sets(wanted)
    with_data = bool(data_sets) and st.checkbox(
        f"Include my data ({', '.join(in_markdown(short_name(name)) for name in data_sets)})",
        key="home.archive.data",
        help="Otherwise the same data must be added before the runs can be used elsewhere.",
    )
    size = sum(entry.size for entry in wanted) + with_data * sum(user_sets.size(name) for name in data_sets)
    if size > MAX_BROWSER_BYTES:
        st.write(f"{size / 1e6:,.0f} MB is too large for a browser. Use `ddnmf runs export --all --out runs.zip`.")
        return
    st.download_button(
        f"Export ({size / 1e6:,.1f} MB)",
        lambda: _pack(wanted, with_data),
        "ddnmf-runs.zip",
        "application/zip",
        icon=":material/download:",
        key="home.archive.download",
        help="Models, codes, clusters, scores and histories, with their maps and interpretations.",
    )


def _pack(wanted: list[Entry], with_data: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "runs.zip"
        archive_export.export_archive(wanted, file, with_data=with_data)
        return file.read_bytes()


def _names(entries: list[Entry]) -> str:
    """Count entries by kind."""
    kinds = Counter(entry.kind for entry in entries)
    return ", ".join(f"{kind} {n}" for kind, n in kinds.items()) or "nothing"


def _import(file: IO[bytes]) -> None:
    """Import before the page is drawn, so that its list is current; keep the outcome for it."""
    try:
        imported = import_archive(store(), file)
    except (ValueError, OSError) as error:
        st.session_state["home.archive.outcome"] = [("refused", f"Import failed: {error}.")]
        return
    present = f" Already present: {_names(imported.already_present)}." if imported.already_present else ""
    data = f", data sets {len(imported.data)}" if imported.data else ""
    st.session_state["home.archive.outcome"] = [
        ("imported", f"Imported: {_names(imported.imported)}{data}.{present}"),
        *(("refused", f"{name} was rejected: {reason}.") for name, reason in imported.refused.items()),
    ]
