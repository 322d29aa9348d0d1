"""Charts, tiles and maps of the page that is open, each with a text on how to read it, and all of them to be saved."""

import re
from typing import Any

import streamlit as st

from dashboard.figures.files import MIME, PNG, SVG, Chart, Drawing

SHOWN_KEY = "figures.shown"  # in the session: by key its title and itself
CAMERA_KEY = "figures.camera"  # what the cameras of the charts save
CAMERA_KINDS = (PNG, SVG)
CHOSEN_KEY = "figures.chosen"
POPOVER_WIDTH = 240  # pixels


def forget_figures() -> None:
    """A page starts anew: nothing is shown yet."""
    st.session_state[SHOWN_KEY] = {}


def remember_figure(key: str, title: str, drawing: Drawing) -> None:
    """It stands on the page now. What is drawn again by a fragment takes its own place."""
    st.session_state.setdefault(SHOWN_KEY, {})[key] = (title, drawing)


def show_chart(figure: Any, key: str, how: str | None, *, place: Any = None, title: str = "", **options: Any) -> Any:
    """A plotly figure and under it how to read it; what `st.plotly_chart` gives back.

    `how` is None where one text below serves several figures, or where it stands in another column. `title` is for
    figures without one of their own.
    """
    title = title or figure.layout.title.text
    remember_figure(key, title, Chart(figure))
    picture = {"format": st.session_state.get(CAMERA_KEY, PNG).lower(), "filename": file_name(title), "scale": 2}
    place = place or st
    config = {"modeBarButtons": [["toImage"]], "displaylogo": False, "toImageButtonOptions": picture}
    result = place.plotly_chart(figure, key=key, config=config, **{"alt": title} | options)
    if how:
        place.caption(how)
    return result


def file_name(title: str) -> str:
    """The title in letters that every system takes."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "figure"


def show_save_menu() -> None:
    """In the sidebar, once the page stands: each of its figures as a file."""
    if st.session_state.get(SHOWN_KEY):
        with st.sidebar.popover("Save a figure", icon=":material/image:", width="stretch"), st.container(width=POPOVER_WIDTH):
            _choose()


@st.fragment
def _choose() -> None:
    shown: dict[str, tuple[str, Drawing]] = st.session_state[SHOWN_KEY]
    if st.session_state.get(CHOSEN_KEY) not in shown:
        st.session_state.pop(CHOSEN_KEY, None)  # of the page before
    key = st.selectbox("Figure of this page", list(shown), format_func=lambda key: shown[key][0], key=CHOSEN_KEY)
    kind = st.segmented_control("As", list(MIME), default=PNG, required=True, key="figures.kind")
    title, drawing = shown[key]
    if kind in CAMERA_KINDS and st.session_state.get(CAMERA_KEY, PNG) != kind:
        st.session_state[CAMERA_KEY] = kind
        st.rerun()  # so that the charts of the page know of it
    if kind in drawing.formats:
        st.download_button(
            "Save",
            lambda: drawing.as_file(kind, title),
            f"{file_name(title)}.{kind.lower()}",
            MIME[kind],
            key="figures.save",
            icon=":material/download:",
            on_click="ignore",
            type="primary",
        )
    elif isinstance(drawing, Chart):
        st.caption(
            f"Press the camera at the chart's upper right: it saves {kind} now, in the page's colours. The HTML file "
            "has buttons for both, on white."
        )
    else:
        st.caption(f"This one is saved as {' or '.join(drawing.formats)}.")
