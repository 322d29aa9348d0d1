"""Equations 1 and 3: the supervisor, and the student with its NMF module.

Rows are samples (scikit-learn's convention): X (n, d), H (n, r), and W is stored (d, r), so that the
paper's X_hat = relu(W H) reads relu(H @ W.T) here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ddnmf_core.config import RunConfig

ACTIVATIONS: dict[str, nn.Module] = {
    "linear": nn.Identity(),
    "relu": nn.ReLU(),
    "softplus": nn.Softplus(),
    "sigmoid": nn.Sigmoid(),
}


class Layer(nn.Module):  # eq 1
    """h[l] = f(W h[l-1] + b): (n, n_in) -> (n, n_out)."""

    def __init__(self, n_in: int, n_out: int, activation: str, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
        self.activation = ACTIVATIONS[activation]
        nn.init.xavier_uniform_(self.linear.weight, generator=generator)
        nn.init.zeros_(self.linear.bias)

    def forward(self, h: Tensor) -> Tensor:
        return self.activation(self.linear(h))


class Chain(nn.ModuleList):
    """Layers one after the other; the last has its own activation, the others are ReLU."""

    def __init__(self, sizes: tuple[int, ...], last_activation: str, generator: torch.Generator) -> None:
        activations = ["relu"] * (len(sizes) - 2) + [last_activation]
        super().__init__(
            Layer(n_in, n_out, activation, generator)
            for n_in, n_out, activation in zip(sizes, sizes[1:], activations, strict=False)
        )

    def features(self, h: Tensor) -> list[Tensor]:
        """The output of every layer, in order."""
        outputs = []
        for layer in self:
            h = layer(h)
            outputs.append(h)
        return outputs

    def forward(self, h: Tensor) -> Tensor:
        return self.features(h)[-1]


class AdditiveDecoder(Chain):
    """One layer from the code to the pixels that can only add: weights >= 0, so that a pixel never gets darker when a unit
    of a code >= 0 goes up. An extension; what a part does to a picture is then a column of weights."""

    START = 0.3  # weights start in (0, START)
    DARK = -3.0  # bias of a pixel at first, where a sigmoid is nearly 0

    def __init__(self, code_size: int, n_pixels: int, activation: str, generator: torch.Generator) -> None:
        super().__init__((code_size, n_pixels), activation, generator)
        nn.init.uniform_(self.linear.weight, 0.0, self.START, generator=generator)
        nn.init.constant_(self.linear.bias, self.DARK if activation == "sigmoid" else 0.0)

    @property
    def linear(self) -> nn.Linear:
        layer = self[0]
        assert isinstance(layer, Layer)
        return layer.linear

    def nonnegative(self) -> list[Tensor]:
        """What may not go below 0."""
        return [self.linear.weight]


def make_decoder(n_pixels: int, config: RunConfig, generator: torch.Generator) -> Chain:
    """From the code (n, d) to the pixels (n, n_pixels)."""
    if config.decoder == "additive":
        return AdditiveDecoder(config.code_size, n_pixels, config.output_activation, generator)
    return Chain((config.code_size, *config.decoder_layers, n_pixels), config.output_activation, generator)


class NMFModule(nn.Module):  # eq 3
    """H = sigmoid(X W'^T), X_hat = relu(H W^T), without bias: (n, d) -> (n, r), (n, d).

    Extensions: a `basis` W >= 0, and `coefficients` with a bias, H = sigmoid(X W'^T + b). Without one a code of zeros has
    H = 1/2, so that no part can be absent. With it each part starts as one unit of the code and nearly absent.
    """

    ABSENT, OWN_WEIGHT, OWN_BASIS = -2.0, 1.0, 3.0  # b at first, and what ties a part to its unit then

    def __init__(self, code_size: int, n_parts: int, basis: str, coefficients: str, generator: torch.Generator) -> None:
        super().__init__()
        self.W_prime = nn.Parameter(torch.empty(n_parts, code_size))
        self.W = nn.Parameter(torch.empty(code_size, n_parts))
        self.basis = basis
        nn.init.xavier_uniform_(self.W_prime, generator=generator)
        nn.init.xavier_uniform_(self.W, generator=generator)
        self.b = nn.Parameter(torch.full((n_parts,), self.ABSENT)) if coefficients == "biased" else None
        if self.b is not None:
            own = torch.eye(code_size).repeat(1, -(-n_parts // code_size))[:, :n_parts]
            self.W_prime.data += self.OWN_WEIGHT * own.T
            self.W.data += self.OWN_BASIS * own
        project_nonnegative(self)

    def coefficients(self, X: Tensor) -> Tensor:
        """H in (0, 1): how much of each part a sample has."""
        weighted = X @ self.W_prime.T
        return torch.sigmoid(weighted if self.b is None else weighted + self.b)

    def rebuild(self, H: Tensor) -> Tensor:
        """X_hat >= 0: the code that these parts add up to."""
        return torch.relu(H @ self.W.T)

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        H = self.coefficients(X)
        return H, self.rebuild(H)

    def nonnegative(self) -> list[Tensor]:
        """A strict basis may not go below 0."""
        return [self.W] if self.basis == "nonnegative" else []


@dataclass
class Codes:
    """What the student makes of images: code z (n, d), coefficients H (n, r), rebuilt code z_hat (n, d)."""

    z: Tensor
    H: Tensor | None
    z_hat: Tensor | None


class Autoencoder(nn.Module):
    """The supervisor, AE1, AE2 and the denoising DAE: layer sizes of the decoder mirror the encoder's (eq 1)."""

    def __init__(self, n_pixels: int, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.denoising = config.model == "dae"
        self.encoder = Chain((n_pixels, *config.encoder_layers), config.bottleneck_activation, generator)
        self.decoder = make_decoder(n_pixels, config, generator)

    def features(self, x: Tensor) -> list[Tensor]:
        """h[1] ... h[L]; the last one is the reconstruction y."""
        encoded = self.encoder.features(x)
        return encoded + self.decoder.features(encoded[-1])

    def encode(self, x: Tensor) -> Codes:
        return Codes(self.encoder(x), None, None)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[-1]


class Student(nn.Module):
    """The supervisor's layers with the NMF module between encoder and decoder: L + 2 layers."""

    def __init__(self, n_pixels: int, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = Chain((n_pixels, *config.encoder_layers), config.bottleneck_activation, generator)
        self.nmf = NMFModule(config.code_size, config.n_parts, config.basis, config.coefficients, generator)
        self.decoder = make_decoder(n_pixels, config, generator)

    def features(self, x: Tensor) -> list[Tensor]:
        """h~[1] ... h~[L+2]: encoder, H, X_hat, decoder. X is the encoder's last output."""
        encoded = self.encoder.features(x)
        H, X_hat = self.nmf(encoded[-1])
        return [*encoded, H, X_hat, *self.decoder.features(X_hat)]

    def encode(self, x: Tensor) -> Codes:
        X = self.encoder(x)
        return Codes(X, *self.nmf(X))

    def decode(self, H: Tensor) -> Tensor:
        """Images (n, n_pixels) from coefficients (n, r)."""
        return self.decoder(self.nmf.rebuild(H))

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[-1]


class DDNMFNetwork(nn.Module):
    """Both networks; the supervisor sees clean images, the student noisy ones."""

    def __init__(self, n_pixels: int, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.supervisor = Autoencoder(n_pixels, config, generator)
        self.student = Student(n_pixels, config, generator)

    def encode(self, x: Tensor) -> Codes:
        return self.student.encode(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.student(x)


def nonnegative_parameters(model: nn.Module) -> list[Tensor]:
    """Every weight of the model that may not go below 0."""
    return [
        parameter
        for module in model.modules()
        if isinstance(module, NMFModule | AdditiveDecoder)
        for parameter in module.nonnegative()
    ]


@torch.no_grad()
def project_nonnegative(model: nn.Module) -> None:
    """After a step: what went below 0 and may not, to 0."""
    for parameter in nonnegative_parameters(model):
        parameter.clamp_(min=0)


def build_model(config: RunConfig, n_pixels: int) -> DDNMFNetwork | Autoencoder:
    """An untrained model; its weights depend on the configuration's seed alone."""
    generator = torch.Generator().manual_seed(config.seed)
    kind = DDNMFNetwork if config.model == "ddnmf" else Autoencoder
    return kind(n_pixels, config, generator)
