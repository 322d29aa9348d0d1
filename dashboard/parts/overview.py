"""Show all parts of a run as tiles, and NMF of the pixels of the same rank, drawn alike, under them."""

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from dashboard.components.gallery import gallery
from dashboard.session.links import linked_choice, set_choice
from dashboard.session.results import result_of
from dashboard.session.run_data import as_picture, cached_part_effects, images
from ddnmf_core.config import PixelNMFConfig
from ddnmf_core.data import pictures
from ddnmf_core.model.decoding import LinearDecode, part_effects
from ddnmf_core.store.entry import FACTORS_FILE
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names, part_title

VIEWS = {"swing": "Swing", "alone": "Alone", "raised": "Raised from the mean", "difference": "Difference from the baseline"}
ADDITIVE_VIEWS = ("alone", "swing", "raised")  # of these a difference is the swing
READING = {
    "swing": "The picture at the 95 % quantile of coefficient k minus that at its 5 % quantile, others at their mean: the "
    "effect of the part over its actual range. Red is ink added, blue ink removed.",
    "alone": "Coefficient k high, all others 0, each picture scaled to its brightest pixel.",
    "raised": "Coefficient k high, others at their mean: the mean image with more of part k. High: 1; with the NMF module at "
    "the pixels, where coefficients have no limit, the 95 % quantile.",
    "difference": "The raised picture minus the baseline: red is ink added, blue ink removed.",
}
UNTRAINED = " The decoder has not been trained on such inputs: a sigmoid never gives 0."
NMF_TITLE = "NMF of the pixels, same rank"
FEW, SEVERAL = 20, 48  # parts, up to which tiles are large, and up to which their captions have two lines


def show_parts(run: FinishedRun, H: NDArray[np.float32], mass: NDArray[np.float64], part: int) -> None:
    """Show the parts (H: (n, r); mass: (r, n_classes)), then the bases of NMF in the same view; a click opens a part."""
    view = _choose_view(run)
    untrained = UNTRAINED if view == "alone" and not run.is_additive() else ""
    size = 104 if H.shape[1] <= FEW else 64
    gallery(
        _tiles(run, view),
        _captions(run, H, mass),
        key="parts.tiles",
        size=size,
        selected=part,
        on_pick=open_part,
        title=f"The parts: {VIEWS[view].lower()}",
        how=f"{READING[view]}{untrained} {_caption_words(run, H)} Click a part to open it.",
    )
    _show_pixel_nmf(run, view, size)


def open_part(part: int) -> None:
    """Choose a part for all pages and open its tab; from a callback."""
    st.session_state["part"] = part + 1
    set_choice("tab", "part")


def _choose_view(run: FinishedRun) -> str:
    """Choose what is drawn of a part; at first what shows parts best: the atom where they add up, else the swing."""
    options = ADDITIVE_VIEWS if run.is_additive() else tuple(VIEWS)
    key = "additive_view" if run.is_additive() else "view"
    return linked_choice(st.segmented_control, "View", options, key, format_func=VIEWS.get, required=True)


def _tiles(run: FinishedRun, view: str) -> list[NDArray[np.uint8]]:
    if view == "swing":
        return list(pictures.differences(as_picture(run, cached_part_effects(run))))
    decoded = run.part_pictures()
    if view == "difference":
        return list(pictures.differences(as_picture(run, decoded["raised"] - decoded["baseline"])))
    shown = pictures.brightest_at_one(decoded["alone"]) if view == "alone" else decoded[view]
    return list(pictures.to_u8(as_picture(run, shown)))


def _captions(run: FinishedRun, H: NDArray[np.float32], mass: NDArray[np.float64]) -> list[str]:
    names, classes, labelled = part_names(run.entry), images(run).class_names, images(run).labelled
    captions = []
    for k in range(H.shape[1]):
        lines = [part_title(names, k).lower()]
        if H.shape[1] <= FEW:
            lines.append(f"H {H[:, k].mean():.2f} ± {H[:, k].std():.2f}")
        if labelled and H.shape[1] <= SEVERAL:
            lines.append(f"{classes[mass[k].argmax()]} {mass[k].max():.0%}")
        captions.append("\n".join(lines))
    return captions


def _caption_words(run: FinishedRun, H: NDArray[np.float32]) -> str:
    words = ["mean ± SD of the coefficient"] * (H.shape[1] <= FEW)
    words += ["class with most of its mass"] * (images(run).labelled and H.shape[1] <= SEVERAL)
    return f"Captions: {', '.join(words)}." if words else ""


def _show_pixel_nmf(run: FinishedRun, view: str, size: int) -> None:
    """Show scikit-learn's NMF with as many bases, in colours where the view has them."""
    config = PixelNMFConfig(dataset=run.config.dataset, n_samples=run.config.n_samples, n_parts=run.config.n_parts)
    entry = result_of(config, NMF_TITLE)
    if entry is None:
        return
    factors = entry.read_tensors(FACTORS_FILE)
    if view in ("swing", "difference"):
        bases = torch.from_numpy(factors["bases"])
        swings = part_effects(LinearDecode(bases, torch.zeros(bases.shape[1])), torch.from_numpy(factors["H"])).numpy()
        tiles = list(pictures.differences(as_picture(run, swings)))
        drawn = "The swing of each basis, as above"
    else:
        tiles = list(pictures.to_u8(as_picture(run, pictures.brightest_at_one(factors["bases"]))))
        drawn = "Each basis scaled to its brightest pixel"
    gallery(
        tiles,
        [f"basis {k + 1}" for k in range(len(tiles))],
        key="parts.nmf",
        size=size,
        title=NMF_TITLE,
        how=f"{drawn}. scikit-learn's NMF with {len(tiles)} bases explains {factors['explained_variance'][0]:.1%} of the "
        "pixels' variance. Purely additive: the shallow baseline.",
    )
