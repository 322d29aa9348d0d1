"""The figure and the table of the story of collapse, from the runs of collapse.toml."""

import numpy as np
import torch
from matplotlib.figure import Figure
from telling import BLUE, GREEN, ORANGE, PINK, by_place, runs_of, spread, tell

from ddnmf_core.data.catalogue import load
from ddnmf_core.model.corruption import corrupt_each
from ddnmf_core.store.finished_run import FinishedRun

COLOURS = (ORANGE, PINK, BLUE, GREEN)


def title(place: dict) -> str:
    return f"{place['bottleneck_activation']}, γ = {place['gamma']:g}"


def rebuilt(run: FinishedRun, samples: np.ndarray) -> np.ndarray:
    """What the student makes of the noisy images: (k, 28, 28)."""
    images = load(run.config.dataset)
    x = torch.from_numpy(images.scaled(samples))
    noise = run.config.noise_kind, run.config.noise_level, run.config.seed
    noisy = corrupt_each(x, torch.from_numpy(samples), *noise, images.image_shape)
    with torch.no_grad():
        return run.model()(noisy).reshape(-1, 28, 28).numpy()


places = list(by_place(runs_of("collapse")))
samples = load("mnist-10k").one_of_each_class()[:8]
figure = Figure(figsize=(12, 5.6), layout="constrained")
curves, pictures = figure.subfigures(1, 2, width_ratios=(1, 1.35))
dead, size = curves.subplots(2, 1, sharex=True)
rows = pictures.subplots(len(places), len(samples))
table = []
for (place, runs), colour, axes in zip(places, COLOURS, rows, strict=True):
    histories = [run.epochs() for run in runs]
    epochs = [row["epoch"] for row in histories[0]]
    for axis, column in ((dead, "constant_units"), (size, "code_rms")):
        axis.plot(
            epochs,
            np.mean([[row[column] for row in history] for history in histories], axis=0),
            color=colour,
            label=title(place),
        )
    for axis, picture in zip(axes, rebuilt(runs[0], samples), strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    axes[0].set_ylabel(title(place).replace(", ", "\n"), color=colour)
    last = [history[-1] for history in histories]
    table.append(
        {
            "bottleneck, γ": title(place),
            "seeds": str(len(runs)),
            "constant units, of 10": " ".join(str(row["constant_units"]) for row in last),
            "size of the code": f"{np.mean([row['code_rms'] for row in last]):.3g}",
            "error, noisy images": spread([run.errors(noisy=True).mean() for run in runs], 4),
            "ACC, mixture on z": spread([run.score("acc", "z", "gmm") for run in runs]),
        }
    )
dead.set(ylabel="constant units", ylim=(-0.3, 10.3))
dead.legend(fontsize=8)
size.set(ylabel="size of the code (rms)", xlabel="epoch", yscale="log")
tell("collapse", table, figure)
