"""The figure and the table of the story of the rank, from the runs of rank.toml."""

import numpy as np
from matplotlib.figure import Figure
from telling import BLUE, by_place, runs_of, tell

from ddnmf_core.interpret.rank_survey import survey_ranks

TITLES = {
    "error": "error, noisy images",
    "stability": "likeness between seeds",
    "dispersion": "dispersion",
    "acc": "ACC, mixture on z",
}
MOST = 10

places = list(by_place(runs_of("rank")))
found = survey_ranks([run for _, runs in places for run in runs])
figure = Figure(figsize=(12, 6.2), layout="constrained")
curves, pictures = figure.subfigures(2, 1, height_ratios=(1, 1.5))
for axis, (name, title) in zip(curves.subplots(1, len(TITLES)), TITLES.items(), strict=True):
    axis.errorbar(found["n_parts"], found[name], found[f"{name}_std"].fillna(0), color=BLUE, marker="o", capsize=3)
    axis.set(title=title, xlabel="parts", xscale="log", xticks=found["n_parts"], xticklabels=found["n_parts"])
    axis.minorticks_off()
rows = pictures.subplots(len(places), MOST)
for row, (place, runs) in zip(rows, places, strict=True):
    swings = runs[0].part_effects()
    limit = np.abs(swings).max()
    for axis in row:
        axis.axis("off")
    for axis, swing in zip(row, swings, strict=False):
        axis.imshow(swing.reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
    row[0].set_title(f"r = {place['n_parts']}", fontsize=9)
tell(
    "rank",
    [
        {
            "parts": str(row.n_parts),
            "seeds": str(row.n_seeds),
            "error, noisy images": f"{row.error:.4f} ± {row.error_std:.4f}",
            "likeness between seeds": f"{row.stability:.2f}",
            "dispersion": f"{row.dispersion:.2f}",
            "cophenetic correlation": f"{row.cophenetic:.2f}",
            "ACC, mixture on z": f"{row.acc:.3f} ± {row.acc_std:.3f}",
        }
        for row in found.itertuples()
    ],
    figure,
)
