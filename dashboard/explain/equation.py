"""Show an image as a sum of parts, and the map of the parts that its pixels come from. For decoders that add alone."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.gallery import gallery
from dashboard.figures.palette import CLASS_COLOURS, GRAY
from dashboard.session.part_contributions import RankedContributions, choose_part_of_tile, terms_of_sum
from dashboard.session.run_data import as_picture, images
from ddnmf_core.data import pictures
from ddnmf_core.display.equation import shown_terms
from ddnmf_core.interpret.part_map import OTHER_PARTS, part_map
from ddnmf_core.store.finished_run import FinishedRun

COLOURS = [*CLASS_COLOURS, GRAY]  # of the strongest parts; of all others


def show_equation(run: FinishedRun, ranked: RankedContributions) -> None:
    """Show the reconstruction as coefficients times parts. The baseline has to be zero."""
    shown = shown_terms(ranked.shares.numpy(), ranked.order.numpy())
    tiles, captions = terms_of_sum(ranked, shown)
    chosen = st.session_state.get("part", 1) - 1
    gallery(
        pictures.to_u8(as_picture(run, tiles.numpy())),
        captions,
        key="explain.equation",
        size=104,
        selected=shown.index(chosen) + 1 if chosen in shown else None,
        title="Image as a sum of parts",
        how="Coefficient: brightness of the part's brightest pixel in this image. Parts add, none takes ink away, and the "
        "contribution of one does not depend on the others (closed form: H W). Largest first. Click a part to choose it for "
        "all pages.",
        on_pick=lambda tile: choose_part_of_tile(shown, tile),
    )
    _show_map(run, ranked, shown)


def _show_map(run: FinishedRun, ranked: RankedContributions, shown: list[int]) -> None:
    """Colour each pixel by the part that gives most of it, beside those parts in their colours."""
    values, named = ranked.contributions.values.numpy(), shown[: len(CLASS_COLOURS)]
    owners = part_map(values, named)
    whole = ranked.contributions.reconstruction.numpy()
    strongest = float(values[named].max()) or 1.0
    tiles = [tinted(as_picture(run, whole / (float(whole.max()) or 1.0)), as_picture(run, owners))]
    tiles += [
        tinted(as_picture(run, values[k] / strongest), np.full_like(as_picture(run, owners), i)) for i, k in enumerate(named)
    ]
    chosen = st.session_state.get("part", 1) - 1
    share = float(whole[owners == OTHER_PARTS].sum() / max(whole.sum(), 1e-12))
    unit = "feature" if images(run).feature_names else "pixel"
    gallery(
        tiles,
        ["map of parts", *(f"part {k + 1}" for k in named)],
        key="explain.map",
        size=104,
        selected=named.index(chosen) + 1 if chosen in named else None,
        title="Map of parts",
        how=f"Colour: the part with the largest contribution to the {unit}. Intensity: brightness of the {unit}"
        + (f"; gray: other parts ({share:.0%} of the ink)" if share >= 0.005 else "")
        + ". Beside it: the contribution of each part, in its colour.",
        on_pick=lambda tile: choose_part_of_tile(named, tile),
    )


def tinted(brightness: NDArray[np.floating], owners: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Colour pixels (h, w) by their part's place in COLOURS (OTHER_PARTS: the last one), opaque where they are bright: RGBA."""
    palette = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS], dtype=np.float32)
    alpha = 255 * np.clip(brightness, 0, 1)[..., None] ** pictures.OPACITY_EXPONENT
    return np.concatenate([palette[owners], alpha], axis=-1).round().astype(np.uint8)
