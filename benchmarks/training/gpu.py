"""Seconds for all trainings of Figure 3 on one GPU as batched models, against the same runs one after the other.

2 sets x 8 noise levels x DDNMF and AE1, 20 epochs, all images, without what a run writes and scores. Targets on an H100: 60 s,
aim 20 s, and at least 10 times the eager runs (of which N_EAGER are measured, and the time of all is their mean times their
number). The runs that are measured both ways must have come to the same losses. Without a GPU it says so.
"""

import math
import time
from collections.abc import Sequence
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
SAME = 0.05  # relative difference of the losses after all epochs


def measure(repeats: int) -> Result:
    if not torch.cuda.is_available():
        raise NotHere("no GPU, so it is not measured. `python -m benchmarks gpu --keep` on a machine with one measures it.")
    if not all(find(name) for name in FULL_PROTOCOL.datasets):
        raise NotHere("the full sets are not here. Set DDNMF_DATA (`ddnmf data` says how to get them).")
    rows = compared(repeats)
    ours, reference = (sum(row[key] for row in rows) for key in ("stack, s", "eager, s"))
    return Result("gpu", rows, {"ratio": reference / ours, "ours": ours, "reference": reference}, repeats)


def compared(repeats: int) -> list[Row]:
    """Compare batched and eager runs; raises RuntimeError if their losses differ."""
    rows: list[Row] = []
    for dataset in FULL_PROTOCOL.datasets:
        for model in ("DDNMF", "AE1"):
            configs = [
                FULL_PROTOCOL.run(FULL_PROTOCOL.noise_models[model], dataset, 1, noise_level=level)
                for level in FULL_PROTOCOL.noise_levels
            ]
            _stacked(configs[:2], epochs=1)  # kernels are loaded, memory is there
            times = []
            for _ in range(repeats):
                seconds, losses = _stacked(configs)
                times.append(seconds)
            seconds, alone = _eager(configs[:N_EAGER])
            apart = max(abs(a / b - 1) for a, b in zip(losses[:N_EAGER], alone, strict=True))
            if not (all(map(math.isfinite, (*losses, *alone))) and apart < SAME):
                raise RuntimeError(f"{model} on {dataset}: the losses of stack and eager runs differ by {apart:.1%}")
            stacked, eager = median(times), seconds * len(configs) / N_EAGER
            rows.append(
                {
                    "data": dataset,
                    "model": model,
                    "runs": len(configs),
                    "stack, s": stacked,
                    "eager, s": eager,
                    "ratio": eager / stacked,
                    "losses differ by": apart,
                }
            )
    return rows


def _trainers(configs: Sequence[RunConfig]) -> list[Trainer]:
    images = load(configs[0].dataset, configs[0].n_samples)
    pixels = torch.tensor(images.pixels, device="cuda")
    return [Trainer(config, images, torch.device("cuda"), pixels) for config in configs]


def _stacked(configs: Sequence[RunConfig], epochs: int | None = None) -> tuple[float, list[float]]:
    """Return seconds, and L_in of each run's last epoch, NaN if it did not finish."""
    trainers = _trainers([config.replace(epochs=epochs) if epochs else config for config in configs])
    last: dict[Trainer, float] = {}
    outcomes: dict[Trainer, str] = {}
    torch.cuda.synchronize()
    began = time.perf_counter()
    BatchedTrainer(trainers).train(
        lambda trainer, row: last.update({trainer: row["L_in"]}),
        lambda trainer: False,
        lambda trainer, outcome: outcomes.update({trainer: outcome}),
    )
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    return seconds, [last[trainer] if outcomes[trainer] == "finished" else math.nan for trainer in trainers]


def _eager(configs: Sequence[RunConfig]) -> tuple[float, list[float]]:
    """Return the same for runs trained one after the other."""
    trainers, last = _trainers(configs), dict.fromkeys(range(len(configs)), math.nan)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for number, trainer in enumerate(trainers):
        rows: list[Any] = []
        if trainer.train(rows.append) == "finished":
            last[number] = rows[-1]["L_in"]
    torch.cuda.synchronize()
    return time.perf_counter() - began, list(last.values())
