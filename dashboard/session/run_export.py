"""The Export button of a run: a format, how far it is, and the file. A folder becomes a zip file."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import streamlit as st

from dashboard.session.results import report_damage
from ddnmf_core.export.formats import EXPORT_FORMATS, INSTALL
from ddnmf_core.export.write import default_name, export
from ddnmf_core.store.entry import Entry

READY_KEY = "export.ready"  # the one file that a visitor has prepared last


class ReadyExport(NamedTuple):
    """A file that waits to be downloaded."""

    run: str
    format: str
    name: str
    content: bytes


def show_export(run: Entry) -> None:
    with st.popover("Export", icon=":material/ios_share:", help="This run for other tools."):
        _choose(run)


@st.fragment
@report_damage
def _choose(run: Entry) -> None:
    """Its own fragment: the page is neither computed again nor in the way while a file is made."""
    name = st.selectbox(
        "Format", list(EXPORT_FORMATS), key="export.format", format_func=lambda each: EXPORT_FORMATS[each].title
    )
    st.caption(EXPORT_FORMATS[name].holds + (" Comes as one zip file." if EXPORT_FORMATS[name].is_folder else ""))
    if missing := EXPORT_FORMATS[name].missing():
        st.info(f"This needs {' and '.join(missing)}. Install it and start again: `{INSTALL}`")
        return
    if st.button("Prepare the file", key="export.prepare", icon=":material/build:"):
        _prepare(run, name)
    ready: ReadyExport | None = st.session_state.get(READY_KEY)
    if ready and (ready.run, ready.format) == (run.id, name):
        st.download_button(
            f"Download, {len(ready.content) / 1e6:,.1f} MB",
            ready.content,
            ready.name,
            key="export.download",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption(f"`{ready.name}`")


def _prepare(run: Entry, name: str) -> None:
    """Make the file and show how far it is; whatever the visitor does meanwhile ends it and leaves nothing behind."""
    file = default_name(run, name) + (".zip" if EXPORT_FORMATS[name].is_folder else "")
    bar = st.progress(0.0, "Reading the run.")

    def report(share: float, message: str) -> None:
        bar.progress(share, message)

    try:
        with TemporaryDirectory(prefix="ddnmf-") as folder:
            export(run, name, Path(folder) / file, report)
            st.session_state[READY_KEY] = ReadyExport(run.id, name, file, (Path(folder) / file).read_bytes())
    except (OSError, ValueError, RuntimeError) as error:
        st.session_state.pop(READY_KEY, None)
        st.error(f"The file could not be made: {error}")
    bar.empty()
