"""Show images clean, corrupted, and reconstructed by each model on the Noise page."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.gallery import gallery
from dashboard.figures.files import Tiles
from dashboard.figures.saving import remember_figure, show_title
from dashboard.session.links import linked_choice
from dashboard.session.run_data import HASH_FUNCS, cached_run, dataset_images
from dashboard.session.store import TRAIN_PAGE, store
from ddnmf_core.data import pictures
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.data.dataset import Images
from ddnmf_core.display.text import in_markdown
from ddnmf_core.reproduce.matching_runs import FIGURE3_NOISE, MatchingRun, nearest_run, on_same_images
from ddnmf_core.store.entry import Entry, RunEntry
from ddnmf_core.store.run_names import run_title

HOW_TO_READ = (
    "Captions: mean squared error against the clean image, pixels from 0 to 1; for noisy images, that of the noise. Noise seed "
    "{seed} for all models. Training targets: AE1 the noisy image, DAE the clean image, DDNMF's student the features of a "
    "supervisor on clean images."
)
Pixels = NDArray[np.float32]
AS_SLIDER, NEAREST, STACK_TILE_WIDTH = "slider", "nearest", 64  # pixels


def show_samples(
    runs: Sequence[MatchingRun], titles: Sequence[str], dataset: str, level: float, places: Sequence[DeltaGenerator]
) -> None:
    """Show the chosen sample and one image per class at a noise level; name the runs and their training noise.

    `places` are for the choices of image, training noise and runs.
    """
    candidates = on_same_images(runs, dataset)
    images = dataset_images(candidates[0].config.dataset, candidates[0].config.n_samples) if candidates else _bundled(dataset)
    left, middle, right = places
    with left:
        by_class = images.one_of_each_class(_pick_number(images))
    chosen = _chosen_sample(images)
    samples = np.array([*chosen, *by_class])
    with middle:
        trained_at = _pick_level(candidates)
    with right:
        picked = _pick_runs(candidates, titles)
    like = next((run.config for run in candidates if run.entry.id == st.session_state.get("run")), None)
    used = {
        title: run
        for title in titles
        if (run := picked[title] or nearest_run(candidates, title, level if trained_at is None else trained_at, like))
    }
    seed = next(iter(used.values())).config.seed if used else 1
    clean = images.scaled(samples)
    noisy = _corrupted(images, clean, samples, level, seed)
    shown = {"clean": clean, "noisy": noisy} | {
        title: _reconstructions(run.entry, tuple(samples.tolist()), level, seed, noisy) for title, run in used.items()
    }
    names = [images.class_names[label] for label in images.labels[samples]]
    _stacks(
        shown,
        [*(f"{name}, sample {sample}" for name, sample in zip(names, chosen, strict=False)), *names[len(chosen) :]],
        images.image_shape,
        seed,
    )
    _name_runs(used, titles, dataset, level if trained_at is None else trained_at)


def _bundled(dataset: str) -> Images:
    """Return images of the family that need neither run nor download."""
    family = DATASETS[dataset].family
    return dataset_images(next(name for name, spec in DATASETS.items() if spec.family == family), None)


def _chosen_sample(images: Images) -> list[int]:
    """Return the sample of the other pages, if their run uses the same images."""
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
                "Image number in each class",
                1,
                n,
                key="nth",
                bind="query-params",
                help=f"1 to {n:,}: the first, second, … image of each class.",
            )
        )
        - 1
    )


def _pick_level(candidates: Sequence[MatchingRun]) -> float | None:
    """Pick the training noise of the models; None: the slider's level."""
    levels = sorted({run.config.noise_level for run in candidates})
    options = {AS_SLIDER: "slider level"} | {f"{level:g}": f"{level:.0%} noise" for level in levels}
    chosen = linked_choice(
        st.selectbox,
        "Training noise of the models",
        list(options),
        "trained_at",
        format_func=options.get,
        help="Test a model at another noise level than it was trained with.",
    )
    return None if chosen == AS_SLIDER else float(chosen)


