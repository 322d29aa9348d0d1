"""The figure and the table of the story of noise, from the runs of noise.toml."""

import numpy as np
from matplotlib.figure import Figure
from telling import by_place, runs_of, spread, tell

from ddnmf_core.interpret.quality import hoyer
from ddnmf_core.interpret.stability import match_parts, stability_over_seeds

N_SHOWN = 10


places = list(by_place(runs_of("noise")))
figure = Figure(figsize=(11, 1.15 * len(places)), layout="constrained")
axes = figure.subplots(len(places), N_SHOWN)
without, table = [run.part_effects() for run in places[0][1]], []  # without noise, of each seed
for (place, runs), row in zip(places, axes, strict=True):
    swings = [run.part_effects() for run in runs]
    partners, _ = match_parts(without[0], swings[0])  # so that a column shows one part throughout
    limit = np.abs(swings[0]).max()
    for axis, part in zip(row, partners[:N_SHOWN], strict=True):
        axis.imshow(swings[0][part].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(f"{place['noise_level']:.0%}")
    table.append(
        {
            "noise": f"{place['noise_level']:.0%}",
            "seeds": str(len(runs)),
            "sparsity of the parts' pictures": spread([float(np.nanmean(hoyer(each))) for each in swings]),
            "likeness to those of 0 %": "–"
            if place["noise_level"] == 0
            else spread([float(match_parts(*pair)[1].mean()) for pair in zip(without, swings, strict=True)], 2),
            "likeness between seeds": f"{stability_over_seeds(swings):.2f}",
            "error, clean images": spread([float(run.errors().mean()) for run in runs], 4),
            "error, images with its noise": spread([float(run.errors(noisy=True).mean()) for run in runs], 4),
        }
    )
tell("noise", table, figure)
