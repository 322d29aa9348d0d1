"""Monitor a training: statistics of its units, and pictures of its reconstructions and parts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ddnmf_core.model.decoding import high_coefficients, part_effects, part_pictures
from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork
from ddnmf_core.model.pixels import tensor_to_u8

CONSTANT_DEVIATION = 1e-3  # a unit or part with a smaller standard deviation counts as constant


@torch.no_grad()
def unit_health(model: DDNMFNetwork | Autoencoder, x: Tensor) -> dict[str, float]:
    """Count dead and constant units on probe images (n, n_pixels), to detect a collapse.

    dead_units are 0 for every image; constant_units hardly vary (dead ones included); code_rms is the root mean square of
    z. A sigmoid never reaches 0, so an unused part is a constant one; saturated_share counts its values below .01 or above .99.
    """
    codes = model.encode(x)
    health: dict[str, float] = {
        "n_units": codes.z.shape[1],
        "dead_units": int((codes.z == 0).all(dim=0).sum()),
        "constant_units": int((codes.z.std(dim=0) < CONSTANT_DEVIATION).sum()),
        "code_rms": float(codes.z.square().mean().sqrt()),
    }
    if codes.H is not None:
        health["constant_parts"] = int((codes.H.std(dim=0) < CONSTANT_DEVIATION).sum())
    if codes.H is not None and codes.z_hat is not None:
        health["saturated_share"] = float(((codes.H < 0.01) | (codes.H > 0.99)).float().mean())
    return health


@dataclass
class Gallery:
    """A few fixed images, clean and noisy, (k, n_pixels) each, reconstructed after every epoch."""

    clean: Tensor
    noisy: Tensor

    @torch.no_grad()
    def pictures(self, model: DDNMFNetwork | Autoencoder, probe: Tensor) -> dict[str, Tensor]:
        """Compute the model's current pictures, (k, n_pixels) or (r, n_pixels) each.

        u8: reconstructions of student and supervisor, and raised parts (`part_pictures`). i8: the swing of each part, its
        effect over its 5-95 % range on the `probe` images (`part_effects`); 127 is a change from black to white.
        """
        pictures = {"student": model(self.noisy)}
        if not isinstance(model, DDNMFNetwork):
            return {name: tensor_to_u8(picture) for name, picture in pictures.items()}
        H = model.encode(probe).H
        assert H is not None
        raised = part_pictures(model, H.mean(dim=0), high_coefficients(model, H))["raised"]
        pictures |= {"supervisor": model.supervisor(self.clean), "parts_raised": raised}
        swings = part_effects(model.student.decode, H).clamp(-1, 1)
        return {
            **{name: tensor_to_u8(picture) for name, picture in pictures.items()},
            "parts_swing": (swings * 127).round().to(torch.int8).cpu(),
        }
