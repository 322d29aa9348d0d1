"""Figures 2 and 3 as image files."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.files.atomic import write_bytes
from ddnmf_core.reproduce import paper
from ddnmf_core.reproduce.protocol import AE1_LINEAR_TITLE
from ddnmf_core.reproduce.results import Results, summarise

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METHOD_COLOURS = {  # Okabe and Ito: safe for colour-blind readers
    "DDNMF": "#0072b2",
    "AE1": "#d55e00",
    AE1_LINEAR_TITLE: "#cc79a7",
    "DAE": "#009e73",
}
FIGURE_FORMATS = ("png", "pdf")


def draw_figure2(points: "pd.DataFrame", folder: Path) -> None:
    """Draw maps by model (column) and data set (row), coloured by class; `points` has dataset, method, class, x, y."""
    plt = _pyplot()
    datasets, methods = points["dataset"].unique(), points["method"].unique()
    figure, axes = plt.subplots(len(datasets), len(methods), figsize=(4.2 * len(methods), 4 * len(datasets)), squeeze=False)
    for row, dataset in zip(axes, datasets, strict=True):
        names = DATASETS[dataset].class_names
        for axis, method in zip(row, methods, strict=True):
            shown = points[(points["dataset"] == dataset) & (points["method"] == method)]
            for label, name in enumerate(names):
                of_class = shown[shown["class"] == label]
                axis.scatter(
                    of_class["x"], of_class["y"], s=4, linewidths=0, color=plt.cm.tab10(label % 10), label=name, rasterized=True
                )
            axis.set(title=f"{method} on {_name(dataset)}", xticks=[], yticks=[])
        row[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=3, fontsize=8)
    _save(figure, folder, "figure2")


def draw_figure3(results: Results, folder: Path) -> None:
    """Draw scores against noise in six panels: ours with a band of one standard deviation, the paper's single runs dashed."""
    plt = _pyplot()
    rows = summarise(record for record in results.cells if record["noise_level"] == record["test_level"])
    datasets = rows["dataset"].unique()
    figure, axes = plt.subplots(len(datasets), 3, figsize=(12, 3.6 * len(datasets)), squeeze=False, sharex=True)
    for line, dataset in zip(axes, datasets, strict=True):
        for axis, score in zip(line, SCORE_NAMES, strict=True):
            for model, curve in rows[rows["dataset"] == dataset].groupby("method", sort=False):
                _curve(axis, str(model), curve, score)
                if reported := paper.noise_curve(dataset, str(model)):
                    axis.plot(
                        paper.noise_levels(),
                        reported[score],
                        "--",
                        linewidth=1,
                        color=METHOD_COLOURS.get(str(model)),
                        label=f"{model}, paper",
                    )
            axis.set(title=f"{_name(dataset)}: {score.upper()}", xlabel="noise level")
            axis.xaxis.set_major_formatter("{x:.0%}")
            axis.grid(alpha=0.3)
    axes[0, -1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    _save(figure, folder, "figure3")


def _curve(axis: "Axes", model: str, curve: "pd.DataFrame", score: str) -> None:
    levels, mean, deviation = curve["noise_level"], curve[f"{score}_mean"], curve[f"{score}_std"].fillna(0)
    colour, n_seeds = METHOD_COLOURS.get(model), curve["n_seeds"].min()
    label = f"{model}, {n_seeds} seed{'s' if n_seeds > 1 else ''}"
    axis.plot(levels, mean, marker="o", markersize=4, color=colour, label=label)
    axis.fill_between(levels, mean - deviation, mean + deviation, color=colour, alpha=0.18, linewidth=0)


def _name(dataset: str) -> str:
    return DATASETS[dataset].family_title


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    return plt


def _save(figure: "Figure", folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in FIGURE_FORMATS:
        content = io.BytesIO()
        figure.savefig(
            content, format=suffix, dpi=130, bbox_inches="tight", metadata={"CreationDate": None} if suffix == "pdf" else None
        )
        write_bytes(folder / f"{name}.{suffix}", content.getvalue())
    _pyplot().close(figure)
