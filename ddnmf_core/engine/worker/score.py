"""Score a trained model: codes, clusters and their agreement with the classes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import CLUSTERERS
from ddnmf_core.store.cluster_scores import HELD_OUT, clusters_key, codes_key, input_kind
from ddnmf_core.store.entry import CLUSTERS_FILE, CODES_FILE, SCORES_FILE, RunEntry
from ddnmf_core.store.finished_run import load_model

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
    silhouette.

    Held-out samples (`RunConfig.test_share`) take no part in the clustering; they are assigned to its clusters, scored apart.
    """
    import pandas as pd

    from ddnmf_core.analysis.assignment import assign
    from ddnmf_core.analysis.clustering import cluster
    from ddnmf_core.data.held_out import held_out_mask
    from ddnmf_core.labels import CLUSTERER_TITLES

    config, codes = entry.config, entry.read_tensors(CODES_FILE)
    held_out = held_out_mask(images.labels, config.test_share)
    trained = ~held_out
    n_clusters = min(images.n_clusters(config.n_clusters), int(trained.sum()))
    clusters, table, held_out_table = {}, [], []
    for noisy in (False, True):
        kind = input_kind(noisy)
        for representation in config.representations:
            for clusterer in CLUSTERERS:
                report(f"Clustering {representation} of the {kind} images with {CLUSTERER_TITLES[clusterer]}.")
                if entry.stop_requested:
                    return False
                code = codes[codes_key(representation, noisy)]
                found = np.empty(len(code), np.int64)
                found[trained] = cluster(code[trained], clusterer, n_clusters, config.seed)
                clusters[clusters_key(representation, clusterer, noisy)] = found
                row = {"input": kind, "representation": representation, "clusterer": clusterer}
                table.append(row | _scores(images, code, found, trained, config.seed))
                if held_out.any():
                    found[held_out] = assign(clusterer, code[trained], found[trained], code[held_out])
                    held_out_table.append(row | {HELD_OUT: True} | _scores(images, code, found, held_out, config.seed))
    entry.write_table(CLUSTERS_FILE, pd.DataFrame(clusters))
    entry.write_json(SCORES_FILE, table + held_out_table)
    return True


def _scores(
    images: "Images", code: NDArray[np.float32], clusters: NDArray[np.int64], chosen: NDArray[np.bool_], seed: int
) -> dict[str, float | None]:
    """Score the clusters of the chosen samples: ACC, NMI and ARI, or without labels the silhouette."""
    from ddnmf_core.analysis.clustering import silhouette
    from ddnmf_core.analysis.metrics import SILHOUETTE, scores

    if images.labelled:
        return {**scores(images.labels[chosen], clusters[chosen])}
    return {SILHOUETTE: silhouette(code[chosen], clusters[chosen], seed)}