def _pick_runs(candidates: Sequence[MatchingRun], titles: Sequence[str]) -> dict[str, MatchingRun | None]:
    """Pick the run that stands for each model; None: the one nearest to the training noise, with the chosen run's settings."""
    picked: dict[str, MatchingRun | None] = {}
    with st.popover("Runs shown", width="stretch"):
        for title in titles:
            runs = {run.entry.id: run for run in candidates if run.title == title}
            options = {NEAREST: "nearest to the training noise"} | {key: run_title(run.entry) for key, run in runs.items()}
            if st.session_state.get(key := f"noise.run.{title}") not in options:
                st.session_state[key] = NEAREST
            wanted = st.selectbox(title, list(options), key=key, format_func=options.__getitem__, persist_state="session")
            picked[title] = runs.get(wanted)
    return picked


def _corrupted(images: Images, clean: Pixels, samples: NDArray[np.int64], level: float, seed: int) -> Pixels:
    """Add each image's reproducible noise: (n, d) -> (n, d)."""
    import torch  # 2.7 s cold: loaded after the panels are drawn

    from ddnmf_core.model.corruption import corrupt_each

    x, shape = torch.from_numpy(clean), images.image_shape
    return corrupt_each(x, torch.from_numpy(samples), FIGURE3_NOISE, level, seed, shape).numpy()


@st.cache_resource(max_entries=500, show_spinner=False, hash_funcs=HASH_FUNCS)
def _reconstructions(run: RunEntry, samples: tuple[int, ...], level: float, seed: int, _noisy: Pixels) -> Pixels:
    """Reconstruct the corrupted images; cached, so that moving the slider loads no model twice."""
    import torch

    with torch.no_grad():
        return cached_run(run).model()(torch.from_numpy(_noisy)).numpy()


def _stacks(shown: dict[str, Pixels], names: Sequence[str], image_shape: tuple[int, int], seed: int) -> None:
    """Show a column per sample: the clean image with its name, and below it the others with their errors."""
    captions = [
        *names,
        *(
            f"{title}\n{error:.4f}"
            for title, pixels in list(shown.items())[1:]
            for error in np.square(pixels - shown["clean"]).mean(axis=1)
        ),
    ]
    tiles = pictures.to_u8(np.concatenate(list(shown.values()))).reshape(-1, *image_shape)
    title = "Images at this noise and their reconstructions"
    show_title(title, HOW_TO_READ.format(seed=seed))
    remember_figure("noise.stacks", title, Tiles(list(tiles), captions, most_beside=len(names)))
    gallery(tiles, captions, key="noise.stacks", size=STACK_TILE_WIDTH, columns=len(names))


def _name_runs(used: dict[str, MatchingRun], titles: Sequence[str], dataset: str, wanted: float) -> None:
    """Name the runs of the pictures, and the models without one."""
    family = DATASETS[dataset].family_title
    absent = [title for title in titles if title not in used]
    if absent:
        st.info(
            f"No finished {join_or(absent)} on these images of {family}. Compute a noise level with the button below, or "
            "train one on the Train page."
        )
        st.page_link(TRAIN_PAGE, label="Go to the Train page", icon=":material/play_arrow:")
    if used:
        st.caption("  \n".join([_which_runs(used, wanted), *(in_markdown(run_title(run.entry)) for run in used.values())]))


def _which_runs(used: dict[str, MatchingRun], wanted: float) -> str:
    mismatched = [title for title, run in used.items() if run.config.noise_level != wanted]
    others = [title for title, run in used.items() if not run.own]
    sentences = ["Runs:"]
    if mismatched:
        sentences.insert(
            0, f"No {join_or(mismatched)} in this store was trained at {wanted:.0%} noise; showing the nearest level."
        )
    if others:
        sentences.insert(0, f"No {join_or(others)} with the protocol's settings on these images; showing another run.")
    return " ".join(sentences)


def join_or(names: Sequence[str]) -> str:
    """Join names: 'DDNMF, AE1 or DAE'."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
