"""DDNMF as a scikit-learn estimator: `from ddnmf_core import DDNMF`."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

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
from ddnmf_core.model.networks import DDNMFNetwork, build_model
from ddnmf_core.model.trainer import Trainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from sklearn.utils import Tags


class DDNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Deep non-negative matrix factorisation of a non-negative table (Chen et al. 2021, equations 1 to 8, Algorithm 1).

    A supervisor autoencoder of clean rows teaches a student, which sees noisy rows and factorises its code: each row becomes
    `n_components` coefficients between 0 and 1, or, with `nmf_at="pixels"`, at least 0. Values are divided by the largest value
    of the training data first.

    Parameters
    ----------
    n_components : int
        Number of parts, r.
    layers : sequence of int
        Widths of the encoder's layers; the last is the width of the code, d. The decoder mirrors them.
    alpha, beta, gamma : float
        Weights of L_sym, L_ap and L_nc (eq 7).
    noise_kind : str
        Noise on the student's rows (eq 2): "gaussian", "masking" or "salt_and_pepper"; rows of a table cannot be displaced.
    noise_level : float
        Standard deviation of Gaussian noise, else share of changed values, 0 to 1; values are scaled to [0, 1].
    bottleneck_activation : str
        Activation of the code: "linear", "relu" or "softplus".
    output_activation : str
        Activation of the decoder's output: "linear", "sigmoid" or "relu".
    nmf_at : str
        "code", the paper's; or "pixels": rows are sums of parts, H W with H and W >= 0, and `basis`, `coefficients` and
        `decoder` do not apply.
    basis : str
        "paper", or "nonnegative" for W >= 0.
    coefficients : str
        "paper", or "biased" for H = sigmoid(W' X + b).
    decoder : str
        "mirrored", or "additive" for one layer of weights >= 0. `**PRESETS["parts"]` selects the settings of additive parts.
    loss_reduction : str
        "sum" (the paper's) or "mean", which divides each squared norm by its number of entries.
    optimizer : str
        "adam", "adamw" or "sgd".
    learning_rate : float
        Learning rate rho (eq 8).
    schedule : str
        "constant", or "linear": the learning rate rises over the first 10 % of the steps and falls to 0 over the others.
    initialization : str
        Initial weights: "xavier", or "kaiming" for the layers before a ReLU.
    output_bias : str
        "zero", or "mean": a decoder whose weights give 0 yields the mean row.
    batch_size : int
        Rows in a batch.
    epochs : int
        Passes over the training data.
    precision : str
        Precision of matrix products: "highest", "high", "medium" or "bfloat16".
    n_clusters : int or None
        Number of clusters in `labels_`; None: `n_components`.
    clusterer : str
        "kmeans", or "gmm" for a Gaussian mixture, on the code z.
    device : str
        "auto", "cuda", "mps" or "cpu".
    random_state : int, RandomState or None
        Seed of weights, order of rows, noise and the clusterer's starts.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Effect of each part on a row over its 5-95 % range, in units of the data: the decoded mean of H with the part at its
        95 % quantile minus that at its 5 % quantile. The counterpart of NMF's components for a nonlinear decoder; entries
        may be negative.
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row.
    reconstruction_err_ : float
        Frobenius norm of `X - inverse_transform(transform(X))` for the training data.
    history_ : list of dict
        Losses and unit statistics of each epoch.
    n_iter_ : int
        Completed epochs.
    model_ : ddnmf_core.model.networks.DDNMFNetwork
        Trained network, on the CPU.
    config_ : ddnmf_core.config.RunConfig
        Settings of the training.
    scale_ : float
        Largest value of the training data, the divisor of all values.
    n_features_in_ : int
        Number of columns of the training data.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if the training data had string names.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from ddnmf_core import DDNMF
    >>> X = load_digits().data
    >>> H = DDNMF(layers=(64, 10), epochs=5, random_state=0).fit_transform(X)
    >>> H.shape
    (1797, 10)
    """

    _exact: DDNMFNetwork  # the trained network in double precision

    def __init__(
        self,
        n_components: int = 10,
        *,
        layers: Sequence[int] = (500, 500, 2000, 10),
        alpha: float = 1.0,
        beta: float = 3.0,
        gamma: float = 1.0,
        noise_kind: str = "gaussian",
        noise_level: float = 0.4,
        bottleneck_activation: str = "linear",
        output_activation: str = "sigmoid",
        nmf_at: str = "code",
        basis: str = "paper",
        coefficients: str = "paper",
        decoder: str = "mirrored",
        loss_reduction: str = "mean",
        optimizer: str = "adam",
        learning_rate: float = 2e-3,
        schedule: str = "linear",
        initialization: str = "kaiming",
        output_bias: str = "mean",
        batch_size: int = 256,
        epochs: int = 30,
        precision: str = "medium",
        n_clusters: int | None = None,
        clusterer: ClustererName = "kmeans",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
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
        self.nmf_at = nmf_at
        self.basis = basis
        self.coefficients = coefficients
        self.decoder = decoder
        self.loss_reduction = loss_reduction
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.initialization = initialization
        self.output_bias = output_bias
        self.batch_size = batch_size
        self.epochs = epochs
        self.precision = precision
        self.n_clusters = n_clusters
        self.clusterer = clusterer
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train both networks (Algorithm 1), then cluster the codes of the training data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, finite and at least 0; at least 2 rows.
        y : object
            Ignored.

        Returns
        -------
        DDNMF
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If X or a setting is invalid, or the training diverges.
        """
        table = self._validated(X, reset=True, min_samples=2)
        self.scale_ = float(table.max()) or 1.0
        rows = np.ascontiguousarray(table / self.scale_, dtype=np.float32)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        config = self._config(rows, seed)
        images = Images(config.dataset, rows, np.zeros(len(rows), np.int64), (1, rows.shape[1]), ("all",))
        self.history_: list[dict[str, Any]] = []
        trainer = Trainer(config, images, choose_device(self.device))
        outcome = trainer.train(lambda row: self.history_.append(row) if row["kind"] == "epoch" else None)
        if outcome == "diverged":
            raise ValueError(
                f"the loss is not finite after {trainer.epoch} epochs with learning_rate = {self.learning_rate} and "
                f"loss_reduction = {self.loss_reduction!r}: use a lower learning rate or loss_reduction = 'mean'"
            )
        self.model_, self.n_iter_, self.config_ = trainer.model.cpu().eval(), trainer.epoch, config
        exact = build_model(config, rows.shape[1]).double()  # in float32 a row's result would depend on its batch
        assert isinstance(exact, DDNMFNetwork)
        exact.load_state_dict(self.model_.state_dict())
        self._exact = exact
        self._n_features_out = self.n_components
        z, H = self._encode(rows)
        with torch.no_grad():
            self.components_ = self.scale_ * part_effects(self._exact.student.decode, torch.from_numpy(H)).numpy()
        self.reconstruction_err_ = float(np.linalg.norm(table - self.inverse_transform(H)))
        self.labels_ = cluster(z.astype(np.float32), self.clusterer, min(self.n_clusters or self.n_components, len(z)), seed)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the coefficients H of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, finite and at least 0.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Coefficients, in (0, 1); at least 0 with `nmf_at="pixels"`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X is invalid or has another number of columns.
        """
        check_is_fitted(self)
        return self._encode(self._validated(X) / self.scale_)[1]

    def fit_predict(self, X: ArrayLike, y: object = None) -> NDArray[np.int64]:
        """Fit the model and return the clusters of the training data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, as in `fit`.
        y : object
            Ignored.

        Returns
        -------
        ndarray of shape (n_samples,)
            Cluster of each row, from 0.

        Raises
        ------
        ValueError
            As in `fit`.
        """
        return self.fit(X).labels_

    def encode(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the student's code z of rows, the input of the NMF module (X in eq 6).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, finite and at least 0.

        Returns
        -------
        ndarray of shape (n_samples, d)
            Codes.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X is invalid or has another number of columns.
        """
        check_is_fitted(self)
        return self._encode(self._validated(X) / self.scale_)[0]

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Decode coefficients to rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Coefficients H.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Rows, in units of the training data.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has another shape.
        """
        check_is_fitted(self)
        H = np.asarray(X, dtype=np.float64)
        if H.ndim != 2 or H.shape[1] != self.n_components:
            raise ValueError(f"coefficients of shape {H.shape}: should be (n, {self.n_components})")
        with torch.no_grad():
            rows = torch.cat([self._exact.student.decode(batch) for batch in torch.from_numpy(H).split(ENCODING_BATCH)])
        return self.scale_ * rows.numpy()

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Compute the negative mean squared error of reconstructions; larger is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, finite and at least 0.
        y : object
            Ignored.

        Returns
        -------
        float
            At most 0, in squared units of the data.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X is invalid or has another number of columns.
        """
        check_is_fitted(self)
        table = self._validated(X)
        return -float(np.square(table - self.inverse_transform(self._encode(table / self.scale_)[1])).mean())

    def plot(self, image_shape: tuple[int, int] | None = None) -> "Figure":
        """Draw `components_`: positive entries in red, negative ones in blue.

        Parameters
        ----------
        image_shape : (int, int), optional
            Height and width of an image; a bar chart of the features if omitted.

        Returns
        -------
        matplotlib.figure.Figure
            An axis for each part.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the shape does not multiply to the number of features.
        """
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

    def __sklearn_tags__(self) -> "Tags":
        """Declare to scikit-learn that X must be non-negative."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    # ------------------------------------------------------------------------------ internals

    def _config(self, rows: NDArray[np.float32], seed: int) -> RunConfig:
        """Build the run configuration; its data set is named by the hash of the rows. Settings of the clusters are left out."""
        content = hashlib.sha256(rows.tobytes()).hexdigest()[:16]
        settings = {
            name: getattr(self, name) for name in RunConfig.model_fields if name in self.get_params() and name != "n_clusters"
        }
        return RunConfig(
            **{
                **settings,
                "layers": tuple(self.layers),
                "dataset": f"own-{content}",
                "n_parts": self.n_components,
                "seed": seed,
            }
        )

    def _validated(self, X: ArrayLike, reset: bool = False, min_samples: int = 1) -> NDArray[np.floating]:
        """Convert to an array of finite values >= 0; raise ValueError with the reason if that fails."""
        table = np.asarray(validate_data(self, X, reset=reset, dtype=[np.float64, np.float32], ensure_min_samples=min_samples))
        check_non_negative(table, "DDNMF")
        return table

    @torch.no_grad()
    def _encode(self, rows: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Encode scaled rows to z (n, d) and H (n, r), in double precision."""
        z: list[torch.Tensor] = []
        H: list[torch.Tensor] = []
        for batch in torch.from_numpy(np.asarray(rows, np.float64)).split(ENCODING_BATCH):
            codes = self._exact.encode(batch)
            assert codes.H is not None
            z.append(codes.z)
            H.append(codes.H)
        return torch.cat(z).numpy(), torch.cat(H).numpy()
