"""Train and score runs: from the last checkpoint to the codes, clusters and scores of the whole data set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ddnmf_core.engine.worker.recorder import Recorder
from ddnmf_core.engine.worker.score import encode_run, score_codes
from ddnmf_core.store.entry import CODES_FILE, MODEL_FILE, RunEntry, State, Status

if TYPE_CHECKING:
    import torch

    from ddnmf_core.data.dataset import Images
    from ddnmf_core.model.mapped_pixels import MappedRows
    from ddnmf_core.model.trainer import Outcome

SCORING = 0.99  # progress of a run that is being scored
Trained = Literal["trained"]  # encoded, too; the scores are left to a worker without a GPU


def train_run(entry: RunEntry, device_name: str) -> Status | Trained:
    """Train a run from its last checkpoint and encode the whole data set; on a CPU cluster and score it, too."""
    return train_runs([entry], device_name)[entry]


def train_runs(entries: Sequence[RunEntry], device_name: str) -> dict[RunEntry, Status | Trained]:
    """Train runs of one stack key: on a GPU as one batched model, on a CPU one after the other, with the scores.

    Clusterings take one core and longer than a GPU trains, so that there they are left to other workers. Errors before the
    training are raised; a run that diverges or stops has the reason in its state.
    """
    from ddnmf_core.data.catalogue import load
    from ddnmf_core.model.device import choose_device, device_title
    from ddnmf_core.model.mapped_pixels import MappedRows, pixels_on_device

    device, config = choose_device(device_name), entries[0].config
    states = {
        entry: replace(entry.state, status="running", message="Reading the images.", device=device_title(device))
        for entry in entries
    }

    def tell(message: str) -> None:
        for entry, state in states.items():
            entry.set_state(replace(state, message=message))

    tell("Reading the images.")
    images = load(config.dataset, config.n_samples, download=True, report=lambda message: tell(message.capitalize()))
    outcomes: dict[RunEntry, Status | Trained] = {}
    untrained = [entry for entry in entries if not entry.has(MODEL_FILE)]
    pixels = pixels_on_device(images.pixels, device) if untrained else None
    if pixels is not None and device.type == "cuda" and not isinstance(pixels, MappedRows):
        outcomes |= _train_stacks(untrained, states, images, device, pixels)
    else:
        for entry in untrained:
            if status := _train_alone(entry, states[entry], images, device, pixels):
                outcomes[entry] = status
    for entry in entries:
        if entry not in outcomes and device.type == "cuda":
            outcomes[entry] = _leave_to_score(entry, images, states[entry], device)
        elif entry not in outcomes:
            outcomes[entry] = _score(entry, images, states[entry])
    return outcomes


def score_run(entry: RunEntry, device_name: str) -> Status:
    """Cluster and score a trained run on the CPU; the state keeps the device of the training."""
    from ddnmf_core.data.catalogue import load

    images = load(entry.config.dataset, entry.config.n_samples, download=True)
    return _score(entry, images, replace(entry.state, status="running"))


def _train_alone(
    entry: RunEntry, state: State, images: "Images", device: "torch.device", pixels: "torch.Tensor | MappedRows | None"
) -> Status | None:
    """Train one run; return its status if it ended without a model. The training's memory is free on return."""
    from ddnmf_core.model.trainer import Trainer

    recorder = Recorder(entry, Trainer(entry.config, images, device, pixels), state)
    recorder.resume()
    return recorder.end(recorder.trainer.train(recorder.record, lambda: entry.stop_requested))


def _train_stacks(
    entries: Sequence[RunEntry],
    states: Mapping[RunEntry, State],
    images: "Images",
    device: "torch.device",
    pixels: "torch.Tensor | None" = None,
) -> dict[RunEntry, Status]:
    """Train runs as batched models; return the statuses of those that ended without a model. Halve a stack that does
    not fit into the device's memory, after freeing that memory."""
    import torch

    if pixels is None:
        pixels = torch.tensor(images.pixels, device=device)
    ended, left = _train_stack(entries, states, images, device, pixels)
    if left and device.type == "cuda":
        torch.cuda.empty_cache()
    for half in (left[: len(left) // 2], left[len(left) // 2 :]) if left else ():
        ended |= _train_stacks(half, states, images, device, pixels)
    return ended


def _train_stack(
    entries: Sequence[RunEntry],
    states: Mapping[RunEntry, State],
    images: "Images",
    device: "torch.device",
    pixels: "torch.Tensor",
) -> tuple[dict[RunEntry, Status], list[RunEntry]]:
    """Train the runs of each resume position together; return the statuses of those that ended without a model, and the
    runs left because memory was too small."""
    from ddnmf_core.model.batched_trainer import BatchedTrainer
    from ddnmf_core.model.device import ran_out_of_memory
    from ddnmf_core.model.trainer import Trainer

    recorders: dict[Trainer, Recorder] = {}
    places: dict[tuple[int, int], list[Trainer]] = {}
    ended: dict[RunEntry, Status] = {}

    def done(trainer: Trainer, outcome: "Outcome") -> None:
        if status := recorders[trainer].end(outcome):
            ended[recorders[trainer].entry] = status

    try:
        for entry in entries:
            trainer = Trainer(entry.config, images, device, pixels)
            recorders[trainer] = Recorder(entry, trainer, states[entry], len(entries))
            recorders[trainer].resume()
            places.setdefault((trainer.epoch, trainer.batch), []).append(trainer)
        for trainers in places.values():
            BatchedTrainer(trainers).train(
                lambda trainer, row: recorders[trainer].record(row),
                lambda trainer: recorders[trainer].entry.stop_requested,
                done,
            )
    except RuntimeError as error:
        if not ran_out_of_memory(error):
            raise
        left = [entry for entry in entries if entry not in ended and not entry.has(MODEL_FILE)]
        if len(left) < 2:
            raise
        return ended, left
    return ended, []


def _leave_to_score(entry: RunEntry, images: "Images", state: State, device: "torch.device") -> Trained:
    """Encode the images while the model's GPU is at hand."""
    if not entry.has(CODES_FILE):
        encode_run(entry, images, _reporter(entry, state), device)
    entry.set_state(replace(state, status="queued", progress=SCORING, message="Trained. Waiting to be scored."))
    return "trained"


def _reporter(entry: RunEntry, state: State) -> Callable[[str], None]:
    return lambda message: entry.set_state(replace(state, progress=SCORING, message=message))


def _score(entry: RunEntry, images: "Images", state: State) -> Status:
    """Compute what is missing of codes, clusters and scores of a trained run."""
    report = _reporter(entry, state)
    if not entry.has(CODES_FILE):
        encode_run(entry, images, report)
    if not score_codes(entry, images, report):
        return entry.end("stopped", "Stopped while scoring; it can be resumed there.")
    return entry.end("finished", "")
