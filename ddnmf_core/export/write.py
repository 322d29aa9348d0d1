"""Write a run in a format: checked before, written beside, then put in its place, so that it is there whole or not at all."""

import shutil
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from ddnmf_core.export.formats import format_of
from ddnmf_core.progress import Progress, ignore_progress
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import FinishedRun


def default_name(run: RunEntry, name: str) -> str:
    """What to call the file or folder."""
    return f"ddnmf-{run.id}-{name}{format_of(name).suffix}"


def export(run: RunEntry, name: str, path: Path, report: Progress = ignore_progress) -> None:
    """The run as a file or a folder; a folder whose name ends in .zip as one zip file.

    Raises ValueError for an unknown format, an unfinished run or a path that is taken (nothing is written over), and
    RuntimeError where a package is missing.
    """
    chosen = format_of(name)
    chosen.require()
    if not run.available:
        raise ValueError(f"run {run.id} is not finished: only a finished run can be exported")
    finished = FinishedRun(run)
    if path.exists():
        raise ValueError(f"{path} is there already: delete it or choose another name with --out")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".ddnmf-export-", dir=path.parent) as beside:
        made = Path(beside) / (path.name.removesuffix(".zip") if chosen.is_folder else path.name)
        if chosen.is_folder:
            made.mkdir()
        import_module(f"ddnmf_core.export.{chosen.module}").write(finished, made, report)
        if chosen.is_folder and path.suffix == ".zip":
            report(0.98, "Packing.")
            made = Path(shutil.make_archive(str(made), "zip", root_dir=beside, base_dir=made.name))
        made.rename(path)
    report(1.0, "Done.")
