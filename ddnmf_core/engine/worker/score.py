"""Score a trained model: codes, clusters and their agreement with the classes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ddnmf_core.config import CLUSTERERS
from ddnmf_core.store.entry import CLUSTERS_FILE, CODES_FILE, SCORES_FILE, RunEntry
from ddnmf_core.store.finished_run import clusters_key, codes_key, input_kind, load_model

if TYPE_CHECKING:
    import torch

    from ddnmf_core.data.dataset import Images


def evaluate(entry: RunEntry, images: "Images", report: Callable[[str], None], device: "torch.device | None" = None) -> bool:
    """Compute codes, clusters and scores of clean and noisy images on a device (default CPU); return False if stopped
    before the end. Without labels the only score is the silhouette."""
    import pandas as pd

    from ddnmf_core.analysis.clustering import cluster, silhouette
    from ddnmf_core.analysis.metrics import SILHOUETTE, scores_of
    from ddnmf_core.labels import CLUSTERER_TITLES
    from ddnmf_core.model.encoding import encode

    config = entry.config
    model = load_model(entry).to(device or "cpu")
    codes, clusters, table = {}, {}, []
    for noisy in (False, True):
        kind = input_kind(noisy)
        report(f"Encoding the {kind} images.")
        for name, value in encode(model, config, images, noisy=noisy).items():
            codes[codes_key(name, noisy)] = value
        for representation in config.representations:
            for clusterer in CLUSTERERS:
                report(f"Clustering {representation} of the {kind} images with {CLUSTERER_TITLES[clusterer]}.")
                if entry.stop_requested:
                    return False
                code = codes[codes_key(representation, noisy)]
                assignment = cluster(code, clusterer, images.n_clusters(config.n_clusters), config.seed, device)
                clusters[clusters_key(representation, clusterer, noisy)] = assignment
                scores: dict[str, float | None] = {**scores_of(images, assignment)}
                if not scores:
                    scores[SILHOUETTE] = silhouette(code, assignment, config.seed)
                table.append({"input": kind, "representation": representation, "clusterer": clusterer, **scores})
    entry.write_tensors(CODES_FILE, codes)
    entry.write_table(CLUSTERS_FILE, pd.DataFrame(clusters))
    entry.write_json(SCORES_FILE, table)
    return True
