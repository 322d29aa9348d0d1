"""What a run is: every setting the paper leaves open, named, checked and hashed.

Two runs are the same run exactly when their configurations are equal; the run's id is the hash of
its configuration's sorted JSON. Nothing here imports torch, so that every page can import it.
"""

import hashlib
import json
import re
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

DatasetName = Literal["mnist-10k", "fashion-mnist-10k", "mnist", "fashion-mnist", "digits"]
ModelName = Literal["ddnmf", "ae1", "ae2", "dae"]
NoiseKind = Literal["gaussian", "masking", "salt_and_pepper"]
Representation = Literal["z", "H", "z_hat"]
EmbeddingMethod = Literal["t-sne", "umap", "pca"]
ClustererName = Literal["kmeans", "gmm"]
Factors = Literal["parts", "units", "code_nmf", "nmf", "pca"]
Device = Literal["auto", "cuda", "mps", "cpu"]
DEVICES: tuple[str, ...] = get_args(Device)
PIXEL_FACTORISATIONS: tuple[Factors, ...] = ("nmf", "pca")  # factors that need no run

ID_LENGTH = 16
PER_RUN_FIELDS = ("seed", "alpha", "beta", "gamma", "noise_level", "epochs")
NMF_FIELDS = ("beta", "gamma", "n_parts", "basis", "coefficients")  # fields that an autoencoder does not have

