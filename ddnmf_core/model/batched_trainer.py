"""Several runs of one architecture trained as one batched model, each with its own seed, weights, noise and history.

On a GPU a single small model leaves most of the device idle: its time goes into launching kernels and into the optimiser's
traffic. A stack holds K runs' parameters as arrays with K in front (`torch.vmap` over the same model and losses), captures
the step in a CUDA graph and reads the losses once an epoch. Orders, noise and losses are those of the run trained alone,
so each run is equal to it within float tolerance. On a CPU it gains nothing and serves the tests alone.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ddnmf_core.model import losses
from ddnmf_core.model.corruption import apply_noise, draw_noise
from ddnmf_core.model.device import autocast, matmul_precision, synchronize
from ddnmf_core.model.losses import WEIGHT_OF
from ddnmf_core.model.networks import nonnegative_parameters
from ddnmf_core.model.trainer import (
    REPORT_INTERVAL_S,
    HistoryRow,
    Outcome,
    Trainer,
    batch_sums,
    loss_terms,
    make_optimizer,
    scale_pixels,
)

STOP_POLL_INTERVAL_S = 0.05  # seconds between looks for a wish to stop
SHARED_SLOT = "step"  # of Adam's state: the runs have made equally many
N_WARM_UP_STEPS = 3  # steps before the capture, as torch asks for


class BatchedTrainer:
    """Trainers of one stack key that stand at the same batch, taken on together."""

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        """Raises ValueError where they cannot be trained together."""
        if len({(t.config.stack_key, t.epoch, t.batch) for t in trainers}) != 1:
            raise ValueError("runs of a stack should have one architecture and stand at the same batch")
        self.trainers = list(trainers)
        self.captures = self.trainers[0].device.type == "cuda"  # steps as a graph
        self._gather()

    def train(
        self,
        report: Callable[[Trainer, HistoryRow], None],
        should_stop: Callable[[Trainer], bool],
        done: Callable[[Trainer, Outcome], None],
    ) -> None:
        """Until every run has ended; `done` is called as each does, with its model in place."""
        with matmul_precision(self.trainers[0].config.precision):
            while self.trainers:
                self._train_epoch(report, should_stop, done)

    def _train_epoch(
        self,
        report: Callable[[Trainer, HistoryRow], None],
        should_stop: Callable[[Trainer], bool],
        done: Callable[[Trainer, Outcome], None],
    ) -> None:
        orders = torch.stack([trainer.order() for trainer in self.trainers])
        looked, told = 0.0, time.perf_counter()
        self.counted = told
        while self.trainers and self.trainers[0].batch < self.trainers[0].batches_per_epoch:
            if time.perf_counter() - looked > STOP_POLL_INTERVAL_S:
                looked = time.perf_counter()
                stopping = [should_stop(trainer) for trainer in self.trainers]
                if any(stopping):
                    orders = orders[[not stop for stop in stopping]]
                    self._leave(stopping, lambda trainer: "stopped" if trainer.finite() else "diverged", done)
                    continue
            if time.perf_counter() - told > REPORT_INTERVAL_S:
                told = time.perf_counter()
                self._tell(report)
            size = self.trainers[0].config.batch_size
            self._step(orders[:, self.trainers[0].batch * size :][:, :size])
            for trainer in self.trainers:
                trainer.batch += 1
            self._share_out_time()
        if self.trainers:
            synchronize(self.trainers[0].device)
            self._share_out_time()
        self._scatter()
        whole = [trainer.end_epoch(partial(report, trainer)) for trainer in self.trainers]
        self._leave([not good for good in whole], lambda trainer: "diverged", done)
        self._leave([trainer.epoch >= trainer.config.epochs for trainer in self.trainers], lambda trainer: "finished", done)
        if self.trainers:
            self.sums.zero_()

    def _share_out_time(self) -> None:
        """What has passed since the last time, to equal parts: runs that left have no part in it."""
        now = time.perf_counter()
        for trainer in self.trainers:
            trainer.seconds += (now - self.counted) / len(self.trainers)
        self.counted = now

    def _tell(self, report: Callable[[Trainer, HistoryRow], None]) -> None:
        """A row of each run in the middle of an epoch."""
        if self.trainers[0].batch > 0:
            synchronize(self.trainers[0].device)
            self._share_out_time()
            self._scatter()
            for trainer in self.trainers:
                report(trainer, trainer.row("batch"))

    def _leave(
        self, leaving: Sequence[bool], outcome: Callable[[Trainer], Outcome], done: Callable[[Trainer, Outcome], None]
    ) -> None:
        """Some runs end; the others go on in a smaller stack."""
        if not any(leaving):
            return
        self._scatter()
        gone = [trainer for trainer, leaves in zip(self.trainers, leaving, strict=True) if leaves]
        self.trainers = [trainer for trainer in self.trainers if trainer not in gone]
        if self.trainers:
            self._gather()
        for trainer in gone:
            done(trainer, outcome(trainer))

    # --------------------------------------------------------------------------- between trainers and the stack

    def _gather(self) -> None:
        """Take up the trainers' parameters and optimisers, with K in front."""
        first = self.trainers[0]
        named = [dict(trainer.model.named_parameters()) for trainer in self.trainers]
        self.parameters = {name: torch.stack([each[name].detach() for each in named]).requires_grad_() for name in named[0]}
        self.clamped = [self.parameters[name] for name in _names_of(first.model, nonnegative_parameters(first.model))]
        capturable = {"capturable": True} if first.device.type == "cuda" and first.config.optimizer != "sgd" else {}
        self.optimizer = make_optimizer(self.parameters.values(), first.config, **capturable)
        for name, parameter in self.parameters.items():
            slots = [trainer.optimizer.state.get(each[name], {}) for trainer, each in zip(self.trainers, named, strict=True)]
            if slots[0]:
                self.optimizer.state[parameter] = {
                    slot: value.clone().to(parameter.device if capturable else value.device)
                    if slot == SHARED_SLOT
                    else torch.stack([own[slot] for own in slots])
                    for slot, value in slots[0].items()
                    if value is not None
                }
        self.sums = torch.stack([trainer.sums for trainer in self.trainers])
        self.levels = torch.tensor([t.config.noise_level for t in self.trainers], device=first.device)[:, None, None]
        self.weights = SimpleNamespace(
            **{
                weight: torch.tensor([getattr(t.config, weight) for t in self.trainers], device=first.device)
                for weight in WEIGHT_OF.values()
            }
        )
        self.terms = _LossModule(first.model, first.config.loss_reduction)
        self.graph: _CapturedStep | None = None
        self.n_eager = 0

    @torch.no_grad()
    def _scatter(self) -> None:
        """Give each trainer back its parameters, gradients, optimiser and sums."""
        for k, trainer in enumerate(self.trainers):
            for name, own in trainer.model.named_parameters():
                stacked = self.parameters[name]
                own.copy_(stacked[k])
                own.grad = None if stacked.grad is None else stacked.grad[k].clone()
                trainer.optimizer.state[own] = {
                    slot: (value if slot == SHARED_SLOT else value[k]).clone()
                    for slot, value in self.optimizer.state.get(stacked, {}).items()
                    if value is not None
                }
            trainer.sums.copy_(self.sums[k])

    # ---------------------------------------------------------------------------------------------- one step

    def _step(self, samples: Tensor) -> None:
        """One batch of every run: samples (K, B)."""
        like = self._like(samples)
        drawn = torch.stack([draw_noise(like, trainer.config.noise_kind, trainer.noise()) for trainer in self.trainers])
        whole = samples.shape[1] == self.trainers[0].config.batch_size
        if not self.captures or not whole or self.n_eager < N_WARM_UP_STEPS:
            self.n_eager += whole
            self._compute(samples, drawn)
            return
        if self.graph is None:
            self.graph = _CapturedStep(self._compute, samples, drawn, self.optimizer, list(self.parameters.values()))
        self.graph.replay(samples, drawn)

    def _like(self, samples: Tensor) -> Tensor:
        """The shape of one run's batch of images."""
        pixels = self.trainers[0].pixels
        return torch.empty(1, device=pixels.device).expand(samples.shape[1], pixels.shape[1])

    def _compute(self, samples: Tensor, drawn: Tensor) -> None:
        """Forward, the losses, backward, update: as Trainer does it, for K runs at once."""
        config, pixels = self.trainers[0].config, self.trainers[0].pixels
        x = scale_pixels(pixels[samples])
        x_noisy = apply_noise(x, config.noise_kind, self.levels, drawn)  # eq 2
        with autocast(config.precision, pixels.device):
            terms, layers = torch.vmap(self._terms_of)(self.parameters, x, x_noisy)
            L_in = losses.interpretability_loss(terms, self.weights)
        self.optimizer.zero_grad(set_to_none=True)
        L_in.sum().backward()  # the runs share no parameter: each gets its own gradient
        self.optimizer.step()  # eq 8
        with torch.no_grad():
            for parameter in self.clamped:
                parameter.clamp_(min=0)
        shares = layers if config.model == "ddnmf" else None
        self.sums += batch_sums(terms, shares, samples.shape[1], config.loss_reduction, self.sums.shape[1] - 1)

    def _terms_of(self, parameters: dict[str, Tensor], x: Tensor, x_noisy: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        named = {f"model.{name}": parameter for name, parameter in parameters.items()}
        return torch.func.functional_call(self.terms, named, (x, x_noisy))


class _LossModule(nn.Module):
    """The losses as a module, so that they can be called with parameters from elsewhere."""

    def __init__(self, model: nn.Module, reduction: str) -> None:
        super().__init__()
        self.model, self.reduction = model, reduction

    def forward(self, x: Tensor, x_noisy: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        terms, layers = loss_terms(self.model, x, x_noisy, self.reduction)  # type: ignore[arg-type]
        return terms, next(iter(terms.values())).new_zeros(0) if layers is None else layers


class _CapturedStep:
    """A step that was captured once and is replayed: no kernel is launched one by one any more."""

    def __init__(
        self,
        compute: Callable[[Tensor, Tensor], None],
        samples: Tensor,
        drawn: Tensor,
        optimizer: torch.optim.Optimizer,
        parameters: Sequence[Tensor],
    ) -> None:
        self.samples, self.drawn, self.graph = samples.clone(), drawn.clone(), torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        optimizer.zero_grad(set_to_none=True)  # so that gradients lie in the graph's own memory
        with torch.cuda.graph(self.graph):  # records, computes nothing
            compute(self.samples, self.drawn)
        self.parameters, self.gradients = parameters, [parameter.grad for parameter in parameters]

    def replay(self, samples: Tensor, drawn: Tensor) -> None:
        self.samples.copy_(samples)
        self.drawn.copy_(drawn)
        self.graph.replay()
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient  # a step that was not replayed has put its own there


def _names_of(model: nn.Module, wanted: Sequence[Tensor]) -> list[str]:
    ids = {id(parameter) for parameter in wanted}
    return [name for name, parameter in model.named_parameters() if id(parameter) in ids]
