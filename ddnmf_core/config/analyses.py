"""Settings of what is computed from a run or from the pixels: maps, clusterings, evaluations of parts, NMF."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from ddnmf_core.config.base import Config, Dataset, RunId, Seed, without
from ddnmf_core.config.run import Representation, RunConfig

EmbeddingMethod = Literal["t-sne", "umap", "pca"]
ClustererName = Literal["kmeans", "gmm"]
CLUSTERERS: tuple[ClustererName, ...] = get_args(ClustererName)
Factors = Literal["parts", "units", "code_nmf", "readout", "nmf", "pca"]
PIXEL_FACTORISATIONS: tuple[Factors, ...] = ("nmf", "pca")  # factors without a run


def _fields_of(run: RunConfig) -> dict[str, Any]:
    """Return the fields that whatever is computed from a run takes over from it."""
    return {"dataset": run.dataset, "n_samples": run.n_samples, "run": run.id, "seed": run.seed}


class EmbeddingConfig(Config):
    """Settings of a two-dimensional map of one run's codes.

    Raises
    ------
    ValueError
        One sentence per invalid field.
    """

    run: RunId  # id of the run
    representation: Representation = "z"
    noisy: bool = False  # map the codes of the noisy images
    method: EmbeddingMethod = "t-sne"
    n_points: Annotated[int, Field(ge=50, le=70_000)] = 5000  # number of mapped images, drawn with the seed
    perplexity: Annotated[float, Field(ge=2, le=200)] = 30.0  # of t-SNE
    n_neighbors: Annotated[int, Field(ge=2, le=200)] = 15  # of UMAP
    min_dist: Annotated[float, Field(ge=0, le=0.99)] = 0.1  # of UMAP
    seed: Seed = 1

    @model_validator(mode="before")
    @classmethod
    def _ignore_fields_of_other_methods(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Drop the settings of the other methods, so that they cannot make two equal maps differ."""
        settings_of = {"t-sne": {"perplexity"}, "umap": {"n_neighbors", "min_dist"}}
        used = settings_of.get(str(fields.get("method", "t-sne")), set())
        return without(fields, *({"perplexity", "n_neighbors", "min_dist"} - used))


class PixelNMFConfig(Config):
    """Settings of scikit-learn's NMF of the raw pixels, the shallow baseline.

    Raises
    ------
    ValueError
        One sentence per invalid field.
    """

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    n_parts: Annotated[int, Field(ge=1, le=512)] = 10
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] = 300
    seed: Seed = 1


class ClusteringConfig(Config):
    """Settings of a clustering of the pixels of a data set, or of a run's codes.

    Raises
    ------
    ValueError
        One sentence per invalid field, or if representation, run and noise level contradict each other.
    """

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    run: RunId | None = None  # id of the run; None: cluster the pixels
    representation: Literal["pixels", "z", "H", "z_hat"] = "pixels"
    noise_level: Annotated[float, Field(ge=0, le=1)] = 0.0  # of the encoded images; the run's kind of noise
    transform: Literal["none", "unit_length", "unit_nmf", "umap", "pca"] = "none"  # applied before clustering
    n_components: Annotated[int, Field(ge=1, le=512)] = 10  # of the transform
    clusterer: ClustererName = "kmeans"
    seed: Seed = 1

    @model_validator(mode="before")
    @classmethod
    def _ignore_components_without_transform(cls, fields: dict[str, Any]) -> dict[str, Any]:
        keeps_size = fields.get("transform", "none") in ("none", "unit_length")
        return without(fields, "n_components") if keeps_size else fields

    @model_validator(mode="after")
    def _check_run(self) -> Self:
        if (self.run is None) != (self.representation == "pixels"):
            raise ValueError(
                f"representation = {self.representation!r}, run = {self.run!r}: 'pixels' takes no run, the others need one"
            )
        if self.run is None and self.noise_level:
            raise ValueError(f"noise_level = {self.noise_level}: should be 0 for pixels; noise needs a run")
        return self

    @classmethod
    def of(cls, run: RunConfig, **settings: Any) -> Self:
        """Configure a clustering of a run's codes.

        Parameters
        ----------
        run
            Configuration of the run; gives data set, number of images and seed.
        **settings
            Other fields; `representation` defaults to "z".

        Returns
        -------
        ClusteringConfig

        Raises
        ------
        ValueError
            If a setting is invalid.
        """
        return cls(**{**_fields_of(run), "representation": "z", **settings})


class InterpretationConfig(Config):
    """Settings of an evaluation of factors, with their mean coefficients as the baseline.

    Factors are the parts of a DDNMF, the units of an autoencoder's code, an NMF of that code, an additive read-out of any model
    (`interpret/readout.py`), or an NMF or PCA of the pixels.

    Raises
    ------
    ValueError
        One sentence per invalid field, or if factors, run and number of parts contradict each other.
    """

    dataset: Dataset = "mnist-10k"
    n_samples: Annotated[int, Field(ge=100)] | None = None
    run: RunId | None = None  # id of the run; None: factorise the pixels
    factors: Factors = "parts"
    n_parts: Annotated[int, Field(ge=1, le=512)] | None = None  # of an NMF, PCA or read-out; a run has its own
    n_pictures: Annotated[int, Field(ge=10, le=70_000)] = 300  # number of images with Shapley values
    seed: Seed = 1

    @model_validator(mode="after")
    def _check_run_and_parts(self) -> Self:
        if (self.run is None) != (self.factors in PIXEL_FACTORISATIONS):
            raise ValueError(
                f"factors = {self.factors!r}, run = {self.run!r}: {' and '.join(PIXEL_FACTORISATIONS)} take no run, "
                "the others need one"
            )
        if (self.n_parts is None) != (self.factors in ("parts", "units")):
            raise ValueError(
                f"factors = {self.factors!r}, n_parts = {self.n_parts}: parts and units take no n_parts, the others need it"
            )
        return self

    @classmethod
    def of(cls, run: RunConfig, **settings: Any) -> Self:
        """Configure an evaluation of a run's factors.

        Parameters
        ----------
        run
            Configuration of the run; gives data set, number of images and seed.
        **settings
            Other fields; `factors` defaults to "parts".

        Returns
        -------
        InterpretationConfig

        Raises
        ------
        ValueError
            If a setting is invalid.
        """
        return cls(**{**_fields_of(run), **settings})
