"""What a worker makes of a finished DDNMF run to say what its parts are, do and are worth."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ddnmf_core.analysis_tasks import finished_run, throttled
from ddnmf_core.config import InterpretationConfig
from ddnmf_core.entries import CLUSTERS, CODES, INTERPRETATION, PARTS, PROVENANCE, SCORES, Entry, Status
from ddnmf_core.provenance import provenance
from ddnmf_core.train_task import load_model

if TYPE_CHECKING:
    from ddnmf_core.interpret.measure import Worth

# Where each step ends, as a share of the whole.
SHARED_OUT, INTERVENED = 0.45, 0.9


def interpret(entry: Entry, device_name: str) -> Status:
    """Importance, faithfulness, causal matrix, robustness and quality of every part."""
    import numpy as np
    import torch

    from ddnmf_core.data import load
    from ddnmf_core.interpret.causal import Centres
    from ddnmf_core.interpret.measure import causal_by_picture, survivals, worth
    config: InterpretationConfig = entry.config
    run = finished_run(entry.store, config.run)
    if run.config.model != "ddnmf":
        raise ValueError(f"run {run.id} is an autoencoder: it has no parts to be interpreted")
    state = replace(entry.state, status="running", message="Reading the images.", device="CPU")
    entry.set_state(state)
    began = time.perf_counter()
    images, model, codes = load(run.config.dataset, run.config.n_samples), load_model(run), run.read_tensors(CODES)
    H = codes["clean/H"]
    baseline = H.mean(axis=0)

    def step(message: str, start: float, end: float) -> Any:
        def report(share: float) -> None:
            if entry.stop_requested:
                raise _Stopped
            tell(start + share * (end - start))
        tell = throttled(lambda share: entry.set_state(replace(state, progress=share, message=message)))
        return report

    samples = np.random.default_rng(config.seed).permutation(len(H))[:config.n_samples]
    try:
        shared = worth(model, torch.from_numpy(H[samples]), torch.from_numpy(baseline),
                       step(f"Sharing out {len(samples)} pictures among the parts.", 0.0, SHARED_OUT), config.seed)
        clusters = run.read_table(CLUSTERS)["clean/z/kmeans"].to_numpy()
        causal = causal_by_picture(model, H, baseline, Centres.of(codes["clean/z"], clusters),
                                   step("Taking each part out of every picture.", SHARED_OUT, INTERVENED))
        survival = survivals(model, images, run.config.noise_kind, run.config.seed,
                             step("Trying the parts on noisy images.", INTERVENED, 1.0))
    except _Stopped:
        return entry.end("stopped", "Stopped.")
    swings = _swings(model, H)
    entry.write_tensors(INTERPRETATION, {
        "swings": swings, "causal": causal, "survival": survival,
        **{name: getattr(shared, name) for name in ("deletion", "insertion", "deletion_random", "insertion_random")}})
    table = _table(H, images, shared, swings, causal, survival)
    entry.write_table(PARTS, table)
    entry.write_json(PROVENANCE, provenance("CPU", seconds=round(time.perf_counter() - began, 3)))
    entry.write_json(SCORES, _scores(H, images, shared, swings, table, codes["clean/error"]))
    return entry.end("finished", "")


class _Stopped(Exception):
    """Somebody pressed Cancel."""


def _swings(model: Any, H: Any) -> Any:
    import torch

    from ddnmf_core.parts import part_swings
    return part_swings(model.student, torch.from_numpy(H)).numpy()


def _table(H: Any, images: Any, shared: "Worth", swings: Any, causal: Any, survival: Any) -> Any:
    """A row for each part."""
    import numpy as np
    import pandas as pd

    from ddnmf_core.interpret import quality
    from ddnmf_core.interpret.robustness import LEVELS
    from ddnmf_core.parts import class_mass
    mass = class_mass(H, images.labels, len(images.class_names))
    together = quality.correlations(H) - np.eye(H.shape[1])
    partner = np.abs(together).argmax(axis=1)
    return pd.DataFrame({
        "part": np.arange(H.shape[1]), "importance": shared.importance, "mean": H.mean(axis=0), "deviation": H.std(axis=0),
        "saturation": quality.saturation(H), "class": mass.argmax(axis=1), "purity": quality.purity(mass),
        "entropy": quality.entropy(mass), "hoyer": quality.hoyer(swings), "partner": partner,
        "correlation": together[np.arange(len(partner)), partner], "cluster": causal.argmax(axis=1),
        "effect": causal.max(axis=1), "survival": survival[LEVELS.index(0.4)]})


def _scores(H: Any, images: Any, shared: "Worth", swings: Any, table: Any, error: Any) -> dict[str, Any]:
    """Of the model as a whole: what stands in one table with ACC, NMI and ARI."""
    import numpy as np

    from ddnmf_core.interpret import quality
    from ddnmf_core.interpret.faithfulness import area
    x = images.scaled()
    redundancy_mean, redundancy_max = quality.redundancy(swings)
    return {
        "hoyer_parts": float(table["hoyer"].mean()), "hoyer_H": float(np.nanmean(quality.hoyer(H))),
        "redundancy_mean": redundancy_mean, "redundancy_max": redundancy_max,
        "purity": float(table["purity"].mean()),
        "constant_parts": int((H.std(axis=0) < 1e-3).sum()), "saturated_share": float(table["saturation"].mean()),
        "explained_variance": float(1 - error.mean() / x.var(axis=0).mean()),
        "additivity_gap": shared.additivity_gap, "completeness_error": shared.completeness_error,
        **{f"{name}_auc": area(getattr(shared, name))
           for name in ("deletion", "insertion", "deletion_random", "insertion_random")}}
