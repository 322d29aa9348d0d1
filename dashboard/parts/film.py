"""Show the parts during training: their swings over the epochs, under the losses."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from dashboard.components.gallery import gallery
from dashboard.figures.palette import BIRTH_COLOUR, DEATH_COLOUR, GRAY, LEGEND_ABOVE, LOSS_COLOURS, MARGIN
from dashboard.figures.saving import show_chart
from dashboard.session.run_data import HASH_FUNCS, as_picture
from ddnmf_core.data import pictures
from ddnmf_core.interpret.lifetimes import MIN_LIVE_EFFECT, alive, births_and_deaths
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names, part_title

MAX_FRAMES, MAX_FILM_PARTS = 15, 24
LOSSES_HEIGHT, PART_ROW_HEIGHT, FILM_WIDTH = 150, 34, 960  # in pixels; the width is that of a usual window


def show_training_film(run: FinishedRun) -> None:
    epochs, swings = _swings(run)
    if len(epochs) < 2:
        st.caption("No pictures of the parts by epoch: this run was trained by an earlier version.")
        return
    lives = alive(swings)
    if st.session_state.get("parts.epoch") not in epochs:
        st.session_state["parts.epoch"] = epochs[-1]
    now = st.select_slider("Epoch", epochs, key="parts.epoch")
    births, deaths = births_and_deaths(lives)
    n_later = sum(moment > 0 for moment, _ in births)
    show_chart(
        film_chart(run, epochs, swings, lives, now),
        "parts.film",
        title="Parts over the epochs",
        how=(
            f"Column: an epoch; row: a part; red is ink added, blue ink removed. ▲ a part is born ({len(births)}, {n_later} "
            f"after the start), ✕ it dies ({len(deaths)}). A part is alive while it changes some pixel by at least "
            f"{MIN_LIVE_EFFECT:.0%} of the range. Dotted line: the epoch of the slider, whose parts are shown below."
        ),
    )
    given = part_names(run.entry)
    frame = swings[epochs.index(now)]
    gallery(
        list(pictures.differences(as_picture(run, frame))),
        [part_title(given, k).lower() for k in range(len(frame))],
        key="parts.film.frame",
        size=64,
        title=f"The parts at epoch {now}",
    )


@st.cache_resource(max_entries=6, show_spinner="Reading the pictures of every epoch.", hash_funcs=HASH_FUNCS)
def _swings(run: FinishedRun) -> tuple[list[int], NDArray[np.float32]]:
    """Return the epochs with pictures, and the swings in [-1, 1]: (n_epochs, r, n_pixels)."""
    swings = {epoch: tiles["parts_swing"] for epoch in run.snapshots() if "parts_swing" in (tiles := run.snapshot(epoch))}
    scaled = [tiles.astype(np.float32) / np.float32(127) for tiles in swings.values()]
    return list(swings), np.stack(scaled) if scaled else np.zeros((0, 1, 1), np.float32)


def film_chart(
    run: FinishedRun, epochs: list[int], swings: NDArray[np.float32], lives: NDArray[np.bool_], now: int
) -> go.Figure:
    """Draw losses above and frames below, on a common axis of epochs."""
    r = min(swings.shape[1], MAX_FILM_PARTS)
    heights, strongest = [LOSSES_HEIGHT, PART_ROW_HEIGHT * r], float(np.abs(swings).max())
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=heights, vertical_spacing=0.03)
    rows = run.epochs()
    for name in ("L_sym", "L_ap", "L_nc"):
        figure.add_scatter(
            x=[row["epoch"] for row in rows],
            y=[row[name] for row in rows],
            name=name,
            mode="lines",
            line_color=LOSS_COLOURS[name],
            row=1,
            col=1,
        )
    shown = np.unique(np.linspace(0, len(epochs) - 1, min(MAX_FRAMES, len(epochs))).round().astype(int)).tolist()
    step = (epochs[-1] - epochs[0]) / max(len(shown) - 1, 1)
    for frame in shown:
        tiles = pictures.differences(as_picture(run, swings[frame][:r]), strongest)
        strip = _widened(np.concatenate(list(tiles)), FILM_WIDTH / (len(shown) * PART_ROW_HEIGHT * r))
        figure.add_layout_image(
            source=pictures.data_link(strip),
            xref="x2",
            yref="y2",
            x=epochs[frame],
            y=-0.5,
            sizey=r,
            sizex=0.92 * step,
            xanchor="center",
            yanchor="top",
            sizing="stretch",
            layer="below",
        )
    births, deaths = births_and_deaths(lives)
    for events, symbol, colour, word in ((births, "triangle-up", BIRTH_COLOUR, "born"), (deaths, "x", DEATH_COLOUR, "dies")):
        marked = [(moment, part) for moment, part in events if part < r]
        figure.add_scatter(
            x=[epochs[moment] for moment, _ in marked],
            y=[part for _, part in marked],
            mode="markers",
            name=word,
            marker={"symbol": symbol, "size": 10, "color": colour, "line": {"width": 1, "color": "white"}},
            hovertemplate=f"part %{{customdata}} {word} at epoch %{{x}}<extra></extra>",
            customdata=[part + 1 for _, part in marked],
            row=2,
            col=1,
        )
    figure.add_vline(x=now, line={"color": GRAY, "width": 1.5, "dash": "dot"})
    return _laid_out(figure, r, sum(heights), [epochs[0] - 0.6 * step, epochs[-1] + 0.6 * step])


def _widened(picture: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """Add transparent margins at both sides of a picture (h, w, 4) up to width over height `aspect`, so that it is not
    stretched there."""
    margin = max(0, round((aspect * picture.shape[0] - picture.shape[1]) / 2))
    return np.pad(picture, [(0, 0), (margin, margin), (0, 0)])


def _laid_out(figure: go.Figure, r: int, height: float, span: list[float]) -> go.Figure:
    ticks: dict[str, Any] = {"tickvals": list(range(r)), "ticktext": [str(k + 1) for k in range(r)]}
    figure.update_yaxes(type="log", tickformat="~g", dtick=1, row=1, col=1)
    figure.update_yaxes(range=[r - 0.5, -0.5], showgrid=False, zeroline=False, title_text="part", row=2, col=1, **ticks)
    figure.update_xaxes(range=span, showgrid=False, zeroline=False)
    figure.update_xaxes(title_text="epoch", row=2, col=1)
    figure.update_layout(height=height + 90, margin=MARGIN, legend=LEGEND_ABOVE)
    return figure
