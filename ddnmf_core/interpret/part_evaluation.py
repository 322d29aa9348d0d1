"""The parts of one trained student, measured: sharing out, interventions, noise. What `quality` and its neighbours define
for arrays is applied to a model and its images here."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddnmf_core.data.dataset import Images
from ddnmf_core.interpret import faithfulness
from ddnmf_core.interpret.causal import Centres, causal_matrix
from ddnmf_core.interpret.quality import NOISE_LEVELS, Array, survival
from ddnmf_core.interpret.shapley import additivity_gap, shapley
from ddnmf_core.model.corruption import corrupt_each
from ddnmf_core.model.decoding import Decode
from ddnmf_core.model.device import matmul_precision
from ddnmf_core.model.encoding import ENCODING_BATCH
from ddnmf_core.model.networks import DDNMFNetwork
from ddnmf_core.progress import Progress

N_EVALUATION_PAIRS = 8  # of orders, where they are sampled
N_NOISY = 5000  # images that noise is tried on


@dataclass(frozen=True)
class PartEvaluation:
    """How the pictures of some samples are shared out among r parts, and whether that share is true."""

    importance: Array  # (r,), shares of the Shapley mass, adding up to 1
    deletion: Array  # (r + 1,), mean curve, by descending contribution
    insertion: Array
    deletion_random: Array  # the control: random orders
    insertion_random: Array
    additivity_gap: float
    completeness_error: float  # the largest of all samples


def evaluate_parts(decode: Decode, H: Tensor, baseline: Tensor, report: Progress, seed: int) -> PartEvaluation:
    """Over the samples H (n, r)."""
    strengths, curves, controls, gaps, errors = [], [], [], [], []
    for number, own in enumerate(H):
        found = shapley(decode, own, baseline, n_pairs=N_EVALUATION_PAIRS, seed=seed + number)
        order = found.strength.argsort(descending=True)
        curves.append(faithfulness.faithfulness_curves(decode, own, baseline, order))
        controls.append(faithfulness.random_order_curves(decode, own, baseline, seed=seed + number))
        gaps.append(additivity_gap(decode, own, baseline))
        errors.append(found.completeness_error)
        strengths.append(found.strength)
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
    """`causal_matrix` the long way round: coefficients are decoded, the student looks at the picture again, and the nearest
    centre of its codes z says which cluster it is: (n, r), (r,) -> (r, n_clusters).

    Both sides of the comparison go that way, so what the round trip itself changes does not count. Only the nearest centre
    is asked for, which a reduced matrix precision tells as well.
    """
    n_batches = -(-len(H) // ENCODING_BATCH) * (H.shape[1] + 1)
    done = 0

    def assign(coefficients: Array) -> np.ndarray:
        nonlocal done
        found = []
        for start in range(0, len(coefficients), ENCODING_BATCH):
            rows = torch.from_numpy(np.ascontiguousarray(coefficients[start : start + ENCODING_BATCH])).float()
            with torch.no_grad(), matmul_precision(precision):
                found.append(centres.assign(model.student.encoder(model.student.decode(rows)).numpy()))
            done += 1
            report(done / n_batches, "")
        return np.concatenate(found)

    return causal_matrix(assign, H, baseline, len(centres.means))


def noise_survival(model: DDNMFNetwork, images: Images, kind: str, seed: int, report: Progress) -> Array:
    """How each part's activation survives noise of each level: (len(LEVELS), r), on the first N_NOISY images."""
    samples = torch.arange(min(N_NOISY, len(images)))
    x = torch.from_numpy(images.scaled(samples.numpy()))
    clean = _coefficients(model, x)
    rows = []
    for number, level in enumerate(NOISE_LEVELS, 1):
        noisy = corrupt_each(x, samples, kind, level, seed)  # type: ignore[arg-type]
        rows.append(survival(clean, _coefficients(model, noisy)))
        report(number / len(NOISE_LEVELS), "")
    return np.stack(rows)


@torch.no_grad()
def _coefficients(model: DDNMFNetwork, x: Tensor) -> Array:
    H = model.encode(x).H
    assert H is not None
    return H.numpy()


def _mean(rows: Iterable[Tensor]) -> Array:
    return torch.stack(list(rows)).mean(dim=0).numpy()
