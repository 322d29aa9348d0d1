"""What a training shows of itself: the health of its units, and small pictures of what it has learned."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ddnmf_core.model.decoding import part_effects, part_pictures
from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork

CONSTANT_DEVIATION = 1e-3  # a deviation below this says nothing


@torch.no_grad()
def unit_health(model: DDNMFNetwork | Autoencoder, x: Tensor) -> dict[str, Any]:
    """Collapse shows here: (n, n_pixels) probe images -> counts of units that say nothing.

    dead_units are 0 for every image, constant_units hardly change (dead ones included). A sigmoid never
    reaches 0, so a useless part shows as a constant one, or as a saturated H (below .01 or above .99).
    """
    codes = model.encode(x)
    health = {
        "n_units": codes.z.shape[1],
        "dead_units": int((codes.z == 0).all(dim=0).sum()),
        "constant_units": int((codes.z.std(dim=0) < CONSTANT_DEVIATION).sum()),
        "code_rms": float(codes.z.square().mean().sqrt()),
    }
    if codes.H is not None:
        health["constant_parts"] = int((codes.H.std(dim=0) < CONSTANT_DEVIATION).sum())
        health["saturated_share"] = float(((codes.H < 0.01) | (codes.H > 0.99)).float().mean())
    return health


@dataclass
class Gallery:
    """A few fixed images, clean and corrupted, that every epoch rebuilds: (k, n_pixels) each."""

    clean: Tensor
    noisy: Tensor

    @torch.no_grad()
    def pictures(self, model: DDNMFNetwork | Autoencoder, probe: Tensor) -> dict[str, Tensor]:
        """Pictures (k or r, n_pixels): the model's reconstructions and the parts it has by now as u8, and as i8 the swing
        of each part (`part_swings`), 127 for a pixel that goes from black to white."""
        pictures = {"student": model(self.noisy)}
        if not isinstance(model, DDNMFNetwork):
            return {name: tensor_to_u8(picture) for name, picture in pictures.items()}
        H = model.encode(probe).H
        assert H is not None
        pictures |= {"supervisor": model.supervisor(self.clean), "parts_raised": part_pictures(model, H.mean(dim=0))["raised"]}
        swings = part_effects(model.student.decode, H).clamp(-1, 1)
        return {
            **{name: tensor_to_u8(picture) for name, picture in pictures.items()},
            "parts_swing": (swings * 127).round().to(torch.int8).cpu(),
        }


def tensor_to_u8(pictures: Tensor) -> Tensor:
    """Pixels in [0, 1], clipped, to u8 on the CPU."""
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
