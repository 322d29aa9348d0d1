"""Equation 3: the NMF module at the code; and its extension at the pixels."""

import torch
from torch import Tensor, nn

N_ITERATIONS = 60  # of the NMF that a module at the pixels starts from


def clip_at_zero(parameter: Tensor) -> None:
    """Set negative entries to 0."""
    parameter.clamp_(min=0)


def limit_columns(parameter: Tensor) -> None:
    """Set negative entries to 0, then scale columns (..., n, r) that are longer than 1 to length 1."""
    clip_at_zero(parameter)
    parameter /= parameter.norm(dim=-2, keepdim=True).clamp(min=1)


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
        self.W_prime = nn.Parameter(torch.empty(n_parts, code_size, dtype=torch.float32))
        self.W = nn.Parameter(torch.empty(code_size, n_parts, dtype=torch.float32))
        self.basis = basis
        nn.init.xavier_uniform_(self.W_prime, generator=generator)
        nn.init.xavier_uniform_(self.W, generator=generator)
        self.b = (
            nn.Parameter(torch.full((n_parts,), self.ABSENT_BIAS, dtype=torch.float32)) if coefficients == "biased" else None
        )
        if self.b is not None:
            unit_of_part = torch.eye(code_size, dtype=torch.float32).repeat(1, -(-n_parts // code_size))[
                :, :n_parts
            ]  # (d, r), one-hot columns
            self.W_prime.data += self.TIED_WEIGHT * unit_of_part.T
            self.W.data += self.TIED_BASIS * unit_of_part
        for parameter in self.nonnegative():
            clip_at_zero(parameter.data)

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


class PixelNMF(nn.Module):
    """Factorise pixels: H = s * softplus(h V^T + b), x_hat = H W^T, with W >= 0 (an extension of the paper).

    The student's decoder ends in this module instead of having eq 3's between encoder and decoder. A picture is then a sum of
    non-negative parts with non-negative coefficients, as in NMF (Lee and Seung 1999): what a part contributes is H_k W_k,
    whatever the other parts are. Columns of W have a norm of at most 1, which fixes the scale of H.

    Parameters
    ----------
    n_in : int
        Units of the layer before the module.
    n_pixels : int
        Pixels of an image.
    n_parts : int
        Parts, r.
    generator : torch.Generator
        Source of the initial weights; `start_from` replaces W and s by an NMF of the images.

    Attributes
    ----------
    linear : nn.Linear
        V (r, n_in) and b (r,).
    scale : Parameter of shape (r,)
        s, at least 0.
    W : Parameter of shape (n_pixels, r)
        Parts, a column each.
    """

    ABSENT_BIAS = -1.0  # initial b: softplus(-1) = .31

    def __init__(self, n_in: int, n_pixels: int, n_parts: int, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = nn.utils.skip_init(nn.Linear, n_in, n_parts, dtype=torch.float32)
        self.scale = nn.Parameter(torch.ones(n_parts, dtype=torch.float32))
        self.W = nn.Parameter(torch.empty(n_pixels, n_parts, dtype=torch.float32))
        nn.init.xavier_uniform_(self.linear.weight, generator=generator)
        nn.init.constant_(self.linear.bias, self.ABSENT_BIAS)
        nn.init.uniform_(self.W, 0.0, 1.0, generator=generator)
        limit_columns(self.W.data)

    @torch.no_grad()
    def start_from(self, W: Tensor, scale: Tensor) -> None:
        """Set the parts (n_pixels, r) and the scales (r,) of their coefficients."""
        self.W.copy_(W)
        self.scale.copy_(scale)
        limit_columns(self.W)

    def coefficients(self, h: Tensor) -> Tensor:
        """Compute coefficients (n, r), at least 0, from the layer before: (n, n_in)."""
        return nn.functional.softplus(self.linear(h)) * self.scale

    def rebuild(self, H: Tensor) -> Tensor:
        """Compute pictures (n, n_pixels) from coefficients (n, r)."""
        return H @ self.W.T

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        H = self.coefficients(h)
        return H, self.rebuild(H)


def factorise(x: Tensor, n_parts: int, seed: int) -> tuple[Tensor, Tensor]:
    """Factorise images by scikit-learn's NMF, the start of a module at the pixels: from a random start most parts die.

    Parameters
    ----------
    x : Tensor of shape (n, n_pixels)
        Images, at least 0.
    n_parts : int
        Parts, r.
    seed : int
        Seed of the initialisation ("nndsvda").

    Returns
    -------
    W : Tensor of shape (n_pixels, r)
        Parts, columns of length 1 (or 0).
    scale : Tensor of shape (r,)
        Mean coefficient of each part.
    """
    import warnings

    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    init = "nndsvda" if n_parts <= min(x.shape) else "random"
    nmf = NMF(n_parts, init=init, max_iter=N_ITERATIONS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # training goes on from here
        H = torch.from_numpy(nmf.fit_transform(x.cpu().numpy()))
    W = torch.from_numpy(nmf.components_).T
    length = W.norm(dim=0)
    return W / length.clamp(min=1e-12), H.mean(dim=0) * length
