"""Means and deviations over the seeds of one configuration, from the run store, into results/.

    for seed in 1 2 3; do ddnmf train --dataset mnist --seed $seed; done
    python benchmarks/record.py results/mnist-default.json --dataset mnist

Prints the table that README shows and writes it with its provenance. Every finished run that has the
default settings but for data set and seed counts; nothing is chosen by its score.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from ddnmf_core.config import RunConfig
from ddnmf_core.entries import PROVENANCE, SCORES, Entry
from ddnmf_core.runs import Store

LOSSES = ("L_sym", "L_ap", "L_nc", "L_in")
CELLS = ("input", "representation", "clusterer")


def seeds_of(config: RunConfig) -> list[Entry]:
    """The finished runs that differ from the configuration in nothing but the seed."""
    runs = [entry for entry in Store().entries() if entry.finished and entry.config.replace(seed=config.seed) == config]
    return sorted(runs, key=lambda entry: entry.config.seed)


def summarise(runs: list[Entry]) -> dict[str, Any]:
    tables = [entry.read_json(SCORES) for entry in runs]
    histories = [entry.epochs() for entry in runs]
    epochs = [row["seconds"] for history in histories for row in history]
    scores = [{**{name: rows[0][name] for name in CELLS},
               **{score: {"mean": float(np.mean([row[score] for row in rows])),
                          "std": float(np.std([row[score] for row in rows], ddof=1)) if len(rows) > 1 else None,
                          "values": [row[score] for row in rows]} for score in ("acc", "nmi", "ari")}}
              for rows in zip(*tables, strict=True)]
    return {"config": runs[0].config.model_dump(mode="json"), "seeds": [entry.config.seed for entry in runs],
            "n_seeds": len(runs), "runs": [entry.id for entry in runs],
            "seconds_per_epoch": {"median": float(np.median(epochs)), "min": min(epochs), "max": max(epochs)},
            "last_losses": [{name: history[-1][name] for name in LOSSES if name in history[-1]} for history in histories],
            "scores": scores, "provenance": [entry.read_json(PROVENANCE) for entry in runs]}


def cell(score: dict[str, Any]) -> str:
    deviation = f" ± {score['std']:.3f}" if score["std"] is not None else ""
    return f"{score['mean']:.3f}{deviation}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--set", action="append", default=[], metavar="name=value")
    arguments = parser.parse_args()
    changes = dict(pair.split("=", 1) for pair in arguments.set)
    runs = seeds_of(RunConfig(dataset=arguments.dataset, **changes))
    if not runs:
        raise SystemExit("There is no finished run of this configuration in the store: train it first.")
    summary = summarise(runs)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(summary, indent=1) + "\n")
    print(f"seeds {summary['seeds']}, {summary['seconds_per_epoch']['median']:.1f} s an epoch (median)")
    for losses in summary["last_losses"]:
        print("last epoch: " + ", ".join(f"{name} {value:.4g}" for name, value in losses.items()))
    print("| images | representation | clusterer | ACC | NMI | ARI |\n|---|---|---|---|---|---|")
    for row in summary["scores"]:
        print(f"| {row['input']} | {row['representation']} | {row['clusterer']} | {cell(row['acc'])} | "
              f"{cell(row['nmi'])} | {cell(row['ari'])} |")


if __name__ == "__main__":
    main()
