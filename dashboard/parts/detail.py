"""Show one part: pictures, samples, distribution, ablation, robustness to noise, and its matches in other seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.gallery import gallery, tile_index
from dashboard.figures import charts
from dashboard.figures.feature_charts import feature_bars
from dashboard.figures.saving import show_chart, show_title
from dashboard.session.run_data import as_picture, cached_part_effects, images
from dashboard.session.selections import choose_sample
from dashboard.session.store import EXPLAIN_PAGE
from ddnmf_core.data import pictures
from ddnmf_core.display.text import in_markdown
from ddnmf_core.export.parts import parts_csv
from ddnmf_core.files.read_only import read_only
from ddnmf_core.interpret.quality import NOISE_LEVELS, SATURATED, saturation
from ddnmf_core.interpret.stability import MIN_REAPPEARANCE_COSINE, match_parts
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names, part_title, rename_part

N_TOP_SAMPLES, N_BAND_SAMPLES = 10, 4
BANDS = (0.95, 0.75, 0.5, 0.25, 0.05)  # quantiles of the coefficient


def show_part(run: FinishedRun, part: int, H: NDArray[np.float32]) -> None:
    """Show name, pictures and samples of a part; H: (n, r)."""
    names, r = part_names(run.entry), H.shape[1]
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    with left.container(horizontal=True, vertical_alignment="center"):
        _step_button("Previous part", ":material/chevron_left:", (part - 1) % r)
        _step_button("Next part", ":material/chevron_right:", (part + 1) % r)
        st.header(in_markdown(part_title(names, part)), anchor=False)  # which would hold the name
    st.session_state[key := f"parts.name.{run.id}.{part}"] = names.get(part, "")  # it may have been named in another session
    right.text_input(
        "Part name",
        key=key,
        max_chars=40,
        placeholder="e.g. upper loop",
        disabled=read_only(),
        help="Saved with the run and shown with the part everywhere.",
        on_change=_rename,
        args=(run, part, key),
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        _show_pictures(run, part)
    with right:
        _show_samples(run, part, H)
    if features := images(run).feature_names:
        show_chart(
            feature_bars(cached_part_effects(run)[part], features, "Swing by feature"),
            "parts.features",
            "Right: a high coefficient raises the feature; left: it lowers it.",
        )
        st.download_button(
            "Download all parts by feature (CSV)",
            lambda: parts_csv(run),
            f"ddnmf-{run.id}-parts.csv",
            "text/csv",
            key="parts.csv",
            icon=":material/download:",
            on_click="ignore",
            help="A row for each part, a column for each feature: its change over the 5-95 % range of the coefficient.",
        )


def _step_button(label: str, icon: str, part: int) -> None:
    st.button("", key=f"parts.{label}", icon=icon, help=label, on_click=_go_to, args=(part,))


def _go_to(part: int) -> None:
    st.session_state["part"] = part + 1


def show_distribution(run: FinishedRun, part: int, H: NDArray[np.float32], place: DeltaGenerator) -> None:
    """Show a histogram of a part's coefficient; H: (n, r)."""
    saturated = ""
    if run.config.nmf_at == "code":  # at the pixels coefficients have no upper limit
        saturated = f" Saturated (within {SATURATED:g} of 0 or 1): {saturation(H)[part]:.1%} of the samples."
    show_chart(
        charts.histogram(H[:, part], run.max_coefficient(), "Distribution of the coefficient"),
        "parts.histogram",
        f"Narrow peak: nearly constant, so uninformative. Two peaks: on or off.{saturated}",
        place=place,
    )


def show_purity(run: FinishedRun, part: int, mass: NDArray[np.float64], place: DeltaGenerator) -> None:
    """Show the classes that a part's mass is in; mass: (r, n_classes)."""
    classes = images(run).class_names
    show_chart(
        charts.bar_chart(mass[part], classes, "Class purity", True),
        "parts.purity",
        f"Fraction of the part's mass by class. Purity {mass[part].max():.2f}: the largest fraction; "
        f"{1 / len(classes):.2f} means no preference (Kim and Park 2007).",
        place=place,
    )


def _rename(run: FinishedRun, part: int, key: str) -> None:
    """Save a typed name; merely showing a name must not write an outdated one back."""
    rename_part(run.entry, part, st.session_state[key])


