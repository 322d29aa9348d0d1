"""Choose the number of parts (the rank): compare runs of several ranks and seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret import stability
from ddnmf_core.interpret.quality import Array, standardised_coefficients
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    import pandas as pd

N_COMPARED = 500  # samples in the consensus matrix
RANK_MEASURES = ("error", "stability", "dispersion", "cophenetic", "acc")


def survey_ranks(runs: Sequence[FinishedRun]) -> "pd.DataFrame":
    """Summarise finished runs by rank.

    Parameters
    ----------
    runs : sequence of FinishedRun
        DDNMF runs that differ in rank and seed.

    Returns
    -------
    DataFrame
        A row for each rank: n_parts, n_seeds, and for each measure its mean and its standard deviation over seeds
        ("<measure>_std"). error: mean squared error of reconstructions from noisy images. stability: matched cosine of the
        parts over seeds. dispersion and cophenetic: agreement of the seeds on samples with the same strongest part (Kim and
        Park 2007; Brunet et al. 2004). acc: accuracy (eq 17) of a Gaussian mixture on z. Comparisons of seeds are NaN for a
        rank with one seed.
    """
    import pandas as pd

    rows = []
    for n_parts in sorted({run.config.n_parts for run in runs}):
        of_rank = [run for run in runs if run.config.n_parts == n_parts]
        errors = [float(run.errors(noisy=True).mean()) for run in of_rank]
        scores = [run.score("acc", "z", "gmm") for run in of_rank]
        row = {"n_parts": n_parts, "n_seeds": len(of_rank), "error": np.mean(errors), "acc": np.mean(scores)}
        if len(of_rank) > 1:
            strongest = [standardised_coefficients(run.codes("H"))[:N_COMPARED].argmax(axis=1) for run in of_rank]
            together = consensus(strongest)
            row |= {
                "error_std": np.std(errors, ddof=1),
                "acc_std": np.std(scores, ddof=1),
                "stability": stability.stability_over_seeds([run.part_effects() for run in of_rank]),
                "dispersion": dispersion(together),
                "cophenetic": cophenetic_correlation(together),
            }
        rows.append(row)
    return pd.DataFrame(rows).reindex(
        columns=["n_parts", "n_seeds", *RANK_MEASURES, *(f"{name}_std" for name in RANK_MEASURES)]
    )


def consensus(clusterings: Sequence[NDArray[np.integer]]) -> Array:
    """Compute the consensus matrix of several clusterings (Brunet et al. 2004, PNAS 101:4164).

    Parameters
    ----------
    clusterings : sequence of ndarrays of shape (n,)
        At least 2 clusterings of the same samples.

    Returns
    -------
    ndarray of shape (n, n)
        Share of the clusterings, 0 to 1, with both samples in one cluster.

    Raises
    ------
    ValueError
        For fewer than 2 clusterings.
    """
    if len(clusterings) < 2:
        raise ValueError(f"{len(clusterings)} clusterings: should be at least 2")
    return np.mean([clusters[:, None] == clusters[None, :] for clusters in clusterings], axis=0)


def dispersion(together: Array) -> float:
    """Compute the dispersion of a consensus matrix, 1/n^2 sum 4 (C_ij - 1/2)^2 (Kim and Park 2007, Bioinformatics 23:1495).

    Parameters
    ----------
    together : ndarray of shape (n, n)
        Consensus matrix C.

    Returns
    -------
    float
        1 if the clusterings agree on every pair of samples, 0 if every entry is 1/2.
    """
    return float((4 * (together - 0.5) ** 2).mean())


def cophenetic_correlation(together: Array) -> float:
    """Compute the cophenetic correlation of a consensus matrix (Brunet et al. 2004).

    It is Pearson's correlation between the distances 1 - C and the distances in their average-linkage tree.

    Parameters
    ----------
    together : ndarray of shape (n, n)
        Consensus matrix C.

    Returns
    -------
    float
        1 if the clusterings agree; NaN if all distances are equal.
    """
    from scipy.cluster.hierarchy import cophenet, linkage
    from scipy.spatial.distance import squareform

    distances = squareform(1 - together, checks=False)
    if np.ptp(distances) == 0:
        return float("nan")
    correlation, _ = cophenet(linkage(distances, "average"), distances)
    return float(correlation)
