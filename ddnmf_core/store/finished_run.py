"""Finished runs as typed objects: model, codes, clusters, scores, history and part effects.

    run = Store().run("9c820a4d337dedbc")
    run.codes("z")                          # (n, d) of the clean images
    run.clusters("H", "gmm", noisy=True)    # (n,) of the noisy ones
    run.part_effects()                      # (r, n_pixels)

Files are read and verified on first use.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ddnmf_core.config import ClustererName, Representation, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import Images
from ddnmf_core.data.held_out import held_out_mask, with_split
from ddnmf_core.display.equation import Equation
from ddnmf_core.display.parts import Parts, pixel_names
from ddnmf_core.store.cluster_scores import ClusterScore, clusters_key, codes_key, input_kind, read_scores
from ddnmf_core.store.entry import CLUSTERS_FILE, CODES_FILE, MODEL_FILE, PROVENANCE_FILE, RunEntry
from ddnmf_core.store.part_names import part_names, part_title
from ddnmf_core.store.run_names import run_title

if TYPE_CHECKING:
    from ddnmf_core.model.decoding import Decode
    from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork

SNAPSHOTS = "snapshots/"
EXAMPLE_MARK = "example"  # in a run's provenance
STUDENT, SUPERVISOR = "student.", "supervisor."  # prefixes of a DDNMF's weights


def snapshot_name(epoch: int) -> str:
    """Build the file name of an epoch's snapshot; epoch 0 is the untrained model."""
    return f"{SNAPSHOTS}{epoch:06d}.safetensors"