def _show_pictures(run: FinishedRun, part: int) -> None:
    """Show what the part adds, large, and the pictures that this comes from."""
    decoded, swing = run.part_pictures(), cached_part_effects(run)[part]
    baseline, raised = decoded["baseline"][0], decoded["raised"][part]
    high = "1" if run.config.nmf_at == "code" else "its 95 % quantile"
    swing_tile = pictures.differences(as_picture(run, swing))
    alone_tile = pictures.to_u8(as_picture(run, pictures.brightest_at_one(decoded["alone"][part : part + 1])[0]))
    first = [(alone_tile, "alone, scaled"), (swing_tile, "swing")]
    tiles, captions = zip(*(first if run.is_additive() else first[::-1]), strict=True)
    gallery(
        tiles,
        captions,
        key="parts.pictures",
        size=180,
        title=f"Pictures of part {part + 1}",
        how="Swing: from the 5 % to the 95 % quantile of coefficient k; red is ink added, blue ink removed. "
        f"Alone: k at {high}, all others 0.",
    )
    rest = pictures.to_u8(as_picture(run, np.stack([baseline, raised])))
    difference = pictures.differences(as_picture(run, raised - baseline), scale=1.0)
    gallery(
        [*rest, difference],
        ["baseline: mean of H", f"raised: k at {high}", "raised - baseline"],
        key="parts.raised",
        size=104,
        title=f"Part {part + 1} raised from the mean",
    )


def _show_samples(run: FinishedRun, part: int, H: NDArray[np.float32]) -> None:
    """Show the samples that activate the part most, and samples across the range of its coefficient."""
    order = np.argsort(-H[:, part], kind="stable")
    show_title(
        "Top-activating samples",
        "Captions: sample, class, coefficient, file. Click one to select it on every page. Top samples can mislead; check the "
        "middle of the range below.",
    )
    _samples(run, part, H, order[:N_TOP_SAMPLES], "parts.top", f"Top-activating samples of part {part + 1}")
    st.markdown("**Samples across the range, by percentile**")
    for quantile, place in zip(BANDS, st.columns(len(BANDS)), strict=True):
        middle = round((1 - quantile) * (len(order) - 1))
        band = order[max(0, middle - N_BAND_SAMPLES // 2) :][:N_BAND_SAMPLES]
        with place:
            st.markdown(f"{quantile * 100:.0f} %")
            key = f"parts.band.{quantile * 100:.0f}"
            _samples(run, part, H, band, key, f"Part {part + 1}, samples at the {quantile:.0%} quantile")
    if st.session_state.get("sample") is not None:
        st.page_link(
            EXPLAIN_PAGE,
            label=f"Explain sample {st.session_state['sample']}",
            icon=":material/search:",
            query_params={"run": run.id, "image": "set", "sample": str(st.session_state["sample"])},
        )


def _samples(run: FinishedRun, part: int, H: NDArray[np.float32], samples: NDArray[np.integer], key: str, title: str) -> None:
    gallery(
        as_picture(run, images(run).shown(samples)),
        [images(run).tile_caption(sample, f"{H[sample, part]:.3f}") for sample in samples.tolist()],
        size=56,
        title=title,
        key=key,
        selected=tile_index(st.session_state.get("sample"), samples),
        on_pick=lambda tile: choose_sample(samples[tile]),
    )


def show_measured(
    run: FinishedRun,
    part: int,
    arrays: Mapping[str, NDArray[np.floating]],
    measured: pd.DataFrame,
    clusters: Mapping[int, str],
    places: Sequence[DeltaGenerator],
) -> None:
    """Show ablation and robustness to noise in two places."""
    left, right = places
    names = [clusters[cluster] for cluster in range(arrays["causal"].shape[1])]
    show_chart(
        charts.bar_chart(arrays["causal"][part], names, "Ablation", True),
        "parts.causal",
        "Fraction of each cluster that switches when the part is removed: its coefficient is set to its mean in every image, "
        "the image decoded, encoded again and clustered (K-means on z). Tall bar: the cluster depends on this part.",
        place=left,
    )
    show_chart(
        charts.survival_curves(arrays["survival"], part, NOISE_LEVELS),
        "parts.survival",
        "Correlation of the coefficient on noisy images with that on clean ones; gray: other parts. Higher is more robust.",
        place=right,
    )
    partner = measured.loc[measured["part"] == part, ["partner", "correlation"]].iloc[0]
    st.markdown(f"Most correlated with **part {int(partner['partner']) + 1}** (r = {partner['correlation']:+.2f}).")


def show_other_seeds(run: FinishedRun, part: int, others: Sequence[FinishedRun]) -> None:
    """Show the matched part of every other seed."""
    if not others:
        st.caption(
            "No other seeds of this configuration. Train more (Train, **Number of seeds**) to see whether this part reappears."
        )
        return
    effects, n_found = cached_part_effects(run), 0
    tiles, captions = [effects[part]], [f"this run\nseed {run.config.seed}"]
    for other in others:
        partners, cosine = match_parts(effects, cached_part_effects(other))
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
        title=f"Part {part + 1} in other seeds",
        how="Swing of this part and of its match in each other seed (Hungarian matching by cosine; reappears if >= "
        f"{MIN_REAPPEARANCE_COSINE:g}). A part that reappears in no other seed is probably chance.",
    )
