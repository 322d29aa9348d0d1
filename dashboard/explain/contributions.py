"""One sample's picture shared out among its parts: Shapley pictures, the waterfall, the film."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from dashboard.components.gallery import gallery, tile_index
from dashboard.figures import charts
from dashboard.figures.feature_charts import strongest_features
from dashboard.figures.saving import show_chart
from dashboard.session.part_contributions import N_SHOWN_PARTS, SharedOut, _choose
from dashboard.session.run_data import as_picture, images
from ddnmf_core.data import pictures
from ddnmf_core.interpret.shapley import MAX_EXACT, N_SHAPLEY_PAIRS, additivity_gap
from ddnmf_core.model.decoding import add_parts_in_order
from ddnmf_core.store.finished_run import FinishedRun

MAX_HEAT_MAP_COLUMNS = 40  # features in a heat map


def show_contributions(
    run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, shared: SharedOut, baseline_title: str
) -> None:
    st.header("The parts it is made of")
    found, shown = shared.contributions, shared.shown
    ends = pictures.to_u8(as_picture(run, torch.stack([found.baseline, found.reconstruction]).numpy()))
    values = found.values[shown]
    tiles = pictures.differences(as_picture(run, values.numpy()), scale=float(found.values.abs().max()) or 1.0)
    captions = [f"part {k + 1}\nH {H[k]:.2f}, baseline {baseline[k]:.2f}" for k in shown]
    gallery(
        [ends[0], *tiles, ends[1]],
        [f"baseline\n{baseline_title}", *captions, "reconstruction\nall of it together"],
        key="explain.parts",
        size=104,
        selected=_place_of_part(shared),
        title="Shapley pictures",
        on_pick=lambda tile: _choose(shown, tile),
    )
    st.caption(
        "Shapley values, pixel by pixel: what each part adds to the picture, averaged over all orders in which the "
        "parts can be put in; the strongest first. Red is ink that it adds, blue ink that it takes away, one scale. "
        "Baseline and parts add up to the reconstruction."
    )
    if features := images(run).feature_names:
        show_features(values.numpy(), features, shown)
    gap = additivity_gap(run.ddnmf().student.decode, H, baseline)
    left, right = st.columns([3, 2], gap="large")
    with left:
        names = [f"part {k + 1}" for k in shown]
        rest = float(found.values.sum()) - float(values.sum())
        show_chart(
            charts.waterfall(float(found.baseline.sum()), values.sum(dim=1).tolist(), names, rest),
            "explain.waterfall",
            "The ink of the picture (sum of its pixels) from the baseline to the reconstruction. A part that moves ink "
            "from one place to another has a strong picture above and a short bar here.",
            title="From baseline to picture",
        )
    with right:
        st.metric(
            "Completeness error",
            f"{found.completeness_error:.1e}",
            help="The largest pixel by which baseline and contributions together miss the reconstruction.",
        )
        st.metric(
            "Additivity gap",
            f"{gap:.0%}",
            help="How far the plain sum of singly decoded parts is from the true reconstruction, relative to its norm. "
            "0 % for a decoder that only adds: then a part means the same in every company.",
        )
        if found.standard_error is not None:
            typical = float(found.standard_error.mean() / found.values.abs().mean().clamp(min=1e-12))
            st.metric(
                "Standard error",
                f"{typical:.0%}",
                help=f"Of a pixel's contribution, against the mean contribution: with more than {MAX_EXACT} parts the "
                f"values are sampled, from {N_SHAPLEY_PAIRS} random orders and their reverses.",
            )


def show_features(values: NDArray[np.floating], names: Sequence[str], shown: Sequence[int]) -> None:
    """The same contributions as numbers: parts against the features that they move most."""
    order = np.sort(strongest_features(np.abs(values).max(axis=0), MAX_HEAT_MAP_COLUMNS))
    figure = charts.heat_map(
        values[:, order],
        [f"part {k + 1}" for k in shown],
        [names[feature] for feature in order],
        "What each part adds to each feature",
        diverging=True,
    )
    show_chart(
        figure,
        "explain.features",
        "Red: the part raises this feature above the baseline, blue: it lowers it. A column "
        "adds up to how far the rebuilt value is from the baseline.",
    )


def _place_of_part(shared: SharedOut) -> int | None:
    place = tile_index(st.session_state.get("part", 1) - 1, shared.order[:N_SHOWN_PARTS].numpy())
    return None if place is None else place + 1  # the first tile is the baseline


def show_build_up(run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, shared: SharedOut, x: torch.Tensor) -> None:
    st.header("Built up, part by part")
    order = shared.order
    frames = add_parts_in_order(run.ddnmf().student, H, baseline, order)
    chosen = list(range(min(len(frames), N_SHOWN_PARTS + 1)))
    if len(frames) - 1 not in chosen:
        chosen[-1] = len(frames) - 1
    errors = (frames - x).square().mean(dim=1)
    captions = [
        ("baseline" if i == 0 else "all parts" if i == len(frames) - 1 else f"+ part {order[i - 1] + 1}")
        + f"\nerror {errors[i]:.4f}"
        for i in chosen
    ]
    gallery(pictures.to_u8(as_picture(run, frames[chosen].numpy())), captions, key="explain.film", size=88)
    st.caption(
        "From the baseline on the left, where no part is the sample's own, each frame takes over one part more, the "
        "strongest first. The last frame is the student's reconstruction, with all parts."
    )
