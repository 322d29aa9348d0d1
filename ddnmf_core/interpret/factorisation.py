"""Common form of the factors under interpretation: a run's parts, an autoencoder's units, an NMF, a PCA."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ddnmf_core.analysis.baselines import check_nonnegative, principal_components, random_nmf
from ddnmf_core.config import InterpretationConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.interpret.quality import Array
from ddnmf_core.interpret.readout import read_out
from ddnmf_core.model.decoding import Decode, LinearDecode, decode_of
from ddnmf_core.model.encoding import ENCODING_BATCH
from ddnmf_core.model.networks import DDNMFNetwork, Student
from ddnmf_core.progress import Progress
from ddnmf_core.store.finished_run import FinishedRun


@dataclass(frozen=True)
class Factorisation:
    """Coefficients of a data set and their decoder.

    Attributes
    ----------
    H : ndarray of shape (n, r)
        Coefficients of all clean images.
    decode : callable
        (n, r) -> (n, n_pixels).
    sigmoid : bool
        True if H is the output of a sigmoid, which can saturate.
    scores : dict of str to float
        Further measures of this kind of factors, by name.
    """

    H: NDArray[np.float32]
    decode: Decode
    sigmoid: bool = False
    scores: dict[str, float] = field(default_factory=dict)

    @torch.no_grad()
    def explained_variance(self, x: Array) -> float:
        """Compute 1 - |x - decode(H)|^2 / |x - mean(x)|^2 over all images x (n, n_pixels); 0 if these are all alike."""
        error = 0.0
        for start in range(0, len(x), ENCODING_BATCH):
            rebuilt = self.decode(torch.from_numpy(self.H[start : start + ENCODING_BATCH])).numpy()
            error += float(np.square(x[start : start + ENCODING_BATCH] - rebuilt).sum(dtype=np.float64))
        variance = float(np.square(x - x.mean(axis=0)).sum(dtype=np.float64))
        return 1 - error / variance if variance > 0 else 0.0


def factorise_run(config: InterpretationConfig, run: FinishedRun, images: Images, report: Progress) -> Factorisation:
    """Take a run's parts or the units of its code, or compute an NMF of its code or an additive read-out.

    Raises ValueError for the parts of an autoencoder, and for an NMF of a code with negative values.
    """
    model = run.model()
    if config.factors == "parts":
        if not isinstance(model, DDNMFNetwork):
            raise ValueError(
                f"factors = 'parts', but run {config.run} is an autoencoder and has no parts: use factors = 'units'"
            )
        return Factorisation(run.codes("H"), decode_of(model.student), sigmoid=isinstance(model.student, Student))
    if config.factors == "readout":
        assert config.n_parts is not None
        found = read_out(model, images, config.n_parts, config.seed, report)
        return Factorisation(found.H, found.decode, scores={"code_r2": found.code_r2})
    z, decoder = run.codes("z"), (model.student if isinstance(model, DDNMFNetwork) else model).decoder
    if config.factors == "units":
        return Factorisation(z, decoder)
    check_nonnegative(z, f"the code of run {config.run}")
    H, bases = random_nmf(z, config.n_parts or z.shape[1], config.seed)
    of_code = _linear(bases)
    return Factorisation(H, lambda rows: decoder(of_code(rows)))


def factorise_images(config: InterpretationConfig, x: NDArray[np.float32]) -> Factorisation:
    """Compute scikit-learn's NMF or PCA of the images (n, n_pixels)."""
    assert config.n_parts is not None
    if config.factors == "nmf":
        H, bases = random_nmf(x, config.n_parts, config.seed)
        return Factorisation(H, _linear(bases))
    H, components, mean = principal_components(x, config.n_parts)
    return Factorisation(H, _linear(components, mean))


def _linear(bases: NDArray[np.float32], mean: NDArray[np.float32] | None = None) -> LinearDecode:
    """Build the decoder H W + mean."""
    return LinearDecode(torch.from_numpy(bases), torch.zeros(bases.shape[1]) if mean is None else torch.from_numpy(mean))
