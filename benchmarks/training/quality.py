"""Seconds and epochs to the errors that the published setting reaches in a plain loop, and the scores of both, in one run.

The plain loop (`plain_loop`) trains the preset `published`; ours trains the defaults of new runs, in the environment that the
engine gives its workers. Both are judged after each epoch by the same fixed images and noise (`Trainer.fixed_errors`): the
student's error of noisy inputs against the clean image, and the supervisor's of clean inputs, which is L_sym; judging is not
timed. At the end the codes of all images are clustered. `--size` chooses the sets: 10000 or 70000 images. Both sides of a pair
are measured one after the other on one machine; pairs that were kept are not measured again.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from statistics import mean, stdev
from typing import Any

from benchmarks.common.harness import OUT, NotHere, Result, Row, machine
from benchmarks.training.plain_loop import plain_training
from benchmarks.training.train import run_side
from ddnmf_core.config import CLUSTERERS, PUBLISHED, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.suggestions import suggestion_for
from ddnmf_core.labels import CLUSTERER_TITLES

REPEATS, SIZE = 3, 10_000  # seeds, images
SETS = {10_000: ("mnist-10k", "fashion-mnist-10k"), 70_000: ("mnist", "fashion-mnist")}
ERRORS = {"error": "student's error", "L_sym": "L_sym"}  # of fixed images, with the words of the table


def measure(repeats: int, size: int = SIZE) -> Iterator[Result]:
    """Yield the rows after each seed, so that they can be kept at once."""
    if size not in SETS:
        raise SystemExit(f"--size {size}: should be of {', '.join(map(str, SETS))}")
    if missing := [name for name in SETS[size] if not catalogue.find(name)]:
        raise NotHere(f"{', '.join(missing)}: not here. Set DDNMF_DATA (`ddnmf data` says how to get them).")
    pairs = kept_pairs(size)
    if pairs:
        yield _result(pairs, repeats, size)
    for seed in range(1, repeats + 1):
        for name in SETS[size]:
            if not any((pair["data"], pair["seed"]) == (name, seed) for pair in pairs):
                sides = {side: _side(side, name, seed) for side in ("reference", "ours")}
                pairs.append({"data": name, "seed": seed, "processor": machine()["processor"], **sides})
                yield _result(pairs, repeats, size)


def kept_pairs(size: int) -> list[Row]:
    """Return the pairs measured before on sets of this size."""
    path = OUT / "quality.json"
    pairs: list[Row] = json.loads(path.read_bytes())["pairs"] if path.exists() else []
    return [pair for pair in pairs if pair["data"] in SETS[size]]


def _result(pairs: list[Row], repeats: int, size: int) -> Result:
    rows = [
        row
        for name in SETS[size]
        if (of_set := [(pair["reference"], pair["ours"]) for pair in pairs if pair["data"] == name])
        for row in rows_of(name, of_set)
    ]
    lowest = min((row["times sooner"] for row in rows if row["times sooner"]), default=None)
    return Result("quality", rows, {"ratio": lowest, "images": size, "pairs": pairs}, repeats, size)


def rows_of(dataset: str, pairs: list[tuple[Row, Row]]) -> list[Row]:
    """Summarise the seeds of one data set: a row for each error and score; what one seed does not reach has no time."""
    ends = [(plain["epochs"][-1], ours["epochs"][-1]) for plain, ours in pairs]
    rows = [_row(dataset, pairs, "seconds", [(plain["seconds"], ours["seconds"]) for plain, ours in ends])]
    for error, words in ERRORS.items():
        row = _row(dataset, pairs, words, [(plain[error], ours[error]) for plain, ours in ends])
        reached = [first_below(ours["epochs"], error, plain["epochs"][-1][error]) for plain, ours in pairs]
        if all(epoch is not None for epoch in reached):
            row["epochs to the plain loop's"] = mean(epoch["epoch"] for epoch in reached if epoch)
            row["times sooner"] = mean(
                plain["seconds"] / epoch["seconds"] for (plain, _), epoch in zip(ends, reached, strict=True) if epoch
            )
        rows.append(row)
    for score in pairs[0][0]["scores"]:
        rows.append(_row(dataset, pairs, score, [(plain["scores"][score], ours["scores"][score]) for plain, ours in pairs]))
    return rows


def _row(dataset: str, pairs: list[tuple[Row, Row]], what: str, values: list[tuple[float, float]]) -> Row:
    """Return the mean and deviation over seeds of both sides."""
    row: Row = {"data": dataset, "seeds": len(pairs), "at the end": what}
    for (name, side), of_side in zip((("plain loop", 0), ("ours", 1)), zip(*values, strict=True), strict=True):
        deviation = f" ± {stdev(of_side):.2g}" if len(of_side) > 1 else ""
        epochs = f" ({len(pairs[0][side]['epochs'])} epochs)" if what == "seconds" else ""
        row[name] = f"{mean(of_side):.3g}{deviation}{epochs}"
    return row | {"epochs to the plain loop's": None, "times sooner": None}


def first_below(epochs: list[Row], error: str, level: float) -> Row | None:
    """Return the first epoch whose error is at most this level."""
    return next((epoch for epoch in epochs if epoch[error] <= level), None)


def _side(side: str, dataset: str, seed: int) -> Row:
    command = [sys.executable, "-m", "benchmarks.training.quality", "--side", side, "--dataset", dataset, "--seed", str(seed)]
    return run_side(side, command, min(2, os.cpu_count() or 1))


# ---------------------------------------------------------------------------------- one side, in its process


def side(side: str, dataset: str, seed: int, **settings: Any) -> Row:
    """Train one side; `settings` override its own."""
    import torch

    from ddnmf_core.analysis.clustering import cluster
    from ddnmf_core.analysis.metrics import scores
    from ddnmf_core.model.encoding import encode
    from ddnmf_core.model.trainer import Trainer

    torch.set_flush_denormal(True)
    spec = catalogue.DATASETS[dataset]
    suggestion = suggestion_for(dataset, spec)
    own = PUBLISHED if side == "reference" else suggestion.fields if suggestion else {}
    config, images = RunConfig(**own | settings | {"dataset": dataset, "seed": seed}), catalogue.load(dataset)
    trainer = Trainer(config, images, torch.device("cpu"))
    epochs: list[Row] = []

    def note(seconds: float, errors: dict[str, Any]) -> None:
        before = epochs[-1]["seconds"] if epochs else 0.0
        judged = {"error": errors["error_student"], "L_sym": errors["error_supervisor"]}
        epochs.append({"epoch": len(epochs) + 1, "seconds": before + seconds, **judged})

    if side == "reference":
        for seconds, _ in plain_training(config, trainer.model):
            note(seconds, trainer.fixed_errors())
    else:
        trainer.train(lambda row: note(row["seconds"], row) if row["kind"] == "epoch" else None)
    codes = encode(trainer.model, config, images, noisy=False)["z"]
    found: dict[str, float] = {}
    for clusterer in CLUSTERERS:
        of = scores(images.labels, cluster(codes, clusterer, len(spec.class_names), seed))
        found |= {f"{name.upper()}, {CLUSTERER_TITLES[clusterer]}": of[name] for name in ("acc", "nmi")}
    return {"epochs": epochs, "scores": found}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One side of the comparison, in a process of its own.")
    parser.add_argument("--side", choices=["ours", "reference"], required=True)
    parser.add_argument("--dataset", choices=[name for names in SETS.values() for name in names], required=True)
    parser.add_argument("--seed", type=int, required=True)
    chosen = parser.parse_args()
    print(json.dumps(side(chosen.side, chosen.dataset, chosen.seed)))
