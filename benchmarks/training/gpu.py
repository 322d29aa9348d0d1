"""Seconds for all trainings of Figure 3 on one GPU as batched models, against the same runs one after the other.

2 sets x 8 noise levels x DDNMF and AE1, 20 epochs, all images, without what a run writes and scores. Targets on an H100: 60 s,
aim 20 s, and at least 10 times the eager runs. Of those one epoch of N_EAGER runs is measured, and the time of all is its
multiple; the losses of both after that epoch are compared, later ones drift apart by rounding. Stacks are measured first, and
rows are kept as they come. Without a GPU it says so.
"""

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import torch

from benchmarks.common.harness import NotHere, Result, Row
from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import find, load
from ddnmf_core.model.batched_trainer import BatchedTrainer
from ddnmf_core.model.trainer import Trainer
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL

REPEATS, N_EAGER = 3, 2
STACK_S, EAGER_S, RATIO = "stack, s", "eager, s", "ratio"  # columns


def measure(repeats: int) -> Iterator[Result]:
    if not torch.cuda.is_available():
        raise NotHere("no GPU, so it is not measured. `python -m benchmarks gpu --keep` on a machine with one measures it.")
    if not all(find(name) for name in FULL_PROTOCOL.datasets):
        raise NotHere("the full sets are not here. Set DDNMF_DATA (`ddnmf data` says how to get them).")
    for rows in compared(repeats):
        ours = sum(row[STACK_S] for row in rows)
        figures: dict[str, Any] = {"ours": ours}
        if all(EAGER_S in row for row in rows):
            reference = sum(row[EAGER_S] for row in rows)
            figures |= {"ratio": reference / ours, "reference": reference}
        yield Result("gpu", rows, figures, repeats)


def compared(repeats: int) -> Iterator[list[Row]]:
    """Yield the rows each time one is measured: the stacks, then one epoch of eager runs."""
    rows: list[Row] = []
    first_losses = []
    pairs = [(dataset, model) for dataset in FULL_PROTOCOL.datasets for model in ("DDNMF", "AE1")]
    for dataset, model in pairs:
        configs = _configs(dataset, model)
        _stacked([config.replace(epochs=1) for config in configs[:2]])  # kernels are loaded, memory is there
        measured = [_stacked(configs) for _ in range(repeats)]
        first_losses.append([losses[:1] for losses in measured[-1][1][:N_EAGER]])
        seconds = median(seconds for seconds, _ in measured)
        finished = sum(len(losses) == configs[0].epochs for losses in measured[-1][1])
        rows.append({"data": dataset, "model": model, "runs": len(configs), "finished": finished, STACK_S: seconds})
        yield rows
    for row, stack, (dataset, model) in zip(rows, first_losses, pairs, strict=True):
        configs = _configs(dataset, model)
        seconds, alone = _eager([config.replace(epochs=1) for config in configs[:N_EAGER]])
        row[EAGER_S] = seconds / N_EAGER * configs[0].epochs * len(configs)
        row[RATIO] = row[EAGER_S] / row[STACK_S]
        row["losses differ by"] = max(abs(a / b - 1) for (a,), (b,) in zip(stack, alone, strict=True))
        yield rows


def _configs(dataset: str, model: str) -> list[RunConfig]:
    return [
        FULL_PROTOCOL.run(FULL_PROTOCOL.noise_models[model], dataset, 1, noise_level=level)
        for level in FULL_PROTOCOL.noise_levels
    ]


def _trainers(configs: Sequence[RunConfig]) -> list[Trainer]:
    images = load(configs[0].dataset, configs[0].n_samples)
    pixels = torch.tensor(images.pixels, device="cuda")
    return [Trainer(config, images, torch.device("cuda"), pixels) for config in configs]


def _stacked(configs: Sequence[RunConfig]) -> tuple[float, list[list[float]]]:
    """Return seconds, and L_in of each run's epochs."""
    trainers = _trainers(configs)
    losses: dict[Trainer, list[float]] = {trainer: [] for trainer in trainers}
    torch.cuda.synchronize()
    began = time.perf_counter()
    BatchedTrainer(trainers).train(
        lambda trainer, row: losses[trainer].append(row["L_in"]) if row["kind"] == "epoch" else None,
        lambda trainer: False,
        lambda trainer, outcome: None,
    )
    torch.cuda.synchronize()
    return time.perf_counter() - began, list(losses.values())


def _eager(configs: Sequence[RunConfig]) -> tuple[float, list[list[float]]]:
    """Return the same for runs trained one after the other."""
    trainers = _trainers(configs)
    losses: list[list[float]] = [[] for _ in trainers]
    torch.cuda.synchronize()
    began = time.perf_counter()
    for trainer, own in zip(trainers, losses, strict=True):
        trainer.train(lambda row, own=own: own.append(row["L_in"]) if row["kind"] == "epoch" else None)  # type: ignore[misc]
    torch.cuda.synchronize()
    return time.perf_counter() - began, losses
