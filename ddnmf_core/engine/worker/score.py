"""Score a trained model: codes, clusters and their agreement with the classes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ddnmf_core.config import CLUSTERERS
from ddnmf_core.store.entry import CLUSTERS_FILE, CODES_FILE, SCORES_FILE, RunEntry
from ddnmf_core.store.finished_run import clusters_key, codes_key, input_kind, load_model

if TYPE_CHECKING:
    import torch

    from ddnmf_core.data.dataset import Images


def encode_run(entry: RunEntry, images: "Images", report: Callable[[str], None], device: "torch.device | None" = None) -> None:
    """Store the codes of the clean and the noisy images, computed on a device (default CPU)."""
    from ddnmf_core.model.encoding import encode

    model = load_model(entry).to(device or "cpu")
    codes = {}
    for noisy in (False, True):
        report(f"Encoding the {input_kind(noisy)} images.")
        for name, value in encode(model, entry.config, images, noisy=noisy).items():
            codes[codes_key(name, noisy)] = value
    entry.write_tensors(CODES_FILE, codes)


def score_codes(entry: RunEntry, images: "Images", report: Callable[[str], None]) -> bool:
    """Cluster and score the stored codes; return False if stopped before the end. Without labels the only score is the
    silhouette."""
    import pandas as pd

    from ddnmf_core.analysis.clustering import cluster, silhouette
    from ddnmf_core.analysis.metrics import SILHOUETTE, scores_of
    from ddnmf_core.labels import CLUSTERER_TITLES

    config, codes = entry.config, entry.read_tensors(CODES_FILE)
    clusters, table = {}, []
    for noisy in (False, True):
        kind = input_kind(noisy)
        for representation in config.representations:
            for clusterer in CLUSTERERS:
                report(f"Clustering {representation} of the {kind} images with {CLUSTERER_TITLES[clusterer]}.")
                if entry.stop_requested:
                    return False
                code = codes[codes_key(representation, noisy)]
                assignment = cluster(code, clusterer, images.n_clusters(config.n_clusters), config.seed)
                clusters[clusters_key(representation, clusterer, noisy)] = assignment
                scores: dict[str, float | None] = {**scores_of(images, assignment)}
                if not scores:
                    scores[SILHOUETTE] = silhouette(code, assignment, config.seed)
                table.append({"input": kind, "representation": representation, "clusterer": clusterer, **scores})
    entry.write_table(CLUSTERS_FILE, pd.DataFrame(clusters))
    entry.write_json(SCORES_FILE, table)
    return True
