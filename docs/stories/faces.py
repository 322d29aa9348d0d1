"""The figure and the table of the story of faces, from the runs of faces.toml; with two paths, the pictures themselves.

python docs/stories/faces.py lfw_subset.npy FOLDER     # the faces as PGM files
python docs/stories/faces.py
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from telling import by_place, runs_of, spread, tell

from ddnmf_core.analysis.baselines import random_nmf
from ddnmf_core.data.catalogue import load
from ddnmf_core.interpret.quality import hoyer
from ddnmf_core.interpret.stability import match_parts, stability_over_seeds

N_SHOWN = 16  # parts
N_FACES = 100  # of lfw_subset.npy; what follows them are pictures of anything else


def write_pictures(source: Path, folder: Path) -> None:
    """Write the faces, numbers from 0 to 1, as one PGM file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, face in enumerate(np.load(source, allow_pickle=False)[:N_FACES]):
        Image.fromarray((255 * face).round().astype(np.uint8)).save(folder / f"face{number:03d}.pgm")


def row_of(title: str, errors: list[float], parts: list[np.ndarray]) -> dict[str, str]:
    """A line of the table: errors and parts (r, d) of each seed."""
    return {
        "model": title,
        "seeds": str(len(parts)),
        "error": spread(errors, 4),
        "sparsity of the parts": spread([float(np.nanmean(hoyer(each))) for each in parts]),
        "likeness between seeds": f"{stability_over_seeds(parts):.2f}",
    }


def main() -> None:
    places = list(by_place(runs_of("faces")))
    images = load(places[0][1][0].config.dataset)
    x = images.scaled()
    figure, table = Figure(figsize=(N_SHOWN, 2.3 * len(places)), layout="constrained"), []
    axes = figure.subplots(2 * len(places), N_SHOWN)
    for number, (place, runs) in enumerate(places):
        effects = [run.part_effects() for run in runs]
        factors = [random_nmf(x, place["n_parts"], run.config.seed) for run in runs]
        bases = [W for _, W in factors]
        own = [float(run.errors().mean()) for run in runs]
        table.append(row_of(f"recommended, {place['n_parts']} parts", own, effects))
        others = [float(np.square(x - H @ W).mean()) for H, W in factors]
        table.append(row_of(f"NMF of the pixels, {place['n_parts']} parts", others, bases))
        partners, _ = match_parts(effects[0], bases[0])  # a column shows parts that are alike
        for row, title, parts in ((0, "DDNMF", effects[0]), (1, "NMF", bases[0][partners])):
            for axis, part in zip(axes[2 * number + row], parts, strict=False):
                axis.imshow(part.reshape(images.image_shape), cmap="gray", vmin=0, vmax=part.max() or 1)
                axis.set(xticks=[], yticks=[])
            axes[2 * number + row][0].set_ylabel(f"{title}, {place['n_parts']}")
    tell("faces", table, figure)


if len(sys.argv) == 3:
    write_pictures(Path(sys.argv[1]), Path(sys.argv[2]))
else:
    main()
