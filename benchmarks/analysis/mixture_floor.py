"""How the floor of a mixture's covariances changes how well fits from different starts agree, and what they find.

For each data set the pixels' NMF and the codes of the finished default runs of seed 1 (DDNMF, AE2's with NMF), N images
each, scaled to a mean variance of 1. Agreement (mean ARI of the starts) and silhouette need no labels; ACC is shown
with them. The tables' floor is `ddnmf_core.analysis.clustering.MIXTURE_FLOOR`.
"""

import warnings
from typing import Any

import numpy as np

from benchmarks.common.harness import Result, Row
from ddnmf_core.analysis import clustering
from ddnmf_core.analysis.baselines import transform
from ddnmf_core.analysis.metrics import accuracy, stability
from ddnmf_core.config import ClusteringConfig
from ddnmf_core.data.catalogue import load
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store

N = 20_000
REPEATS = 1
FLOORS, STARTS = (1e-4, 1e-3, 1e-2, 5e-2), (1, 2, 3)


def representations(dataset: str) -> dict[str, Any]:
    """Return the representations to cluster by name, (N, d) each."""
    found = {
        "NMF of the pixels": transform(
            load(dataset, None).scaled()[:N], ClusteringConfig(dataset=dataset, transform="unit_nmf")
        )
    }
    for model, name in (("AE2", "AE2, NMF"), ("DDNMF", "DDNMF, z")):
        config = FULL_PROTOCOL.run(FULL_PROTOCOL.models[model], dataset, 1)
        if (entry := Store().entry(config)).available:
            z = FinishedRun(entry).codes("z")[:N]
            found[name] = transform(z, ClusteringConfig.of(config, transform="unit_nmf")) if model == "AE2" else z
    return found


def measure(repeats: int) -> Result:
    """Compare floors of the covariances: a row for each representation, a column for each floor."""
    rows: list[Row] = []
    for dataset in FULL_PROTOCOL.datasets:
        labels = load(dataset, None).labels[:N]
        for name, codes in representations(dataset).items():
            x = (codes / np.sqrt(codes.var(axis=0).mean())).astype(np.float32)
            row: Row = {"data": dataset, "what is clustered": name}
            for floor in FLOORS:
                clustering.MIXTURE_FLOOR = floor
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = [clustering.cluster(x, "gmm", 10, start) for start in STARTS]
                row[f"{floor:g}"] = f"{stability(found):.2f} ({np.mean([accuracy(labels, one) for one in found]):.2f})"
            rows.append(row)
    return Result("mixture_floor", rows, {}, repeats)
