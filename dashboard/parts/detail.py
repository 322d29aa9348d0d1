"""One part: its pictures, its samples, its histogram, what it causes, what noise leaves of it, and other seeds' likeness."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st
import torch
from numpy.typing import NDArray

from dashboard.components.gallery import gallery, tile_index
from dashboard.figures import charts
from dashboard.figures.feature_charts import feature_bars
from dashboard.figures.saving import show_chart
from dashboard.session.run_data import as_picture, cached_part_effects, images
from dashboard.session.selections import choose_sample
from dashboard.session.store import EXPLAIN_PAGE
from ddnmf_core.data import pictures
from ddnmf_core.files.read_only import read_only
from ddnmf_core.interpret.quality import NOISE_LEVELS, SATURATED, saturation
from ddnmf_core.interpret.stability import MIN_REAPPEARANCE_COSINE, match_parts
from ddnmf_core.model.decoding import part_pictures
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names, part_title, rename_part

N_TOP_SAMPLES, N_BAND_SAMPLES = 16, 4
BANDS = (0.95, 0.75, 0.5, 0.25, 0.05)  # quantiles of the coefficient


def show_part(run: FinishedRun, part: int, H: NDArray[np.float32], mass: NDArray[np.float64]) -> None:
    """What needs nothing but the run itself."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    names = part_names(run.entry)
    left.header(part_title(names, part))
    st.session_state[key := f"parts.name.{run.id}.{part}"] = names.get(part, "")  # somebody else may have named it
    right.text_input(
        "Name it",
        key=key,
        max_chars=40,
        placeholder="for instance: upper loop",
        disabled=read_only(),
        help="Kept with the run, shown wherever the part is.",
        on_change=_rename,
        args=(run, part, key),
    )
    _show_pictures(run, part, H)
    _show_samples(run, part, H)
    left, right = st.columns(2)
    show_chart(
        charts.histogram(H[:, part], "How much of it the samples have"),
        "parts.histogram",
        "A narrow peak: every image has the same amount, so the part says little. Two peaks: it is on or off. "
        f"{saturation(H)[part]:.1%} of the samples lie within {SATURATED:g} of 0 or 1: saturated.",
        place=left,
    )
    classes = images(run).class_names
    if not images(run).labelled:
        return
    show_chart(
        charts.bar_chart(mass[part], classes, "Class purity: share of its mass in each class", True),
        "parts.purity",
        f"Purity {mass[part].max():.2f}: the largest share. {1 / len(classes):.2f} would be no preference at all (Kim "
        "and Park 2007).",
        place=right,
    )


def _rename(run: FinishedRun, part: int, key: str) -> None:
    """Only when it is typed: a page that merely shows the name must not write an old one back."""
    rename_part(run.entry, part, st.session_state[key])


def _show_pictures(run: FinishedRun, part: int, H: NDArray[np.float32]) -> None:
    decoded = part_pictures(run.ddnmf(), torch.from_numpy(H.mean(axis=0)))
    plain = torch.stack([decoded["baseline"][0], decoded["raised"][part], decoded["alone"][part]])
    signed = np.stack([(decoded["raised"][part] - decoded["baseline"][0]).numpy(), cached_part_effects(run)[part]])
    gallery(
        [*pictures.to_u8(as_picture(run, plain.numpy())), *pictures.differences(as_picture(run, signed), scale=1.0)],
        [
            "baseline\nmean of H",
            "raised\nit at 1, others at mean",
            "alone\nit at 1, others 0",
            "raised\nminus baseline",
            "swing\n5 % to 95 % quantile",
        ],
        key="parts.pictures",
        size=112,
        title=f"Part {part + 1} in five pictures",
    )
    st.caption(
        "The part under both baselines, the mean of H and zero. The swing shows what it does over the range that it "
        "really takes: red is ink that a high coefficient adds, blue ink that it takes away."
    )
    if names := images(run).feature_names:
        show_chart(
            feature_bars(cached_part_effects(run)[part], names, "What the part does: its swing by feature"),
            "parts.features",
            "Upwards: a high coefficient raises the feature, downwards: it lowers it.",
        )


