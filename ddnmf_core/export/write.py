"""Export a run: checked first, written to a temporary folder, then renamed."""

import shutil
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from ddnmf_core.data.dataset import short_message
from ddnmf_core.export.formats import format_of
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import FinishedRun


def default_name(run: RunEntry, name: str) -> str:
    """Return the default name of the exported file or folder."""
    return f"ddnmf-{run.id}-{name}{format_of(name).suffix}"


def export(run: RunEntry, name: str, path: Path, report: Progress = ignore_progress) -> None:
    """Export a run to a file or folder, atomically.

    Parameters
    ----------
    run
        Finished run.
    name
        Name of the format, a key of `EXPORT_FORMATS`.
    path
        File or folder to create; a folder whose name ends in .zip becomes a zip file.
    report
        Callback for progress.

    Raises
    ------
    ValueError
        If the format is unknown, the run is not finished or the path exists.
    RuntimeError
        If a package is missing, or an exported network differs from the model.
    """
    export_format = format_of(name)
    export_format.require()
    if not run.available:
        raise ValueError(f"run {run.id} is not finished: train it first")
    finished = FinishedRun(run)
    if path.exists():
        raise ValueError(f"{path} already exists: delete it, or choose another name with --out")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".ddnmf-export-", dir=path.parent) as tmp:
        output = Path(tmp) / (path.name.removesuffix(".zip") if export_format.is_folder else path.name)
        if export_format.is_folder:
            output.mkdir()
        try:
            import_module(f"ddnmf_core.export.{export_format.module}").write(finished, output, report)
        except (ValueError, RuntimeError, LookupError, CorruptFile, OSError):
            raise
        except Exception as error:  # a library's own type, such as that of its database
            raise RuntimeError(
                f"the export to {export_format.title} failed ({short_message(error)}): check that {path.parent} can be written "
                "to and has free space"
            ) from error
        if export_format.is_folder and path.suffix == ".zip":
            report(0.98, "Compressing.")
            output = Path(shutil.make_archive(str(output), "zip", root_dir=tmp, base_dir=output.name))
        output.rename(path)
    report(1.0, "Done.")
