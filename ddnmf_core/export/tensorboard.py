"""TensorBoard export: curves, images of every epoch, settings and scores. Open it with `tensorboard --logdir FOLDER`."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data import pictures
from ddnmf_core.data.catalogue import spec
from ddnmf_core.export import training_curves
from ddnmf_core.progress import Progress
from ddnmf_core.store.finished_run import FinishedRun


def write(run: FinishedRun, folder: Path, report: Progress) -> None:
    """Write the event file of a run to the folder."""
    from torch.utils.tensorboard import SummaryWriter

    shape = spec(run.config.dataset).image_shape
    with _errors_said_once(), SummaryWriter(str(folder)) as writer:
        for epoch in training_curves.epoch_values(run):
            for name, value in epoch.values.items():
                writer.add_scalar(name, value, epoch.number, walltime=epoch.ended)
        snapshots = run.snapshots()
        for done, number in enumerate(snapshots):
            report(0.1 + 0.8 * done / len(snapshots), f"Images of epoch {number}.")
            for title, tiles in run.snapshot(number).items():
                writer.add_images(title, draw_tiles(tiles.reshape(-1, *shape)), number, dataformats="NHWC")
        writer.add_text("provenance", f"```\n{json.dumps(run.provenance(), indent=1)}\n```")
        writer.add_hparams(training_curves.flat_settings(run), training_curves.final_results(run), run_name=".")
    _remove_host_name(folder)


@contextmanager
def _errors_said_once() -> Iterator[None]:
    """Keep the writer's threads from printing a traceback, as on a full disk: the writer raises their error here."""
    before = threading.excepthook
    threading.excepthook = lambda error: None if _is_writer(error.thread) else before(error)
    try:
        yield
    except OSError:
        for thread in filter(_is_writer, threading.enumerate()):
            thread.join(timeout=1.0)  # it may not have printed yet
        raise
    finally:
        threading.excepthook = before


def _is_writer(thread: threading.Thread | None) -> bool:
    return type(thread).__module__.startswith("tensorboard.")


def draw_tiles(tiles: NDArray[Any]) -> NDArray[np.uint8]:
    """Draw snapshot images (n, h, w), uint8 or signed int8, as RGB on white (n, h, w, 3)."""
    if tiles.dtype == np.uint8:
        return np.repeat(tiles[..., None], 3, axis=-1)
    rgba = pictures.differences(tiles.astype(np.float32) / 127, scale=1.0).astype(np.float32)
    ink = rgba[..., 3:] / 255
    return (rgba[..., :3] * ink + 255 * (1 - ink)).round().astype(np.uint8)


def _remove_host_name(folder: Path) -> None:
    """Remove host name and process id, which TensorBoard puts in file names."""
    for number, path in enumerate(sorted(folder.glob("events.out.tfevents.*"))):
        path.rename(folder / f"events.out.tfevents.{path.name.split('.')[3]}.ddnmf.{number}")
