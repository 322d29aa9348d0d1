"""Images a second of a training at the default preset, against a plain PyTorch loop, in one run.

The reference: `plain_loop`; the same model from the same weights, in an order and with noise of its own. Ours: the Trainer in
the environment that the engine gives its workers. Each side is a process of its own; they alternate. The first epoch warms up.
L_sym at the end is held against each other's (L_ap first rises and falls by its own chance: after so few epochs it differs by a
third from seed to seed), and two one-thread trainings side by side against one.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from statistics import median
from typing import Any

from benchmarks.common.harness import ROOT, Result
from benchmarks.training.plain_loop import plain_training
from ddnmf_core.config import PUBLISHED, ModelName, RunConfig
from ddnmf_core.engine.cluster import worker_environment

REPEATS, EPOCHS = 3, 3
MODELS: tuple[ModelName, ...] = ("ddnmf", "ae1")


def measure(repeats: int) -> Result:
    rows, peak = [], _side("peak", "ddnmf", os.cpu_count() or 1)["flops"]
    for model in MODELS:
        threads = min(2, os.cpu_count() or 1)
        pairs = [(_side("ours", model, threads), _side("reference", model, threads)) for _ in range(repeats)]
        ours, theirs = (
            median(one[key] for one in column)
            for column, key in ((column, "images_per_second") for column in zip(*pairs, strict=True))
        )
        alone, beside = _side("ours", model, 1)["images_per_second"], _two_at_once(model)
        rows.append(
            {
                "model": model,
                "ours, images/s": ours,
                "reference, images/s": theirs,
                "ratio": ours / theirs,
                "lowest ratio": min(a["images_per_second"] / b["images_per_second"] for a, b in pairs),
                "L_sym, ours / reference": median(a["loss"] / b["loss"] for a, b in pairs),
                "share of the product peak": ours * _flops(model) / peak,
                "one thread, images/s": alone,
                "two at once / one": beside / alone,
            }
        )
    return Result(
        "train",
        rows,
        {
            "ratio": rows[0]["ratio"],
            "ours": rows[0]["ours, images/s"],
            "reference": rows[0]["reference, images/s"],
            "peak_gflops": peak / 1e9,
        },
        repeats,
    )


def _flops(model: ModelName) -> float:
    """Count operations of one image: every weight takes part in three products, forward and twice backward; those of the first
    layer in two, as the gradient of the pixels is not needed."""
    config = RunConfig(model=model)
    sizes = (784, *config.encoder_layers, *config.decoder_layers, 784)
    of_each = 6 * sum(a * b for a, b in pairwise(sizes)) - 2 * sizes[0] * sizes[1]
    return of_each * (2 if model == "ddnmf" else 1)


def _command(side: str, model: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.training.train", "--side", side, "--model", model]


def _environment(side: str, threads: int) -> dict[str, str]:
    plain = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return plain if side == "reference" else {**plain, **worker_environment(threads)}


def _side(side: str, model: str, threads: int) -> dict[str, float]:
    return run_side(side, _command(side, model), threads)


def run_side(side: str, command: list[str], threads: int) -> dict[str, Any]:
    """Run one side in a process of its own; return the JSON of its last line."""
    done = subprocess.run(command, cwd=ROOT, env=_environment(side, threads), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def _two_at_once(model: str) -> float:
    """Measure images a second of two one-thread trainings together."""
    both = [
        subprocess.Popen(_command("ours", model), cwd=ROOT, env=_environment("ours", 1), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    return sum(json.loads(process.communicate()[0].splitlines()[-1])["images_per_second"] for process in both)


# ---------------------------------------------------------------------------------- one side, in its process


def ours(config: RunConfig) -> dict[str, float]:
    import torch

    from ddnmf_core.data.catalogue import load
    from ddnmf_core.model.trainer import Trainer

    torch.set_flush_denormal(True)
    rows: list[dict[str, Any]] = []
    Trainer(config, load(config.dataset), torch.device("cpu")).train(
        lambda row: rows.append(row) if row["kind"] == "epoch" else None
    )
    return {"images_per_second": median(row["images_per_second"] for row in rows[1:]), "loss": rows[-1]["L_sym"]}


def reference(config: RunConfig) -> dict[str, float]:
    """Train the same model by a plain loop."""
    from ddnmf_core.data.catalogue import DATASETS
    from ddnmf_core.model.networks import build_model

    epochs = list(plain_training(config, build_model(config, 784)))
    n = DATASETS[config.dataset].n_samples
    return {"images_per_second": median(n / seconds for seconds, _ in epochs[1:]), "loss": epochs[-1][1]}


def peak() -> dict[str, float]:
    """Measure float32 matrix products at the default's precision."""
    import torch

    from ddnmf_core.model.device import matmul_precision

    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    times = []
    with matmul_precision(RunConfig().precision):
        for _ in range(12):
            began = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - began)
    return {"flops": 2 * 2048**3 / median(times[2:])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One side of the comparison, in a process of its own.")
    parser.add_argument("--side", choices=["ours", "reference", "peak"], required=True)
    parser.add_argument("--model", choices=MODELS, required=True)
    chosen = parser.parse_args()
    run = RunConfig(**PUBLISHED | {"model": chosen.model, "epochs": EPOCHS})
    print(json.dumps(peak() if chosen.side == "peak" else (ours if chosen.side == "ours" else reference)(run)))
