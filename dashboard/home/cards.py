"""Cards that lead from Home to map, parts and explanation of the chosen run, with pictures of its own."""

from collections.abc import Callable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.gallery import gallery
from dashboard.figures.palette import CLASS_COLOURS
from dashboard.session.run_data import HASH_FUNCS, as_picture, cached_part_effects, images
from dashboard.session.store import EXPLAIN_PAGE, LATENT_PAGE, PARTS_PAGE
from ddnmf_core.data import pictures
from ddnmf_core.store.finished_run import FinishedRun

N_POINTS, MAP_SHAPE = 2_000, (96, 176)  # points of the map's thumbnail; its height and width in pixels
N_TILES, N_COLUMNS, TILE_MARGIN = 8, 4, 2  # parts in a thumbnail, in a row, and pixels between them
CARD_WIDTH = 220


def show_cards(run: FinishedRun) -> None:
    """Show a card each for Latent space, Parts and Explain."""
    cards: list[tuple[str, str, str, str, Callable[[FinishedRun], NDArray[np.uint8]]]] = [
        (
            "map",
            LATENT_PAGE,
            "Latent space",
            "Images with similar codes lie near each other. Hover, click or lasso.",
            _map_picture,
        ),
        (
            "parts",
            PARTS_PAGE,
            "Parts",
            "What each part looks like, which images activate it, and whether it is stable.",
            _parts_picture,
        ),
        (
            "explain",
            EXPLAIN_PAGE,
            "Explain",
            "One image as a sum of its parts: edit them, swap them, draw your own.",
            _explain_picture,
        ),
    ]
    if run.config.model != "ddnmf":
        del cards[1]
    for place, (name, page, title, text, draw) in zip(st.columns(len(cards)), cards, strict=True):
        with place.container(border=True):
            st.page_link(page, label=f"**{title}**", query_params={"run": run.id})
            gallery([draw(run)], [text], key=f"home.card.{name}", size=CARD_WIDTH)


@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs=HASH_FUNCS)
def _map_picture(run: FinishedRun) -> NDArray[np.uint8]:
    """Draw the first two principal components of the code, coloured by class or cluster."""
    z = run.codes("z")[:N_POINTS]
    groups = images(run).labels[: len(z)] if images(run).labelled else run.clusters("z", "kmeans")[: len(z)]
    left, scale, _ = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    points = (left * scale)[:, :2] if z.shape[1] > 1 else np.column_stack([z[:, 0], np.zeros(len(z))])
    low, high = np.quantile(points, (0.01, 0.99), axis=0)
    places = np.clip((points - low) / np.maximum(high - low, 1e-9), 0, 1) * (np.array(MAP_SHAPE[::-1]) - 3)
    colours = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in CLASS_COLOURS], np.uint8)
    picture = np.zeros((*MAP_SHAPE, 4), np.uint8)  # transparent: for light and dark pages
    for (x, y), group in zip(places.astype(int), groups, strict=True):
        picture[y : y + 2, x : x + 2] = (*colours[group % len(colours)], 255)
    return picture


def _parts_picture(run: FinishedRun) -> NDArray[np.uint8]:
    """Draw the strongest parts side by side."""
    swings = cached_part_effects(run)
    strongest = np.argsort(-np.abs(swings).sum(axis=1), kind="stable")[:N_TILES]
    return _montage(pictures.differences(as_picture(run, swings[strongest])))


def _explain_picture(run: FinishedRun) -> NDArray[np.uint8]:
    of = images(run)
    return _montage(as_picture(run, of.shown(of.one_of_each_class()[:N_TILES])))


def _montage(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay tiles (k, h, w) or (k, h, w, c) out in rows of N_COLUMNS, with margins."""
    padded = np.pad(tiles, [(0, 0), (0, TILE_MARGIN), (0, TILE_MARGIN), *[(0, 0)] * (tiles.ndim - 3)])
    columns = min(N_COLUMNS, len(padded))
    whole = padded[: len(padded) // columns * columns]
    return np.concatenate([np.concatenate(list(whole[row : row + columns]), axis=1) for row in range(0, len(whole), columns)])
