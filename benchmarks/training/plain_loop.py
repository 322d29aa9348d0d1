"""The training loop that a user would write: torchvision's data set, ToTensor, a DataLoader, the default Adam for each network,
full matrix precision, .item() in each step, the losses written out."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.common.harness import NotHere
from ddnmf_core.config import RunConfig

CLASSES = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}  # torchvision's, and their folders


def plain_training(config: RunConfig, model: Any) -> Iterator[tuple[float, float]]:
    """Train the model; yield seconds and mean L_sym after each epoch. What is done between epochs is not counted."""
    import torch
    from torch.utils.data import DataLoader

    from ddnmf_core.model.networks import DDNMFNetwork

    torch.manual_seed(config.seed)
    networks = [model.supervisor, model.student] if isinstance(model, DDNMFNetwork) else [model]
    optimizers = [torch.optim.Adam(network.parameters(), lr=config.learning_rate) for network in networks]
    step = _ddnmf_losses if isinstance(model, DDNMFNetwork) else _autoencoder_losses
    with TemporaryDirectory() as folder:
        loader = DataLoader(_torchvision_set(Path(folder), config.dataset), batch_size=config.batch_size, shuffle=True)
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
            yield time.perf_counter() - began, total / n


def _torchvision_set(folder: Path, name: str) -> Any:
    """Write a built-in set's files in torchvision's layout, and open it."""
    from torch.utils.data import ConcatDataset
    from torchvision import datasets, transforms

    from ddnmf_core.data.catalogue import DATASETS, find
    from ddnmf_core.data.idx import find_file

    spec, location = DATASETS[name], find(name)
    if location is None or location.folder is None or spec.family is None:
        raise NotHere(f"{name} is not here. Set DDNMF_DATA (`ddnmf data` says how to get it).")
    made = getattr(datasets, CLASSES[spec.family])
    raw = folder / CLASSES[spec.family] / "raw"
    raw.mkdir(parents=True)
    for file in spec.files:
        path = find_file(location.folder, file)
        assert path is not None
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for half in ("train", "t10k"):  # torchvision asks for both halves to be there
            wanted = raw / file.replace("train", half).replace("t10k", half)
            if file.startswith(half) or not wanted.exists():
                wanted.write_bytes(content)
    return ConcatDataset([made(str(folder), train=half == "train", transform=transforms.ToTensor()) for half in spec.halves])


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
