"""Train several runs of one architecture as one batched model, each with its own seed, weights, noise and history.

A single small model leaves most of a GPU idle: kernel launches and the optimiser's memory traffic take the time. A stack
holds the parameters of K runs as arrays with a leading axis K (`torch.vmap` over the same model and losses), captures the
step in a CUDA graph and reads the losses once an epoch. Order, noise and losses of a run are those of the run trained
alone, so its result is the same within float tolerance. On a CPU a stack is not faster; only tests use one there.
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
from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork, constraints
from ddnmf_core.model.pixels import scale_pixels
from ddnmf_core.model.trainer import (
    REPORT_INTERVAL_S,
    HistoryRow,
    Outcome,
    Trainer,
    batch_sums,
    loss_terms,
    make_optimizer,
    set_learning_rate,
)

STOP_POLL_INTERVAL_S = 0.05  # seconds between checks of should_stop
SHARED_SLOT = "step"  # entry of Adam's state with one value for all runs: the number of steps
N_WARM_UP_STEPS = 3  # eager steps before the capture, as torch's documentation of CUDA graphs requires


class BatchedTrainer:
    """Train the runs of one stack key together, from a batch they have all reached."""

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        """Raise ValueError unless the trainers have one architecture and are at the same batch."""
        keys = {(t.config.stack_key, t.epoch, t.batch) for t in trainers}
        if len(keys) != 1:
            raise ValueError(
                f"(stack key, epoch, batch) = {sorted(keys)}: the runs of a stack should have one architecture and be at "
                "the same batch"
            )
        self.trainers = list(trainers)
        self.captures = self.trainers[0].device.type == "cuda"  # capture the step in a CUDA graph
        self._gather()

    def train(
        self,
        report: Callable[[Trainer, HistoryRow], None],
        should_stop: Callable[[Trainer], bool],
        done: Callable[[Trainer, Outcome], None],
    ) -> None:
        """Train until every run has ended. `done` is called when a run ends, with its final weights in its trainer."""
        with matmul_precision(self.trainers[0].config.precision):
            while self.trainers:
                self._train_epoch(report, should_stop, done)

    def _train_epoch(
        self,
        report: Callable[[Trainer, HistoryRow], None],
        should_stop: Callable[[Trainer], bool],
        done: Callable[[Trainer, Outcome], None],
    ) -> None:
        """Train one epoch, with fewer runs after each that stops."""
        orders = torch.stack([trainer.order() for trainer in self.trainers])
        last_poll, last_report = 0.0, time.perf_counter()
        self.last_count = last_report
        while self.trainers and self.trainers[0].batch < self.trainers[0].batches_per_epoch:
            if time.perf_counter() - last_poll > STOP_POLL_INTERVAL_S:
                last_poll = time.perf_counter()
                stopping = [should_stop(trainer) for trainer in self.trainers]
                if any(stopping):
                    orders = orders[[not stop for stop in stopping]]
                    self._remove(stopping, lambda trainer: "stopped" if trainer.finite() else "diverged", done)
                    continue
            if time.perf_counter() - last_report > REPORT_INTERVAL_S:
                last_report = time.perf_counter()
                self._report(report)
            size = self.trainers[0].config.batch_size
            self._step(orders[:, self.trainers[0].batch * size :][:, :size])
            for trainer in self.trainers:
                trainer.batch += 1
            self._share_time()
        if self.trainers:
            synchronize(self.trainers[0].device)
            self._share_time()
        self._scatter()
        finite = [trainer.end_epoch(partial(report, trainer)) for trainer in self.trainers]
        self._remove([not is_finite for is_finite in finite], lambda trainer: "diverged", done)
        self._remove([trainer.epoch >= trainer.config.epochs for trainer in self.trainers], lambda trainer: "finished", done)
        if self.trainers:
            self.sums.zero_()

    def _share_time(self) -> None:
        """Divide the time since the last call equally among the runs still in the stack."""
        now = time.perf_counter()
        for trainer in self.trainers:
            trainer.seconds += (now - self.last_count) / len(self.trainers)
        self.last_count = now

    def _report(self, report: Callable[[Trainer, HistoryRow], None]) -> None:
        """Report a row of each run within an epoch."""
        if self.trainers[0].batch > 0:
            synchronize(self.trainers[0].device)
            self._share_time()
            self._lend_losses()
            for trainer in self.trainers:
                report(trainer, trainer.row("batch"))

    def _remove(
        self, ended: Sequence[bool], outcome: Callable[[Trainer], Outcome], done: Callable[[Trainer, Outcome], None]
    ) -> None:
        """Remove ended runs and continue with a smaller stack."""
        if not any(ended):
            return
        self._scatter()
        removed = [trainer for trainer, has_ended in zip(self.trainers, ended, strict=True) if has_ended]
        self.trainers = [trainer for trainer in self.trainers if trainer not in removed]
        if self.trainers:
            self._gather()
        for trainer in removed:
            done(trainer, outcome(trainer))

    # ----------------------------------------------------------------------- copies between trainers and the stack

    def _gather(self) -> None:
        """Stack the trainers' parameters and optimiser states along a leading axis K."""
        first = self.trainers[0]
        named = [dict(trainer.model.named_parameters()) for trainer in self.trainers]
        self.parameters = {name: torch.stack([run[name].detach() for run in named]).requires_grad_() for name in named[0]}
        names = {id(parameter): name for name, parameter in first.model.named_parameters()}
        self.constraints = [(self.parameters[names[id(p)]], projection) for p, projection in constraints(first.model)]
        capturable = first.device.type == "cuda"
        self.optimizer = make_optimizer(self.parameters.values(), first.config, capturable)
        for name, parameter in self.parameters.items():
            slots = [trainer.optimizer.state.get(run[name], {}) for trainer, run in zip(self.trainers, named, strict=True)]
            if slots[0]:
                self.optimizer.state[parameter] = {
                    slot: value.clone().to(parameter.device if capturable else value.device)
                    if slot == SHARED_SLOT
                    else torch.stack([run_slots[slot] for run_slots in slots])
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

    def _lend_losses(self) -> None:
        """Give each trainer its sums, and its gradients as views, which is what a row within an epoch is made of."""
        for k, trainer in enumerate(self.trainers):
            trainer.sums.copy_(self.sums[k])
            for name, parameter in trainer.model.named_parameters():
                gradient = self.parameters[name].grad
                parameter.grad = None if gradient is None else gradient[k]

    @torch.no_grad()
    def _scatter(self) -> None:
        """Copy parameters, gradients, optimiser state and sums back to each trainer."""
        for k, trainer in enumerate(self.trainers):
            for name, parameter in trainer.model.named_parameters():
                stacked = self.parameters[name]
                parameter.copy_(stacked[k])
                parameter.grad = None if stacked.grad is None else stacked.grad[k].clone()
                trainer.optimizer.state[parameter] = {
                    slot: (value if slot == SHARED_SLOT else value[k]).clone()
                    for slot, value in self.optimizer.state.get(stacked, {}).items()
                    if value is not None
                }
            trainer.sums.copy_(self.sums[k])

    # ---------------------------------------------------------------------------------------------- one step

    def _step(self, samples: Tensor) -> None:
        """Train every run on one batch: samples (K, B)."""
        set_learning_rate(self.optimizer, self.trainers[0].learning_rate)
        shape = self._noise_shape(samples)
        drawn = torch.stack([draw_noise(shape, trainer.config.noise_kind, trainer.noise()) for trainer in self.trainers])
        is_full = samples.shape[1] == self.trainers[0].config.batch_size
        if not self.captures or not is_full or self.n_eager < N_WARM_UP_STEPS:
            self.n_eager += is_full
            self._compute(samples, drawn)
            return
        if self.graph is None:
            self.graph = _CapturedStep(self._compute, samples, drawn, self.optimizer, list(self.parameters.values()))
        self.graph.replay(samples, drawn)

    def _noise_shape(self, samples: Tensor) -> Tensor:
        """Return an empty tensor with shape and device of one run's batch of images."""
        pixels = self.trainers[0].pixels
        return torch.empty(1, device=pixels.device).expand(samples.shape[1], pixels.shape[1])

    def _compute(self, samples: Tensor, drawn: Tensor) -> None:
        """Compute the step of `Trainer` for K runs at once: forward, losses, backward, update."""
        config, pixels = self.trainers[0].config, self.trainers[0].pixels
        x = scale_pixels(pixels[samples])
        x_noisy = apply_noise(x, config.noise_kind, self.levels, drawn, self.trainers[0].image_shape)  # eq 2
        with autocast(config.precision, pixels.device):
            terms, layers = torch.vmap(self._loss_terms)(self.parameters, x, x_noisy)
            L_in = losses.interpretability_loss(terms, self.weights)
        self.optimizer.zero_grad(set_to_none=True)
        L_in.sum().backward()  # runs share no parameters, so the gradients stay separate
        self.optimizer.step()  # eq 8
        with torch.no_grad():
            for parameter, projection in self.constraints:
                projection(parameter)
        shares = layers if config.model == "ddnmf" else None
        self.sums += batch_sums(terms, shares, samples.shape[1], config.loss_reduction, self.sums.shape[1] - 1)

    def _loss_terms(self, parameters: dict[str, Tensor], x: Tensor, x_noisy: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Compute the losses of one run, with its slice of the stacked parameters."""
        named = {f"model.{name}": parameter for name, parameter in parameters.items()}
        return torch.func.functional_call(self.terms, named, (x, x_noisy))


class _LossModule(nn.Module):
    """Wrap the losses in a module for `torch.func.functional_call`, which takes the parameters as an argument."""

    def __init__(self, model: DDNMFNetwork | Autoencoder, reduction: str) -> None:
        super().__init__()
        self.model, self.reduction = model, reduction

    def forward(self, x: Tensor, x_noisy: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        terms, layers = loss_terms(self.model, x, x_noisy, self.reduction)
        return terms, next(iter(terms.values())).new_zeros(0) if layers is None else layers


class _CapturedStep:
    """Capture a step in a CUDA graph and replay it, which launches all its kernels at once."""

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
        optimizer.zero_grad(set_to_none=True)  # gradients are then allocated in the graph's memory
        with torch.cuda.graph(self.graph):  # records without computing
            compute(self.samples, self.drawn)
        self.parameters, self.gradients = parameters, [parameter.grad for parameter in parameters]

    def replay(self, samples: Tensor, drawn: Tensor) -> None:
        """Copy the inputs to the graph's memory and run the step on them."""
        self.samples.copy_(samples)
        self.drawn.copy_(drawn)
        self.graph.replay()
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient  # an eager step in between has replaced it
