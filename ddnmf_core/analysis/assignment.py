"""Assign further samples to the clusters of others, which stay as they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.analysis.clustering import assign_by_mixture
from ddnmf_core.config import ClustererName

Clusters = NDArray[np.int64]


def assign(clusterer: ClustererName, codes: NDArray[np.float32], clusters: Clusters, new: NDArray[np.float32]) -> Clusters:
    """Assign new rows to clusters.

    Parameters
    ----------
    clusterer : str
        How the clusters were found: "kmeans", the cluster with the nearest mean; "gmm", the most probable component.
    codes : ndarray of shape (n, d)
        Representation that was clustered.
    clusters : ndarray of shape (n,)
        Cluster of each row, from 0.
    new : ndarray of shape (m, d)
        Rows to assign.

    Returns
    -------
    ndarray of shape (m,)
        Cluster of each new row.
    """
    return Centres.of(codes, clusters).assign(new) if clusterer == "kmeans" else assign_by_mixture(codes, clusters, new)


@dataclass(frozen=True)
class Centres:
    """Centres of clusters; K-means assigns a sample to the nearest one (Lloyd 1982).

    Attributes
    ----------
    means : ndarray of shape (n_clusters, d)
        Mean of each cluster, in the clustered representation; infinite for an empty cluster.
    """

    means: NDArray[np.floating]

    @classmethod
    def of(cls, codes: NDArray[np.floating], clusters: Clusters) -> "Centres":
        """Compute the centres of a clustering.

        Parameters
        ----------
        codes : ndarray of shape (n, d)
            Clustered representation.
        clusters : ndarray of shape (n,)
            Cluster of each row, from 0.

        Returns
        -------
        Centres
            Means of the clusters; no row is ever assigned to an empty one.
        """
        n_clusters = int(clusters.max()) + 1
        counts = np.bincount(clusters, minlength=n_clusters)
        sums = np.zeros((n_clusters, codes.shape[1]))
        np.add.at(sums, clusters, codes)
        with np.errstate(invalid="ignore", divide="ignore"):
            return cls(np.where(counts[:, None] > 0, sums / counts[:, None], np.inf))

    def assign(self, codes: NDArray[np.floating]) -> Clusters:
        """Assign each row to the nearest centre.

        Parameters
        ----------
        codes : ndarray of shape (n, d)
            Representation.

        Returns
        -------
        ndarray of shape (n,)
            Cluster of each row.
        """
        distance = (self.means**2).sum(axis=1) - 2 * codes @ np.where(np.isfinite(self.means), self.means, 0).T
        return distance.argmin(axis=1).astype(np.int64)