Weight = Annotated[float, Field(ge=0, le=1e6)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
USER_DATASET = re.compile(r"own-[0-9a-f]{16}")  # a data set of the user's own, named by its content


def _is_dataset(name: str) -> str:
    if name not in get_args(DatasetName) and not USER_DATASET.fullmatch(name):
        raise ValueError(f"should be {', '.join(map(repr, get_args(DatasetName)))} or one of your own, 'own-' and 16 digits")
    return name


Dataset = Annotated[str, AfterValidator(_is_dataset)]


def config_hash(fields: dict[str, Any]) -> str:
    """The id of a configuration's fields."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


class Config(BaseModel):
    """A frozen set of settings with an id; raises ValueError with a sentence for each bad field."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Fields that came later, at the value that means what was before them: there they are not written down, so that ids
    # that were published stay.
    ADDED_FIELDS: ClassVar[dict[str, Any]] = {}

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ValueError(describe_errors(error)) from None

    @field_validator("*")
    @classmethod
    def _no_minus_zero(cls, value: Any) -> Any:
        """-0.0 equals 0.0, so both must be written alike."""
        return 0.0 if isinstance(value, float) and value == 0 else value

    @model_serializer(mode="wrap")
    def _omit_added_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {
            name: value
            for name, value in dump(self).items()
            if name not in self.ADDED_FIELDS or value != self.ADDED_FIELDS[name]
        }

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the sorted JSON."""
        return config_hash(self.model_dump(mode="json"))

    def replace(self, **changes: Any) -> Self:
        """A checked copy with some fields changed."""
        return type(self)(**{**self.model_dump(), **changes})


class RunConfig(Config):
    """One training run: data, model, losses, noise and optimiser (the defaults are measured: README)."""

    dataset: Dataset = "mnist-10k"  # as `ddnmf data` names it
    n_samples: Annotated[int, Field(ge=100)] | None = None  # None: every image of the set

    model: ModelName = "ddnmf"  # ae1, ae2 and dae: the autoencoders beside it
    layers: Annotated[tuple[Annotated[int, Field(ge=1, le=8192)], ...], Field(min_length=1, max_length=8)] = (
        500,
        500,
        2000,
        10,
    )  # encoder, without the pixels; mirrored
    bottleneck_activation: Literal["linear", "relu", "softplus"] = "linear"
    output_activation: Literal["linear", "sigmoid", "relu"] = "sigmoid"
    n_parts: Annotated[int, Field(ge=1, le=512)] = 10  # r, columns of W
    basis: Literal["paper", "nonnegative"] = "paper"  # nonnegative: W >= 0 after every step
    coefficients: Literal["paper", "biased"] = "paper"  # biased: H = sigmoid(W' X + b), b < 0 at first
    decoder: Literal["mirrored", "additive"] = "mirrored"  # additive: one layer from code to pixels, weights >= 0

    alpha: Weight = 1.0  # weight of L_sym
    beta: Weight = 1.0  # weight of L_ap
    gamma: Weight = 1.0  # weight of L_nc
    loss_reduction: Literal["sum", "mean"] = "mean"  # sum: as in the paper

    noise_kind: NoiseKind = "gaussian"
    noise_level: Annotated[float, Field(ge=0, le=1)] = 0.4  # deviation of Gaussian noise, else share of pixels

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 256
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 45
    seed: Seed = 1  # of weights, order and noise
    precision: Literal["highest", "high", "medium", "bfloat16"] = "medium"  # of matrix products, as torch names it
    n_clusters: Annotated[int, Field(ge=2, le=200)] | None = None  # that are looked for; None: one for each class

    ADDED_FIELDS: ClassVar[dict[str, Any]] = {"coefficients": "paper", "decoder": "mirrored", "n_clusters": None}

    @model_validator(mode="before")
    @classmethod
    def _an_autoencoder_has_no_nmf_module(cls, fields: Any) -> Any:
        """What a model does not have cannot make two runs of it differ."""
        return fields if fields.get("model", "ddnmf") == "ddnmf" else _without(fields, *NMF_FIELDS)

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.model == "ae2" and len(self.layers) < 2:
            raise ValueError(f"layers = {self.layers}: ae2 leaves one layer out, so it needs at least 2")
        return self

    def non_defaults(self) -> dict[str, Any]:
        """The settings that are not the defaults."""
        return {name: value for name, value in self if value != type(self).model_fields[name].default}

    @property
    def stack_key(self) -> str:
        """The same for runs that can be trained as one batched model (`model/batched_trainer.py`)."""
        return self.replace(**{name: type(self).model_fields[name].default for name in PER_RUN_FIELDS}).id

    @property
    def code_size(self) -> int:
        """d: units of the bottleneck, the width of X."""
        return self.layers[-1]

    @property
    def encoder_layers(self) -> tuple[int, ...]:
        """Widths of the encoder's layers; AE2 leaves the first one out (one layer shallower)."""
        return self.layers[1:] if self.model == "ae2" else self.layers

    @property
    def decoder_layers(self) -> tuple[int, ...]:
        """Widths of the decoder's hidden layers, between the code and the pixels."""
        return self.encoder_layers[-2::-1] if self.decoder == "mirrored" else ()

    @property
    def representations(self) -> tuple[Representation, ...]:
        """What can be clustered or mapped: the code z, and with an NMF module also H and z_hat."""
        return get_args(Representation) if self.model == "ddnmf" else ("z",)


class EmbeddingConfig(Config):
    """A map of one run's codes in the plane."""

    run: RunId  # its id
    representation: Representation = "z"
    noisy: bool = False  # codes of the corrupted images
    method: EmbeddingMethod = "t-sne"
    n_points: Annotated[int, Field(ge=50, le=70_000)] = 5000  # images that are mapped, chosen by the seed
    perplexity: Annotated[float, Field(ge=2, le=200)] = 30.0  # t-SNE
    n_neighbors: Annotated[int, Field(ge=2, le=200)] = 15  # UMAP
    min_dist: Annotated[float, Field(ge=0, le=0.99)] = 0.1  # UMAP
    seed: Seed = 1

    @model_validator(mode="before")
    @classmethod
    def _a_method_has_its_own_settings(cls, fields: Any) -> Any:
        """The same map whatever the settings of the other methods are."""
        used = {"t-sne": {"perplexity"}, "umap": {"n_neighbors", "min_dist"}}.get(fields.get("method", "t-sne"), set())
        return _without(fields, *({"perplexity", "n_neighbors", "min_dist"} - used))


class PixelNMFConfig(Config):
    """scikit-learn's NMF of the raw pixels, the shallow model whose bases stand beside ours."""

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    n_parts: Annotated[int, Field(ge=1, le=512)] = 10
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] = 300
    seed: Seed = 1