def _show_samples(run: FinishedRun, part: int, H: NDArray[np.float32]) -> None:
    order = np.argsort(-H[:, part], kind="stable")
    with st.container():
        st.markdown("**Samples with most of it**")
        _samples(run, part, H, order[:N_TOP_SAMPLES], "parts.top", f"Samples with most of part {part + 1}")
    st.markdown("**Samples from its range**, at the 95, 75, 50, 25 and 5 % quantiles")
    middles = [round((1 - q) * (len(order) - 1)) for q in BANDS]
    chosen = np.concatenate([order[max(0, m - N_BAND_SAMPLES // 2) :][:N_BAND_SAMPLES] for m in middles])
    _samples(run, part, H, chosen, "parts.bands", f"Samples from the range of part {part + 1}")
    st.caption(
        "Number of the sample and its coefficient. Click one to make it the sample of every page. The top alone "
        "flatters a part: what it does in between says whether the top tells its meaning."
    )
    if st.session_state.get("sample") is not None:
        st.page_link(
            EXPLAIN_PAGE,
            label=f"See sample {st.session_state['sample']} rebuilt from its parts",
            icon=":material/search:",
            query_params={"run": run.id, "image": "set", "sample": str(st.session_state["sample"])},
        )


def _samples(run: FinishedRun, part: int, H: NDArray[np.float32], samples: NDArray[np.integer], key: str, title: str) -> None:
    gallery(
        as_picture(run, images(run).shown(samples)),
        [f"{sample}\n{H[sample, part]:.3f}" for sample in samples],
        size=56,
        title=title,
        key=key,
        selected=tile_index(st.session_state.get("sample"), samples),
        on_pick=lambda tile: choose_sample(samples[tile]),
    )


def show_measured(
    run: FinishedRun, part: int, arrays: Mapping[str, NDArray[np.floating]], measured: pd.DataFrame, clusters: Mapping[int, str]
) -> None:
    """What it causes, and what noise leaves of it."""
    left, right = st.columns(2)
    names = [clusters[cluster] for cluster in range(arrays["causal"].shape[1])]
    show_chart(
        charts.bar_chart(arrays["causal"][part], names, "Taken out: share of each cluster that leaves it", True),
        "parts.causal",
        "The part is set to its mean in every image, the picture is decoded and encoded again, and "
        "K-means on z says where it lies now. A high bar: this part holds that cluster together.",
        place=left,
    )
    show_chart(
        charts.survival_curves(arrays["survival"], part, NOISE_LEVELS),
        "parts.survival",
        "Correlation of its coefficient on noisy "
        "images with that on the clean ones; gray: the other parts. The higher, the more noise the part bears.",
        place=right,
    )
    others = measured.loc[measured["part"] == part, ["partner", "correlation"]].iloc[0]
    word = "together" if others["correlation"] > 0 else "in turn"
    st.markdown(
        f"Its coefficient goes {word} with **part {int(others['partner']) + 1}** most (correlation "
        f"{others['correlation']:+.2f})."
    )


def show_other_seeds(run: FinishedRun, part: int, others: Sequence[FinishedRun]) -> None:
    """The matched part of every other seed."""
    if not others:
        st.caption(
            "No other seed of this configuration is in the store: train some (Train, Runs with seeds one after the "
            "other), and this part is looked for in them."
        )
        return
    mine, tiles, captions, n_found = (
        cached_part_effects(run),
        [cached_part_effects(run)[part]],
        [f"this run\nseed {run.config.seed}"],
        0,
    )
    for other in others:
        partners, cosine = match_parts(mine, cached_part_effects(other))
        tiles.append(cached_part_effects(other)[partners[part]])
        captions.append(f"seed {other.config.seed}, part {partners[part] + 1}\ncosine {cosine[part]:.2f}")
        n_found += bool(cosine[part] >= MIN_REAPPEARANCE_COSINE)
    colour = "green" if n_found == len(others) else "orange" if n_found else "red"
    st.markdown(f":{colour}-badge[Reappears in {n_found} of {len(others)} seeds]")
    gallery(
        pictures.differences(as_picture(run, np.stack(tiles)), scale=1.0),
        captions,
        key="parts.likeness",
        size=88,
        title=f"Part {part + 1} in the other seeds",
    )
    st.caption(
        "Its swing beside that of the matched part in each other seed (Hungarian matching by cosine; found again from "
        f"{MIN_REAPPEARANCE_COSINE:g}). A part that no other seed finds is an accident of this one."
    )
