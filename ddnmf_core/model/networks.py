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


MIN_MEAN = 0.01  # means below it (above 1 - MIN_MEAN) count as it: their logits would have no gradient


class Layer(nn.Module):  # eq 1
    """Compute h[l] = f(W h[l-1] + b): (n, n_in) -> (n, n_out)."""

    def __init__(self, n_in: int, n_out: int, activation: str, initialization: str, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
        self.activation = ACTIVATIONS[activation]
        if initialization == "kaiming" and activation == "relu":  # He et al. 2015: keeps the scale through ReLUs
            nn.init.kaiming_uniform_(self.linear.weight, nonlinearity="relu", generator=generator)
        else:
            nn.init.xavier_uniform_(self.linear.weight, generator=generator)
        nn.init.zeros_(self.linear.bias)

    def forward(self, h: Tensor) -> Tensor:
        return self.activation(self.linear(h))


class Chain(nn.ModuleList):
    """Apply layers in sequence: ReLU after every layer but the last, which has an activation of its own."""

    def __init__(self, sizes: tuple[int, ...], last_activation: str, initialization: str, generator: torch.Generator) -> None:
        activations = ["relu"] * (len(sizes) - 2) + [last_activation]
        super().__init__(
            Layer(n_in, n_out, activation, initialization, generator)
            for n_in, n_out, activation in zip(sizes, sizes[1:], activations, strict=False)
        )

    def features(self, h: Tensor) -> list[Tensor]:
        """Return the output of every layer, in order."""
        outputs = []
        for layer in self:
            h = layer(h)
            outputs.append(h)
        return outputs

    def forward(self, h: Tensor) -> Tensor:
        return self.features(h)[-1]


class AdditiveDecoder(Chain):
    """Decode a code to pixels with one layer of non-negative weights (an extension of the paper).

    While the code is non-negative, raising one of its units never darkens a pixel. The effect of a part on the picture is
    then a non-negative sum of weight columns.

    Parameters
    ----------
    code_size : int
        Units of the code, d.
    n_pixels : int
        Pixels of an image.
    activation : str
        Activation of the output: "linear", "relu", "softplus" or "sigmoid".
    generator : torch.Generator
        Source of the initial weights.
    """

    MAX_INITIAL_WEIGHT = 0.3  # initial weights are uniform in (0, MAX_INITIAL_WEIGHT)
    DARK_BIAS = -3.0  # initial bias under a sigmoid, whose output is then nearly 0

    def __init__(self, code_size: int, n_pixels: int, activation: str, generator: torch.Generator) -> None:
        super().__init__((code_size, n_pixels), activation, "xavier", generator)
        nn.init.uniform_(self.linear.weight, 0.0, self.MAX_INITIAL_WEIGHT, generator=generator)
        nn.init.constant_(self.linear.bias, self.DARK_BIAS if activation == "sigmoid" else 0.0)

    @property
    def linear(self) -> nn.Linear:
        """The linear map of the only layer: weight (n_pixels, d), bias (n_pixels,)."""
        layer = self[0]
        assert isinstance(layer, Layer)
        return layer.linear

    def nonnegative(self) -> list[Tensor]:
        """List the constrained parameters.

        Returns
        -------
        list of Tensor
            The weight (n_pixels, d), to be kept >= 0.
        """
        return [self.linear.weight]


def make_decoder(n_pixels: int, config: RunConfig, generator: torch.Generator) -> Chain:
    """Build the configured decoder from codes (n, d) to pixels (n, n_pixels)."""
    if config.decoder == "additive":
        return AdditiveDecoder(config.code_size, n_pixels, config.output_activation, generator)
    sizes = (config.code_size, *config.decoder_layers, n_pixels)
    return Chain(sizes, config.output_activation, config.initialization, generator)


def make_encoder(n_pixels: int, config: RunConfig, generator: torch.Generator) -> Chain:
    """Build the configured encoder from images (n, n_pixels) to codes (n, d)."""
    return Chain((n_pixels, *config.encoder_layers), config.bottleneck_activation, config.initialization, generator)


class NMFModule(nn.Module):  # eq 3
    """Factorise a code without bias: H = sigmoid(X W'^T), X_hat = relu(H W^T) (Chen et al. 2021, eq 3).

    Calling the module with X (n, d) returns H (n, r) and X_hat (n, d). Two extensions: `basis="nonnegative"` keeps W >= 0;
    `coefficients="biased"` adds a bias, H = sigmoid(X W'^T + b). Without the bias a zero code has H = 1/2, so that no part
    can be absent; with it each part starts nearly absent and tied to one unit of the code.

    Parameters
    ----------
    code_size : int
        Units of the code, d.
    n_parts : int
        Parts, r.
    basis : str
        "paper" (W unconstrained) or "nonnegative".
    coefficients : str
        "paper" (no bias) or "biased".
    generator : torch.Generator
        Source of the initial weights.

    Attributes
    ----------
    W_prime : Parameter of shape (r, d)
        Weights of the coefficients, W'.
    W : Parameter of shape (d, r)
        Basis, a column for each part.
    b : Parameter of shape (r,) or None
        Bias of the coefficients; None for `coefficients="paper"`.
    basis : str
        As given.
    """

    ABSENT_BIAS = -2.0  # initial b: sigmoid(-2) = .12
    TIED_WEIGHT, TIED_BASIS = 1.0, 3.0  # added to W' and W where a part meets its unit

    def __init__(self, code_size: int, n_parts: int, basis: str, coefficients: str, generator: torch.Generator) -> None:
        super().__init__()
        self.W_prime = nn.Parameter(torch.empty(n_parts, code_size))
        self.W = nn.Parameter(torch.empty(code_size, n_parts))
        self.basis = basis
        nn.init.xavier_uniform_(self.W_prime, generator=generator)
        nn.init.xavier_uniform_(self.W, generator=generator)
        self.b = nn.Parameter(torch.full((n_parts,), self.ABSENT_BIAS)) if coefficients == "biased" else None
        if self.b is not None:
            unit_of_part = torch.eye(code_size).repeat(1, -(-n_parts // code_size))[:, :n_parts]  # (d, r), one-hot columns
            self.W_prime.data += self.TIED_WEIGHT * unit_of_part.T
            self.W.data += self.TIED_BASIS * unit_of_part
        project_nonnegative(self)

    def coefficients(self, X: Tensor) -> Tensor:
        """Compute the coefficients of codes (eq 3).

        Parameters
        ----------
        X : Tensor of shape (n, d)
            Codes.

        Returns
        -------
        Tensor of shape (n, r)
            H, the share of each part in each sample, in (0, 1).
        """
        weighted = X @ self.W_prime.T
        return torch.sigmoid(weighted if self.b is None else weighted + self.b)

    def rebuild(self, H: Tensor) -> Tensor:
        """Reconstruct codes from coefficients (eq 3).

        Parameters
        ----------
        H : Tensor of shape (n, r)
            Coefficients.

        Returns
        -------
        Tensor of shape (n, d)
            X_hat = relu(H W^T), at least 0.
        """
        return torch.relu(H @ self.W.T)

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        H = self.coefficients(X)
        return H, self.rebuild(H)

    def nonnegative(self) -> list[Tensor]:
        """List the constrained parameters.

        Returns
        -------
        list of Tensor
            W (d, r) for `basis="nonnegative"`, else nothing.
        """
        return [self.W] if self.basis == "nonnegative" else []


@dataclass
class Codes:
    """Representations of images in a network.

    Attributes
    ----------
    z : Tensor of shape (n, d)
        Output of the encoder; X in eq 6.
    H : Tensor of shape (n, r) or None
        Coefficients of the parts; None for an autoencoder.
    z_hat : Tensor of shape (n, d) or None
        Code reconstructed from H, X_hat in eq 6; None for an autoencoder.
    """

    z: Tensor
    H: Tensor | None
    z_hat: Tensor | None


class Autoencoder(nn.Module):
    """Symmetric autoencoder: the supervisor, and the baselines AE1, AE2 and the denoising DAE (eq 1).

    The decoder mirrors the layer sizes of the encoder. Calling the network with images (n, n_pixels) returns their
    reconstruction y (n, n_pixels).

    Parameters
    ----------
    n_pixels : int
        Pixels of an image.
    config : RunConfig
        Layer sizes, activations and kind of decoder.
    generator : torch.Generator
        Source of the initial weights.

    Attributes
    ----------
    encoder : Chain
        Layers 1 to L/2: (n, n_pixels) -> (n, d).
    decoder : Chain
        Layers L/2 + 1 to L: (n, d) -> (n, n_pixels).
    denoising : bool
        True for DAE, whose target is the clean image (Vincent et al. 2008).
    """

    def __init__(self, n_pixels: int, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.denoising = config.model == "dae"
        self.encoder = make_encoder(n_pixels, config, generator)
        self.decoder = make_decoder(n_pixels, config, generator)

    def features(self, x: Tensor) -> list[Tensor]:
        """Compute the outputs of all layers (eq 1).

        Parameters
        ----------
        x : Tensor of shape (n, n_pixels)
            Images.

        Returns
        -------
        list of Tensor
            h[1] to h[L]; h[L/2] is the code (n, d), h[L] the reconstruction y (n, n_pixels).
        """
        encoded = self.encoder.features(x)
        return encoded + self.decoder.features(encoded[-1])

    def encode(self, x: Tensor) -> Codes:
        """Encode images.

        Parameters
        ----------
        x : Tensor of shape (n, n_pixels)
            Images.

        Returns
        -------
        Codes
            z (n, d); H and z_hat are None.
        """
        return Codes(self.encoder(x), None, None)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[-1]


class Student(nn.Module):
    """The supervisor's layers with the NMF module between encoder and decoder: L + 2 layers (eq 3).

    Calling the network with images (n, n_pixels) returns their reconstruction (n, n_pixels).

    Parameters
    ----------
    n_pixels : int
        Pixels of an image.
    config : RunConfig
        Layer sizes, activations, number of parts and kinds of basis, coefficients and decoder.
    generator : torch.Generator
        Source of the initial weights.

    Attributes
    ----------
    encoder : Chain
        (n, n_pixels) -> X (n, d).
    nmf : NMFModule
        X (n, d) -> H (n, r), X_hat (n, d).
    decoder : Chain
        X_hat (n, d) -> (n, n_pixels).
    """

    def __init__(self, n_pixels: int, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = make_encoder(n_pixels, config, generator)
        self.nmf = NMFModule(config.code_size, config.n_parts, config.basis, config.coefficients, generator)
        self.decoder = make_decoder(n_pixels, config, generator)

    def features(self, x: Tensor) -> list[Tensor]:
        """Compute the outputs of all layers (eq 1 and 3).

        Parameters
        ----------
        x : Tensor of shape (n, n_pixels)
            Images.

        Returns
        -------
        list of Tensor
            h~[1] to h~[L+2]: encoder layers (the last is X), H, X_hat, decoder layers (the last is the reconstruction).
        """
        encoded = self.encoder.features(x)
        H, X_hat = self.nmf(encoded[-1])
        return [*encoded, H, X_hat, *self.decoder.features(X_hat)]

    def encode(self, x: Tensor) -> Codes:
        """Encode images.

        Parameters
        ----------
        x : Tensor of shape (n, n_pixels)
            Images.

        Returns
        -------
        Codes
            z (n, d), H (n, r) and z_hat (n, d).
        """
        X = self.encoder(x)
        return Codes(X, *self.nmf(X))

    def decode(self, H: Tensor) -> Tensor:
        """Decode coefficients to images: decoder(relu(H W^T)).

        Parameters
        ----------
        H : Tensor of shape (n, r)
            Coefficients.

        Returns
        -------
        Tensor of shape (n, n_pixels)
            Images.
        """
        return self.decoder(self.nmf.rebuild(H))

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[-1]


class DDNMFNetwork(nn.Module):
    """Supervisor and student; in training the supervisor sees clean images and the student noisy ones (Algorithm 1).

    Calling the network with images (n, n_pixels) returns the student's reconstruction (n, n_pixels).

    Parameters
    ----------
    n_pixels : int
        Pixels of an image.
    config : RunConfig
        Architecture of both networks.
    generator : torch.Generator
        Source of the initial weights; the supervisor's are drawn first.

    Attributes
    ----------
    supervisor : Autoencoder
        L layers.
    student : Student
        L + 2 layers.
    """

    def __init__(self, n_pixels: int, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.supervisor = Autoencoder(n_pixels, config, generator)
        self.student = Student(n_pixels, config, generator)

    def encode(self, x: Tensor) -> Codes:
        """Encode images with the student.

        Parameters
        ----------
        x : Tensor of shape (n, n_pixels)
            Images, clean or noisy.

        Returns
        -------
        Codes
            z (n, d), H (n, r) and z_hat (n, d).
        """
        return self.student.encode(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.student(x)


def nonnegative_parameters(model: nn.Module) -> list[Tensor]:
    """List all parameters of the model with the constraint >= 0."""
    return [
        parameter
        for module in model.modules()
        if isinstance(module, NMFModule | AdditiveDecoder)
        for parameter in module.nonnegative()
    ]


@torch.no_grad()
def project_nonnegative(model: nn.Module) -> None:
    """Set negative entries of the constrained parameters to 0 (projected gradient descent: call it after each step)."""
    for parameter in nonnegative_parameters(model):
        parameter.clamp_(min=0)


@torch.no_grad()
def set_output_bias(model: DDNMFNetwork | Autoencoder, mean: Tensor) -> None:
    """Set the output biases so that a decoder whose weights give 0 yields the mean image: (n_pixels,).

    Training then begins at the mean instead of learning it. Additive decoders keep their dark background.
    """
    networks = (model.supervisor, model.student) if isinstance(model, DDNMFNetwork) else (model,)
    for decoder in (network.decoder for network in networks):
        layer = decoder[-1]
        assert isinstance(layer, Layer)
        if isinstance(decoder, AdditiveDecoder):
            continue
        is_sigmoid = isinstance(layer.activation, nn.Sigmoid)
        layer.linear.bias.copy_(torch.logit(mean, eps=MIN_MEAN) if is_sigmoid else mean)


def build_model(config: RunConfig, n_pixels: int) -> DDNMFNetwork | Autoencoder:
    """Build an untrained model.

    Parameters
    ----------
    config : RunConfig
        Architecture and seed; the initial weights depend on the seed alone.
    n_pixels : int
        Pixels of an image.

    Returns
    -------
    DDNMFNetwork or Autoencoder
        On the CPU, in float32: a DDNMFNetwork for `config.model == "ddnmf"`, else an Autoencoder.
    """
    generator = torch.Generator().manual_seed(config.seed)
    kind = DDNMFNetwork if config.model == "ddnmf" else Autoencoder
    return kind(n_pixels, config, generator)
