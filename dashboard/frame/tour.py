"""Guide new users: a short text per page in the sidebar, until the tour is ended."""

from contextlib import suppress

import streamlit as st

from dashboard.session.store import store
from ddnmf_core.files.read_only import read_only

# Controls are quoted in bold, by their label; a test looks for each on its page.
TOUR_STEPS = {
    "": (
        "Home",
        "An image as a sum of a run's parts, your runs, and how DDNMF works. In an empty store, press **Train your first "
        "model**; otherwise select a run.",
    ),
    "train": (
        "Train",
        "Choose data, noise and loss weights, then press **Start training**. The curves update live; a warning appears if "
        "the code collapses.",
    ),
    "latent": (
        "Latent space",
        "Each point is an image. Hover to preview, click to select, or press **Lasso** and draw around a group.",
    ),
    "parts": (
        "Parts",
        "All parts beside NMF of the pixels; **View** changes what is drawn. Click a part to see its samples and effects, "
        "whether it reappears with another seed, and to name it.",
    ),
    "explain": (
        "Explain",
        "The contribution of each part to the selected image. Under **Edit and neighbours**, move a part's slider or press "
        "**Smallest change of cluster** and watch picture, cluster and neighbours follow.",
    ),
    "noise": ("Noise", "Figure 3: scores against noise. Move **Noise level** to see the same images at that level."),
    "sweep": (
        "Sweep",
        "A grid of runs over α, β, γ, noise and number of parts: press **Start sweep**, then click a cell to list its runs.",
    ),
    "compare": (
        "Compare",
        "Your runs: **Filter** the table and tick two to see them side by side. Tables 1 and 2 over seeds with the paper's "
        "scores; the quality of parts.",
    ),
}
READ_ONLY_STEPS = {  # where a step's text speaks of work that read-only mode disables
    "": "An image as a sum of a run's parts, the runs of this store, and how DDNMF works. Select a run for all pages.",
    "train": "Pick a **Run** and see how it was trained: errors, losses, reconstructions and parts by epoch.",
    "parts": "All parts beside NMF of the pixels; **View** changes what is drawn. Click a part to see its samples and effects, "
    "and whether it reappears with another seed.",
    "sweep": "A grid of runs over α, β, γ, noise and number of parts: click a cell to list its runs.",
}
TOUR_PAGES = {"": "../pages/home.py"} | {name: f"../pages/{name}.py" for name in TOUR_STEPS if name}
TOUR_ENDED_FILE = "tour-ended"  # a file in the store


def show_tour(url_path: str) -> None:
    """Show the step of the page in the sidebar, unless the tour was ended in this store."""
    if (store().root / TOUR_ENDED_FILE).exists() or st.session_state.get(TOUR_ENDED_FILE) or url_path not in TOUR_STEPS:
        return
    pages = list(TOUR_STEPS)
    step = pages.index(url_path) + 1
    title, text = TOUR_STEPS[url_path]
    text = READ_ONLY_STEPS.get(url_path, text) if read_only() else text
    with st.sidebar.container(border=True):
        st.markdown(f"**Tour, {step} of {len(pages)}: {title}**")
        st.markdown(text)
        if step < len(pages):
            following = pages[step]
            st.page_link(TOUR_PAGES[following], label=f"Next: {TOUR_STEPS[following][0]}", icon=":material/arrow_forward:")
        st.button("End tour", key="tour.end", on_click=_end, width="stretch")


def _end() -> None:
    st.session_state[TOUR_ENDED_FILE] = True
    if read_only():
        return
    with suppress(OSError):  # read-only store: ended for this session
        store().prepare()
        (store().root / TOUR_ENDED_FILE).touch()
