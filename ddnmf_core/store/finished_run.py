"""A finished run as one typed object: model, codes, clusters, scores, history and the effects of its parts.

    run = Store().run("9c820a4d337dedbc")
    run.codes("z")                          # (n, d) of the clean images
    run.clusters("H", "gmm", noisy=True)    # (n,) of the noisy ones
    run.part_effects()                      # (r, n_pixels)

The keys inside a run's files ("clean/z/kmeans") are written and read by this module alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import ClustererName, Representation, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import Images
from ddnmf_core.store.entry import CLUSTERS_FILE, CODES_FILE, MODEL_FILE, PROVENANCE_FILE, SCORES_FILE, RunEntry

if TYPE_CHECKING:
    from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork

InputKind = Literal["clean", "noisy"]
INPUT_KINDS: tuple[InputKind, ...] = get_args(InputKind)
SNAPSHOTS = "snapshots/"


def input_kind(noisy: bool) -> InputKind:
    """The name of the images that were encoded."""
    return "noisy" if noisy else "clean"


def codes_key(representation: str, noisy: bool) -> str:
    """Key of an array in a run's codes: 'clean/z', 'noisy/H', 'clean/error'."""
    return f"{input_kind(noisy)}/{representation}"


def clusters_key(representation: str, clusterer: str, noisy: bool) -> str:
    """Column of a run's table of clusters: 'clean/z/kmeans'."""
    return f"{input_kind(noisy)}/{representation}/{clusterer}"


def snapshot_name(epoch: int) -> str:
    """File of the pictures of an epoch; epoch 0 is the untrained model."""
    return f"{SNAPSHOTS}{epoch:06d}.safetensors"


@dataclass(frozen=True)
class ClusterScore:
    """Agreement of one clustering with the classes, or without labels its silhouette."""

    representation: Representation
    clusterer: ClustererName
    noisy: bool
    values: Mapping[str, float]  # acc, nmi and ari, or silhouette

    @property
    def input(self) -> InputKind:
        """'clean' or 'noisy'."""
        return input_kind(self.noisy)

    @property
    def key(self) -> str:
        """'clean/z/kmeans'."""
        return clusters_key(self.representation, self.clusterer, self.noisy)


