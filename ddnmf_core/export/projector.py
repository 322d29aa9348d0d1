"""TensorBoard Projector export: vectors, metadata and a sprite of thumbnails. Open it with `tensorboard --logdir FOLDER`.

Plain text and PNG files, written without TensorFlow or TensorBoard:

    projector_config.pbtxt      what belongs together (the text form of tensorboard.plugins.projector.ProjectorConfig)
    z.tsv, H.tsv, z_hat.tsv     a row for each clean sample, a column for each unit or part, no heading
    metadata.tsv                a row for each sample under a heading: number, class, name, clusters, error
    sprite.png                  of image sets: thumbnails in rows of equal length, first sample first
"""

from math import ceil, isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data import pictures
from ddnmf_core.data.dataset import Images
from ddnmf_core.export.rows import run_rows
from ddnmf_core.progress import Progress
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    import pandas as pd

METADATA, SPRITE, PROJECTOR_CONFIG = "metadata.tsv", "sprite.png", "projector_config.pbtxt"
MAX_SPRITE_SIDE = 8192  # pixels, of a texture that Projector loads
MAX_THUMBNAIL_SIDE = 100  # pixels of one sample
SPRITE_ROWS_PER_REPORT = 10


def write(run: FinishedRun, folder: Path, report: Progress) -> None:
    """Write vectors of each representation, metadata, thumbnails and the configuration to the folder."""
    report(0.05, "Collecting rows.")
    images = run.images()
    for name in run.config.representations:
        np.savetxt(folder / f"{name}.tsv", run.codes(name), fmt="%.6g", delimiter="\t")
    (folder / METADATA).write_text(metadata_text(run_rows(run, images)), encoding="utf-8", newline="")
    thumbnail = None
    if images.feature_names is None:
        thumbnail = thumbnail_shape(images)
        sheet = sprite(images, thumbnail, report)
        report(0.9, "Compressing the thumbnails.")
        (folder / SPRITE).write_bytes(pictures.png(sheet))
    (folder / PROJECTOR_CONFIG).write_text(config_text(run.config.representations, thumbnail), encoding="utf-8")


def metadata_text(rows: "pd.DataFrame") -> str:
    """Write the clean rows without their codes as TSV with a heading: a tab or line break in a name becomes a space."""
    clean = rows[rows["input"] == "clean"].drop(columns=["input", "label", *rows.filter(regex=r"^(z|H|z_hat)_\d+$")])
    lines = ["\t".join(map(_one_cell, clean.columns))]
    lines += ["\t".join(map(_one_cell, row)) for row in clean.itertuples(index=False, name=None)]
    return "\n".join(lines) + "\n"


def _one_cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else " ".join(str(value).split())


def thumbnail_shape(images: Images) -> tuple[int, int]:
    """Return height and width of a thumbnail: those of an image, or less where the sheet or MAX_THUMBNAIL_SIDE ask for it."""
    largest = min(MAX_SPRITE_SIDE // _samples_per_row(len(images)), MAX_THUMBNAIL_SIDE)
    if largest < 1:
        raise ValueError(
            f"{len(images):,} thumbnails do not fit {MAX_SPRITE_SIDE:,} x {MAX_SPRITE_SIDE:,} pixels: export fewer"
        )
    shrink = min(1.0, largest / max(images.image_shape))
    height, width = (max(1, round(side * shrink)) for side in images.image_shape)
    return height, width


def _samples_per_row(n: int) -> int:
    """Return the least number of columns of a square sheet of n thumbnails."""
    return isqrt(n - 1) + 1


def sprite(images: Images, thumbnail: tuple[int, int], report: Progress) -> NDArray[np.uint8]:
    """Lay out thumbnails (height, width) row by row on a sheet: gray, black where there is no sample left."""
    from PIL import Image

    height, width = thumbnail
    n_columns = _samples_per_row(len(images))
    n_rows = ceil(len(images) / n_columns)
    sheet = np.zeros((n_columns * height, n_columns * width), np.uint8)  # as many rows as columns: Projector expects that
    for row in range(n_rows):
        if row % SPRITE_ROWS_PER_REPORT == 0:
            report(0.1 + 0.8 * row / n_rows, f"Thumbnail {row * n_columns:,} of {len(images):,}.")
        shown = images.shown(slice(row * n_columns, (row + 1) * n_columns)).reshape(-1, *images.image_shape)
        if thumbnail != images.image_shape:
            shown = np.stack(
                [np.asarray(Image.fromarray(each).resize((width, height), Image.Resampling.BOX)) for each in shown]
            )
        strip = shown.transpose(1, 0, 2).reshape(height, -1)
        sheet[row * height : (row + 1) * height, : strip.shape[1]] = strip
    return sheet


def config_text(representations: tuple[str, ...], thumbnail: tuple[int, int] | None) -> str:
    """Write Projector's configuration; a thumbnail is (height, width), and its dimensions are written width first."""
    blocks = []
    for name in representations:
        lines = [f'tensor_name: "{name}"', f'tensor_path: "{name}.tsv"', f'metadata_path: "{METADATA}"']
        if thumbnail:
            height, width = thumbnail
            lines += [
                "sprite {",
                f'  image_path: "{SPRITE}"',
                f"  single_image_dim: {width}",
                f"  single_image_dim: {height}",
                "}",
            ]
        blocks.append("embeddings {\n" + "".join(f"  {line}\n" for line in lines) + "}\n")
    return "".join(blocks)
