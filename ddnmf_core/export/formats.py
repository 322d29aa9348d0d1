"""The formats by name: what each is for, whether it is a file or a folder, and what it needs. Loads nothing heavy."""

from dataclasses import dataclass
from importlib.util import find_spec

INSTALL = "pip install 'ddnmf[export]'"


@dataclass(frozen=True)
class ExportFormat:
    """One way out. Its module has `write(run, path, report)`, which makes the file or fills the empty folder."""

    title: str
    holds: str  # a sentence for people who choose
    module: str  # in ddnmf_core.export
    suffix: str = ""  # of a file; a folder has none
    needs: tuple[str, ...] = ()  # packages of the extra, as they are imported

    @property
    def is_folder(self) -> bool:
        return not self.suffix

    def missing(self) -> list[str]:
        """What it needs and is not installed."""
        return [package for package in self.needs if find_spec(package) is None]

    def require(self) -> None:
        """Raises RuntimeError with the command that installs what is missing."""
        if missing := self.missing():
            raise RuntimeError(f"an export to {self.title} needs {' and '.join(missing)}: {INSTALL}")


EXPORT_FORMATS: dict[str, ExportFormat] = {
    "parquet": ExportFormat(
        "Parquet", "Codes, clusters and labels, a row for each image, with their types.", "parquet", ".parquet"
    ),
    "csv": ExportFormat("CSV", "The same rows as text, safe to open in a spreadsheet.", "csv", ".csv"),
    "safetensors": ExportFormat(
        "safetensors", "The weights with a model card: settings, scores, versions, how to load them.", "safetensors"
    ),
    "onnx": ExportFormat(
        "ONNX",
        "Encoder and decoder for any runtime, checked against the model, and the parts as arrays.",
        "onnx",
        needs=("onnx", "onnxscript", "onnxruntime"),
    ),
    "tensorboard": ExportFormat(
        "TensorBoard", "Curves, pictures of every epoch, settings beside scores.", "tensorboard", needs=("tensorboard",)
    ),
    "mlflow": ExportFormat(
        "MLflow",
        "A tracking folder: parameters, metrics of every epoch, artifacts.",
        "mlflow",
        needs=("mlflow", "sqlalchemy", "alembic"),
    ),
    "embedding-atlas": ExportFormat(
        "Embedding Atlas", "A map of the images with thumbnails, classes, clusters and parts.", "embedding_atlas", ".parquet"
    ),
}


def format_of(name: str) -> ExportFormat:
    """Raises ValueError where there is none of this name."""
    if name not in EXPORT_FORMATS:
        raise ValueError(f"format = {name!r}: should be one of {', '.join(EXPORT_FORMATS)}")
    return EXPORT_FORMATS[name]
