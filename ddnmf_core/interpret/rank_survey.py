"""How many parts a model should have: what runs of several ranks, over seeds, say for each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret import stability
from ddnmf_core.interpret.quality import Array, standardised_coefficients
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    import pandas as pd

N_COMPARED = 500  # samples, of which every pair is looked at
RANK_MEASURES = ("error", "stability", "dispersion", "cophenetic", "acc")


def survey_ranks(runs: Sequence[FinishedRun]) -> "pd.DataFrame":
    """A row for each rank among finished runs: n_parts, n_seeds, and mean and deviation of each measure.

    error: of the student's reconstruction of noisy images. stability: matched cosine of the parts over seeds. dispersion,
    cophenetic: how well seeds agree on which samples have the same strongest part (Brunet et al. 2004). acc: of a mixture on
    z. What compares seeds takes two of them, and is not a number where there is one.
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
    """How often each pair of samples is put together: k times (n,) -> (n, n), in [0, 1] (Brunet et al. 2004, PNAS 101:4164).
    Raises ValueError where there is one clustering alone."""
    if len(clusterings) < 2:
        raise ValueError(f"{len(clusterings)} clustering: should be at least 2 to agree")
    return np.mean([found[:, None] == found[None, :] for found in clusterings], axis=0)


def dispersion(together: Array) -> float:
    """1/n^2 sum 4 (C_ij - 1/2)^2 of a consensus: 1 where the clusterings agree on every pair, 0 where all pairs are open
    (Kim and Park 2007, Bioinformatics 23:1495)."""
    return float((4 * (together - 0.5) ** 2).mean())


def cophenetic_correlation(together: Array) -> float:
    """How well the consensus is a tree: Pearson's correlation of the distances 1 - C with those in their average-linkage
    tree; 1 where the clusterings agree (Brunet et al. 2004). Not a number where all distances are equal."""
    from scipy.cluster.hierarchy import cophenet, linkage
    from scipy.spatial.distance import squareform

    distances = squareform(1 - together, checks=False)
    if np.ptp(distances) == 0:
        return float("nan")
    correlation, _ = cophenet(linkage(distances, "average"), distances)
    return float(correlation)
