"""Table of a run: one row per image, clean and noisy, with class, name, columns beside it, codes, clusters and error."""

from typing import TYPE_CHECKING

from ddnmf_core.config import CLUSTERERS
from ddnmf_core.data.dataset import Images
from ddnmf_core.data.sample_columns import table_cells
from ddnmf_core.store.cluster_scores import input_kind
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    import pandas as pd


def run_rows(run: FinishedRun, images: Images) -> "pd.DataFrame":
    """Build the table: clean images first, then noisy ones.

    Samples and labels count from 0; units (z_1), parts (H_1) and clusters from 1, as on the pages. `error` is the mean squared
    error of the reconstruction against the clean image.
    """
    import pandas as pd

    return pd.concat([_rows_of(run, images, noisy) for noisy in (False, True)], ignore_index=True)


def _rows_of(run: FinishedRun, images: Images, noisy: bool) -> "pd.DataFrame":
    import pandas as pd

    names = run.config.representations
    of_codes = [
        pd.DataFrame(code := run.codes(name, noisy=noisy), columns=[f"{name}_{k + 1}" for k in range(code.shape[1])])
        for name in names
    ]
    of_clusters = pd.DataFrame(
        {
            f"cluster_{name}_{clusterer}": run.clusters(name, clusterer, noisy=noisy) + 1
            for name in names
            for clusterer in CLUSTERERS
        }
    )
    labels = pd.DataFrame(
        {
            "sample": range(len(images)),
            "input": input_kind(noisy),
            "label": images.labels,
            "class": [images.class_names[label] for label in images.labels],
            **({"name": images.sample_names} if images.sample_names else {}),
        }
    )
    table = pd.concat([labels, *of_codes, of_clusters, pd.DataFrame({"error": run.errors(noisy=noisy)})], axis=1)
    beside = pd.DataFrame(table_cells(images.columns, table.columns))
    return pd.concat([labels, beside, table.iloc[:, labels.shape[1] :]], axis=1)
