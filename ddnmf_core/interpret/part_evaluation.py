"""The parts of one trained student, measured: sharing out, interventions, noise. What `quality` and its neighbours define
for arrays is applied to a model and its images here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddnmf_core.data.dataset import Images
from ddnmf_core.interpret import faithfulness
from ddnmf_core.interpret.causal import Centres, causal_matrix
from ddnmf_core.interpret.quality import LEVELS, Array, survival
from ddnmf_core.interpret.shapley import additivity_gap, shapley
from ddnmf_core.model.corruption import corrupt_each
from ddnmf_core.model.decoding import Decode
from ddnmf_core.model.device import matmul_precision
from ddnmf_core.model.networks import DDNMF

Report = Callable[[float], None]
N_PAIRS = 8  # of orders, where they are sampled
N_NOISY = 5000  # images that noise is tried on
BATCH = 4096


@dataclass(frozen=True)
class Worth:
    """How the pictures of some samples are shared out among r parts, and whether that share is true."""

    importance: Array  # (r,), shares of the Shapley mass, adding up to 1
    deletion: Array  # (r + 1,), mean curve, by descending contribution
    insertion: Array
    deletion_random: Array  # the control: random orders
    insertion_random: Array
    additivity_gap: float
    completeness_error: float  # the largest of all samples


def worth(decode: Decode, H: Tensor, baseline: Tensor, report: Report, seed: int) -> Worth:
    """Over the samples H (n, r)."""
    strengths, curves, controls, gaps, errors = [], [], [], [], []
    for number, own in enumerate(H):
        found = shapley(decode, own, baseline, n_pairs=N_PAIRS, seed=seed + number)
        order = found.strength.argsort(descending=True)
        curves.append(faithfulness.curves(decode, own, baseline, order))
        controls.append(faithfulness.random_curves(decode, own, baseline, seed=seed + number))
        gaps.append(additivity_gap(decode, own, baseline))
        errors.append(found.completeness_error)
        strengths.append(found.strength)
        report((number + 1) / len(H))
    mass = torch.stack(strengths).sum(dim=0)
    return Worth(
        (mass / mass.sum()).numpy(),
        _mean(curve.deletion for curve in curves),
        _mean(curve.insertion for curve in curves),
        _mean(curve.deletion for curve in controls),
        _mean(curve.insertion for curve in controls),
        float(np.mean(gaps)),
        max(errors),
    )


def causal_by_picture(
    model: DDNMF, H: Array, baseline: Array, centres: Centres, report: Report, precision: str = "medium"
) -> Array:
    """`causal_matrix` the long way round: coefficients are decoded, the student looks at the picture again, and the nearest
    centre of its codes z says which cluster it is: (n, r), (r,) -> (r, n_clusters).

    Both sides of the comparison go that way, so what the round trip itself changes does not count. Only the nearest centre
    is asked for, which a reduced matrix precision tells as well.
    """
    n_batches = -(-len(H) // BATCH) * (H.shape[1] + 1)
    done = 0

    def assign(coefficients: Array) -> np.ndarray:
        nonlocal done
        found = []
        for start in range(0, len(coefficients), BATCH):
            rows = torch.from_numpy(np.ascontiguousarray(coefficients[start : start + BATCH])).float()
            with torch.no_grad(), matmul_precision(precision):
                found.append(centres.assign(model.student.encoder(model.student.decode(rows)).numpy()))
            done += 1
            report(done / n_batches)
        return np.concatenate(found)

    return causal_matrix(assign, H, baseline, len(centres.means))


def survivals(model: DDNMF, images: Images, kind: str, seed: int, report: Report) -> Array:
    """How each part's activation survives noise of each level: (len(LEVELS), r), on the first N_NOISY images."""
    samples = torch.arange(min(N_NOISY, len(images)))
    x = torch.from_numpy(images.scaled(samples.numpy()))
    clean = _coefficients(model, x)
    rows = []
    for number, level in enumerate(LEVELS, 1):
        noisy = corrupt_each(x, samples, kind, level, seed)  # type: ignore[arg-type]
        rows.append(survival(clean, _coefficients(model, noisy)))
        report(number / len(LEVELS))
    return np.stack(rows)


@torch.no_grad()
def _coefficients(model: DDNMF, x: Tensor) -> Array:
    H = model.encode(x).H
    assert H is not None
    return H.numpy()


def _mean(rows: Iterable[Tensor]) -> Array:
    return torch.stack(list(rows)).mean(dim=0).numpy()
