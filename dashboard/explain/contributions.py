"""Show the Shapley contributions of one sample's parts: pictures, waterfall, cumulative reconstruction."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from dashboard.components.gallery import gallery, tile_index
from dashboard.figures import charts
from dashboard.figures.saving import show_chart
from dashboard.session.part_contributions import N_SHOWN_PARTS, RankedContributions, choose_part_of_tile
from dashboard.session.run_data import as_picture, images
from ddnmf_core.data import pictures
from ddnmf_core.display.parts import strongest_features
from ddnmf_core.interpret.measures import MEASURES
from ddnmf_core.interpret.shapley import MAX_EXACT, N_SHAPLEY_PAIRS, additivity_gap
from ddnmf_core.model.decoding import add_parts_in_order
from ddnmf_core.store.finished_run import FinishedRun

MAX_HEAT_MAP_COLUMNS = 40  # features in a heat map
SMALL_GAP = 0.1  # of the additivity gap


def show_contributions(
    run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, ranked: RankedContributions, baseline_title: str
) -> None:
    """Show baseline + contributions = reconstruction, as pictures; a click chooses a part."""
    contributions, shown = ranked.contributions, ranked.shown
    ends = pictures.to_u8(as_picture(run, torch.stack([contributions.baseline, contributions.reconstruction]).numpy()))
    values = contributions.values
    tiles = pictures.differences(as_picture(run, values[shown].numpy()), scale=float(values.abs().max()) or 1.0)
    captions = [f"part {k + 1}\nH {H[k]:.2f}, baseline {baseline[k]:.2f}" for k in shown]
    gallery(
        [ends[0], *tiles, ends[1]],
        [f"baseline\n{baseline_title}", *captions, "reconstruction\nsum of all"],
        key="explain.parts",
        size=104,
        selected=_tile_of_part(ranked),
        title="Contributions of the parts",
        how="Shapley values by pixel: the contribution of each part, averaged over all orders of adding parts; largest first. "
        "Red: ink added, blue: ink removed, common scale. Baseline + contributions = reconstruction. Click a part to choose "
        "it for all pages.",
        on_pick=lambda tile: choose_part_of_tile(shown, tile),
    )


def show_steps(run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, ranked: RankedContributions, x: torch.Tensor) -> None:
    """Show the reconstruction grow part by part, its ink, and how well contributions describe it."""
    _show_build_up(run, H, baseline, ranked, x)
    contributions, shown = ranked.contributions, ranked.shown
    values = contributions.values[shown]
    left, right = st.columns([3, 2], gap="large")
    with left:
        names = [f"part {k + 1}" for k in shown]
        rest = float(contributions.values.sum()) - float(values.sum())
        show_chart(
            charts.waterfall(float(contributions.baseline.sum()), values.sum(dim=1).tolist(), names, rest),
            "explain.waterfall",
            "Ink (sum of pixels) from baseline to reconstruction. A part that moves ink around has a strong picture and a "
            "short bar here.",
            title="From baseline to reconstruction",
        )
    with right:
        _show_measures(ranked, additivity_gap(run.decode(), H, baseline))
    if features := images(run).feature_names:
        show_features(values.numpy(), features, shown)


def _show_measures(ranked: RankedContributions, gap: float) -> None:
    contributions = ranked.contributions
    st.metric(
        MEASURES["additivity_gap"].title,
        f"{gap:.0%}",
        help=f"{MEASURES['additivity_gap'].meaning} Check: baseline plus contributions differ from the reconstruction by at "
        f"most {contributions.completeness_error:.0e} in any pixel.",
    )
    st.caption("Small: parts add up." if gap < SMALL_GAP else "Large: parts interact, the effect of one depends on the others.")
    if contributions.standard_error is not None:
        typical = float(contributions.standard_error.mean() / contributions.values.abs().mean().clamp(min=1e-12))
        st.metric(
            "Standard error",
            f"{typical:.0%}",
            help=f"Of a pixel's contribution, relative to the mean one. With more than {MAX_EXACT} parts the values are "
            f"sampled from {N_SHAPLEY_PAIRS} random orders and their reverses.",
        )


def show_features(values: NDArray[np.floating], names: Sequence[str], shown: Sequence[int]) -> None:
    """Show the contributions to the most affected features as a heat map."""
    order = np.sort(strongest_features(np.abs(values).max(axis=0), MAX_HEAT_MAP_COLUMNS))
    figure = charts.heat_map(
        values[:, order],
        [f"part {k + 1}" for k in shown],
        [names[feature] for feature in order],
        "Contribution of each part to each feature",
        diverging=True,
    )
    show_chart(
        figure,
        "explain.features",
        "Red: the part raises the feature above the baseline; blue: it lowers it. A column sums to reconstruction minus "
        "baseline.",
    )


def _tile_of_part(ranked: RankedContributions) -> int | None:
    tile = tile_index(st.session_state.get("part", 1) - 1, ranked.order[:N_SHOWN_PARTS].numpy())
    return None if tile is None else tile + 1  # the first tile is the baseline


def _show_build_up(
    run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, ranked: RankedContributions, x: torch.Tensor
) -> None:
    order = ranked.order
    frames = add_parts_in_order(run.decode(), H, baseline, order)
    chosen = list(range(min(len(frames), N_SHOWN_PARTS + 1)))
    if len(frames) - 1 not in chosen:
        chosen[-1] = len(frames) - 1
    errors = (frames - x).square().mean(dim=1)
    captions = [
        ("baseline" if i == 0 else "all parts" if i == len(frames) - 1 else f"+ part {order[i - 1] + 1}")
        + f"\nerror {errors[i]:.4f}"
        for i in chosen
    ]
    gallery(
        pictures.to_u8(as_picture(run, frames[chosen].numpy())),
        captions,
        key="explain.film",
        size=88,
        title="Cumulative reconstruction",
        how="Starting from the baseline, each frame adds the next strongest part. The last frame is the student's "
        "reconstruction.",
    )
