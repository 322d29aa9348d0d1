"""Seconds for the whole of Figure 3's trainings on one GPU as stacks, against the same runs eager, one after the other.

2 sets x 8 noise levels x DDNMF and AE1, 20 epochs, all images. Targets on an H100: 60 s, aim 20 s, and at least 10 times
the eager runs (of which N_EAGER are measured, and the time of all is their mean times their number). Without a GPU it says so.
"""

import time
from collections.abc import Sequence

import torch

from benchmarks.measuring import NotHere, Result, Row
from ddnmf_core.config import RunConfig
from ddnmf_core.data import load
from ddnmf_core.reproduce.protocol import FULL
from ddnmf_core.stack import Stack
from ddnmf_core.trainer import Trainer

REPEATS, N_EAGER = 1, 2


def measure(repeats: int) -> Result:
    if not torch.cuda.is_available():
        raise NotHere("no GPU, so it is not measured. `python -m benchmarks gpu --keep` on a machine with one measures it.")
    rows: list[Row] = []
    for dataset in FULL.datasets:
        for model in ("DDNMF", "AE1"):
            configs = [FULL.run(FULL.noise_models[model], dataset, 1, noise_level=level) for level in FULL.noise_levels]
            _stacked(configs[:2], epochs=1)                         # kernels are loaded, memory is there
            stacked = min(_stacked(configs) for _ in range(repeats))
            eager = _eager(configs[:N_EAGER]) * len(configs) / N_EAGER
            rows.append({"data": dataset, "model": model, "runs": len(configs), "stack, s": stacked, "eager, s": eager,
                         "ratio": eager / stacked})
    ours, reference = (sum(row[key] for row in rows) for key in ("stack, s", "eager, s"))
    return Result("gpu", rows, {"ratio": reference / ours, "ours": ours, "reference": reference}, repeats)


def _trainers(configs: Sequence[RunConfig]) -> list[Trainer]:
    images = load(configs[0].dataset, configs[0].n_samples)
    pixels = torch.tensor(images.pixels, device="cuda")
    return [Trainer(config, images, torch.device("cuda"), pixels) for config in configs]


def _stacked(configs: Sequence[RunConfig], epochs: int | None = None) -> float:
    trainers = _trainers([config.replace(epochs=epochs) if epochs else config for config in configs])
    torch.cuda.synchronize()
    began = time.perf_counter()
    Stack(trainers).train(lambda trainer, row: None, lambda trainer: False, lambda trainer, outcome: None)
    torch.cuda.synchronize()
    return time.perf_counter() - began


def _eager(configs: Sequence[RunConfig]) -> float:
    trainers = _trainers(configs)
    began = time.perf_counter()
    for trainer in trainers:
        trainer.train(lambda row: None)
    torch.cuda.synchronize()
    return time.perf_counter() - began
