"""Configurations: every setting of a run, map or clustering, validated and hashed.

Equal configurations are the same run: its id is the hash of the configuration's sorted JSON. This module does not import
torch, so every page can import it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

DatasetName = Literal["mnist-10k", "fashion-mnist-10k", "mnist", "fashion-mnist", "digits"]
ModelName = Literal["ddnmf", "ae1", "ae2", "dae"]
NoiseKind = Literal["gaussian", "masking", "salt_and_pepper"]
Representation = Literal["z", "H", "z_hat"]
EmbeddingMethod = Literal["t-sne", "umap", "pca"]
ClustererName = Literal["kmeans", "gmm"]
Factors = Literal["parts", "units", "code_nmf", "nmf", "pca"]
Device = Literal["auto", "cuda", "mps", "cpu"]
DEVICES: tuple[str, ...] = get_args(Device)
PIXEL_FACTORISATIONS: tuple[Factors, ...] = ("nmf", "pca")  # factors without a run

ID_LENGTH = 16
PER_RUN_FIELDS = ("seed", "alpha", "beta", "gamma", "noise_level", "epochs")
NMF_FIELDS = {  # of DDNMF only, with the values that an autoencoder's configuration holds in every version
    "beta": 1.0,
    "gamma": 1.0,
    "n_parts": 10,
    "nmf_at": "code",
    "basis": "paper",
    "coefficients": "paper",
}
CODE_NMF_FIELDS = ("basis", "coefficients", "decoder")  # of an NMF module at the code only

Weight = Annotated[float, Field(ge=0, le=1e6)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
USER_DATASET = re.compile(r"own-[0-9a-f]{16}")  # a user data set, named by the hash of its content


def _is_dataset(name: str) -> str:
    if name not in get_args(DatasetName) and not USER_DATASET.fullmatch(name):
        raise ValueError(f"should be {', '.join(map(repr, get_args(DatasetName)))} or your own data, 'own-' and 16 hex digits")
    return name


Dataset = Annotated[str, AfterValidator(_is_dataset)]


def config_hash(fields: dict[str, Any]) -> str:
    """Hash the sorted JSON of a configuration's fields to its id."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


class Config(BaseModel):
    """Frozen, validated settings with an id.

    Raises
    ------
    ValueError
        One sentence per invalid field: the field, the value received and what was wanted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Fields added after ids were published, with the value that reproduces the old behaviour; left out of the hash, and of
    # stored settings, at that value so that old ids stay valid.
    ADDED_FIELDS: ClassVar[dict[str, Any]] = {}

    def __init__(self, **fields: object) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ValueError(describe_errors(error)) from None

    @field_validator("*")
    @classmethod
    def _no_minus_zero(cls, value: object) -> object:
        """Write -0.0 as 0.0: they are equal, so their ids must be."""
        return 0.0 if isinstance(value, float) and value == 0 else value

    @model_serializer(mode="wrap")
    def _omit_added_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {
            name: value
            for name, value in dump(self).items()
            if name not in self.ADDED_FIELDS or value != self.ADDED_FIELDS[name]
        }

    def settings(self) -> dict[str, Any]:
        """Return all settings by name, as JSON values: `RunConfig(**settings)` is this configuration in every version."""
        fields = {**self.ADDED_FIELDS, **self.model_dump(mode="json")}
        return {name: fields[name] for name in type(self).model_fields}

    @classmethod
    def stored(cls, fields: Mapping[str, Any]) -> Self:
        """Read a configuration from the output of `model_dump`, by this version or one before, whatever the defaults were.

        Parameters
        ----------
        fields
            Stored settings by name.

        Returns
        -------
        Config
            A configuration of this class.

        Raises
        ------
        ValueError
            If a value is invalid or a field does not exist.
        """
        return cls(**{**cls.ADDED_FIELDS, **fields})

    @property
    def id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the sorted JSON."""
        return config_hash(self.model_dump(mode="json"))

    def replace(self, **changes: Any) -> Self:
        """Copy the configuration with some fields changed, and validate the copy.

        Parameters
        ----------
        **changes
            New values by field name.

        Returns
        -------
        Config
            A configuration of the same class.

        Raises
        ------
        ValueError
            If a value is invalid or a field does not exist.
        """
        return self.stored({**self.model_dump(), **changes})


