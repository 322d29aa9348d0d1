"""Settings of a training run: data, model, losses, noise and optimiser; and named sets of them."""

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from ddnmf_core.config.base import Config, Dataset, Seed, without

ModelName = Literal["ddnmf", "ae1", "ae2", "dae"]
NoiseKind = Literal["gaussian", "masking", "salt_and_pepper", "displacement", "gaussian_displacement"]
DISPLACING_KINDS: tuple[NoiseKind, ...] = ("displacement", "gaussian_displacement")  # extensions; for images alone
Representation = Literal["z", "H", "z_hat"]
Weight = Annotated[float, Field(ge=0, le=1e6)]

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


class RunConfig(Config):
    """Settings of one training run: data, model, losses, noise and optimiser.

    `docs/results.md` reports the measurements behind the defaults. `layers` also accepts text such as "500,500,2000,10".

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
    noise_level: Annotated[float, Field(ge=0, le=1)] = 0.4  # `model/corruption.py` says what it is for each kind

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
    test_share: Annotated[float, Field(ge=0, le=0.9)] = 0.0  # share of the images held out from training and clustering

    ADDED_FIELDS: ClassVar[dict[str, Any]] = {
        "coefficients": "paper",
        "decoder": "mirrored",
        "n_clusters": None,
        "schedule": "constant",
        "initialization": "xavier",
        "output_bias": "zero",
        "nmf_at": "code",
        "test_share": 0.0,
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
        return without(fields, *CODE_NMF_FIELDS) if fields.get("nmf_at") == "pixels" else fields

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
    def n_compared_layers(self) -> int:
        """Number of layers that L_ap compares; a module at the code adds its output (eq 5)."""
        return len(self.encoder_layers) + len(self.decoder_layers) + (self.nmf_at == "code")

    @property
    def representations(self) -> tuple[Representation, ...]:
        """Representations to cluster or map: the code z, for DDNMF also H and, with the NMF module at the code, z_hat."""
        if self.model != "ddnmf":
            return ("z",)
        return ("z", "H") if self.nmf_at == "pixels" else get_args(Representation)


PUBLISHED: dict[str, Any] = {  # of the row DDNMF in the published tables: start and optimisation as in common practice
    "nmf_at": "code",
    "beta": 1.0,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "initialization": "xavier",
    "output_bias": "zero",
    "epochs": 45,
}
PRESETS: dict[str, dict[str, Any]] = {
    "recommended": {"nmf_at": "pixels", "n_parts": 32},  # parts of pixels that add up to the image
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


DEFAULT_PRESET = "recommended"  # where a person starts: in the form of the Train page, on the command line


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
