"""The same few images clean, corrupted, and rebuilt by each model: the pictures of the Noise page."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.gallery import gallery
from dashboard.figures.files import Tiles
from dashboard.figures.saving import remember_figure
from dashboard.session.links import linked_choice
from dashboard.session.run_data import HASH_FUNCS, cached_run, dataset_images
from dashboard.session.run_title import run_title
from dashboard.session.store import TRAIN_PAGE, store
from ddnmf_core.data import pictures
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.data.dataset import Images
from ddnmf_core.reproduce.matching_runs import FIGURE3_NOISE, MatchingRun, nearest_run, on_same_images
from ddnmf_core.store.entry import Entry, RunEntry

Pixels = NDArray[np.float32]
AS_SLIDER, SAMPLE_TILE_WIDTH = "slider", 56  # a tile's width in pixels


def show_samples(runs: Sequence[MatchingRun], titles: Sequence[str], dataset: str, level: float) -> None:
    """One image of each class at a noise level, after the one that other pages show; says which run rebuilds them, and with
    what noise it was trained."""
    here = on_same_images(runs, dataset)
    images = dataset_images(here[0].config.dataset, here[0].config.n_samples) if here else _shipped(dataset)
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        each = images.one_of_each_class(_pick_number(images))
    chosen = _chosen_elsewhere(images)
    samples = np.array([*chosen, *each])
    with right:
        trained_at = _pick_level(here)
    used = {title: run for title in titles if (run := nearest_run(here, title, level if trained_at is None else trained_at))}
    seed = next(iter(used.values())).config.seed if used else 1
    clean = images.scaled(samples)
    noisy = corrupt_images(clean, samples, level, seed)
    shown = {"clean": clean, "noisy": noisy} | {
        title: _rebuilt(run.entry, tuple(samples.tolist()), level, seed, noisy) for title, run in used.items()
    }
    names = [images.class_names[label] for label in images.labels[samples]]
    _stacks(
        shown,
        [*(f"{name}, sample {sample}" for name, sample in zip(names, chosen, strict=False)), *names[len(chosen) :]],
        images.image_shape,
    )
    _explain(used, titles, dataset, level if trained_at is None else trained_at, seed)


def _shipped(dataset: str) -> Images:
    """Images of the family that need no run and no download."""
    family = DATASETS[dataset].family
    return dataset_images(next(name for name, spec in DATASETS.items() if spec.family == family), None)


def _chosen_elsewhere(images: Images) -> list[int]:
    """The sample that the other pages show, where their run has seen the same images."""
    run_id, sample = st.session_state.get("run"), st.session_state.get("sample")
    entry: RunEntry | None = Entry(store().root, "runs", run_id) if run_id else None
    if sample is None or entry is None or not entry.exists:
        return []
    same = dataset_images(entry.config.dataset, entry.config.n_samples) is images
    return [int(sample)] if same and 0 <= sample < len(images) else []


def _pick_number(images: Images) -> int:
    n = int(np.unique(images.labels, return_counts=True)[1].min())
    if not 1 <= st.session_state.get("nth", 1) <= n:
        st.session_state["nth"] = 1
    return (
        int(
            st.number_input(
                "Image of each class",
                1,
                n,
                key="nth",
                bind="query-params",
                help=f"1 to {n:,}: the first image of each class, the second, and so on.",
            )
        )
        - 1
    )


def _pick_level(here: Sequence[MatchingRun]) -> float | None:
    """The noise that the models were trained with; None: as the slider says."""
    levels = sorted({run.config.noise_level for run in here})
    options = {AS_SLIDER: "the slider's noise level"} | {f"{level:g}": f"{level:.0%} noise" for level in levels}
    chosen = linked_choice(
        st.selectbox,
        "Models trained with",
        list(options),
        "trained_at",
        format_func=options.get,
        help="A model can be given more noise, or less, than it was trained with.",
    )
    return None if chosen == AS_SLIDER else float(chosen)


def corrupt_images(clean: Pixels, samples: NDArray[np.int64], level: float, seed: int) -> Pixels:
    """Each image with the noise that belongs to it: (n, d) -> (n, d)."""
    import torch  # 2.7 s cold: after the panels stand

    from ddnmf_core.model.corruption import corrupt_each

    return corrupt_each(torch.from_numpy(clean), torch.from_numpy(samples), FIGURE3_NOISE, level, seed).numpy()


@st.cache_resource(max_entries=500, show_spinner=False, hash_funcs=HASH_FUNCS)
def _rebuilt(run: RunEntry, samples: tuple[int, ...], level: float, seed: int, _noisy: Pixels) -> Pixels:
    """What a run makes of the corrupted images; kept, so that moving the slider to and fro loads no model twice."""
    import torch

    with torch.no_grad():
        return cached_run(run).model()(torch.from_numpy(_noisy)).numpy()


def _stacks(shown: dict[str, Pixels], names: Sequence[str], image_shape: tuple[int, int]) -> None:
    """A stack for each sample, the clean image on top, its name or its error beneath each; as many side by side as fit."""
    captions = [
        list(names),
        *(
            [f"{title}\n{error:.4f}" for error in np.square(pixels - shown["clean"]).mean(axis=1)]
            for title, pixels in list(shown.items())[1:]
        ),
    ]
    tiles = pictures.to_u8(np.stack(list(shown.values()), axis=1)).reshape(len(names), len(shown), *image_shape)
    by_row = [tile for row in tiles.swapaxes(0, 1) for tile in row]
    remember_figure(
        "noise.stacks",
        "Images at this noise, and what is rebuilt of them",
        Tiles(by_row, [text for row in captions for text in row], most_beside=len(names)),
    )
    with st.container(horizontal=True, gap="xsmall"):
        for number, (stack, texts) in enumerate(zip(tiles, zip(*captions, strict=True), strict=True)):
            with st.container(width=SAMPLE_TILE_WIDTH + 10):
                gallery(stack, texts, key=f"noise.stack.{number}", size=SAMPLE_TILE_WIDTH)


def _explain(used: dict[str, MatchingRun], titles: Sequence[str], dataset: str, wanted: float, seed: int) -> None:
    """How to read the pictures, and which runs they are of."""
    family = DATASETS[dataset].family_title
    absent = [title for title in titles if title not in used]
    if absent:
        st.info(
            f"This store has no finished {join_or(absent)} on these images of {family}, so it cannot rebuild them. "
            "Compute a noise level with the button below, or train one on the Train page."
        )
        st.page_link(TRAIN_PAGE, label="Go to the Train page", icon=":material/play_arrow:")
    st.caption(
        "Numbers under the pictures: mean squared difference from the clean image, pixels from 0 to 1; under the noisy "
        f"ones that of the noise itself. Noise of seed {seed}, the same for all models. AE1 learns to rebuild the noisy "
        "image that it is given, DAE to give back the clean one, DDNMF's student to agree with a supervisor that sees "
        "the clean one."
    )
    if used:
        st.caption("  \n".join([_which_runs(used, wanted), *(run_title(run.entry) for run in used.values())]))


def _which_runs(used: dict[str, MatchingRun], wanted: float) -> str:
    elsewhere = [title for title, run in used.items() if run.config.noise_level != wanted]
    others = [title for title, run in used.items() if not run.own]
    sentences = ["The runs shown:"]
    if elsewhere:
        sentences.insert(0, f"No {join_or(elsewhere)} in this store was trained with {wanted:.0%} noise: the nearest is shown.")
    if others:
        sentences.insert(
            0,
            f"This store has no {join_or(others)} trained by the protocol on these images: another run "
            "with settings of its own stands in.",
        )
    return " ".join(sentences)


def join_or(names: Sequence[str]) -> str:
    """'DDNMF, AE1 or DAE'."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
