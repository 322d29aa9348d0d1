"""Algorithm 1: gradient descent on L_in (eq 8), batch by batch; can stop and resume after any batch.

The trainer knows neither folders nor processes: it passes rows to `report` and calls `should_stop`
before every batch. Order and noise of a batch depend on (seed, epoch, batch) alone, so that a resumed
training ends with the same bits as an uninterrupted one.
"""

import math
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ddnmf_core.config import RunConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.data.held_out import held_out_mask
from ddnmf_core.model import losses
from ddnmf_core.model.corruption import check_noise_kind, corrupt, corrupt_each
from ddnmf_core.model.device import autocast, matmul_precision, sums_dtype, synchronize
from ddnmf_core.model.mapped_pixels import MappedRows, pixels_on_device
from ddnmf_core.model.monitor import Gallery, unit_health
from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork, PixelStudent, build_model, project, set_output_bias
from ddnmf_core.model.nmf import factorise
from ddnmf_core.model.pixels import scale_pixels
from ddnmf_core.seeds import derive

HistoryRow = dict[str, Any]
Outcome = Literal["finished", "stopped", "diverged"]

REPORT_INTERVAL_S = 0.5  # seconds between rows inside an epoch
N_FACTORISED = 2000  # images whose NMF a module at the pixels starts from
N_PROBE = 1000  # images for statistics between epochs and the mean image
WARM_UP = 0.1  # share of the steps in which the linear schedule raises the learning rate


