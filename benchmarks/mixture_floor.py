"""How the floor of a mixture's covariances changes how well fits from different starts agree, and what they find.

    python benchmarks/mixture_floor.py results/mixture-floor.json

For each data set the pixels' NMF and the codes of the finished default runs of seed 1 (DDNMF, AE2's with NMF), N images
each, scaled to a mean variance of 1. Agreement (mean ARI of the starts) and silhouette need no labels; ACC stands beside
them. The tables' floor is `ddnmf_core.clustering.MIXTURE_FLOOR`.
"""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ddnmf_core import clustering
from ddnmf_core.baselines import transformed
from ddnmf_core.config import ClusteringConfig
from ddnmf_core.data import load
from ddnmf_core.entries import CODES
from ddnmf_core.metrics import accuracy, stability
from ddnmf_core.reproduce.protocol import FULL
from ddnmf_core.runs import Store

N = 20_000
FLOORS, STARTS = (1e-4, 1e-3, 1e-2, 5e-2), (1, 2, 3)


def representations(dataset: str) -> dict[str, Any]:
    """What is clustered, by name: (N, d) each."""
    found = {"NMF of the pixels": transformed(load(dataset, None).scaled()[:N],
                                              ClusteringConfig(dataset=dataset, transform="unit_nmf"))}
    for model, name in (("AE2", "AE2, NMF"), ("DDNMF", "DDNMF, z")):
        config = FULL.run(FULL.models[model], dataset, 1)
        if (entry := Store().entry(config)).available:
            z = entry.read_tensors(CODES)["clean/z"][:N]
            found[name] = transformed(z, ClusteringConfig.of(config, transform="unit_nmf")) if model == "AE2" else z
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    rows = []
    out = parser.parse_args().out
    for dataset in FULL.datasets:
        labels = load(dataset, None).labels[:N]
        for name, codes in representations(dataset).items():
            x = (codes / np.sqrt(codes.var(axis=0).mean())).astype(np.float32)
            for floor in FLOORS:
                clustering.MIXTURE_FLOOR = floor
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = [clustering.cluster(x, "gmm", 10, start) for start in STARTS]
                accuracies = [accuracy(labels, clusters) for clusters in found]
                row = {"dataset": dataset, "clustered": name, "floor": floor, "agreement": stability(found),
                       "silhouette": float(np.mean([clustering.silhouette(x, clusters, 1) or -1 for clusters in found])),
                       "acc": accuracies}
                rows.append(row)
    out.write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    """A line for each representation, a column for each floor: agreement, and mean ACC in brackets."""
    lines = ["| data | what is clustered | " + " | ".join(f"{floor:g}" for floor in FLOORS) + " |",
             "|---" * (2 + len(FLOORS)) + "|"]
    for dataset, name in dict.fromkeys((row["dataset"], row["clustered"]) for row in rows):
        cells = [f"{row['agreement']:.2f} ({np.mean(row['acc']):.2f})" for row in rows
                 if (row["dataset"], row["clustered"]) == (dataset, name)]
        lines.append(f"| {dataset} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
