"""Embedding Atlas export: one Parquet file with coordinates, columns to colour by and a PNG per image.

    embedding-atlas FILE.parquet --x projection_x --y projection_y

Coordinates are those of the newest finished map of the clean images, else a PCA of the code z.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.analysis.embeddings import embed
from ddnmf_core.data import pictures
from ddnmf_core.data.dataset import Images
from ddnmf_core.export.rows import run_rows
from ddnmf_core.progress import Progress
from ddnmf_core.store.entry import POINTS_FILE
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names, part_title
from ddnmf_core.store.run_store import Store

if TYPE_CHECKING:
    import pandas as pd

X, Y, IMAGE = "projection_x", "projection_y", "image"
THUMBNAILS_PER_REPORT = 2000  # thumbnails between progress reports


def write(run: FinishedRun, path: Path, report: Progress) -> None:
    """Write the rows of the clean images with coordinates and thumbnails."""
    report(0.02, "Collecting rows.")
    images = run.images()
    table = run_rows(run, images)
    table = table[table["input"] == "clean"].drop(columns="input")
    samples, xy, method = coordinates(run, table)
    table = table.iloc[samples].drop(columns=list(table.filter(regex="^z_")))
    table = table.assign(**{X: xy[:, 0], Y: xy[:, 1], "map": method})
    table = table.assign(**{name: table[name].map("cluster {}".format) for name in table.filter(regex="^cluster_")})
    if (H := table.filter(regex=r"^H_\d+$")).shape[1]:
        names = part_names(run.entry)
        table["strongest_part"] = [part_title(names, part) for part in H.to_numpy().argmax(axis=1)]
    table[IMAGE] = png_thumbnails(images, samples, report)
    table.to_parquet(path, index=False)


def coordinates(run: FinishedRun, table: "pd.DataFrame") -> tuple[NDArray[np.integer], NDArray[np.floating], str]:
    """Return samples (m,), their coordinates (m, 2) and the method."""
    from ddnmf_core.config import EmbeddingConfig

    for entry in Store(run.entry.root).entries("embeddings"):
        if entry.run == run.entry and not entry.config.noisy and entry.available:
            points = entry.read_table(POINTS_FILE)
            method = f"{entry.config.method} of {entry.config.representation}"
            return points["sample"].to_numpy(), points[["x", "y"]].to_numpy(), method
    z = table.filter(regex=r"^z_\d+$").to_numpy()
    return np.arange(len(z)), embed(z, EmbeddingConfig(run=run.id, method="pca")), "pca of z"


def png_thumbnails(images: Images, samples: NDArray[np.integer], report: Progress) -> list[dict[str, Any]]:
    """Encode each sample as PNG: {"bytes": ..., "path": ...}, as the format requires."""
    thumbnails = []
    for done, sample in enumerate(samples):
        if done % THUMBNAILS_PER_REPORT == 0:
            report(0.1 + 0.85 * done / len(samples), f"Thumbnail {done:,} of {len(samples):,}.")
        pixels = images.pixels[sample].reshape(images.image_shape)
        thumbnails.append({"bytes": pictures.png(pictures.to_u8(pixels)), "path": f"{sample}.png"})
    return thumbnails