class Trainer:
    """Model, optimiser and progress of one run.

    Parameters
    ----------
    config : RunConfig
        Settings of the run.
    images : Images
        Data set, (n, n_pixels); its held-out images take no part (`config.test_share`).
    device : torch.device
        Device of the training.
    pixels : Tensor or MappedRows, optional
        The images, already on the device; pass it to share them between trainers.

    Attributes
    ----------
    model : DDNMFNetwork or Autoencoder
        Model in training.
    optimizer : torch.optim.Optimizer
        One optimiser for both networks.
    epoch : int
        Completed epochs.
    batch : int
        Completed batches of the current epoch.
    seconds : float
        Time spent in the current epoch.
    sums : Tensor
        Sums of the current epoch: images, three loss terms, a term for each layer.
    """

    def __init__(
        self, config: RunConfig, images: Images, device: torch.device, pixels: Tensor | MappedRows | None = None
    ) -> None:
        self.config = config
        self.device = device
        self.image_shape = images.image_shape
        check_noise_kind(config.noise_kind, self.image_shape)
        self.pixels = pixels_on_device(images.pixels, device) if pixels is None else pixels
        held_out = torch.from_numpy(held_out_mask(images.labels, config.test_share))
        self._training_samples = torch.nonzero(~held_out).flatten()
        fixed = torch.nonzero(held_out).flatten() if config.test_share else self._training_samples
        self._fixed_samples = self._shuffle(fixed, "fixed images")[:N_PROBE]
        self.model = build_model(config, images.pixels.shape[1]).to(device)
        if config.output_bias == "mean":
            set_output_bias(self.model, self._mean_image())
        if isinstance(self.model, DDNMFNetwork) and isinstance(self.model.student, PixelStudent):
            self.model.student.nmf.start_from(*self._first_parts())
        self.optimizer = make_optimizer(self.model.parameters(), config)
        self.epoch = 0
        self.batch = 0
        self.sums = torch.zeros(1 + self._n_sums, dtype=sums_dtype(device), device=device)
        self.seconds = 0.0
        self._gallery_samples = torch.tensor(images.one_of_each_class())

    # ------------------------------------------------------------------------------- training

    def train(self, report: Callable[[HistoryRow], None], should_stop: Callable[[], bool] = lambda: False) -> Outcome:
        """Train from the current batch to the last epoch (Algorithm 1).

        Parameters
        ----------
        report : callable
            Receives a row, a dict: of kind "epoch" after each epoch, of kind "batch" at most every 0.5 s within one.
            Its keys: "epoch" (a fraction within an epoch), "step", the losses "L_sym", "L_ap", "L_nc" and "L_in", "weighted"
            (each term times its weight), "layer_shares" (shares of L_ap), norms of gradients, "seconds",
            "images_per_second", and after an epoch the errors of `fixed_errors` and the unit statistics of `unit_health`.
        should_stop : callable
            Called before every batch; True stops the training.

        Returns
        -------
        str
            "finished"; "stopped"; or "diverged" if a loss or a weight is not finite.
        """
        with matmul_precision(self.config.precision):
            while self.epoch < self.config.epochs:
                outcome = self._train_epoch(report, should_stop)
                if outcome != "finished":
                    return outcome
        return "finished"

    def _train_epoch(self, report: Callable[[HistoryRow], None], should_stop: Callable[[], bool]) -> Outcome:
        """Train from the current batch to the end of the epoch."""
        order = self.order()
        last_batch = self.batches_per_epoch - 1
        began = reported = time.perf_counter() - self.seconds
        while self.batch <= last_batch:
            if should_stop():
                return "stopped" if self.finite() else "diverged"
            if isinstance(self.pixels, MappedRows):
                self.pixels.prefetch(self._samples(order, self.batch + 1))
            L_in = self._step(self._samples(order, self.batch))
            self.batch += 1
            self.seconds = time.perf_counter() - began
            due = time.perf_counter() - reported > REPORT_INTERVAL_S
            if (due or self.device.type == "cpu") and not math.isfinite(float(L_in)):
                return "diverged"
            if due and self.batch <= last_batch:
                synchronize(self.device)
                reported = time.perf_counter()
                self.seconds = reported - began
                report(self.row("batch"))
        synchronize(self.device)
        self.seconds = time.perf_counter() - began
        return "finished" if self.end_epoch(report) else "diverged"

    def end_epoch(self, report: Callable[[HistoryRow], None]) -> bool:
        """Report the epoch and advance to the next. Return False if the loss or a weight is not finite."""
        row = self.row("epoch")
        if not (math.isfinite(row["L_in"]) and self.finite()):
            return False
        self.epoch, self.batch, self.seconds = self.epoch + 1, 0, 0.0
        self.sums.zero_()
        report(row)
        return True

    def _step(self, samples: Tensor) -> Tensor:
        """Train on one batch (Algorithm 1): forward both networks, the losses, one update. Return L_in."""
        config = self.config
        x = scale_pixels(self.pixels[samples])
        x_noisy = corrupt(x, config.noise_kind, config.noise_level, self.noise(), self.image_shape)  # eq 2
        with autocast(config.precision, self.device):
            terms, layers = loss_terms(self.model, x, x_noisy, config.loss_reduction)
            L_in = losses.interpretability_loss(terms, config)
        self.optimizer.zero_grad(set_to_none=True)
        L_in.backward()
        set_learning_rate(self.optimizer, self.learning_rate)
        self.optimizer.step()  # eq 8
        project(self.model)
        self._accumulate(terms, layers, len(samples))
        return L_in.detach()

    @property
    def learning_rate(self) -> float:
        """Learning rate of the current batch (`config.schedule`)."""
        config = self.config
        if config.schedule == "constant":
            return config.learning_rate
        n_steps = config.epochs * self.batches_per_epoch
        step, warm_up = self.epoch * self.batches_per_epoch + self.batch, math.ceil(WARM_UP * n_steps)
        return config.learning_rate * min((step + 1) / warm_up, (n_steps - step) / max(1, n_steps - warm_up))

    def order(self) -> Tensor:
        """Draw the order of the training images in this epoch: (n,)."""
        return self._shuffle(self._training_samples, "order", self.epoch).to(self.device)

    def _samples(self, order: Tensor, batch: int) -> Tensor:
        """Select the samples of one batch: (n,) -> (batch_size,) or fewer in the last."""
        return order[batch * self.config.batch_size :][: self.config.batch_size]

    def noise(self) -> torch.Generator:
        """Return the generator of this batch's noise."""
        return torch.Generator(self.device).manual_seed(derive(self.config.seed, "noise", self.epoch, self.batch))

    # ------------------------------------------------------------------------------ reporting

    @property
    def batches_per_epoch(self) -> int:
        """Number of batches in an epoch; the last may be smaller."""
        return math.ceil(len(self._training_samples) / self.config.batch_size)

    @property
    def _n_sums(self) -> int:
        """Number of loss sums: three terms and the layers that L_ap compares."""
        return 3 + self.config.n_compared_layers

    def _accumulate(self, terms: dict[str, Tensor], layers: Tensor | None, n: int) -> None:
        """Add a batch of n images to the sums of the epoch."""
        self.sums += batch_sums(terms, layers, n, self.config.loss_reduction, self._n_sums)

    def row(self, kind: Literal["batch", "epoch"]) -> HistoryRow:
        """Summarise the epoch so far: losses, raw and weighted, and for kind "epoch" the unit statistics.

        Losses are per image for summed losses, and per array entry for mean losses.
        """
        n, *sums = self.sums.tolist()
        names = ["L_sym", "L_ap", "L_nc"] if self.config.model == "ddnmf" else ["L_sym"]
        raw = {name: total / n for name, total in zip(names, sums, strict=False)}
        weighted = {name: getattr(self.config, losses.WEIGHT_OF[name]) * value for name, value in raw.items()}
        done = self.epoch + (1.0 if kind == "epoch" else self.batch / self.batches_per_epoch)
        row = {
            "kind": kind,
            "epoch": done,
            "step": self.epoch * self.batches_per_epoch + self.batch,
            **raw,
            "L_in": sum(weighted.values()),
            "weighted": weighted,
            "images_per_second": n / max(self.seconds, 1e-9),
            "seconds": self.seconds,
            **self._gradient_norms(),
        }
        if self.config.model == "ddnmf":
            total = sum(sums[3:]) or 1.0
            row["layer_shares"] = [share / total for share in sums[3:]]
        if kind == "epoch":
            row |= self.fixed_errors() | unit_health(self.model, self.probe())
        return row

    @torch.no_grad()
    def fixed_errors(self) -> dict[str, Any]:
        """Compute errors on N_PROBE fixed images with fixed noise, comparable between epochs and configurations.

        The images are held-out ones if the run has such (`config.test_share`), else training images.

        Returns
        -------
        dict
            "error_supervisor" and "error_student", or "error" of an autoencoder: mean squared error per pixel against the
            clean images, the supervisor's of clean and the others' of noisy inputs. "relative": each loss term relative to
            the variance of its target, averaged over layers; 1 is the error of a constant.
        """
        clean, noisy = self._fixed_images
        terms, layers = loss_terms(self.model, clean, noisy, "relative")
        if layers is not None:
            terms["L_ap"] = layers.mean()
        if isinstance(self.model, DDNMFNetwork):
            outputs = {"error_supervisor": self.model.supervisor(clean), "error_student": self.model(noisy)}
        else:
            outputs = {"error": self.model(noisy)}
        errors: dict[str, Any] = {name: float(losses.squared_distance(clean, y, "mean")) for name, y in outputs.items()}
        return errors | {"relative": {name: float(term) for name, term in terms.items()}}

    def _gradient_norms(self) -> dict[str, float]:
        """Compute the gradient norm of each network in the last batch."""
        networks = (
            {"supervisor": self.model.supervisor, "student": self.model.student}
            if isinstance(self.model, DDNMFNetwork)
            else {"autoencoder": self.model}
        )
        return {
            f"gradient_{name}": float(nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None]))
            for name, network in networks.items()
        }

    def probe(self) -> Tensor:
        """Return the first images, clean: (N_PROBE, n_pixels)."""
        return scale_pixels(self.pixels[:N_PROBE])

    def _mean_image(self) -> Tensor:
        """Average N_PROBE training images: (n_pixels,)."""
        samples = self._shuffle(self._training_samples, "fixed images")[:N_PROBE]
        return scale_pixels(self.pixels[samples.to(self.device)]).mean(dim=0)

    def _first_parts(self) -> tuple[Tensor, Tensor]:
        """Factorise clean training images of the seed's choice (`factorise`)."""
        samples = self._shuffle(self._training_samples, "NMF")[:N_FACTORISED]
        return factorise(scale_pixels(self.pixels[samples.to(self.device)]), self.config.n_parts, self.config.seed)

    @cached_property
    def _fixed_images(self) -> tuple[Tensor, Tensor]:
        """The fixed images, clean and with their own noise: (N_PROBE, n_pixels) each."""
        clean = scale_pixels(self.pixels[self._fixed_samples.to(self.device)])
        return clean, self._corrupt_each(clean, self._fixed_samples)

    def gallery(self) -> Gallery:
        """Return one image of each class, clean and with its own noise (`corrupt_each`)."""
        clean = scale_pixels(self.pixels[self._gallery_samples.to(self.device)])
        return Gallery(clean, self._corrupt_each(clean, self._gallery_samples))

    def _corrupt_each(self, x: Tensor, samples: Tensor) -> Tensor:
        """Add each image's own noise."""
        config = self.config
        return corrupt_each(x, samples, config.noise_kind, config.noise_level, config.seed, self.image_shape)

    def finite(self) -> bool:
        """Return True if all weights are finite."""
        return all(bool(p.isfinite().all()) for p in self.model.parameters())

    def _shuffle(self, samples: Tensor, *purpose: str | int) -> Tensor:
        """Order samples by the run's seed and a purpose."""
        return samples[torch.randperm(len(samples), generator=self._generator(*purpose))]

    def _generator(self, *purpose: str | int) -> torch.Generator:
        """Create a generator seeded by the run's seed and a purpose."""
        return torch.Generator().manual_seed(derive(self.config.seed, *purpose))

    # ---------------------------------------------------------------------------- checkpoints

    def state(self) -> dict[str, Tensor]:
        """Export a checkpoint.

        Returns
        -------
        dict of str to Tensor
            Copies on the CPU: weights ("model.*"), the optimiser's state ("optimizer.*"), counts and sums ("progress.*").
        """
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{slot}": value for slot, value in slots.items() if isinstance(value, Tensor)}
        tensors["progress.counts"] = torch.tensor([self.epoch, self.batch])
        tensors["progress.sums"] = self.sums
        tensors["progress.seconds"] = torch.tensor(self.seconds, dtype=torch.float64)
        return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Restore a checkpoint; training continues from its batch.

        Parameters
        ----------
        tensors : dict of str to Tensor
            Result of `state` for the same configuration.

        Raises
        ------
        KeyError
            If the progress is missing.
        RuntimeError
            If weights are missing or have another shape.
        """
        self.model.load_state_dict(
            {name.removeprefix("model."): tensor for name, tensor in tensors.items() if name.startswith("model.")}
        )
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, index, slot = name.split(".")
                slots.setdefault(int(index), {})[slot] = tensor.clone()
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": slots, "param_groups": groups})
        self.epoch, self.batch = tensors["progress.counts"].tolist()
        self.sums.copy_(tensors["progress.sums"])
        self.seconds = float(tensors["progress.seconds"])


def loss_terms(
    model: DDNMFNetwork | Autoencoder, x: Tensor, x_noisy: Tensor, reduction: str
) -> tuple[dict[str, Tensor], Tensor | None]:
    """Compute the terms of eq 7, and the term of each layer in L_ap (L,); None for an autoencoder.

    The target of an autoencoder is its noisy input, that of a denoising one the clean image (Vincent et al. 2008). With the
    NMF module at the pixels L_nc is what W H leaves of the clean image, and L_ap has no term of the output.
    """
    if isinstance(model, Autoencoder):
        target = x if model.denoising else x_noisy
        return {"L_sym": losses.symmetric_loss(target, model(x_noisy), reduction)}, None
    h = model.supervisor.features(x)
    h_student = model.student.features(x_noisy)
    if isinstance(model.student, PixelStudent):  # the module comes last: all layers before it have a partner
        h_compared, module = h[:-1], len(h) - 1
        X, X_hat = x, h_student[-1]
    else:
        h_compared, module = h, len(model.supervisor.encoder)  # number of layers up to the code
        X, X_hat = h_student[module - 1], h_student[module + 1]
    layers = losses.apposition_losses(h_compared, h_student, reduction, module)
    return {
        "L_sym": losses.symmetric_loss(x, h[-1], reduction),
        "L_ap": layers.sum(),
        "L_nc": losses.nonnegative_constraint_loss(X, X_hat, reduction),
    }, layers


def batch_sums(terms: dict[str, Tensor], layers: Tensor | None, n: int, reduction: str, n_sums: int) -> Tensor:
    """Compute the contribution of a batch of n images to the sums of an epoch: n, three terms, layers.

    Terms of shape (...) give (..., 1 + n_sums). With reduction "mean" a term is weighted by n.
    """
    weight = 1 if reduction == "sum" else n
    dtype = sums_dtype(next(iter(terms.values())).device)
    values = [term.detach().to(dtype) * weight for term in terms.values()]
    values += [torch.zeros_like(values[0])] * (3 - len(values))
    parts = [torch.full_like(values[0], n)[..., None], torch.stack(values, dim=-1)]
    parts.append(values[0].new_zeros((*values[0].shape, n_sums - 3)) if layers is None else layers.detach().to(dtype) * weight)
    return torch.cat(parts, dim=-1)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next step; in place where a captured step reads it from a tensor."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def make_optimizer(parameters: Iterable[Tensor], config: RunConfig, capturable: bool = False) -> torch.optim.Optimizer:
    """Create the optimiser. One serves both networks: their gradients are separate (eq 9 to 16), so two would be equal to it.

    `capturable` allows a CUDA graph to capture the steps, which then read the learning rate from a tensor.
    """
    parameters = list(parameters)
    rate = (
        torch.tensor(config.learning_rate, dtype=torch.float32, device=parameters[0].device)
        if capturable
        else config.learning_rate
    )
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, fused=True)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    return kind(parameters, lr=rate, fused=True, capturable=capturable)
