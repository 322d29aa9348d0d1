"""Encode a whole data set with a trained model, in full float32 precision."""

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

ENCODING_BATCH = 4096  # rows


@torch.no_grad()
def encode(
    model: DDNMFNetwork | Autoencoder,
    config: RunConfig,
    images: Images,
    noisy: bool,
    on_batch: Callable[[float], None] = lambda share: None,
) -> dict[str, NDArray[np.float32]]:
    """Encode all images, in batches on the model's device.

    Parameters
    ----------
    model : DDNMFNetwork or Autoencoder
        Trained model.
    config : RunConfig
        Settings of its run; kind, level and seed of the noise are used.
    images : Images
        Data set of n images.
    noisy : bool
        Encode images with noise, determined by each sample (`corrupt_each`), instead of clean ones.
    on_batch : callable
        Called after every batch with the share of images done, 0 to 1.

    Returns
    -------
    dict of str to ndarray
        "z" (n, d); for a DDNMF also "H" (n, r) and "z_hat" (n, d); "error" (n,): mean squared difference between the
        reconstruction and the clean image, pixels in [0, 1].
    """
    device, noise = next(model.parameters()).device, (config.noise_kind, config.noise_level, config.seed)
    collected: dict[str, NDArray[np.float32]] = {}  # allocated at full size: batches kept apart would fragment memory
    with matmul_precision("highest"):
        for start in range(0, len(images), ENCODING_BATCH):
            samples = torch.arange(start, min(start + ENCODING_BATCH, len(images)))
            x = torch.from_numpy(images.scaled(samples.numpy())).to(device)
            x_input = corrupt_each(x, samples, *noise, images.image_shape) if noisy else x
            codes = model.encode(x_input)
            rows = {"z": codes.z, "H": codes.H, "z_hat": codes.z_hat, "error": (model(x_input) - x).square().mean(dim=1)}
            for name, value in rows.items():
                if value is not None:
                    if name not in collected:
                        collected[name] = np.empty((len(images), *value.shape[1:]), np.float32)
                    collected[name][start : start + ENCODING_BATCH] = value.float().cpu().numpy()
            release(images.pixels)
            on_batch(min(1.0, (start + ENCODING_BATCH) / len(images)))
    return collected
