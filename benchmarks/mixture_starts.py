"""How much of the mixture's score is the luck of its start: one run's codes, many starts.

    python benchmarks/mixture_starts.py results/mnist-mixture-starts.json --dataset mnist

For every finished default run of the data set: GMM on the clean z from ten seeds, each as the run itself is
scored (one start from K-means), with its log-likelihood. No label takes part in the likelihood.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from record import seeds_of
from sklearn.mixture import GaussianMixture

from ddnmf_core.clustering import MIXTURE_FLOOR
from ddnmf_core.config import RunConfig
from ddnmf_core.data import load
from ddnmf_core.entries import CODES
from ddnmf_core.metrics import scores

STARTS = range(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--dataset", default="mnist")
    arguments = parser.parse_args()
    labels = load(arguments.dataset).labels
    rows = []
    for entry in seeds_of(RunConfig(dataset=arguments.dataset)):
        codes = entry.read_tensors(CODES)["clean/z"].astype(np.float64)
        for start in STARTS:
            mixture = GaussianMixture(10, reg_covar=MIXTURE_FLOOR, random_state=start)
            found = mixture.fit_predict(codes)
            rows.append({"run": entry.id, "seed": entry.config.seed, "start": start,
                         "log_likelihood": float(mixture.lower_bound_), **scores(labels, found)})
        mine = [row for row in rows if row["run"] == entry.id]
        best = max(mine, key=lambda row: row["log_likelihood"])
        accuracies = [row["acc"] for row in mine]
        print(f"seed {entry.config.seed}: ACC over {len(mine)} starts {min(accuracies):.3f} to {max(accuracies):.3f}, "
              f"mean {np.mean(accuracies):.3f}; the most likely mixture {best['acc']:.3f}/{best['nmi']:.3f}/{best['ari']:.3f}",
              flush=True)
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
