"""Interpret a factorisation: importance, faithfulness, causal effects, robustness and quality of its parts."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ddnmf_core.config import InterpretationConfig
from ddnmf_core.engine.worker.analyse import n_clusters, source_run
from ddnmf_core.engine.worker.provenance import provenance
from ddnmf_core.engine.worker.recorder import throttled
from ddnmf_core.progress import Progress
from ddnmf_core.store.entry import INTERPRETATION_FILE, PARTS_FILE, PROVENANCE_FILE, SCORES_FILE, Entry, Status
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ddnmf_core.data.dataset import Images
    from ddnmf_core.interpret.factorisation import Factorisation
    from ddnmf_core.interpret.part_evaluation import PartEvaluation

Step = Callable[[float, float, str], Progress]

# End of each step, as a share of the whole.
FACTORISED, SHARED_OUT, INTERVENED, SURVIVED = 0.1, 0.5, 0.85, 0.95
AREAS = ("deletion", "insertion", "deletion_random", "insertion_random")


def interpret(entry: Entry[InterpretationConfig], device_name: str) -> Status:
    """Compute importance, faithfulness and quality of every factor; for a run's parts also causal matrix and robustness."""
    import numpy as np
    import torch

    from ddnmf_core.data.catalogue import load
    from ddnmf_core.interpret.factorisation import factorise_images, factorise_run
    from ddnmf_core.interpret.part_evaluation import evaluate_parts
    from ddnmf_core.model.decoding import LinearDecode, part_effects

    config = entry.config
    state = replace(entry.state, status="running", message="Reading the images.", device="CPU")
    entry.set_state(state)
    began = time.perf_counter()
    images = load(config.dataset, config.n_samples, download=True)

    def step(start: float, end: float, title: str) -> Progress:
        def report(share: float, message: str) -> None:
            if entry.stop_requested:
                raise _Stopped
            tell(start + share * (end - start))

        def set_progress(share: float) -> None:
            entry.set_state(replace(state, progress=share, message=title))

        tell = throttled(set_progress)
        report(0.0, "")
        return report

    try:
        factorising = step(0.0, FACTORISED, "Factorising.")
        run = source_run(entry)
        factors = factorise_run(config, run, images, factorising) if run else factorise_images(config, images.scaled())
        H = torch.from_numpy(factors.H)
        samples = np.random.default_rng(config.seed).permutation(len(H))[: config.n_pictures]
        shared = evaluate_parts(
            factors.decode,
            H[samples],
            H.mean(dim=0),
            step(FACTORISED, SHARED_OUT, f"Computing Shapley values of {len(samples)} images."),
            config.seed,
        )
        with torch.no_grad():
            swings = part_effects(factors.decode, H).numpy()
        more = _of_parts(run, images, factors.H, step) if run and config.factors == "parts" else {}
        step(SURVIVED, 1.0, "Clustering the coefficients.")
        table = _table(factors, images, shared, swings, more)
        scores = _scores(config, factors, images, n_clusters(run, images), shared, swings, table)
    except _Stopped:
        return entry.end("stopped", "Stopped.")
    if config.factors == "readout" and isinstance(factors.decode, LinearDecode):  # nobody else keeps them
        more |= {"H": factors.H, "pictures": factors.decode.pictures.numpy()}
    entry.write_tensors(INTERPRETATION_FILE, {"swings": swings, **more, **{name: getattr(shared, name) for name in AREAS}})
    entry.write_table(PARTS_FILE, table)
    entry.write_json(PROVENANCE_FILE, provenance("CPU", seconds=round(time.perf_counter() - began, 3)))
    entry.write_json(SCORES_FILE, scores)
    return entry.end("finished", "")


class _Stopped(Exception):
    """A stop was requested."""


