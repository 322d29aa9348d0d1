"""How much of a mixture's score is the luck of its start, and what short runs of EM before the long one make of it.

    python benchmarks/mixture_starts.py results/mnist-mixture-starts.json --dataset mnist

For every finished default run of the data set: GMM on the clean z, ten times from a single K-means, and as the tables
have it (`ddnmf_core.clustering.mixture`), with the log-likelihood of each. No label takes part in the likelihood.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from record import seeds_of
from sklearn.mixture import GaussianMixture

from ddnmf_core.clustering import MIXTURE_FLOOR, mixture
from ddnmf_core.config import RunConfig
from ddnmf_core.data import load
from ddnmf_core.entries import CODES, Entry
from ddnmf_core.metrics import scores

SINGLE, SHORT_RUNS = "one start from K-means", "short runs first"
STARTS = range(10)


def fits_of(entry: Entry, labels: Any) -> list[dict[str, Any]]:
    codes = entry.read_tensors(CODES)["clean/z"]
    x = codes.astype(np.float64)
    floor = MIXTURE_FLOOR * x.var(axis=0).mean()
    fits = [(SINGLE, start, GaussianMixture(10, reg_covar=floor, random_state=start).fit(x)) for start in STARTS]
    fits += [(SHORT_RUNS, start, mixture(codes, 10, start)) for start in STARTS]
    return [{"run": entry.id, "seed": entry.config.seed, "way": way, "start": start,
             "log_likelihood": float(fit.lower_bound_), **scores(labels, fit.predict(x))}
            for way, start, fit in fits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--dataset", default="mnist")
    arguments = parser.parse_args()
    labels = load(arguments.dataset).labels
    rows = []
    for entry in seeds_of(RunConfig(dataset=arguments.dataset)):
        rows += (mine := fits_of(entry, labels))
        for way in (SINGLE, SHORT_RUNS):
            accuracies = [row["acc"] for row in mine if row["way"] == way]
            likelihoods = [row["log_likelihood"] for row in mine if row["way"] == way]
            print(f"seed {entry.config.seed}, {way}: ACC {min(accuracies):.3f} to {max(accuracies):.3f}, mean "
                  f"{np.mean(accuracies):.3f}; log-likelihood {min(likelihoods):.3f} to {max(likelihoods):.3f}", flush=True)
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
