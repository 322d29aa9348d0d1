"""Apply a finished run to new samples: coefficients, code, cluster and error of each."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ddnmf_core.analysis.assignment import assign
from ddnmf_core.analysis.shift import describe_shift
from ddnmf_core.config import ClustererName, Representation
from ddnmf_core.data.dataset import UNLABELLED, Images
from ddnmf_core.data.held_out import held_out_mask
from ddnmf_core.data.like_data_set import matching_options, preprocess_like
from ddnmf_core.data.sample_columns import table_cells
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import DataSource, ImportOptions
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    import pandas as pd


class AppliedRun(NamedTuple):
    """What a finished run makes of new samples.

    Attributes
    ----------
    frame : DataFrame
        A row for each sample: "sample" (its name, or else number), "label" if the file has labels, "cluster" (from 1, as on the
        pages), "error" (mean squared error of the reconstruction, values in [0, 1]), "H_1" to "H_r" unless the run is an
        autoencoder, "z_1" to "z_d", and the columns that are left out. With K-means the cluster is the stored one whose mean
        code is nearest, with a mixture the component with the largest probability (`assign_by_mixture`).
    notes : tuple of str
        What was decided while reading.
    shift : str
        A sentence if the samples differ much from the training data (`describe_shift`), else empty.
    """

    frame: "pd.DataFrame"
    notes: tuple[str, ...]
    shift: str


def apply_run(
    run: FinishedRun,
    source: DataSource,
    name: str,
    choices: ImportOptions | None = None,
    representation: Representation = "z",
    clusterer: ClustererName = "kmeans",
    report: Progress = ignore_progress,
) -> AppliedRun:
    """Compute what a finished run makes of new samples, without training.

    Parameters
    ----------
    run : FinishedRun
        The run.
    source : Path or binary file
        Pictures, arrays or a table, of the kind that the run was trained on. Values are scaled as the run's data set was,
        columns are found by name.
    name : str
        Name of the file; its ending says how it is read.
    choices : ImportOptions, optional
        Options for reading, as for `ddnmf data add`; none for the scaling.
    representation : str
        Representation whose clusters are used: "z", "H" or "z_hat".
    clusterer : str
        "kmeans" or "gmm".
    report : callable
        Progress.

    Returns
    -------
    AppliedRun
        A row for each sample, what was decided while reading, and whether the samples differ from the training data.

    Raises
    ------
    DataError
        If the file cannot be read, its shape or columns are not those of the data set, or this is not on the machine.
    """
    import pandas as pd

    from ddnmf_core.model.encoding import encode

    config = run.config
    choices = matching_options(config.dataset, choices or ImportOptions())
    raw = user_sets.read_source(source, name, choices, report)
    pixels, notes = preprocess_like(config.dataset, raw, choices)
    shape = raw.image_shape or (1, pixels.shape[1])
    images = Images(name, pixels, np.zeros(len(pixels), np.int64), shape, UNLABELLED, raw.feature_names)
    codes = encode(run.model(), config, images, noisy=False, on_batch=lambda share: report(share, "Encoding."))
    images_of_run = run.images()
    trained = ~held_out_mask(images_of_run.labels, config.test_share)
    known, clusters = run.codes(representation)[trained], run.clusters(representation, clusterer)[trained]
    assigned = assign(clusterer, known, clusters, codes[representation])
    columns: dict[str, object] = {"sample": list(raw.sample_names) if raw.sample_names else range(len(pixels))}
    if raw.labels is not None:
        columns["label"] = [raw.class_names[label] for label in raw.labels]
    columns |= {"cluster": assigned + 1, "error": codes["error"]}
    for symbol in ("H", "z"):
        if symbol in codes:
            columns |= {f"{symbol}_{unit + 1}": codes[symbol][:, unit] for unit in range(codes[symbol].shape[1])}
    columns |= table_cells(raw.columns, columns)
    shift = describe_shift(images_of_run, pixels, run.errors(), codes["error"])
    return AppliedRun(pd.DataFrame(columns), (*raw.notes, *notes), shift)
