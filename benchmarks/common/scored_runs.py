"""Train runs in the engine of the store (DDNMF_HOME), which skips finished ones, and return their scores."""

from collections.abc import Sequence
from statistics import median

from benchmarks.common.harness import NotHere
from ddnmf_core.config import ClusteringConfig, RunConfig
from ddnmf_core.data.catalogue import find
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.reproduce.cells import TargetCell
from ddnmf_core.store.entry import SCORES_FILE
from ddnmf_core.store.run_store import Store


def train_and_score(runs: Sequence[RunConfig]) -> list[dict[str, float]]:
    """Return for each run accuracies on the codes of clean images, L_sym of the last epoch, and images a second (the
    median of its epochs). Raises NotHere if a data set is missing."""
    for dataset in sorted({run.dataset for run in runs}):
        if not find(dataset):
            raise NotHere(f"{dataset} is not here. Set DDNMF_DATA (`ddnmf data` says how to get it).")
    store = Store()
    work = WorkBatch(store, [TargetCell(run.dataset, "DDNMF", run.seed, run, ClusteringConfig.of(run)) for run in runs])
    work.submit()
    for _ in work.steps():
        pass
    if failures := work.failures():
        raise RuntimeError("; ".join(failures))
    return [_scores(store, run) for run in runs]


def _scores(store: Store, run: RunConfig) -> dict[str, float]:
    entry = store.entry(run)
    of_code = {
        score["clusterer"]: score
        for score in entry.read_json(SCORES_FILE)
        if score["input"] == "clean" and score["representation"] == "z"
    }
    return {
        "ACC, K-means on z": of_code["kmeans"]["acc"],
        "ACC, GMM on z": of_code["gmm"]["acc"],
        "NMI, GMM on z": of_code["gmm"]["nmi"],
        "L_sym": entry.epochs()[-1]["L_sym"],
        "images/s": median(epoch["images_per_second"] for epoch in entry.epochs()),
    }
