"""DDNMF as a scikit-learn estimator: `from ddnmf_core import DDNMF`."""

import hashlib
import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from ddnmf_core.analysis.clustering import cluster
from ddnmf_core.config import ClustererName, RunConfig
from ddnmf_core.data.column_scaling import ColumnScaling, unequal_maxima
from ddnmf_core.data.dataset import Images
from ddnmf_core.data.tables.proposals import USUAL_SIZES
from ddnmf_core.display.equation import Equation
from ddnmf_core.display.parts import Parts, pixel_names
from ddnmf_core.estimator.parameters import check_parameters, run_settings
from ddnmf_core.estimator.plots import draw_components
from ddnmf_core.estimator.progress import EpochReport
from ddnmf_core.model.decoding import LinearDecode, decode_of, part_effects
from ddnmf_core.model.device import choose_device
from ddnmf_core.model.encoding import ENCODING_BATCH
from ddnmf_core.model.networks import DDNMFNetwork, build_model
from ddnmf_core.model.sum_of_parts import sum_of_parts
from ddnmf_core.model.trainer import Trainer
from ddnmf_core.store.part_names import part_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from sklearn.utils import Tags


class DDNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Deep non-negative matrix factorisation of a non-negative table (Chen et al. 2021, equations 1 to 8, Algorithm 1).

    A supervisor autoencoder of clean rows teaches a student, which sees noisy rows and becomes a factorisation: each row is a
    sum of `n_components` non-negative parts, as in NMF, with coefficients that a deep encoder computes. With `nmf_at="code"`
    the student factorises its code, as in the paper. Values are scaled to [0, 1] first, and results are in units of the data
    again. Sparse data are converted to dense ones. Settings of torch and the state of its random numbers are after a method as
    before it; a precision of matrix products is one for the process, so a fit with another one in another thread waits.
    There is no `partial_fit`: scaling, start and learning rate depend on all rows and epochs; a fit in pieces is another model.

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
        "pixels": rows are sums of parts, H W with H and W >= 0; or "code", the paper's: H, between 0 and 1, factorises the
        code, and a nonlinear decoder follows. `**PRESETS["paper"]` selects all settings of the paper.
    basis : str
        Of `nmf_at="code"`: "paper", or "nonnegative" for W >= 0.
    coefficients : str
        Of `nmf_at="code"`: "paper", or "biased" for H = sigmoid(W' X + b).
    decoder : str
        Of `nmf_at="code"`: "mirrored", or "additive" for one layer of weights >= 0.
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
    scale : str
        Scaling to [0, 1]: "set", all values by the largest one (pictures, columns of one unit); "feature", each column by its
        maximum (`maximum` of `ddnmf data add --scale`, accepted too); or "range", each column from its minimum to its maximum.
    validation_fraction : float
        Share of the rows, of the seed's choice, that training leaves out, 0 to below 1: `history_` then has their error after
        each epoch as "error_validation", and `validation_score_` is their score.
    tol : float or None
        Stop when the error has not fallen by this share of itself, such as 0.001, for `n_iter_no_change` epochs: the error of
        the rows left out, else the student's on up to 1,000 rows with fixed noise. None: all epochs.
    n_iter_no_change : int
        Epochs without such a fall before `tol` stops the training.
    verbose : int
        Print a line after every `verbose` epochs; 0: none.
    callback : callable or None
        Called after each epoch with its row of `history_`; stops the training if it returns True.
    n_clusters : int or None
        Number of clusters in `labels_`, at most the number of rows; None: `n_components`, or the number of rows if less.
    clusterer : str
        "kmeans", or "gmm" for a Gaussian mixture, on the code z.
    device : str
        "auto", "cuda", "mps" or "cpu".
    random_state : int, RandomState or None
        Seed of weights, order of rows, noise and the clusterer's starts.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The parts, at least 0, in units of the data: `inverse_transform(H)` is `H @ components_ + offset_`. With
        `nmf_at="code"` the effect of each part over its 5-95 % range: the decoded mean of H with the part at its 95 % quantile
        minus that at its 5 % quantile; entries may then be negative.
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row.
    reconstruction_err_ : float
        Frobenius norm of `X - inverse_transform(transform(X))` for the rows given to `fit`.
    validation_score_ : float
        `score` of the rows left out; only with a `validation_fraction` above 0.
    history_ : list of dict
        Losses, errors and unit statistics of each epoch.
    n_iter_ : int
        Completed epochs.
    model_ : ddnmf_core.model.networks.DDNMFNetwork
        Trained network, on the CPU.
    config_ : ddnmf_core.config.RunConfig
        Settings of the training.
    scale_ : float or ndarray of shape (n_features,)
        Divisor of the values, of each column unless `scale="set"`.
    offset_ : float or ndarray of shape (n_features,)
        Subtracted before; 0 unless `scale="range"`.
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
    _effects: NDArray[np.float64]  # of the parts over their 5-95 % ranges, (r, n_features), in units of the data
    _mean_H: NDArray[np.float64]  # (r,), of the rows given to fit

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
        nmf_at: str = "pixels",
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
        scale: str = "set",
        validation_fraction: float = 0.0,
        tol: float | None = None,
        n_iter_no_change: int = 5,
        verbose: int = 0,
        callback: Callable[[dict[str, Any]], object] | None = None,
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
        self.scale = scale
        self.validation_fraction = validation_fraction
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.callback = callback
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
        parameters = check_parameters(self.get_params(deep=False))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        settings = run_settings(self.get_params(deep=False))
        RunConfig(**settings)  # what is wrong with a setting is said before the data are read
        table = self._validated(X, reset=True, min_samples=2)
        n_clusters = min(parameters.n_components, len(table)) if parameters.n_clusters is None else parameters.n_clusters
        if n_clusters > len(table):
            raise ValueError(f"n_clusters = {n_clusters}: should be at most {len(table)}, the number of rows")
        held_out, training = _split(len(table), parameters.validation_fraction, seed)
        self._choose_scaling(table[training], parameters.scale)
        rows = np.ascontiguousarray(self._scaling.scaled(table), dtype=np.float32)
        trained_rows = rows[training] if len(held_out) else rows
        config = RunConfig(**settings, dataset=_content_name(trained_rows), seed=seed)
        images = Images(config.dataset, trained_rows, np.zeros(len(trained_rows), np.int64), (1, rows.shape[1]), ("all",))
        trainer = Trainer(config, images, choose_device(self.device))
        report = EpochReport(parameters, trainer, torch.from_numpy(rows[held_out]))
        self.history_: list[dict[str, Any]] = report.history
        if trainer.train(report, report.should_stop) == "diverged":
            raise ValueError(
                f"the loss is not finite after {trainer.epoch} epochs with learning_rate = {self.learning_rate} and "
                f"loss_reduction = {self.loss_reduction!r}: use a lower learning rate or loss_reduction = 'mean'"
            )
        self.model_, self.n_iter_, self.config_ = trainer.model.cpu().eval(), trainer.epoch, config
        exact = build_model(config, rows.shape[1]).double()  # in float32 a row's result would depend on its batch
        assert isinstance(exact, DDNMFNetwork)
        exact.load_state_dict(self.model_.state_dict())
        self._exact = exact
        self._n_features_out = config.n_parts
        z, H = self._encode(rows)
        self._mean_H = H.mean(axis=0)
        with torch.no_grad():
            self._effects = self._scaling.span * part_effects(self._exact.student.decode, torch.from_numpy(H)).numpy()
        atoms = self._atoms() if self.nmf_at == "pixels" else None
        self.components_ = self._effects if atoms is None else atoms
        errors = table - self._decode(H)
        self.reconstruction_err_ = float(np.linalg.norm(errors))
        if len(held_out):
            self.validation_score_ = -float(np.square(errors[held_out]).mean())
        self.labels_ = cluster(z.astype(np.float32), parameters.clusterer, n_clusters, seed)
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
            Coefficients, at least 0; in (0, 1) with `nmf_at="code"`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X is invalid or has another number of columns.
        """
        table, _, H = self._encoded(X)
        return H.astype(table.dtype, copy=False)

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
        table, z, _ = self._encoded(X)
        return z.astype(table.dtype, copy=False)

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
        given = np.asarray(X)
        if given.ndim != 2 or given.shape[1] != self._n_features_out:
            raise ValueError(f"coefficients of shape {given.shape}: should be (n, {self._n_features_out})")
        rows = self._decode(np.array(given, dtype=np.float64))
        return rows.astype(np.float32) if given.dtype == np.float32 else rows

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
        table, _, H = self._encoded(X)
        return -float(np.square(table - self._decode(H)).mean())

    def plot(self, image_shape: tuple[int, int] | None = None) -> "Figure":
        """Draw `components_`: positive entries in red, negative ones in blue.

        Parameters
        ----------
        image_shape : (int, int), optional
            Height and width of an image; a bar chart of the features if omitted.

        Returns
        -------
        matplotlib.figure.Figure
            An axis for each part. pyplot does not keep it: a notebook shows it as the value of its cell, once, and `savefig`
            writes it.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the shape does not multiply to the number of features.
        """
        self._check_shape(image_shape)
        return draw_components(self.components_, image_shape)

    def parts(self, image_shape: tuple[int, int] | None = None) -> Parts:
        """Return the parts with the names of the features, which a notebook shows; `parts().frame()` is a data frame.

        Parameters
        ----------
        image_shape : (int, int), optional
            Height and width of an image; the strongest features are shown if omitted.

        Returns
        -------
        ddnmf_core.display.parts.Parts
            Effects of the parts, in units of the data.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the shape does not multiply to the number of features.
        """
        self._check_shape(image_shape)
        names = self._feature_titles(image_shape)
        return Parts(self._effects, self._part_titles, names, image_shape, self._atoms(), self._ranges)

    def equation(self, row: ArrayLike, image_shape: tuple[int, int] | None = None) -> Equation:
        """Split the reconstruction of a row into a term for each part, which a notebook shows.

        Parameters
        ----------
        row : array-like of shape (n_features,) or (1, n_features)
            Row, finite and at least 0.
        image_shape : (int, int), optional
            Height and width of an image; the strongest features are shown if omitted.

        Returns
        -------
        ddnmf_core.display.equation.Equation
            The row as a sum, in units of the data.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the row is invalid, or the shape does not multiply to the number of features.
        """
        self._check_shape(image_shape)
        table, _, H = self._encoded(np.asarray(row)[None] if np.ndim(row) == 1 else row)
        if len(table) != 1:
            raise ValueError(f"row of shape {table.shape}: should be one row")
        decode = decode_of(self._exact.student)
        baseline, values = sum_of_parts(decode, torch.from_numpy(H[0]), torch.from_numpy(self._mean_H))
        return Equation(
            title="One image" if image_shape else "One row",
            sample=table[0],
            contributions=self._scaling.span * values.numpy(),
            baseline=self._scaling.unscaled(baseline.numpy()),
            H=H[0],
            part_titles=self._part_titles,
            feature_names=self._feature_titles(image_shape),
            image_shape=image_shape,
            additive=isinstance(decode, LinearDecode),
            white=float(np.max(self._scaling.high)) or 1.0,
            ranges=self._ranges,
        )

    def _html_repr(self) -> str:
        """Draw scikit-learn's diagram, after `fit` with the parts: pictures of as many unnamed columns as images have."""
        diagram: str = super()._html_repr()
        if not hasattr(self, "components_"):
            return diagram
        side = math.isqrt(self.n_features_in_)
        are_pixels = self.n_features_in_ in USUAL_SIZES and not hasattr(self, "feature_names_in_")
        return f"{diagram}{self.parts((side, side) if are_pixels else None)._repr_html_()}"

    def __sklearn_tags__(self) -> "Tags":
        """Declare to scikit-learn that X must be non-negative and may be sparse, and that float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = tags.input_tags.sparse = True
        assert tags.transformer_tags is not None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # ------------------------------------------------------------------------------ internals

    def _check_shape(self, image_shape: tuple[int, int] | None) -> None:
        """Check that the estimator is fitted and that the shape, if there is one, is that of its features."""
        check_is_fitted(self)
        if image_shape is not None and image_shape[0] * image_shape[1] != self.n_features_in_:
            raise ValueError(f"image_shape = {image_shape}: should multiply to {self.n_features_in_}, the number of features")

    @property
    def _part_titles(self) -> tuple[str, ...]:
        return tuple(part_title({}, part) for part in range(self._n_features_out))

    @property
    def _ranges(self) -> NDArray[np.float64]:
        """Ranges of the features, 1 for those that are constant."""
        span = self._scaling.span
        return np.where(span > 0, span, 1.0)

    def _feature_titles(self, image_shape: tuple[int, int] | None) -> tuple[str, ...]:
        """Name the features: as in the training data, or else by pixel or number."""
        named = getattr(self, "feature_names_in_", None)
        if named is not None:
            return tuple(map(str, named))
        return pixel_names(image_shape) if image_shape else tuple(f"x{feature}" for feature in range(self.n_features_in_))

    def _choose_scaling(self, table: NDArray[np.floating], kind: str) -> None:
        """Choose the scaling from the training rows; warn if one number does not suit all columns."""
        if kind == "set" and (maxima := unequal_maxima(table)):
            warnings.warn(
                f"columns differ in scale by a factor of {maxima[1] / maxima[0]:,.0f} (largest values from {maxima[0]:.3g} to "
                f"{maxima[1]:.3g}), and scale='set' divides all of them by one number, so that small columns hardly count. Use "
                "scale='feature' (each column by its maximum) or scale='range' (each from its minimum to its maximum)",
                UserWarning,
                stacklevel=3,
            )
        scaling = ColumnScaling.of_table(table, "feature" if kind == "maximum" else kind)
        self._scaling = scaling
        self.scale_ = float(scaling.span) if kind == "set" else scaling.span
        self.offset_ = float(scaling.low) if kind == "set" else scaling.low

    def _validated(self, X: ArrayLike, reset: bool = False, min_samples: int = 1) -> NDArray[np.floating]:
        """Convert to a dense array of finite values >= 0; raise ValueError with the reason if that fails."""
        table = validate_data(
            self, X, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_min_samples=min_samples
        )
        check_non_negative(table, "DDNMF")
        return np.asarray(table.toarray() if issparse(table) else table)

    def _encoded(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
        """Validate rows and encode them with the fitted model: the table (n, n_features), z (n, d) and H (n, r)."""
        check_is_fitted(self)
        table = self._validated(X)
        return table, *self._encode(self._scaling.scaled(table))

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

    @torch.no_grad()
    def _atoms(self) -> NDArray[np.float64] | None:
        """Return the parts of a sum (r, n_features) in units of the data; None for a nonlinear decoder."""
        decode = decode_of(self._exact.student)
        return self._scaling.span * decode.pictures.numpy() if isinstance(decode, LinearDecode) else None

    @torch.no_grad()
    def _decode(self, H: NDArray[np.float64]) -> NDArray[np.float64]:
        """Decode coefficients (n, r) to rows (n, n_features) in units of the data."""
        rows = torch.cat([self._exact.student.decode(batch) for batch in torch.from_numpy(H).split(ENCODING_BATCH)])
        return self._scaling.unscaled(rows.numpy())


def _split(n: int, fraction: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose rows to leave out, at least one for a fraction above 0, and the others, at least two."""
    n_held_out = min(max(1, round(fraction * n)), n - 2) if fraction else 0
    if fraction and n_held_out < 1:
        raise ValueError(f"validation_fraction = {fraction}: {n} rows are too few to leave one out; use 0")
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[:n_held_out]), np.sort(order[n_held_out:])


def _content_name(rows: NDArray[np.float32]) -> str:
    """Name a data set by the hash of its rows."""
    return f"own-{hashlib.sha256(rows.tobytes()).hexdigest()[:16]}"
