"""How many parts a model should have: what runs of several ranks, over seeds, say for each."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.interpret import rank, stability
from ddnmf_core.model.decoding import prominence
from ddnmf_core.store.entry import CODES, SCORES, Entry

if TYPE_CHECKING:
    import pandas as pd

Codes = dict[str, NDArray[np.float32]]
N_COMPARED = 500                                                    # samples, of which every pair is looked at
MEASURES = ("error", "stability", "dispersion", "cophenetic", "acc")


def codes_of(run: Entry) -> Codes:
    """'clean/z' (n, d), 'noisy/H' (n, r), 'clean/error' (n,) and so on, of a finished run."""
    return run.read_tensors(CODES)


def swings_of(run: Entry) -> NDArray[np.float32]:
    """What each part does to the picture over its own range: (r, n_pixels), signed."""
    import torch

    from ddnmf_core.engine.worker.train import load_model
    from ddnmf_core.model.decoding import part_swings
    return part_swings(load_model(run).student.decode, torch.from_numpy(codes_of(run)["clean/H"])).numpy()


def acc_of(run: Entry) -> float:
    """Of a mixture on z of the clean images (eq 17); not a number without labels."""
    return next(row.get("acc", np.nan) for row in run.read_json(SCORES)
                if (row["input"], row["representation"], row["clusterer"]) == ("clean", "z", "gmm"))


def survey(runs: Sequence[Entry], codes_of: Callable[[Entry], Codes] = codes_of,
           swings_of: Callable[[Entry], NDArray[np.float32]] = swings_of) -> "pd.DataFrame":
    """A row for each rank among finished runs: n_parts, n_seeds, and mean and deviation of each measure.

    error: of the student's reconstruction of noisy images. stability: matched cosine of the parts over seeds. dispersion,
    cophenetic: how well seeds agree on which samples have the same strongest part (Brunet et al. 2004). acc: of a mixture on
    z. What compares seeds takes two of them, and is not a number where there is one.
    """
    import pandas as pd
    rows = []
    for n_parts in sorted({run.config.n_parts for run in runs}):
        of_rank = [run for run in runs if run.config.n_parts == n_parts]
        errors = [float(codes_of(run)["noisy/error"].mean()) for run in of_rank]
        scores = [acc_of(run) for run in of_rank]
        row = {"n_parts": n_parts, "n_seeds": len(of_rank), "error": np.mean(errors), "acc": np.mean(scores)}
        if len(of_rank) > 1:
            strongest = [prominence(codes_of(run)["clean/H"])[:N_COMPARED].argmax(axis=1) for run in of_rank]
            together = rank.consensus(strongest)
            row |= {"error_std": np.std(errors, ddof=1), "acc_std": np.std(scores, ddof=1),
                    "stability": stability.over_seeds([swings_of(run) for run in of_rank]),
                    "dispersion": rank.dispersion(together), "cophenetic": rank.cophenetic_correlation(together)}
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=["n_parts", "n_seeds", *MEASURES, *(f"{name}_std" for name in MEASURES)])
