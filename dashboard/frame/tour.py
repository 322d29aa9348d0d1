"""The guided tour: on each page a few words in the sidebar on what to do there, until somebody ends it."""

from contextlib import suppress

import streamlit as st

from dashboard.session.store import store
from ddnmf_core.files.read_only import read_only

TOUR_STEPS = {
    "": ("Home", "Figure 1 shows the two networks and where each loss acts. Train a first model here, or go on."),
    "train": (
        "Train",
        "Choose data, noise and the weights of the losses, and press Train. The curves move while it learns; "
        "a warning says when the code collapses.",
    ),
    "latent": (
        "Latent space",
        "Every point is an image. Rest on one to see it, click it to choose it for all pages, draw a lasso around a group.",
    ),
    "explain": (
        "Explain",
        "The chosen image, taken apart: what each part adds to it. Move a part's slider and watch picture, "
        "cluster and neighbours follow.",
    ),
    "parts": (
        "Parts",
        "What each part looks like, which images have most of it, and whether it comes back with another seed. "
        "Give a part a name: it is kept.",
    ),
    "noise": ("Noise", "Figure 3: scores by the level of the noise. Move the slider to see the same images at that level."),
    "sweep": ("Sweep", "Many runs at once over alpha, beta, gamma and noise, shown as a surface; a cell opens its run."),
    "compare": ("Compare", "Tables 1 and 2: DDNMF beside the other methods, with the paper's numbers, over seeds."),
}
TOUR_PAGES = {"": "../pages/home.py"} | {name: f"../pages/{name}.py" for name in TOUR_STEPS if name}
TOUR_ENDED_FILE = "tour-ended"  # a file in the store


def show_tour(url_path: str) -> None:
    """In the sidebar, for a store whose user has not ended it."""
    if (store().root / TOUR_ENDED_FILE).exists() or st.session_state.get(TOUR_ENDED_FILE) or url_path not in TOUR_STEPS:
        return
    places = list(TOUR_STEPS)
    place = places.index(url_path)
    title, text = TOUR_STEPS[url_path]
    with st.sidebar.container(border=True):
        st.markdown(f"**Tour, {place + 1} of {len(places)}: {title}**")
        st.markdown(text)
        if place + 1 < len(places):
            following = places[place + 1]
            st.page_link(TOUR_PAGES[following], label=f"Next: {TOUR_STEPS[following][0]}", icon=":material/arrow_forward:")
        st.button("End the tour", key="tour.end", on_click=_end, width="stretch")


def _end() -> None:
    st.session_state[TOUR_ENDED_FILE] = True
    if read_only():
        return
    with suppress(OSError):  # a store that cannot be written to: for this visit
        store().prepare()
        (store().root / TOUR_ENDED_FILE).touch()
