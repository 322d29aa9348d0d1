"""Images a second of a training at the default preset, against a plain PyTorch loop, in one run.

The reference: torchvision's data set, ToTensor, a DataLoader, the default Adam for each network, full matrix precision,
.item() in each step, the losses written out; the same model from the same weights, in an order and with noise of its own. Ours:
the Trainer in the environment that the engine gives its workers. Each side is a process of its own; they alternate. The first
epoch warms up. L_sym at the end is held against each other's (L_ap first rises and falls by its own chance: after so few
epochs it differs by a third from seed to seed), and two one-thread trainings side by side against one.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.common.harness import ROOT, Result
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
    done = subprocess.run(_command(side, model), cwd=ROOT, env=_environment(side, threads), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


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
    import torch
    from torch.utils.data import DataLoader
    from torchvision import transforms

    from ddnmf_core.model.networks import DDNMFNetwork, build_model

    torch.manual_seed(config.seed)
    model = build_model(config, 784)
    networks = [model.supervisor, model.student] if isinstance(model, DDNMFNetwork) else [model]
    optimizers = [torch.optim.Adam(network.parameters(), lr=config.learning_rate) for network in networks]
    step = _ddnmf_losses if isinstance(model, DDNMFNetwork) else _autoencoder_losses
    with TemporaryDirectory() as folder:
        loader = DataLoader(_torchvision_set(Path(folder), transforms.ToTensor()), batch_size=config.batch_size, shuffle=True)
        speeds, losses = [], []
        for _ in range(config.epochs):
            began, total, n = time.perf_counter(), 0.0, 0
            for batch, _labels in loader:
                x = batch.flatten(1)
                loss, L_sym = step(model, x, x + config.noise_level * torch.randn_like(x), config)
                for optimizer in optimizers:
                    optimizer.zero_grad()
                loss.backward()
                for optimizer in optimizers:
                    optimizer.step()
                total, n = total + L_sym.item() * len(x), n + len(x)
            speeds.append(n / (time.perf_counter() - began))
            losses.append(total / n)
    return {"images_per_second": median(speeds[1:]), "loss": losses[-1]}


def _torchvision_set(folder: Path, transform: Callable[..., Any]) -> Any:
    """Write the included 10,000 digits in torchvision's layout."""
    from torchvision.datasets import MNIST

    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (ROOT / "ddnmf_core" / "datasets" / "mnist").glob("*.gz"):
        for half in ("t10k", "train"):  # torchvision asks for both halves to be there
            (raw / path.stem.replace("t10k", half)).write_bytes(gzip.decompress(path.read_bytes()))
    return MNIST(str(folder), train=False, transform=transform)


def _ddnmf_losses(model: Any, x: Any, x_noisy: Any, config: RunConfig) -> tuple[Any, Any]:
    """Compute L_in and its term L_sym."""
    h, h_student = model.supervisor.features(x), model.student.features(x_noisy)
    code = len(h) // 2
    L_sym = ((x - h[-1]) ** 2).mean()
    L_ap = sum(((a.detach() - b) ** 2).mean() for a, b in zip(h, h_student[:code] + h_student[code + 2 :], strict=True))
    L_nc = ((h_student[code - 1] - h_student[code + 1]) ** 2).mean()
    return config.alpha * L_sym + config.beta * L_ap + config.gamma * L_nc, L_sym


def _autoencoder_losses(model: Any, x: Any, x_noisy: Any, config: RunConfig) -> tuple[Any, Any]:
    L_sym = ((x_noisy - model(x_noisy)) ** 2).mean()
    return config.alpha * L_sym, L_sym


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
