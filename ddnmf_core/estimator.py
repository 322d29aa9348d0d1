"""DDNMF as a scikit-learn estimator: `from ddnmf_core import DDNMF`."""

import hashlib
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from ddnmf_core.analysis.clustering import cluster
from ddnmf_core.config import ClustererName, RunConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.model.decoding import part_effects
from ddnmf_core.model.device import choose_device
from ddnmf_core.model.encoding import ENCODING_BATCH
from ddnmf_core.model.networks import build_model
from ddnmf_core.model.trainer import Trainer


class DDNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Deep non-negative factorisation of any non-negative table (Chen et al. 2021, equations 1 to 8, Algorithm 1).

    A supervisor autoencoder of clean rows teaches a student of noisy ones that factorises its code, so that a row becomes
    `n_components` coefficients between 0 and 1. Values are divided by the largest of the training data first.

    Parameters
    ----------
    n_components : int
        Parts, r.
    layers : sequence of int
        Widths of the encoder, the last one of the code; the decoder mirrors them.
    alpha, beta, gamma : float
        Weights of L_sym, L_ap and L_nc (eq 7).
    noise_kind : str
        "gaussian", "masking" or "salt_and_pepper", on the student's rows (eq 2).
    noise_level : float
        Its deviation or share, 0 to 1, of values scaled to [0, 1].
    bottleneck_activation, output_activation, basis, coefficients, decoder, loss_reduction : str
        As in `ddnmf_core.config.RunConfig`; with `**PRESETS["parts"]` a part only adds.
    optimizer, learning_rate, batch_size, epochs, precision
        As in `ddnmf_core.config.RunConfig`.
    n_clusters : int or None
        Of `fit_predict`; None: as many as parts.
    clusterer : str
        "kmeans" or "gmm", on the code z.
    device : str
        "auto", "cuda", "mps" or "cpu".
    random_state : int, RandomState or None
        Of weights, order, noise and the clusters' starts.

    Attributes
    ----------
    components_ : array
        (n_components, n_features), what each part does to a row over the range that it really takes: the decoded mean
        with the part at its 95 % quantile, minus that at its 5 % quantile. For a decoder that is not linear this is the
        nearest to NMF's components; it may be negative.
    labels_ : array
        (n_samples,), clusters of the training rows.
    reconstruction_err_ : float
        Frobenius norm of `X - inverse_transform(transform(X))`.
    history_ : list
        A row of losses for each epoch.
    n_iter_ : int
        Epochs trained.
    model_ : module
        The trained `ddnmf_core.model.networks.DDNMFNetwork`.
    n_features_in_ : int
        Columns of the training data.
    feature_names_in_ : array
        Their names, where the training data had some.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from ddnmf_core import DDNMF
    >>> X = load_digits().data
    >>> H = DDNMF(layers=(64, 10), epochs=5, random_state=0).fit_transform(X)
    >>> H.shape
    (1797, 10)
    """

    _exact: Any  # the trained networks in double precision

    def __init__(
        self,
        n_components: int = 10,
        *,
        layers: Sequence[int] = (500, 500, 2000, 10),
        alpha: float = 1.0,
        beta: float = 1.0,
        gamma: float = 1.0,
        noise_kind: str = "gaussian",
        noise_level: float = 0.4,
        bottleneck_activation: str = "linear",
        output_activation: str = "sigmoid",
        basis: str = "paper",
        coefficients: str = "paper",
        decoder: str = "mirrored",
        loss_reduction: str = "mean",
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        batch_size: int = 256,
        epochs: int = 45,
        precision: str = "medium",
        n_clusters: int | None = None,
        clusterer: ClustererName = "kmeans",
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.layers = layers
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.noise_kind = noise_kind
        self.noise_level = noise_level
        self.bottleneck_activation = bottleneck_activation
        self.output_activation = output_activation
        self.basis = basis
        self.coefficients = coefficients
        self.decoder = decoder
        self.loss_reduction = loss_reduction
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.precision = precision
        self.n_clusters = n_clusters
        self.clusterer = clusterer
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train both networks on rows X (n_samples, n_features) >= 0; y is not used."""
        table = self._validated(X, reset=True, ensure_min_samples=2)
        self.scale_ = float(table.max()) or 1.0
        rows = np.ascontiguousarray(table / self.scale_, dtype=np.float32)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        config = self._config(rows, seed)
        images = Images(config.dataset, rows, np.zeros(len(rows), np.int64), (1, rows.shape[1]), ("all",))
        self.history_: list[dict[str, Any]] = []
        trainer = Trainer(config, images, choose_device(self.device))
        outcome = trainer.train(lambda row: self.history_.append(row) if row["kind"] == "epoch" else None)
        if outcome == "diverged":
            raise ValueError("the loss became infinite or not a number: lower the learning rate, or take mean losses")
        self.model_, self.n_iter_, self.config_ = trainer.model.cpu().eval(), trainer.epoch, config
        self._exact = build_model(config, rows.shape[1]).double()
        self._exact.load_state_dict(self.model_.state_dict())  # transforms repeat themselves whatever the batch
        self._n_features_out = self.n_components
        z, H = self._encode(rows)
        with torch.no_grad():
            self.components_ = self.scale_ * part_effects(self._exact.student.decode, torch.from_numpy(H)).numpy()
        self.reconstruction_err_ = float(np.linalg.norm(table - self.inverse_transform(H)))
        self.labels_ = cluster(z.astype(np.float32), self.clusterer, min(self.n_clusters or self.n_components, len(z)), seed)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Coefficients H of rows (n_samples, n_components), each between 0 and 1."""
        check_is_fitted(self)
        return self._encode(self._validated(X) / self.scale_)[1]

    def fit_predict(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """Fit, and the cluster of every training row: (n_samples,)."""
        return self.fit(X).labels_

    def encode(self, X: ArrayLike) -> NDArray[np.float64]:
        """The student's code z of rows, before the NMF module (X in eq 6): (n_samples, code size)."""
        check_is_fitted(self)
        return self._encode(self._validated(X) / self.scale_)[0]

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Rows (n_samples, n_features) that these coefficients are decoded to."""
        check_is_fitted(self)
        H = np.asarray(X, dtype=np.float64)
        if H.ndim != 2 or H.shape[1] != self.n_components:
            raise ValueError(f"coefficients of shape {H.shape}: should be (n, {self.n_components})")
        with torch.no_grad():
            return (
                self.scale_
                * torch.cat([self._exact.student.decode(part) for part in torch.from_numpy(H).split(ENCODING_BATCH)]).numpy()
            )

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Minus the mean squared error of the reconstructions, so that more is better."""
        check_is_fitted(self)
        table = self._validated(X)
        return -float(np.square(table - self.inverse_transform(self._encode(table / self.scale_)[1])).mean())

    def plot(self, image_shape: tuple[int, int] | None = None) -> Any:
        """The components as pictures, a matplotlib figure: red is added, blue taken away. Without a shape as bars.

        Raises ValueError where the shape does not fit the number of features."""
        import matplotlib.pyplot as plt

        check_is_fitted(self)
        if image_shape is not None and image_shape[0] * image_shape[1] != self.n_features_in_:
            raise ValueError(f"image_shape = {image_shape}: should multiply to {self.n_features_in_}, the number of features")
        n_columns = min(5, self.n_components)
        n_rows = -(-self.n_components // n_columns)
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=(1.8 * n_columns, 1.9 * n_rows), squeeze=False, layout="constrained"
        )
        top = float(np.abs(self.components_).max()) or 1.0
        for part, axis in enumerate(axes.flat):
            axis.set_axis_off()
            if part < self.n_components:
                axis.set_title(f"part {part + 1}", fontsize=9)
                if image_shape is None:
                    axis.bar(range(self.n_features_in_), self.components_[part])
                else:
                    axis.imshow(self.components_[part].reshape(image_shape), cmap="RdBu_r", vmin=-top, vmax=top)
        return figure

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    # ------------------------------------------------------------------------------- inside

    def _config(self, rows: NDArray[np.float32], seed: int) -> RunConfig:
        """Of a run on data that are named by the hash of their content. How clusters are looked for is no part of it."""
        content = hashlib.sha256(rows.tobytes()).hexdigest()[:16]
        own = {
            name: getattr(self, name) for name in RunConfig.model_fields if name in self.get_params() and name != "n_clusters"
        }
        return RunConfig(
            **{**own, "layers": tuple(self.layers), "dataset": f"own-{content}", "n_parts": self.n_components, "seed": seed}
        )

    def _validated(self, X: ArrayLike, reset: bool = False, **checks: Any) -> NDArray[np.floating]:
        """As an array of finite values >= 0; raises ValueError with what is wrong."""
        table = np.asarray(validate_data(self, X, reset=reset, dtype=[np.float64, np.float32], **checks))
        check_non_negative(table, "DDNMF")
        return table

    @torch.no_grad()
    def _encode(self, rows: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """z and H of scaled rows, in double precision."""
        z: list[torch.Tensor] = []
        H: list[torch.Tensor] = []
        for part in torch.from_numpy(np.asarray(rows, np.float64)).split(ENCODING_BATCH):
            codes = self._exact.encode(part)
            z.append(codes.z)
            H.append(codes.H)
        return torch.cat(z).numpy(), torch.cat(H).numpy()