class FinishedRun:
    """Read-only view of a finished run. Files are read, and checked against their SHA-256, when first needed."""

    def __init__(self, entry: RunEntry) -> None:
        """Raises ValueError unless the run is finished."""
        if not entry.finished:
            raise ValueError(f"run {entry.id} is not finished: train it first")
        self.entry = entry

    def __repr__(self) -> str:
        return f"FinishedRun({self.id})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FinishedRun) and self.entry == other.entry

    def __hash__(self) -> int:
        return hash(self.entry)

    @property
    def id(self) -> str:
        """16 hexadecimal digits."""
        return self.entry.id

    @cached_property
    def config(self) -> RunConfig:
        """The settings that the run was trained with."""
        return self.entry.config

    def images(self) -> Images:
        """The data set that the run was trained on; raises DataError where it is not on this machine."""
        return catalogue.load(self.config.dataset, self.config.n_samples)

    def model(self) -> "DDNMFNetwork | Autoencoder":
        """The trained model on the CPU, in evaluation mode; raises CorruptFile where its file is damaged."""
        return self._model

    @cached_property
    def _model(self) -> "DDNMFNetwork | Autoencoder":
        return load_model(self.entry)

    def ddnmf(self) -> "DDNMFNetwork":
        """The trained model of a DDNMF; raises ValueError for an autoencoder, which has no parts."""
        from ddnmf_core.model.networks import DDNMFNetwork

        model = self.model()
        if not isinstance(model, DDNMFNetwork):
            raise ValueError(f"run {self.id} is an autoencoder: it has no parts")
        return model

    # -------------------------------------------------------------------------- codes and clusters

    def codes(self, representation: Representation = "z", *, noisy: bool = False) -> NDArray[np.float32]:
        """Codes of all images: z (n, d), H (n, r) or z_hat (n, d), of the clean images or of the noisy ones."""
        return self._codes[codes_key(representation, noisy)]

    def errors(self, *, noisy: bool = False) -> NDArray[np.float32]:
        """Mean squared difference of each reconstruction from the clean image, pixels in [0, 1]: (n,)."""
        return self._codes[codes_key("error", noisy)]

    @cached_property
    def _codes(self) -> dict[str, NDArray[np.float32]]:
        return self.entry.read_tensors(CODES_FILE)

    def clusters(
        self, representation: Representation = "z", clusterer: ClustererName = "kmeans", *, noisy: bool = False
    ) -> NDArray[np.int64]:
        """Cluster of every image, counted from 0: (n,)."""
        return self._clusters[clusters_key(representation, clusterer, noisy)]

    @cached_property
    def _clusters(self) -> dict[str, NDArray[np.int64]]:
        table = self.entry.read_table(CLUSTERS_FILE)
        return {str(name): table[name].to_numpy() for name in table}

    # ---------------------------------------------------------------------------- scores and history

    def scores(self) -> list[ClusterScore]:
        """Scores of every clustering: of clean and noisy images, by representation and clusterer."""
        return list(read_scores(self.entry))

    def score(
        self, name: str, representation: Representation = "z", clusterer: ClustererName = "kmeans", *, noisy: bool = False
    ) -> float:
        """One score ('acc', 'nmi', 'ari' or 'silhouette'); not a number where it is not defined."""
        key = clusters_key(representation, clusterer, noisy)
        return next((row.values.get(name, float("nan")) for row in self.scores() if row.key == key), float("nan"))

    def results(self) -> dict[str, float]:
        """All results by name: 'acc/clean/z/kmeans', 'error/noisy', the losses of the last epoch, 'seconds' of training."""
        found = {f"{name}/{row.key}": value for row in self.scores() for name, value in row.values.items()}
        found |= {f"error/{input_kind(noisy)}": float(self.errors(noisy=noisy).mean()) for noisy in (False, True)}
        epochs = self.epochs()
        found |= {name: value for name, value in epochs[-1].items() if name.startswith("L_")}
        return {
            **found,
            "code_rms": epochs[-1]["code_rms"],
            "constant_units": epochs[-1]["constant_units"],
            "seconds": sum(row["seconds"] for row in epochs),
        }

    def epochs(self) -> list[dict[str, Any]]:
        """A row of losses and unit statistics for each epoch."""
        return self._epochs

    @cached_property
    def _epochs(self) -> list[dict[str, Any]]:
        return self.entry.epochs()

    def provenance(self) -> dict[str, Any]:
        """Versions, machine, device, precision and seconds of training."""
        return self.entry.read_json(PROVENANCE_FILE)

    # ---------------------------------------------------------------------------------------- parts

    def part_effects(self) -> NDArray[np.float32]:
        """Effect of each part on the picture over its 5-95 % range, signed: (r, n_pixels). Raises ValueError for an
        autoencoder."""
        return self._part_effects

    @cached_property
    def _part_effects(self) -> NDArray[np.float32]:
        import torch

        from ddnmf_core.model.decoding import part_effects

        return part_effects(self.ddnmf().student.decode, torch.from_numpy(self.codes("H"))).numpy()

    def snapshots(self) -> list[int]:
        """Epochs whose pictures were kept, 0 for the untrained model."""
        return snapshots_of(self.entry)

    def snapshot(self, epoch: int) -> dict[str, NDArray[Any]]:
        """Pictures of one epoch, (k, n_pixels) each: u8 reconstructions, i8 effects of parts ('parts_swing')."""
        return self.entry.read_tensors(snapshot_name(epoch))


def snapshots_of(entry: RunEntry) -> list[int]:
    """Epochs whose pictures a run has, also while it is trained."""
    return [int(name.removeprefix(SNAPSHOTS).partition(".")[0]) for name in entry.names(SNAPSHOTS)]


def read_scores(entry: RunEntry) -> Iterator[ClusterScore]:
    """The rows of a run's scores.json."""
    for row in entry.read_json(SCORES_FILE):
        values = {name: value for name, value in row.items() if isinstance(value, int | float)}
        yield ClusterScore(row["representation"], row["clusterer"], row["input"] == "noisy", values)


def load_model(entry: RunEntry) -> "DDNMFNetwork | Autoencoder":
    """The trained model on the CPU, in evaluation mode; raises CorruptFile where its file is damaged."""
    import torch

    from ddnmf_core.model.networks import build_model

    model = build_model(entry.config, catalogue.spec(entry.config.dataset).n_pixels)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in entry.read_tensors(MODEL_FILE).items()})
    return model.eval()
