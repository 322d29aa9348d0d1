"""Evaluate the parts of a trained model on its images: contributions, faithfulness, interventions, noise."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddnmf_core.analysis.assignment import Centres, Clusters
from ddnmf_core.config import NoiseKind
from ddnmf_core.data.dataset import Images
from ddnmf_core.interpret import faithfulness
from ddnmf_core.interpret.causal import causal_matrix
from ddnmf_core.interpret.quality import NOISE_LEVELS, Array, survival
from ddnmf_core.interpret.shapley import additivity_gap, shapley
from ddnmf_core.model.corruption import corrupt_each
from ddnmf_core.model.decoding import Decode
from ddnmf_core.model.device import matmul_precision
from ddnmf_core.model.encoding import ENCODING_BATCH
from ddnmf_core.model.networks import DDNMFNetwork
from ddnmf_core.progress import Progress

N_EVALUATION_PAIRS = 8  # sampled pairs of orders for each sample
N_NOISY = 5000  # images in the noise test


@dataclass(frozen=True)
class PartEvaluation:
    """Contributions of r parts to some samples, and their faithfulness.

    Attributes
    ----------
    importance : ndarray of shape (r,)
        Share of each part in the absolute Shapley values of all samples; sums to 1.
    deletion, insertion : ndarray of shape (r + 1,)
        Mean curves, parts by descending strength.
    deletion_random, insertion_random : ndarray of shape (r + 1,)
        Control: mean curves, parts in random order.
    additivity_gap : float
        Mean over samples.
    completeness_error : float
        Largest over samples.
    """

    importance: Array
    deletion: Array
    insertion: Array
    deletion_random: Array
    insertion_random: Array
    additivity_gap: float
    completeness_error: float


def evaluate_parts(decode: Decode, H: Tensor, baseline: Tensor, report: Progress, seed: int) -> PartEvaluation:
    """Evaluate contributions and faithfulness on the samples H (n, r), against a baseline (r,)."""
    strengths, curves, controls, gaps, errors = [], [], [], [], []
    for number, sample in enumerate(H):
        contributions = shapley(decode, sample, baseline, n_pairs=N_EVALUATION_PAIRS, seed=seed + number)
        order = contributions.strength.argsort(descending=True)
        curves.append(faithfulness.faithfulness_curves(decode, sample, baseline, order))
        controls.append(faithfulness.random_order_curves(decode, sample, baseline, seed=seed + number))
        gaps.append(additivity_gap(decode, sample, baseline))
        errors.append(contributions.completeness_error)
        strengths.append(contributions.strength)
        report((number + 1) / len(H), "")
    mass = torch.stack(strengths).sum(dim=0)
    return PartEvaluation(
        (mass / mass.sum()).numpy(),
        _mean(curve.deletion for curve in curves),
        _mean(curve.insertion for curve in curves),
        _mean(curve.deletion for curve in controls),
        _mean(curve.insertion for curve in controls),
        float(np.mean(gaps)),
        max(errors),
    )


def causal_by_picture(
    model: DDNMFNetwork, H: Array, baseline: Array, centres: Centres, report: Progress, precision: str = "medium"
) -> Array:
    """Compute `causal_matrix` through the picture: (n, r), (r,) -> (r, n_clusters).

    Coefficients are decoded, the picture is encoded again, and its code z is assigned to the nearest centre. Both sides of
    the comparison take this round trip, so its own error cancels. A reduced matrix precision is enough to find the nearest
    centre.
    """
    n_batches = -(-len(H) // ENCODING_BATCH) * (H.shape[1] + 1)
    done = 0

    def assign(coefficients: Array) -> Clusters:
        nonlocal done
        batches = []
        for start in range(0, len(coefficients), ENCODING_BATCH):
            rows = torch.from_numpy(np.ascontiguousarray(coefficients[start : start + ENCODING_BATCH])).float()
            with torch.no_grad(), matmul_precision(precision):
                batches.append(centres.assign(model.student.encoder(model.student.decode(rows)).numpy()))
            done += 1
            report(done / n_batches, "")
        return np.concatenate(batches)

    return causal_matrix(assign, H, baseline, len(centres.means))


def noise_survival(model: DDNMFNetwork, images: Images, kind: NoiseKind, seed: int, report: Progress) -> Array:
    """Compute the `survival` of each part at each noise level, on the first N_NOISY images: (len(NOISE_LEVELS), r)."""
    samples = torch.arange(min(N_NOISY, len(images)))
    x = torch.from_numpy(images.scaled(samples.numpy()))
    clean = _coefficients(model, x)
    rows = []
    for number, level in enumerate(NOISE_LEVELS, 1):
        noisy = corrupt_each(x, samples, kind, level, seed, images.image_shape)
        rows.append(survival(clean, _coefficients(model, noisy)))
        report(number / len(NOISE_LEVELS), "")
    return np.stack(rows)


@torch.no_grad()
def _coefficients(model: DDNMFNetwork, x: Tensor) -> Array:
    """Encode images to H: (n, n_pixels) -> (n, r)."""
    H = model.encode(x).H
    assert H is not None
    return H.numpy()


def _mean(rows: Iterable[Tensor]) -> Array:
    """Average tensors of one shape."""
    return torch.stack(list(rows)).mean(dim=0).numpy()
