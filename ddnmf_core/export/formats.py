"""Export formats by name: purpose, file or folder, required packages. Imports nothing heavy."""

from dataclasses import dataclass
from importlib.util import find_spec

INSTALL = "pip install 'ddnmf[export]'"


@dataclass(frozen=True)
class ExportFormat:
    """Export format. Its module has `write(run, path, report)`, which creates the file or fills the empty folder.

    Attributes
    ----------
    title
        Display name.
    holds
        One sentence on the contents.
    module
        Module in `ddnmf_core.export`.
    suffix
        File suffix; empty for a folder.
    needs
        Packages of the extra, by import name.
    """

    title: str
    holds: str
    module: str
    suffix: str = ""
    needs: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether the export is a folder."""
        return not self.suffix

    def missing(self) -> list[str]:
        """List the required packages that are not installed."""
        return [package for package in self.needs if find_spec(package) is None]

    def require(self) -> None:
        """Raise RuntimeError with the install command if a package is missing."""
        if missing := self.missing():
            raise RuntimeError(f"export to {self.title} requires {' and '.join(missing)}: install with {INSTALL}")


EXPORT_FORMATS: dict[str, ExportFormat] = {
    "parquet": ExportFormat("Parquet", "Codes, clusters and labels, typed, one row per image.", "parquet", ".parquet"),
    "csv": ExportFormat("CSV", "The same rows as text, safe to open in a spreadsheet.", "csv", ".csv"),
    "parts": ExportFormat(
        "CSV of parts", "Effect of each part on each feature or pixel, by name: a row for each part.", "parts", ".csv"
    ),
    "safetensors": ExportFormat(
        "safetensors", "Weights with a model card: settings, scores, versions, how to load them.", "safetensors"
    ),
    "onnx": ExportFormat(
        "ONNX",
        "Encoder and decoder for any runtime, verified against the model, and the parts as arrays.",
        "onnx",
        needs=("onnx", "onnxscript", "onnxruntime"),
    ),
    "tensorboard": ExportFormat(
        "TensorBoard", "Training curves, images of every epoch, settings and scores.", "tensorboard", needs=("tensorboard",)
    ),
    "projector": ExportFormat(
        "TensorBoard Projector", "Codes and coefficients with class, cluster, name and a thumbnail of each image.", "projector"
    ),
    "mlflow": ExportFormat(
        "MLflow",
        "Tracking folder with parameters, metrics of every epoch and artifacts.",
        "mlflow",
        needs=("mlflow", "sqlalchemy", "alembic"),
    ),
    "embedding-atlas": ExportFormat(
        "Embedding Atlas", "Map of the images with thumbnails, classes, clusters and parts.", "embedding_atlas", ".parquet"
    ),
}


def format_of(name: str) -> ExportFormat:
    """Return the format of this name; raise ValueError if there is none."""
    if name not in EXPORT_FORMATS:
        raise ValueError(f"format = {name!r}: should be one of {', '.join(EXPORT_FORMATS)}")
    return EXPORT_FORMATS[name]