class ClusteringConfig(Config):
    """Clusters of one representation of a data set: the pixels, or the codes that a run makes of them."""

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    run: RunId | None = None  # None: the pixels themselves
    representation: Literal["pixels", "z", "H", "z_hat"] = "pixels"
    noise_level: Annotated[float, Field(ge=0, le=1)] = 0.0  # of the run's kind, on the images that it encodes
    transform: Literal["none", "unit_nmf", "umap", "pca"] = "none"  # of the representation, before it is clustered
    n_components: Annotated[int, Field(ge=1, le=512)] = 10  # parts of that NMF, dimensions of that map
    clusterer: ClustererName = "kmeans"
    seed: Seed = 1

    @model_validator(mode="before")
    @classmethod
    def _without_a_transform_no_components(cls, fields: Any) -> Any:
        return _without(fields, "n_components") if fields.get("transform", "none") == "none" else fields

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if (self.run is None) != (self.representation == "pixels"):
            raise ValueError(f"representation = {self.representation!r}, run = {self.run!r}: pixels have none, codes one")
        if self.run is None and self.noise_level:
            raise ValueError(f"noise_level = {self.noise_level}: only a run knows the noise of its images")
        return self

    @classmethod
    def of(cls, run: RunConfig, **settings: Any) -> Self:
        """Clusters of this run's codes, of z unless told otherwise."""
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
    """What factors of a data set do and are worth, with the mean of their coefficients as the baseline: the parts of a
    run, or what stands beside them (the units of an autoencoder's code, an NMF of that code, an NMF or PCA of the pixels)."""

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    run: RunId | None = None  # None: a factorisation of the pixels
    factors: Factors = "parts"
    n_parts: Annotated[int, Field(ge=1, le=512)] | None = None  # of an NMF or PCA; a run knows its own
    n_pictures: Annotated[int, Field(ge=10, le=70_000)] = 300  # that are shared out among the factors
    seed: Seed = 1

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if (self.run is None) != (self.factors in PIXEL_FACTORISATIONS):
            raise ValueError(
                f"factors = {self.factors!r}, run = {self.run!r}: {', '.join(PIXEL_FACTORISATIONS)} are of the pixels, "
                "the others of a run"
            )
        if (self.n_parts is None) != (self.factors in ("parts", "units")):
            raise ValueError(
                f"factors = {self.factors!r}, n_parts = {self.n_parts}: parts and units come with their run, an "
                "NMF or PCA has to be told"
            )
        return self

    @classmethod
    def of(cls, run: RunConfig, **settings: Any) -> Self:
        """Of this run's parts, unless told otherwise."""
        return cls(**{"dataset": run.dataset, "n_samples": run.n_samples, "run": run.id, "seed": run.seed, **settings})


def check_device(name: str) -> str:
    """The name; raises ValueError unless it can be the name of a device."""
    if name not in DEVICES:
        raise ValueError(f"device = {name!r}: should be {', '.join(map(repr, DEVICES[:-1]))} or {DEVICES[-1]!r}")
    return name


PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"epochs": 15, "gamma": 0.1, "output_activation": "linear"},  # rebuilds better after few steps
    "strong": {"epochs": 45, "gamma": 1.0, "output_activation": "sigmoid"},
    "paper": {"loss_reduction": "sum", "gamma": 1.0, "output_activation": "linear", "epochs": 30, "precision": "highest"},
    "parts": {"basis": "nonnegative", "coefficients": "biased", "decoder": "additive", "bottleneck_activation": "softplus"},
}


def _without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def describe_errors(error: ValidationError) -> str:
    """One sentence per problem: the field, the value that came and what was wanted."""
    return "; ".join(_sentence(problem) for problem in error.errors())


MAX_SHOWN_LETTERS = 100  # letters of a value that was wrong


def _sentence(problem: Any) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    if not field:
        return message
    if problem["type"] == "extra_forbidden":
        return f"{field}: there is no such setting"
    came = repr(problem["input"])
    return f"{field} = {came if len(came) <= MAX_SHOWN_LETTERS else came[:MAX_SHOWN_LETTERS] + ' …'}: {message}"


CLUSTERERS: tuple[ClustererName, ...] = get_args(ClustererName)
