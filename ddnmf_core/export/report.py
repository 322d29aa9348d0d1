"""HTML report of a run: one self-contained file with parts, scores, examples and provenance."""

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import InterpretationConfig
from ddnmf_core.data import pictures
from ddnmf_core.data.catalogue import short_name
from ddnmf_core.data.dataset import Images
from ddnmf_core.files.atomic import write_bytes
from ddnmf_core.interpret.measures import measure_rows
from ddnmf_core.model import diagnosis
from ddnmf_core.store.entry import PARTS_FILE, SCORES_FILE, Entry, RunEntry
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names, part_title
from ddnmf_core.store.run_store import Store

N_REPORT_SAMPLES = 8  # per part and cluster
REPORT_TEMPLATE = Path(__file__).with_name("report.html")


def write_report(run: RunEntry, path: Path) -> None:
    """Write the report atomically; raise ValueError if the run is not finished."""
    write_bytes(path, report_html(run).encode())


def report_html(entry: RunEntry) -> str:
    """Render the report; user input (part names) is escaped."""
    from jinja2 import Environment, StrictUndefined

    if not entry.available:
        raise ValueError(f"run {entry.id} is not finished: train it first")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(REPORT_TEMPLATE.read_text())
    return template.render(**_content(FinishedRun(entry)))


def _content(run: FinishedRun) -> dict[str, Any]:
    config, images, epochs = run.config, run.images(), run.epochs()
    return {
        "run": run.id,
        "model": {"ddnmf": "DDNMF"}.get(config.model, config.model.upper()),
        "dataset": short_name(config.dataset),
        "seed": config.seed,
        "created": datetime.now(UTC).date().isoformat(),
        "warnings": diagnosis.collapse_warnings(epochs[-1]),
        "settings": config.settings(),
        "non_defaults": set(config.non_defaults()),
        "provenance": run.provenance(),
        "scores": [*run.scores(), *run.scores(held_out=True)],
        "curves": _curves(epochs),
        "examples": _examples(run, images),
        "parts": _parts(run, images),
        "worth": _evaluation(run),
        "clusters": _clusters(run, images),
        "labelled": images.labelled,
        "features": images.feature_names,
    }


def _curves(epochs: Sequence[dict[str, Any]]) -> str:
    """Plot the loss terms against the epoch as SVG."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    names = [name for name in ("L_sym", "L_ap", "L_nc") if name in epochs[-1]]
    figure, axes = plt.subplots(1, len(names), figsize=(3.6 * len(names), 2.4), squeeze=False, layout="constrained")
    for axis, name in zip(axes[0], names, strict=True):
        axis.plot([row["epoch"] for row in epochs], [row[name] for row in epochs])
        axis.set(title=name, xlabel="epoch", yscale="log")
        axis.grid(alpha=0.3)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


def _links(images: Images, rows: NDArray[Any], signed: bool = False) -> list[str]:
    """Encode rows of pixels as data URLs."""
    shaped = np.asarray(rows).reshape(-1, *images.image_shape)
    drawn: Iterable[NDArray[np.uint8]] = pictures.differences(shaped, scale=1.0) if signed else pictures.to_u8(shaped)
    return [pictures.data_link(picture) for picture in drawn]


def _examples(run: FinishedRun, images: Images) -> list[dict[str, Any]]:
    """Pick one image per class, or some unlabelled ones: clean, noisy and reconstructed from the noisy one."""
    import torch

    from ddnmf_core.model.corruption import corrupt_each

    config, model, samples = run.config, run.model(), images.one_of_each_class()
    clean = torch.from_numpy(images.scaled(samples))
    noise = config.noise_kind, config.noise_level, config.seed
    noisy = corrupt_each(clean, torch.from_numpy(samples), *noise, images.image_shape)
    with torch.no_grad():
        rebuilt = model(noisy)
    return [
        {"title": images.caption(sample), "pictures": three}
        for sample, *three in zip(samples, *(_links(images, rows.numpy()) for rows in (clean, noisy, rebuilt)), strict=True)
    ]


def _parts(run: FinishedRun, images: Images) -> list[dict[str, Any]]:
    """Collect effect, raised image, strongest samples and, if measured, the evaluation of each part."""
    if run.config.model != "ddnmf":
        return []
    from ddnmf_core.interpret.quality import class_mass

    H, names = run.codes("H"), part_names(run.entry)
    mass = class_mass(H, images.labels, len(images.class_names))
    swings = _links(images, run.part_effects(), signed=True)
    raised = _links(images, run.part_pictures()["raised"])
    measured = _interpretation(run)
    table = measured.read_table(PARTS_FILE) if measured else None
    return [
        {
            "title": part_title(names, part),
            "swing": swings[part],
            "raised": raised[part],
            "top": _links(images, images.pixels[np.argsort(-H[:, part], kind="stable")[:N_REPORT_SAMPLES]]),
            "mean": float(H[:, part].mean()),
            "deviation": float(H[:, part].std()),
            "class": images.class_names[mass[part].argmax()],
            "purity": float(mass[part].max()),
            "importance": None if table is None else float(table["importance"][part]),
            "survival": None if table is None else float(table["survival"][part]),
        }
        for part in range(H.shape[1])
    ]


def _interpretation(run: FinishedRun) -> Entry[InterpretationConfig] | None:
    entry = Store(run.entry.root).entry(InterpretationConfig.of(run.config))
    return entry if entry.available else None


def _evaluation(run: FinishedRun) -> list[tuple[str, str]]:
    """Read the evaluation of all parts together; empty if not measured."""
    measured = _interpretation(run) if run.config.model == "ddnmf" else None
    return measure_rows(measured.read_json(SCORES_FILE)) if measured else []


def _clusters(run: FinishedRun, images: Images) -> list[dict[str, Any]]:
    """Describe the K-means clusters of z: size, majority class, samples."""
    from ddnmf_core.analysis.metrics import majority_class

    clusters = run.clusters("z", "kmeans")
    rows = []
    for cluster in np.unique(clusters).tolist():
        label, share = majority_class(images.labels, clusters, cluster)
        members = np.flatnonzero(clusters == cluster)
        rows.append(
            {
                "number": cluster + 1,
                "size": len(members),
                "class": images.class_names[label],
                "share": share,
                "pictures": _links(images, images.pixels[members[:N_REPORT_SAMPLES]]),
            }
        )
    return rows
