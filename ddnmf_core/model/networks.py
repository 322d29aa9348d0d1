"""Equations 1 and 3: the supervisor, and the student with its NMF module.

Rows are samples (scikit-learn's convention): X (n, d), H (n, r), and W is stored (d, r), so that the
paper's X_hat = relu(W H) reads relu(H @ W.T) here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ddnmf_core.config import RunConfig
from ddnmf_core.model.nmf import NMFModule, PixelNMF, clip_at_zero, limit_columns

ACTIVATIONS: dict[str, nn.Module] = {
    "linear": nn.Identity(),
    "relu": nn.ReLU(),
    "softplus": nn.Softplus(),
    "sigmoid": nn.Sigmoid(),
}


MIN_MEAN = 0.01  # means below it (above 1 - MIN_MEAN) count as it: their logits would have no gradient


class Layer(nn.Module):  # eq 1
    """Compute h[l] = f(W h[l-1] + b): (n, n_in) -> (n, n_out).

    Initial weights "kaiming" keep the scale of signals through a ReLU (He et al. 2015). After the code they are drawn for the
    geometric mean of both widths: with those of 10 units the code stays ten times smaller, and its clusters are worse.
    """

    def __init__(
        self, n_in: int, n_out: int, activation: str, initialization: str, generator: torch.Generator, after_code: bool = False
    ) -> None:
        super().__init__()
        self.linear = nn.utils.skip_init(nn.Linear, n_in, n_out, dtype=torch.float32)
        self.activation = ACTIVATIONS[activation]
        if initialization == "kaiming" and activation == "relu":
            bound = math.sqrt(6 / (math.sqrt(n_in * n_out) if after_code else n_in))
            nn.init.uniform_(self.linear.weight, -bound, bound, generator=generator)
        else:
            nn.init.xavier_uniform_(self.linear.weight, generator=generator)
        nn.init.zeros_(self.linear.bias)

    def forward(self, h: Tensor) -> Tensor:
        return self.activation(self.linear(h))


class Chain(nn.ModuleList):
    """Apply layers in sequence: ReLU after every layer but the last, which has an activation of its own.

    `from_code`: the first layer follows the code.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        last_activation: str,
        initialization: str,
        generator: torch.Generator,
        from_code: bool = False,
    ) -> None:
        activations = ["relu"] * (len(sizes) - 2) + [last_activation]
        super().__init__(
            Layer(n_in, n_out, activation, initialization, generator, from_code and number == 0)
            for number, (n_in, n_out, activation) in enumerate(zip(sizes, sizes[1:], activations, strict=False))
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
    return Chain(sizes, config.output_activation, config.initialization, generator, from_code=True)


def make_encoder(n_pixels: int, config: RunConfig, generator: torch.Generator) -> Chain:
    """Build the configured encoder from images (n, n_pixels) to codes (n, d)."""
    return Chain((n_pixels, *config.encoder_layers), config.bottleneck_activation, config.initialization, generator)


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
        Code reconstructed from H, X_hat in eq 6; None for an autoencoder and for an NMF module at the pixels.
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


class PixelStudent(nn.Module):
    """The supervisor's layers up to the last hidden one, then the NMF module at the pixels: L + 1 layers (extension of eq 3).

    Calling the network with images (n, n_pixels) returns their reconstruction (n, n_pixels).

    Parameters
    ----------
    n_pixels : int
        Pixels of an image.
    config : RunConfig
        Layer sizes, activations and number of parts.
    generator : torch.Generator
        Source of the initial weights.

    Attributes
    ----------
    encoder : Chain
        (n, n_pixels) -> z (n, d).
    hidden : Chain
        The decoder's hidden layers, z -> h (n, n_in); none if the encoder has one layer.
    nmf : PixelNMF
        h -> H (n, r), x_hat (n, n_pixels).
    """

    def __init__(self, n_pixels: int, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = make_encoder(n_pixels, config, generator)
        sizes = (config.code_size, *config.decoder_layers)
        self.hidden = Chain(sizes, "relu", config.initialization, generator, from_code=True)
        self.nmf = PixelNMF(sizes[-1], n_pixels, config.n_parts, generator)

    def features(self, x: Tensor) -> list[Tensor]:
        """Compute the outputs of all layers.

        Parameters
        ----------
        x : Tensor of shape (n, n_pixels)
            Images.

        Returns
        -------
        list of Tensor
            Encoder layers (the last is z), hidden decoder layers, H, x_hat.
        """
        features = self.encoder.features(x)
        features += self.hidden.features(features[-1])
        return [*features, *self.nmf(features[-1])]

    def decoder(self, z: Tensor) -> Tensor:
        """Decode codes (n, d) to images (n, n_pixels)."""
        rebuilt: Tensor = self.nmf(self.hidden.features(z)[-1] if len(self.hidden) else z)[1]
        return rebuilt

    def encode(self, x: Tensor) -> Codes:
        """Encode images (n, n_pixels): z (n, d) and H (n, r); z_hat is None."""
        features = self.features(x)
        return Codes(features[len(self.encoder) - 1], features[-2], None)

    def decode(self, H: Tensor) -> Tensor:
        """Decode coefficients (n, r) to images (n, n_pixels): H W^T."""
        return self.nmf.rebuild(H)

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
    student : Student or PixelStudent
        L + 2 layers; L + 1 with the NMF module at the pixels.
    """

    def __init__(self, n_pixels: int, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.supervisor = Autoencoder(n_pixels, config, generator)
        kind = PixelStudent if config.nmf_at == "pixels" else Student
        self.student: Student | PixelStudent = kind(n_pixels, config, generator)

    def encode(self, x: Tensor) -> Codes:
        """Encode images with the student.

        Parameters
        ----------
        x : Tensor of shape (n, n_pixels)
            Images, clean or noisy.

        Returns
        -------
        Codes
            z (n, d), H (n, r) and z_hat (n, d), or None for the last (`Codes`).
        """
        return self.student.encode(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.student(x)


def constraints(model: nn.Module) -> list[tuple[Tensor, Callable[[Tensor], None]]]:
    """List the constrained parameters of the model, each with the projection that keeps it within its constraint.

    A projection works in place, and on parameters of several runs along leading axes, too.
    """
    found: list[tuple[Tensor, Callable[[Tensor], None]]] = []
    for module in model.modules():
        if isinstance(module, NMFModule | AdditiveDecoder):
            found += [(parameter, clip_at_zero) for parameter in module.nonnegative()]
        elif isinstance(module, PixelNMF):
            found += [(module.W, limit_columns), (module.scale, clip_at_zero)]
    return found


@torch.no_grad()
def project(model: nn.Module) -> None:
    """Project the constrained parameters (projected gradient descent: call it after each step)."""
    for parameter, projection in constraints(model):
        projection(parameter)


@torch.no_grad()
def set_output_bias(model: DDNMFNetwork | Autoencoder, mean: Tensor) -> None:
    """Set the output biases so that a decoder whose weights give 0 yields the mean image: (n_pixels,).

    Training then begins at the mean instead of learning it. Additive decoders keep their dark background, an NMF module at the
    pixels has no bias.
    """
    networks = (model.supervisor, model.student) if isinstance(model, DDNMFNetwork) else (model,)
    for decoder in (network.decoder for network in networks if not isinstance(network, PixelStudent)):
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