class RunConfig(Config):
    """Settings of one training run: data, model, losses, noise and optimiser.

    The README reports the measurements behind the defaults. `layers` also accepts text such as "500,500,2000,10".

    Raises
    ------
    ValueError
        One sentence per invalid field, or if AE2 has fewer than two layers.
    """

    dataset: Dataset = "mnist-10k"  # name in `ddnmf data`
    n_samples: Annotated[int, Field(ge=100)] | None = None  # number of images; None: all

    model: ModelName = "ddnmf"  # ae1, ae2 and dae: autoencoders for comparison
    layers: Annotated[tuple[Annotated[int, Field(ge=1, le=8192)], ...], Field(min_length=1, max_length=8)] = (
        500,
        500,
        2000,
        10,
    )  # encoder widths after the pixels; the decoder mirrors them
    bottleneck_activation: Literal["linear", "relu", "softplus"] = "linear"
    output_activation: Literal["linear", "sigmoid", "relu"] = "sigmoid"
    n_parts: Annotated[int, Field(ge=1, le=512)] = 10  # r, columns of W
    nmf_at: Literal["code", "pixels"] = "code"  # pixels: the student's decoder ends in the NMF module, x_hat = H W^T, W >= 0
    basis: Literal["paper", "nonnegative"] = "paper"  # nonnegative: clip W at 0 after every step
    coefficients: Literal["paper", "biased"] = "paper"  # biased: H = sigmoid(W' X + b), b < 0 initially
    decoder: Literal["mirrored", "additive"] = "mirrored"  # additive: one layer from code to pixels, weights >= 0

    alpha: Weight = 1.0  # weight of L_sym
    beta: Weight = 3.0  # weight of L_ap
    gamma: Weight = 1.0  # weight of L_nc
    loss_reduction: Literal["sum", "mean"] = "mean"  # sum: the paper's

    noise_kind: NoiseKind = "gaussian"
    noise_level: Annotated[float, Field(ge=0, le=1)] = 0.4  # Gaussian: standard deviation; else share of pixels

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 2e-3
    schedule: Literal["constant", "linear"] = "linear"  # linear: warm-up over 10 % of the steps, then down to 0
    initialization: Literal["xavier", "kaiming"] = "kaiming"  # kaiming: of the layers before a ReLU
    output_bias: Literal["zero", "mean"] = "mean"  # mean: an untrained decoder of zeros gives the mean image
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 256
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 30
    seed: Seed = 1  # of weights, batch order and noise
    precision: Literal["highest", "high", "medium", "bfloat16"] = "medium"  # of matrix products, torch's names
    n_clusters: Annotated[int, Field(ge=2, le=200)] | None = None  # number of clusters; None: one per class

    ADDED_FIELDS: ClassVar[dict[str, Any]] = {
        "coefficients": "paper",
        "decoder": "mirrored",
        "n_clusters": None,
        "schedule": "constant",
        "initialization": "xavier",
        "output_bias": "zero",
        "nmf_at": "code",
    }

    @model_validator(mode="before")
    @classmethod
    def _ignore_nmf_fields_of_autoencoders(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Reset fields that an autoencoder does not have, so that they cannot make two equal runs differ."""
        return fields if fields.get("model", "ddnmf") == "ddnmf" else {**fields, **NMF_FIELDS}

    @model_validator(mode="before")
    @classmethod
    def _ignore_code_nmf_fields_of_pixel_nmf(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Drop the settings of a module at the code, so that they cannot make two equal runs differ."""
        return _without(fields, *CODE_NMF_FIELDS) if fields.get("nmf_at") == "pixels" else fields

    @model_validator(mode="before")
    @classmethod
    def _ignore_output_bias_of_additive_decoders(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Reset a field that an additive decoder does not have, so that it cannot make two equal runs differ."""
        is_additive = fields.get("decoder") == "additive" and fields.get("nmf_at") != "pixels"
        return {**fields, "output_bias": "zero"} if is_additive else fields

    @field_validator("layers", mode="before")
    @classmethod
    def _parse_layers(cls, value: object) -> object:
        return parse_layers(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_depth(self) -> Self:
        if self.model == "ae2" and len(self.layers) < 2:
            raise ValueError(f"layers = {self.layers}: ae2 drops one layer, so it needs at least 2")
        return self

    def non_defaults(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults, by name, without those that the model does not have."""
        unused = NMF_FIELDS if self.model != "ddnmf" else ()
        return {name: value for name, value in self if value != type(self).model_fields[name].default and name not in unused}

    @property
    def stack_key(self) -> str:
        """Key shared by runs that can be trained as one batched model (`model/batched_trainer.py`)."""
        shared = {"epochs"} if self.schedule != "constant" else set()  # the learning rate of a step depends on their number
        return self.replace(**{name: type(self).model_fields[name].default for name in PER_RUN_FIELDS if name not in shared}).id

    @property
    def code_size(self) -> int:
        """d, units of the bottleneck: the width of the code X."""
        return self.layers[-1]

    @property
    def encoder_layers(self) -> tuple[int, ...]:
        """Widths of the encoder's layers, without the first one for AE2."""
        return self.layers[1:] if self.model == "ae2" else self.layers

    @property
    def decoder_layers(self) -> tuple[int, ...]:
        """Widths of the decoder's hidden layers, between the code and the pixels."""
        return self.encoder_layers[-2::-1] if self.decoder == "mirrored" else ()

    @property
    def representations(self) -> tuple[Representation, ...]:
        """Representations to cluster or map: the code z, for DDNMF also H and, with the NMF module at the code, z_hat."""
        if self.model != "ddnmf":
            return ("z",)
        return ("z", "H") if self.nmf_at == "pixels" else get_args(Representation)


class EmbeddingConfig(Config):
    """Settings of a two-dimensional map of one run's codes.

    Raises
    ------
    ValueError
        One sentence per invalid field.
    """

    run: RunId  # id of the run
    representation: Representation = "z"
    noisy: bool = False  # map the codes of the noisy images
    method: EmbeddingMethod = "t-sne"
    n_points: Annotated[int, Field(ge=50, le=70_000)] = 5000  # number of mapped images, drawn with the seed
    perplexity: Annotated[float, Field(ge=2, le=200)] = 30.0  # of t-SNE
    n_neighbors: Annotated[int, Field(ge=2, le=200)] = 15  # of UMAP
    min_dist: Annotated[float, Field(ge=0, le=0.99)] = 0.1  # of UMAP
    seed: Seed = 1

    @model_validator(mode="before")
    @classmethod
    def _ignore_fields_of_other_methods(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Drop the settings of the other methods, so that they cannot make two equal maps differ."""
        used = {"t-sne": {"perplexity"}, "umap": {"n_neighbors", "min_dist"}}.get(fields.get("method", "t-sne"), set())
        return _without(fields, *({"perplexity", "n_neighbors", "min_dist"} - used))


class PixelNMFConfig(Config):
    """Settings of scikit-learn's NMF of the raw pixels, the shallow baseline.

    Raises
    ------
    ValueError
        One sentence per invalid field.
    """

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    n_parts: Annotated[int, Field(ge=1, le=512)] = 10
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] = 300
    seed: Seed = 1


class ClusteringConfig(Config):
    """Settings of a clustering of the pixels of a data set, or of a run's codes.

    Raises
    ------
    ValueError
        One sentence per invalid field, or if representation, run and noise level contradict each other.
    """

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    run: RunId | None = None  # id of the run; None: cluster the pixels
    representation: Literal["pixels", "z", "H", "z_hat"] = "pixels"
    noise_level: Annotated[float, Field(ge=0, le=1)] = 0.0  # of the encoded images; the run's kind of noise
    transform: Literal["none", "unit_length", "unit_nmf", "umap", "pca"] = "none"  # applied before clustering
    n_components: Annotated[int, Field(ge=1, le=512)] = 10  # of the transform
    clusterer: ClustererName = "kmeans"
    seed: Seed = 1

    @model_validator(mode="before")
    @classmethod
    def _ignore_components_without_transform(cls, fields: dict[str, Any]) -> dict[str, Any]:
        keeps_size = fields.get("transform", "none") in ("none", "unit_length")
        return _without(fields, "n_components") if keeps_size else fields

    @model_validator(mode="after")
    def _check_run(self) -> Self:
        if (self.run is None) != (self.representation == "pixels"):
            raise ValueError(
                f"representation = {self.representation!r}, run = {self.run!r}: 'pixels' takes no run, the others need one"
            )
        if self.run is None and self.noise_level:
            raise ValueError(f"noise_level = {self.noise_level}: should be 0 for pixels; noise needs a run")
        return self

    @classmethod
    def of(cls, run: RunConfig, **settings: Any) -> Self:
        """Configure a clustering of a run's codes.

        Parameters
        ----------
        run
            Configuration of the run; gives data set, number of images and seed.
        **settings
            Other fields; `representation` defaults to "z".

        Returns
        -------
        ClusteringConfig

        Raises
        ------
        ValueError
            If a setting is invalid.
        """
        return cls(
            **{
                "dataset": run.dataset,
                "n_samples": run.n_samples,
                "run": run.id,
                "representation": "z",
                "seed": run.seed,
                **settings,
            }
        )


class InterpretationConfig(Config):
    """Settings of an evaluation of factors, with their mean coefficients as the baseline.

    Factors are the parts of a DDNMF, the units of an autoencoder's code, an NMF of that code, or an NMF or PCA of the pixels.

    Raises
    ------
    ValueError
        One sentence per invalid field, or if factors, run and number of parts contradict each other.
    """

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    run: RunId | None = None  # id of the run; None: factorise the pixels
    factors: Factors = "parts"
    n_parts: Annotated[int, Field(ge=1, le=512)] | None = None  # of an NMF or PCA; a run has its own
    n_pictures: Annotated[int, Field(ge=10, le=70_000)] = 300  # number of images with Shapley values
    seed: Seed = 1

    @model_validator(mode="after")
    def _check_run_and_parts(self) -> Self:
        if (self.run is None) != (self.factors in PIXEL_FACTORISATIONS):
            raise ValueError(
                f"factors = {self.factors!r}, run = {self.run!r}: {' and '.join(PIXEL_FACTORISATIONS)} take no run, "
                "the others need one"
            )
        if (self.n_parts is None) != (self.factors in ("parts", "units")):
            raise ValueError(
                f"factors = {self.factors!r}, n_parts = {self.n_parts}: parts and units take no n_parts, the others need it"
            )
        return self

    @classmethod
    def of(cls, run: RunConfig, **settings: Any) -> Self:
        """Configure an evaluation of a run's factors.

        Parameters
        ----------
        run
            Configuration of the run; gives data set, number of images and seed.
        **settings
            Other fields; `factors` defaults to "parts".

        Returns
        -------
        InterpretationConfig

        Raises
        ------
        ValueError
            If a setting is invalid.
        """
        return cls(**{"dataset": run.dataset, "n_samples": run.n_samples, "run": run.id, "seed": run.seed, **settings})


def check_device(name: str) -> str:
    """Return the device name; raise ValueError unless it is one of DEVICES."""
    if name not in DEVICES:
        raise ValueError(f"device = {name!r}: should be {', '.join(map(repr, DEVICES[:-1]))} or {DEVICES[-1]!r}")
    return name


PUBLISHED: dict[str, Any] = {  # of the row DDNMF in the published tables: start and optimisation as in common practice
    "beta": 1.0,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "initialization": "xavier",
    "output_bias": "zero",
    "epochs": 45,
}
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"epochs": 5},
    "published": PUBLISHED,
    "paper": {**PUBLISHED, "loss_reduction": "sum", "output_activation": "linear", "epochs": 30, "precision": "highest"},
    "parts": {
        **{name: value for name, value in PUBLISHED.items() if name != "epochs"},
        "basis": "nonnegative",
        "coefficients": "biased",
        "decoder": "additive",
        "bottleneck_activation": "softplus",
    },
}


def preset_fields(name: str | None) -> dict[str, Any]:
    """Return the settings of a preset, none for None; raise ValueError for an unknown name."""
    if name is not None and name not in PRESETS:
        raise ValueError(f"preset = {name!r}: should be one of {', '.join(PRESETS)}")
    return PRESETS[name] if name else {}


def parse_layers(text: str) -> tuple[int, ...]:
    """Read encoder widths from text such as '500,500,2000,10'; raise ValueError unless they are whole numbers."""
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError:
        raise ValueError("should be whole numbers separated by commas, such as 500,500,2000,10") from None


def _without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def describe_errors(error: ValidationError) -> str:
    """Join one sentence per problem: the field, the value received and what was wanted."""
    return "; ".join(_sentence(problem) for problem in error.errors())


MAX_SHOWN_LETTERS = 100  # of an invalid value


def _sentence(problem: ErrorDetails) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    if not field:
        return message
    if problem["type"] == "extra_forbidden":
        return f"{field}: there is no such setting"
    received = repr(problem["input"])
    shown = received if len(received) <= MAX_SHOWN_LETTERS else received[:MAX_SHOWN_LETTERS] + " …"
    return f"{field} = {shown}: {message}"


CLUSTERERS: tuple[ClustererName, ...] = get_args(ClustererName)
