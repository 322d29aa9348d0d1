"""Read a finished model out in parts: an additive factorisation of the images from the model's own features.

The model stays as it is. From its first and its last hidden layer F non-negative coefficients are computed,
H = s softplus(A F + b), that give both the image, x = H V with V >= 0, and the code, z = H W + c. V starts at an NMF of images
and stays near it, as archetypal dictionaries stay near their data (Fel et al. 2025): two seeds of a model, read out from one
start, have parts that match.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ddnmf_core.data.dataset import Images
from ddnmf_core.model.decoding import LinearDecode
from ddnmf_core.model.encoding import ENCODING_BATCH
from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork
from ddnmf_core.model.nmf import PixelNMF, factorise
from ddnmf_core.progress import Progress

N_STEPS, BATCH, LEARNING_RATE = 1500, 512, 3e-3  # of Adam; the rate falls linearly to 0
N_NMF_SAMPLES = 2000  # images whose NMF is the start
MAX_DISTANCE = 0.4  # of a part, a vector of length 1, from its start


@dataclass(frozen=True)
class ReadOut:
    """Additive parts of a finished model.

    Attributes
    ----------
    H : ndarray of shape (n, r)
        Coefficients of all clean images, at least 0.
    decode : LinearDecode
        Pictures of the parts, V (r, n_pixels), at least 0; no background.
    z_hat : ndarray of shape (n, d)
        Code rebuilt from H.
    code_r2 : float
        1 - |z - z_hat|^2 / |z - mean(z)|^2 over all images.
    """

    H: NDArray[np.float32]
    decode: LinearDecode
    z_hat: NDArray[np.float32]
    code_r2: float


def read_out(model: DDNMFNetwork | Autoencoder, images: Images, n_parts: int, seed: int, report: Progress) -> ReadOut:
    """Fit a read-out to a finished model on its clean images.

    Parameters
    ----------
    model : DDNMFNetwork or Autoencoder
        Trained model; it is not changed.
    images : Images
        Data set of n images.
    n_parts : int
        Parts, r.
    seed : int
        Seed of the NMF that the pictures start from, of the initial weights and of the batches.
    report : callable
        Receives the share done, 0 to 1, and a message.

    Returns
    -------
    ReadOut
        Parts, coefficients, and how well they give the code.
    """
    generator = torch.Generator().manual_seed(seed)
    started = torch.randperm(len(images), generator=generator)[:N_NMF_SAMPLES]
    V, scale = factorise(_rows(images, started), n_parts, seed)
    F, z = _features(model, images)
    centre, spread = F.mean(dim=0), F.std(dim=0).clamp(min=1e-3)
    F = (F - centre) / spread
    module = PixelNMF(F.shape[1], images.pixels.shape[1], n_parts, generator)
    module.start_from(V, scale)
    nn.init.zeros_(module.linear.weight)
    to_code = nn.Linear(n_parts, z.shape[1])
    nn.init.zeros_(to_code.weight)
    with torch.no_grad():
        to_code.bias.copy_(z.mean(dim=0))
    _fit(module, to_code, images, F, z, generator, report)
    with torch.no_grad():
        H = torch.cat([module.coefficients(rows) for rows in F.split(ENCODING_BATCH)])
        z_hat = to_code(H)
        left = (z - z_hat).square().sum() / (z - z.mean(dim=0)).square().sum().clamp(min=1e-12)
    decode = LinearDecode(module.W.detach().T.contiguous(), torch.zeros(images.pixels.shape[1]))
    return ReadOut(H.numpy(), decode, z_hat.numpy(), 1 - float(left))


def _fit(
    module: PixelNMF, to_code: nn.Linear, images: Images, F: Tensor, z: Tensor, generator: torch.Generator, report: Progress
) -> None:
    """Minimise what is left of image and code, each relative to its variance."""
    start = module.W.detach().clone()
    optimizer = torch.optim.Adam([*module.parameters(), *to_code.parameters()], LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, N_STEPS)
    variance_x = _rows(images, torch.arange(min(len(images), N_NMF_SAMPLES))).var(dim=0).mean().clamp(min=1e-12)
    variance_z = z.var(dim=0).mean().clamp(min=1e-12)
    for step, samples in enumerate(_batches(len(images), generator)):
        x = _rows(images, samples)
        H, x_hat = module(F[samples])
        loss = (x - x_hat).square().mean() / variance_x + (z[samples] - to_code(H)).square().mean() / variance_z
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        _stay_near(module, start)
        report((step + 1) / N_STEPS, "")


@torch.no_grad()
def _stay_near(module: PixelNMF, start: Tensor) -> None:
    """Keep scales and pictures at least 0, each picture within MAX_DISTANCE of its start (n_pixels, r)."""
    module.scale.clamp_(min=0)
    module.W.clamp_(min=0)
    moved = module.W - start
    module.W.copy_(start + moved * (MAX_DISTANCE / moved.norm(dim=0).clamp(min=MAX_DISTANCE)))


def _batches(n: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Draw N_STEPS batches without replacement within a pass."""
    order = torch.empty(0, dtype=torch.long)
    for _ in range(N_STEPS):
        if len(order) < min(BATCH, n):
            order = torch.randperm(n, generator=generator)
        yield order[:BATCH]
        order = order[BATCH:]


@torch.no_grad()
def _features(model: DDNMFNetwork | Autoencoder, images: Images) -> tuple[Tensor, Tensor]:
    """Return the first and the last hidden layer (n, k) and the code (n, d) of all clean images."""
    network = model.student if isinstance(model, DDNMFNetwork) else model
    rows, codes = [], []
    for samples in torch.arange(len(images)).split(ENCODING_BATCH):
        features = network.features(_rows(images, samples))
        hidden = features[:-1] if len(features) > 1 else features
        rows.append(torch.cat([hidden[0], hidden[-1]], dim=1))
        codes.append(features[len(network.encoder) - 1])
    return torch.cat(rows), torch.cat(codes)


def _rows(images: Images, samples: Tensor) -> Tensor:
    """Read images as rows of pixels: (k, n_pixels)."""
    return torch.from_numpy(images.scaled(samples.numpy()))