class FinishedRun:
    """Read-only view of a finished run. Files are read and verified on first use.

    Parameters
    ----------
    entry
        Entry of the run.
    scored
        Require the scores, too. Without them `clusters`, `scores` and `results` raise CorruptFile.

    Raises
    ------
    ValueError
        If the run is not finished.
    """

    def __init__(self, entry: RunEntry, scored: bool = True) -> None:
        if not (entry.finished if scored else entry.encoded):
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
        """Id of the run, 16 hexadecimal digits."""
        return self.entry.id

    @cached_property
    def config(self) -> RunConfig:
        """Settings of the run."""
        return self.entry.config

    def images(self) -> Images:
        """Load the data set of the run, with a column "split" where samples are held out; raise DataError if it is not on
        this machine."""
        return with_split(catalogue.load(self.config.dataset, self.config.n_samples), self.config.test_share)

    def model(self) -> "DDNMFNetwork | Autoencoder":
        """Load the trained model on the CPU in evaluation mode; raise CorruptFile if its file is damaged."""
        return self._model

    @cached_property
    def _model(self) -> "DDNMFNetwork | Autoencoder":
        return load_model(self.entry)

    @cached_property
    def has_supervisor(self) -> bool:
        """Whether the model has a trained supervisor: an autoencoder has none, an example the student alone."""
        return self.config.model == "ddnmf" and not self.is_example

    @cached_property
    def is_example(self) -> bool:
        """Whether the run came with the package (`store/examples.py`)."""
        return bool(self.entry.read_json(PROVENANCE_FILE).get(EXAMPLE_MARK))

    def ddnmf(self) -> "DDNMFNetwork":
        """Load the trained DDNMF; raise ValueError for an autoencoder, which has no parts."""
        from ddnmf_core.model.networks import DDNMFNetwork

        model = self.model()
        if not isinstance(model, DDNMFNetwork):
            raise ValueError(f"run {self.id} is an autoencoder: it has no parts")
        return model

    def decode(self) -> "Decode":
        """Return the student's decoder of coefficients, (n, r) -> (n, n_pixels): a `LinearDecode` where pictures are sums.

        Raises
        ------
        ValueError
            If the run is an autoencoder, which has no parts.
        """
        from ddnmf_core.model.decoding import decode_of

        return decode_of(self.ddnmf().student)

    def is_additive(self) -> bool:
        """Return True for a DDNMF whose pictures are sums of parts."""
        if self.config.model != "ddnmf":
            return False
        from ddnmf_core.model.decoding import LinearDecode

        return isinstance(self.decode(), LinearDecode)

    # ------------------------------------------------------------------------------- in a notebook

    def _repr_html_(self) -> str:
        """Show name, settings that differ from the defaults, scores and errors."""
        from ddnmf_core.display.run import run_html

        rows = [
            {"input": row.input, "representation": row.representation, "clusterer": row.clusterer, **row.values}
            for row in self.scores()
        ]
        errors: dict[str, float] = {input_kind(noisy): float(self.errors(noisy=noisy).mean()) for noisy in (False, True)}
        return run_html(run_title(self.entry), self.config.non_defaults(), rows, errors)

    def parts(self) -> Parts:
        """Return the parts, which a notebook shows, with their effects by feature name.

        Raises
        ------
        ValueError
            If the run is an autoencoder, which has no parts.
        """
        effects = self.part_effects()
        atoms = self.part_pictures()["alone"] if self.is_additive() else None
        names, titles = self._feature_names, self._part_titles(len(effects))
        return Parts(effects, titles, names, self._picture_shape, atoms)

    def equation(self, sample: int) -> Equation:
        """Return a clean sample as the sum of its parts, which a notebook shows.

        Parameters
        ----------
        sample : int
            Number of the sample, from 0.

        Raises
        ------
        ValueError
            If there is no such sample, or the run is an autoencoder, which has no parts.
        DataError
            If the data set is not on this machine.
        """
        import torch

        from ddnmf_core.model.sum_of_parts import sum_of_parts

        decode, H, images = self.decode(), self.codes("H"), self.images()
        if not 0 <= sample < len(images):
            raise ValueError(f"sample = {sample}: should be a number from 0 to {len(images) - 1:,}")
        baseline, values = sum_of_parts(decode, torch.from_numpy(H[sample]), torch.from_numpy(H.mean(axis=0)))
        return Equation(
            title=images.title_of(sample),
            sample=images.scaled(sample),
            contributions=values.numpy(),
            baseline=baseline.numpy(),
            H=H[sample],
            part_titles=self._part_titles(H.shape[1]),
            feature_names=self._feature_names,
            image_shape=self._picture_shape,
            additive=self.is_additive(),
        )

    def _part_titles(self, n_parts: int) -> tuple[str, ...]:
        names = part_names(self.entry)
        return tuple(part_title(names, part) for part in range(n_parts))

    @cached_property
    def _feature_names(self) -> tuple[str, ...]:
        of = catalogue.spec(self.config.dataset)
        return of.feature_names or pixel_names(of.image_shape)

    @property
    def _picture_shape(self) -> tuple[int, int] | None:
        of = catalogue.spec(self.config.dataset)
        return None if of.feature_names else of.image_shape

    # -------------------------------------------------------------------------- codes and clusters

    def codes(self, representation: Representation = "z", *, noisy: bool = False) -> NDArray[np.float32]:
        """Read the codes of all images.

        Parameters
        ----------
        representation
            "z", "H" or "z_hat"; an autoencoder has "z" only.
        noisy
            Read the codes of the noisy images.

        Returns
        -------
        array
            z (n, d), H (n, r) or z_hat (n, d).

        Raises
        ------
        KeyError
            If the run does not have the representation.
        CorruptFile
            If the file is damaged.
        """
        return self._codes[codes_key(representation, noisy)]

    def errors(self, *, noisy: bool = False) -> NDArray[np.float32]:
        """Read the mean squared error of each reconstruction against the clean image, pixels in [0, 1]: (n,)."""
        return self._codes[codes_key("error", noisy)]

    @cached_property
    def _codes(self) -> dict[str, NDArray[np.float32]]:
        codes = self.entry.read_tensors(CODES_FILE)
        return {name: code.astype(np.float32, copy=False) for name, code in codes.items()}  # an example's have half the bytes

    def clusters(
        self, representation: Representation = "z", clusterer: ClustererName = "kmeans", *, noisy: bool = False
    ) -> NDArray[np.int64]:
        """Read the cluster of every image.

        Parameters
        ----------
        representation
            "z", "H" or "z_hat".
        clusterer
            "kmeans" or "gmm".
        noisy
            Read the clusters of the noisy images.

        Returns
        -------
        array
            (n,), counted from 0.

        Raises
        ------
        KeyError
            If there is no such clustering.
        CorruptFile
            If the file is damaged.
        """
        return self._clusters[clusters_key(representation, clusterer, noisy)]

    @cached_property
    def _clusters(self) -> dict[str, NDArray[np.int64]]:
        table = self.entry.read_table(CLUSTERS_FILE)
        return {str(name): table[name].to_numpy() for name in table}

    # ---------------------------------------------------------------------------- scores and history

    def scores(self, *, held_out: bool = False) -> list[ClusterScore]:
        """Read the scores of all clusterings: clean and noisy images, each representation and clusterer.

        Parameters
        ----------
        held_out
            Read those of the held-out samples; none if the run has no such samples. By default those of the clustered samples.

        Returns
        -------
        list of ClusterScore
        """
        return [row for row in read_scores(self.entry) if row.held_out == held_out]

    def held_out(self) -> NDArray[np.bool_]:
        """Mark the held-out samples (`RunConfig.test_share`): (n,), none without such a share.

        Raises
        ------
        DataError
            If the data set is not on this machine.
        """
        if not self.config.test_share:
            return np.zeros(len(next(iter(self._codes.values()))), bool)
        return held_out_mask(self.images().labels, self.config.test_share)

    def score(
        self, name: str, representation: Representation = "z", clusterer: ClustererName = "kmeans", *, noisy: bool = False
    ) -> float:
        """Read one score.

        Parameters
        ----------
        name
            "acc", "nmi", "ari" or "silhouette".
        representation
            "z", "H" or "z_hat".
        clusterer
            "kmeans" or "gmm".
        noisy
            Read the score of the noisy images.

        Returns
        -------
        float
            NaN if it is not defined.
        """
        key = clusters_key(representation, clusterer, noisy)
        return next((row.values.get(name, float("nan")) for row in self.scores() if row.key == key), float("nan"))

    def results(self) -> dict[str, float]:
        """Collect all results by name: 'acc/clean/z/kmeans', 'error/noisy', last losses, 'seconds' of training."""
        values: dict[str, float] = {}
        for row in read_scores(self.entry):
            values |= {f"{name}/{row.key}{'/held_out' if row.held_out else ''}": value for name, value in row.values.items()}
        values |= {f"error/{input_kind(noisy)}": float(self.errors(noisy=noisy).mean()) for noisy in (False, True)}
        epochs = self.epochs()
        values |= {name: value for name, value in epochs[-1].items() if name.startswith("L_")}
        return {
            **values,
            "code_rms": epochs[-1]["code_rms"],
            "constant_units": epochs[-1]["constant_units"],
            "seconds": sum(row["seconds"] for row in epochs),
        }

    def epochs(self) -> list[dict[str, Any]]:
        """Read losses and unit statistics, one row per epoch."""
        return self._epochs

    @cached_property
    def _epochs(self) -> list[dict[str, Any]]:
        return self.entry.epochs()

    def provenance(self) -> dict[str, Any]:
        """Read versions, machine, device, precision and seconds of training."""
        return self.entry.read_json(PROVENANCE_FILE)

    # ---------------------------------------------------------------------------------------- parts

    def part_effects(self) -> NDArray[np.float32]:
        """Compute each part's effect on the image over its coefficient's 5-95 % range.

        Returns
        -------
        array
            (r, n_pixels), signed, in units of pixels in [0, 1].

        Raises
        ------
        ValueError
            If the run is an autoencoder, which has no parts.
        """
        return self._part_effects

    @cached_property
    def _part_effects(self) -> NDArray[np.float32]:
        import torch

        from ddnmf_core.model.decoding import part_effects

        return part_effects(self.decode(), torch.from_numpy(self.codes("H"))).numpy()

    def part_pictures(self) -> dict[str, NDArray[np.float32]]:
        """Return pictures of the parts.

        Returns
        -------
        dict of str to array
            "alone" and "raised" (r, n_pixels), "baseline" (1, n_pixels): `ddnmf_core.model.decoding.part_pictures`.

        Raises
        ------
        ValueError
            If the run is an autoencoder, which has no parts.
        """
        return self._part_pictures

    @cached_property
    def _part_pictures(self) -> dict[str, NDArray[np.float32]]:
        import torch

        from ddnmf_core.model.decoding import high_coefficients, part_pictures

        model, H = self.ddnmf(), torch.from_numpy(self.codes("H"))
        drawn = part_pictures(model, H.mean(dim=0), high_coefficients(model, H))
        return {name: picture.numpy() for name, picture in drawn.items()}

    def max_coefficient(self) -> float:
        """Return the limit of the coefficients: 1 by eq 3; with the NMF module at the pixels the largest one of the data."""
        return 1.0 if self.config.nmf_at == "code" else float(self.codes("H").max())

    def snapshots(self) -> list[int]:
        """List the epochs with a snapshot; 0 is the untrained model."""
        return snapshots_of(self.entry)

    def snapshot(self, epoch: int) -> dict[str, NDArray[Any]]:
        """Read the snapshot of an epoch: (k, n_pixels) each, uint8 reconstructions and int8 part effects ('parts_swing')."""
        return self.entry.read_tensors(snapshot_name(epoch))


def snapshots_of(entry: RunEntry) -> list[int]:
    """List the epochs with a snapshot; works during training."""
    return [int(name.removeprefix(SNAPSHOTS).partition(".")[0]) for name in entry.names(SNAPSHOTS)]


def load_model(entry: RunEntry) -> "DDNMFNetwork | Autoencoder":
    """Load a trained model on the CPU in evaluation mode; raise CorruptFile if its file is damaged."""
    import torch

    from ddnmf_core.model.networks import build_model

    model = build_model(entry.config, catalogue.spec(entry.config.dataset).n_pixels)
    weights = {name: torch.from_numpy(array) for name, array in entry.read_tensors(MODEL_FILE).items()}
    if not any(name.startswith(SUPERVISOR) for name in weights):  # an example has the student alone
        weights |= {name: weight for name, weight in model.state_dict().items() if name.startswith(SUPERVISOR)}
    model.load_state_dict(weights)
    return model.eval()
