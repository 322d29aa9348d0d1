"""The figure and the table of the story of parts that add and take away, from the runs of ghosts.toml."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from telling import by_place, runs_of, spread, tell

from ddnmf_core.config import InterpretationConfig
from ddnmf_core.data.catalogue import DATASETS, load
from ddnmf_core.interpret.factorisation import Factorisation, factorise_images, factorise_run
from ddnmf_core.interpret.part_evaluation import evaluate_parts
from ddnmf_core.interpret.quality import cancellation, hoyer
from ddnmf_core.interpret.stability import stability_over_seeds
from ddnmf_core.model.decoding import part_effects
from ddnmf_core.progress import ignore_progress
from ddnmf_core.store.finished_run import FinishedRun

N_SHOWN, N_SHARED_OUT = 12, 30
TITLES = {"published": "module at the code, 10 parts", "recommended": "module at the pixels, 32 parts"}
NMF_TITLE, N_PARTS = "NMF of the pixels, 32 parts", 32
Array = NDArray[np.floating]


def measures(factorisations: Sequence[Factorisation], x: Array, seeds: Sequence[int]) -> dict[str, str]:
    """Measure the parts of each seed on the images (n, n_pixels)."""
    gaps = []
    for factors, seed in zip(factorisations, seeds, strict=True):
        H = torch.from_numpy(factors.H)
        samples = np.random.default_rng(seed).permutation(len(H))[:N_SHARED_OUT]
        gaps.append(evaluate_parts(factors.decode, H[samples], H.mean(dim=0), ignore_progress, seed).additivity_gap)
    effects = [effects_of(factors) for factors in factorisations]
    return {
        "cancellation": spread([float(cancellation(each).mean()) for each in effects], 2),
        "additivity gap": spread(gaps, 2),
        "sparsity of the pictures": spread([float(np.nanmean(hoyer(each))) for each in effects], 2),
        "similarity between seeds": f"{stability_over_seeds(effects):.2f}",
        "explained variance": spread([factors.explained_variance(x) for factors in factorisations], 2),
    }


def effects_of(factors: Factorisation) -> Array:
    """Return each part's picture: the difference between a high and a low coefficient, (r, n_pixels)."""
    with torch.no_grad():
        return part_effects(factors.decode, torch.from_numpy(factors.H)).numpy()


def scores_of(runs: Sequence[FinishedRun]) -> dict[str, str]:
    return {
        f"ACC, {title} on z": spread([run.score("acc", "z", clusterer) for run in runs])
        for title, clusterer in (("K-means", "kmeans"), ("GMM", "gmm"))
    }


def show(axes: Sequence, pictures: Array, title: str) -> None:
    """Draw pictures of parts, red where they add and blue where they take away, on one scale."""
    limit = np.abs(pictures).max()
    for axis in axes[len(pictures) :]:
        axis.set_axis_off()
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(picture.reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    axes[0].set_ylabel(title.replace(", ", "\n"), fontsize=7)


places = list(by_place(runs_of("ghosts")))
datasets = list(dict.fromkeys(place["dataset"] for place, _ in places))
figure = Figure(figsize=(12, 7.4), layout="constrained")
blocks, table = figure.subfigures(len(datasets), 1), []
for dataset, block in zip(datasets, blocks, strict=True):
    images, title = load(dataset), DATASETS[dataset].family_title
    x = images.scaled()
    rows = block.subplots(len(TITLES) + 1, N_SHOWN)
    block.suptitle(title)
    of_set = {place["preset"]: runs for place, runs in places if place["dataset"] == dataset}
    seeds = [run.config.seed for run in of_set["recommended"]]
    found = {
        TITLES[preset]: (
            [factorise_run(InterpretationConfig.of(run.config), run, images, ignore_progress) for run in runs],
            scores_of(runs),
        )
        for preset, runs in of_set.items()
    }
    settings = {"dataset": dataset, "factors": "nmf", "n_parts": N_PARTS}
    found[NMF_TITLE] = ([factorise_images(InterpretationConfig(**settings, seed=seed), x) for seed in seeds], {})
    for (name, (factorisations, scores)), axes in zip(found.items(), rows, strict=True):
        show(axes, effects_of(factorisations[0]), name)
        table.append({"data": title, "model": name, "seeds": str(len(seeds)), **measures(factorisations, x, seeds), **scores})
for row in table:
    for name in table[0]:
        row.setdefault(name, "–")
tell("ghosts", table, figure)
