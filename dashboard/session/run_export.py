"""Export a run: choose a format, prepare the file, download it. A folder becomes a zip file."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import streamlit as st

from dashboard.session.results import report_damage
from ddnmf_core.export.formats import EXPORT_FORMATS, INSTALL
from ddnmf_core.export.write import default_name, export
from ddnmf_core.store.entry import Entry

READY_KEY = "export.ready"  # the file prepared last in this session


class ReadyExport(NamedTuple):
    """A prepared file."""

    run: str
    format: str
    name: str
    content: bytes


def show_export(run: Entry) -> None:
    with st.popover("Export to other tools", icon=":material/ios_share:", help="This run, in a format of another program."):
        _choose(run)


@st.fragment
@report_damage
def _choose(run: Entry) -> None:
    """Choose and prepare in a fragment, so that the page is not rerun while a file is made."""
    name = st.selectbox(
        "Format", list(EXPORT_FORMATS), key="export.format", format_func=lambda name: EXPORT_FORMATS[name].title
    )
    st.caption(EXPORT_FORMATS[name].holds + (" One zip file." if EXPORT_FORMATS[name].is_folder else ""))
    if missing := EXPORT_FORMATS[name].missing():
        st.info(f"Requires {' and '.join(missing)}. Install and restart: `{INSTALL}`")
        return
    if st.button("Prepare file", key="export.prepare", icon=":material/build:"):
        _prepare(run, name)
    ready: ReadyExport | None = st.session_state.get(READY_KEY)
    if ready and (ready.run, ready.format) == (run.id, name):
        st.download_button(
            f"Download ({len(ready.content) / 1e6:,.1f} MB)",
            ready.content,
            ready.name,
            key="export.download",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption(f"`{ready.name}`")


def _prepare(run: Entry, name: str) -> None:
    """Make the file and show progress; any interaction meanwhile cancels it without residue."""
    file = default_name(run, name) + (".zip" if EXPORT_FORMATS[name].is_folder else "")
    bar = st.progress(0.0, "Reading the run …")

    def report(share: float, message: str) -> None:
        bar.progress(share, message)

    try:
        with TemporaryDirectory(prefix="ddnmf-") as folder:
            export(run, name, Path(folder) / file, report)
            st.session_state[READY_KEY] = ReadyExport(run.id, name, file, (Path(folder) / file).read_bytes())
    except (OSError, ValueError, RuntimeError) as error:
        st.session_state.pop(READY_KEY, None)
        st.error(f"Export failed: {error}")
    bar.empty()
