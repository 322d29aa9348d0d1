"""Codes of a whole data set under a trained model, at full precision."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ddnmf_core.config import RunConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.files.memory_map import release
from ddnmf_core.model.corruption import corrupt_each
from ddnmf_core.model.device import matmul_precision
from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork

ENCODING_BATCH = 4096


@torch.no_grad()
def encode(
    model: DDNMFNetwork | Autoencoder,
    config: RunConfig,
    images: Images,
    noisy: bool,
    on_batch: Callable[[float], None] = lambda share: None,
) -> dict[str, NDArray[np.float32]]:
    """z (n, d), and for a DDNMF H (n, r) and z_hat (n, d); error (n,) is the mean squared difference of
    the reconstruction from the clean image. Noisy inputs carry the noise that belongs to each sample."""
    device = next(model.parameters()).device
    collected: dict[str, NDArray[np.float32]] = {}  # whole from the start: pieces would scatter the memory
    with matmul_precision("highest"):
        for start in range(0, len(images), ENCODING_BATCH):
            samples = torch.arange(start, min(start + ENCODING_BATCH, len(images)))
            x = torch.from_numpy(images.scaled(samples.numpy())).to(device)
            seen = corrupt_each(x, samples, config.noise_kind, config.noise_level, config.seed) if noisy else x
            codes = model.encode(seen)
            rows = {"z": codes.z, "H": codes.H, "z_hat": codes.z_hat, "error": (model(seen) - x).square().mean(dim=1)}
            for name, value in rows.items():
                if value is not None:
                    if name not in collected:
                        collected[name] = np.empty((len(images), *value.shape[1:]), np.float32)
                    collected[name][start : start + ENCODING_BATCH] = value.float().cpu().numpy()
            release(images.pixels)
            on_batch(min(1.0, (start + ENCODING_BATCH) / len(images)))
    return collected
