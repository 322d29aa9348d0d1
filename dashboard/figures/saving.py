"""Show charts with captions, and offer every figure of the page for saving."""

import html
import re
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.files import MIME, PNG, SVG, Chart, Drawing
from ddnmf_core.display.text import in_markdown

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHOWN_KEY = "figures.shown"  # session key: title and drawing by figure key
CAMERA_KEY = "figures.camera"  # session key: format of the charts' cameras
CAMERA_KINDS = (PNG, SVG)
CHOSEN_KEY = "figures.chosen"
POPOVER_WIDTH = 240  # pixels
TITLE_HEIGHT = 26  # pixels in a figure


def forget_figures() -> None:
    """Forget the figures of the previous page."""
    st.session_state[SHOWN_KEY] = {}


def remember_figure(key: str, title: str, drawing: Drawing) -> None:
    """Register a figure of the page; redrawing by a fragment replaces it."""
    st.session_state.setdefault(SHOWN_KEY, {})[key] = (title, drawing)


def show_title(title: str, how: str, place: DeltaGenerator | None = None) -> None:
    """Show a figure's title, with how to read the figure behind a question mark."""
    (place or st).markdown(f"**{in_markdown(title)}**", help=how)


def show_chart(
    figure: "go.Figure", key: str, how: str | None, *, place: DeltaGenerator | None = None, title: str = "", **options: Any
) -> Any:
    """Show a Plotly figure under its title, with how to read it behind a question mark; return the result of
    `st.plotly_chart`.

    `how` is None where one explanation serves several figures: the title then stays in the figure. `title` is for figures
    without one of their own.
    """
    title = title or figure.layout.title.text
    remember_figure(key, title, Chart(figure))
    picture = {"format": st.session_state.get(CAMERA_KEY, PNG).lower(), "filename": file_name(title), "scale": 2}
    target: Any = place or st
    if how:
        show_title(html.unescape(title), how, place)
        figure = _without_title(figure)
    config = {"modeBarButtons": [["toImage"]], "displaylogo": False, "toImageButtonOptions": picture}
    return target.plotly_chart(figure, key=key, config=config, **{"alt": title} | options)


def _without_title(figure: "go.Figure") -> "go.Figure":
    """Return a copy without the title and its room; the saved figure keeps both."""
    if not figure.layout.title.text:
        return figure
    room = min(TITLE_HEIGHT, figure.layout.margin.t or 0)
    shown = type(figure)(figure)
    height = figure.layout.height
    return shown.update_layout(title_text="", margin_t=(figure.layout.margin.t or 0) - room, height=height and height - room)


def file_name(title: str) -> str:
    """Return the title in characters allowed by every file system."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "figure"


def show_save_menu() -> None:
    """Offer every figure of the page as a file, in the sidebar."""
    if st.session_state.get(SHOWN_KEY):
        with st.sidebar.popover("Save a figure", icon=":material/image:", width="stretch"), st.container(width=POPOVER_WIDTH):
            _choose()


@st.fragment
def _choose() -> None:
    shown: dict[str, tuple[str, Drawing]] = st.session_state[SHOWN_KEY]
    if st.session_state.get(CHOSEN_KEY) not in shown:
        st.session_state.pop(CHOSEN_KEY, None)  # figure of the previous page
    key = st.selectbox("Figure", list(shown), format_func=lambda key: shown[key][0], key=CHOSEN_KEY)
    title, drawing = shown[key]
    offered = list(MIME) if isinstance(drawing, Chart) else [name for name in MIME if name in drawing.formats]
    if st.session_state.get("figures.kind") not in offered:
        st.session_state["figures.kind"] = drawing.formats[0]  # one that works
    kind = st.segmented_control("Format", offered, required=True, key="figures.kind")
    if kind in CAMERA_KINDS and st.session_state.get(CAMERA_KEY, PNG) != kind:
        st.session_state[CAMERA_KEY] = kind
        st.rerun()  # to update the cameras of the charts
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
    else:
        st.caption(
            f"Press the camera at the chart's upper right to save {kind} in the page's colours. The HTML file saves both on "
            "white."
        )
