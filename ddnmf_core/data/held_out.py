"""Split a data set into samples to train on and held-out samples."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.data.dataset import DataError, Images
from ddnmf_core.data.sample_columns import SampleColumn
from ddnmf_core.seeds import derive

MIN_TRAINING = 10  # samples


def held_out_mask(labels: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Choose the held-out samples of a data set: of each class the same share, at random.

    The choice depends on the labels and the share alone, so that runs of every seed and setting are scored on the same samples;
    a larger share holds out those of a smaller one and more.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Class of each sample, from 0; all 0 without labels.
    share : float
        Share of the samples, 0 to 1; 0 holds out none.

    Returns
    -------
    ndarray of shape (n,)
        True for a held-out sample. Each class has its share, rounded.

    Raises
    ------
    DataError
        If the share is not 0 and the rounded shares are none, or leave fewer than MIN_TRAINING = 10 samples to train on.
    """
    chosen = np.zeros(len(labels), bool)
    if not share:
        return chosen
    order = np.random.default_rng(derive("held out")).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)  # of each sample within its class
    chosen[by_class] = rank < np.repeat(np.rint(share * counts), counts)
    n_chosen = int(chosen.sum())
    if not n_chosen:
        raise DataError(f"test_share = {share:g} holds out none of {len(labels):,} samples: choose a larger share")
    if (n_left := len(labels) - n_chosen) < MIN_TRAINING:
        raise DataError(f"test_share = {share:g} leaves {n_left} of {len(labels):,} samples for training: choose a smaller one")
    return chosen


def with_split(images: Images, share: float) -> Images:
    """Return the images with a column "split" beside them, of "training" and "held out"; unchanged without a share."""
    if not share:
        return images
    split = SampleColumn("split", held_out_mask(images.labels, share).astype(np.int64), ("training", "held out"))
    return replace(images, columns=(*images.columns, split))
