"""Seconds and trustworthiness of the maps that the program makes, against scikit-learn's t-SNE of the same codes.

Codes z of a default model after some epochs, one core each. t-SNE has the same perplexity, start and number of iterations on
both sides. UMAP is warm: its functions were compiled before. Trustworthiness (15 neighbours) is that of a random sample of
the points: how few of the neighbours on the map are no neighbours among the codes. `--size 70000` takes all of MNIST, and is
kept in files of its own.
"""

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.common.harness import NotHere, Result, Row
from ddnmf_core.analysis import embeddings
from ddnmf_core.config import PUBLISHED, EmbeddingConfig, RunConfig
from ddnmf_core.data.catalogue import find, load
from ddnmf_core.model.encoding import encode
from ddnmf_core.model.trainer import Trainer

REPEATS, SIZE = 1, 10_000
EPOCHS = 15  # fewer leave codes that a line and a plane can hold
N_SHIPPED, N_WARM, N_JUDGED, NEIGHBOURS = 10_000, 500, 3000, 15
OURS = {"t-sne": "openTSNE", "umap": "UMAP", "pca": "PCA"}
REFERENCE = "scikit-learn's t-SNE"


def measure(repeats: int, size: int = SIZE, epochs: int = EPOCHS) -> Result:
    codes = _codes(size, epochs)
    for method in OURS:
        _ours(codes[:N_WARM], method)
    rows: list[Row] = []
    for title, work in {REFERENCE: _reference, **{title: _made_by(method) for method, title in OURS.items()}}.items():
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            with threadpool_limits(1):
                points = work(codes)
            times.append(time.perf_counter() - began)
        seconds = float(np.median(times))
        rows.append(
            {
                "map": title,
                "points": len(codes),
                "seconds": seconds,
                "ratio": rows[0]["seconds"] / seconds if rows else 1.0,
                "trustworthiness": _trustworthiness(codes, points),
            }
        )
    return Result(
        "embeddings",
        rows,
        {"ratio": rows[1]["ratio"], "ours": rows[1]["seconds"], "reference": rows[0]["seconds"]},
        repeats,
        size,
        f"embeddings-{size}" if size != SIZE else "",
    )


def _codes(n: int, epochs: int) -> NDArray[np.float32]:
    """Return the codes z of n images under a trained model."""
    dataset = "mnist-10k" if n <= N_SHIPPED else "mnist"
    if not find(dataset):
        raise NotHere("the full set is not here. Set DDNMF_DATA (`ddnmf data` says how to get it).")
    config, images = RunConfig(**PUBLISHED | {"dataset": dataset, "epochs": epochs}), load(dataset, n)
    trainer = Trainer(config, images, torch.device("cpu"))
    trainer.train(lambda row: None)
    return encode(trainer.model, config, images, noisy=False)["z"]


def _made_by(method: str) -> Any:
    return lambda codes: _ours(codes, method)


def _ours(codes: NDArray[np.float32], method: str) -> NDArray[np.float32]:
    config = EmbeddingConfig(run=RunConfig().id, method=method, n_points=len(codes))  # type: ignore[arg-type]
    return embeddings.embed(codes, config)


def _reference(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    from sklearn.manifold import TSNE

    config = EmbeddingConfig(run=RunConfig().id)
    return TSNE(
        perplexity=config.perplexity, max_iter=sum(embeddings.TSNE_ITERATIONS), init="pca", random_state=config.seed, n_jobs=1
    ).fit_transform(codes)


def _trustworthiness(codes: NDArray[np.float32], points: NDArray[np.float32]) -> float:
    from sklearn.manifold import trustworthiness

    sample = np.random.default_rng(1).permutation(len(codes))[:N_JUDGED]
    return float(trustworthiness(codes[sample], points[sample], n_neighbors=NEIGHBOURS))