def _of_parts(run: FinishedRun, images: "Images", H: "NDArray[np.float32]", step: Step) -> "dict[str, NDArray[np.floating]]":
    """Compute the results that need the whole network: causal matrix, and survival under noise."""
    from ddnmf_core.analysis.assignment import Centres
    from ddnmf_core.interpret.part_evaluation import causal_by_picture, noise_survival

    centres, model = Centres.of(run.codes("z"), run.clusters("z", "kmeans")), run.ddnmf()
    return {
        "causal": causal_by_picture(
            model, H, H.mean(axis=0), centres, step(SHARED_OUT, INTERVENED, "Taking each part out of every picture.")
        ),
        "survival": noise_survival(
            model,
            images,
            run.config.noise_kind,
            run.config.seed,
            step(INTERVENED, SURVIVED, "Trying the parts on noisy images."),
        ),
    }


def _table(
    factors: "Factorisation",
    images: "Images",
    shared: "PartEvaluation",
    swings: "NDArray[np.floating]",
    more: "dict[str, NDArray[np.floating]]",
) -> "pd.DataFrame":
    """Return one row for each part."""
    import numpy as np
    import pandas as pd

    from ddnmf_core.interpret import quality
    from ddnmf_core.interpret.quality import NOISE_LEVELS, class_mass

    H = factors.H
    mass = class_mass(np.abs(H), images.labels, len(images.class_names))
    together = quality.correlations(H) - np.eye(H.shape[1])
    partner = np.abs(together).argmax(axis=1)
    table = pd.DataFrame(
        {
            "part": np.arange(H.shape[1]),
            "importance": shared.importance,
            "mean": H.mean(axis=0),
            "deviation": H.std(axis=0),
            "class": mass.argmax(axis=1),
            "purity": quality.purity(mass),
            "entropy": quality.entropy(mass),
            "hoyer": quality.hoyer(swings),
            "partner": partner,
            "correlation": together[np.arange(len(partner)), partner],
        }
    )
    if factors.sigmoid:
        table["saturation"] = quality.saturation(H)
    if more:
        table["cluster"], table["effect"] = more["causal"].argmax(axis=1), more["causal"].max(axis=1)
        table["survival"] = more["survival"][NOISE_LEVELS.index(0.4)]
    return table


def _scores(
    config: InterpretationConfig,
    factors: "Factorisation",
    images: "Images",
    n_components: int,
    shared: "PartEvaluation",
    swings: "NDArray[np.floating]",
    table: "pd.DataFrame",
) -> dict[str, Any]:
    """Score the factors as a whole, with the ACC, NMI and ARI of their coefficients' clusters."""
    from ddnmf_core.analysis.clustering import cluster
    from ddnmf_core.analysis.metrics import scores_of
    from ddnmf_core.interpret import quality
    from ddnmf_core.interpret.faithfulness import area
    from ddnmf_core.model.monitor import CONSTANT_DEVIATION

    H, assignment = factors.H, cluster(factors.H, "gmm", n_components, config.seed)
    redundancy_mean, redundancy_max = quality.redundancy(swings)
    scores = {
        **scores_of(images, assignment),
        **factors.scores,
        "explained_variance": factors.explained_variance(images.scaled()),
        "hoyer_parts": _mean(table["hoyer"]),
        **({"hoyer_H": _mean(quality.hoyer(H))} if H.shape[1] > 1 else {}),
        "redundancy_mean": redundancy_mean,
        "redundancy_max": redundancy_max,
        "cancellation": float(quality.cancellation(swings).mean()),
        **({"purity": _mean(table["purity"])} if images.labelled else {}),
        "constant_parts": int((H.std(axis=0) < CONSTANT_DEVIATION).sum()),
        "additivity_gap": shared.additivity_gap,
        "completeness_error": shared.completeness_error,
        **{f"{name}_auc": area(getattr(shared, name)) for name in AREAS},
    }
    return scores | ({"saturated_share": float(quality.saturation(H).mean())} if factors.sigmoid else {})


def _mean(values: "NDArray[np.floating] | pd.Series[float]") -> float:
    """Average the defined values: an unused part has no sparsity and no purity. 0 if none is defined."""
    import numpy as np

    return float(np.nanmean(values)) if not np.isnan(values).all() else 0.0
