"""Seconds for the causal matrix of 70,000 images and 10 parts on every core, against the same at full matrix precision.

The default model, untrained, and random coefficients: the time depends on neither. Target: under 20 s on two cores.
"""

import os
import time

import numpy as np
import torch

from benchmarks.common.harness import Result, Row, spread
from ddnmf_core.analysis.assignment import Centres
from ddnmf_core.config import RunConfig
from ddnmf_core.interpret import part_evaluation as interpretation
from ddnmf_core.model.networks import DDNMFNetwork, build_model

REPEATS, N = 3, 70_000


def measure(repeats: int) -> Result:
    torch.set_num_threads(os.cpu_count() or 1)
    model, random = build_model(RunConfig(), 784), np.random.default_rng(1)
    assert isinstance(model, DDNMFNetwork)
    H = random.random((N, 10), dtype=np.float32)
    centres = Centres(random.random((10, 10)))

    def seconds(precision: str) -> float:
        began = time.perf_counter()
        interpretation.causal_by_picture(model, H, H.mean(axis=0), centres, lambda share, message: None, precision)
        return time.perf_counter() - began

    times = [(seconds("medium"), seconds("highest")) for _ in range(repeats)]
    rows: list[Row] = [
        {"matrix precision": name, **{f"{key}, s": value for key, value in spread(column).items()}}
        for name, column in zip(("medium", "highest"), zip(*times, strict=True), strict=True)
    ]
    ours, reference = rows[0]["median, s"], rows[1]["median, s"]
    return Result("causal", rows, {"ratio": reference / ours, "ours": ours, "reference": reference}, repeats)
