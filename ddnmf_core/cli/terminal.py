"""Shared parts of all commands: common options, progress display, Ctrl-C, one-sentence errors."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.home import default_root, exposure
from ddnmf_core.files.system_errors import explain_os_error
from ddnmf_core.progress import Progress


def _set_home(context: typer.Context, folder: Path | None) -> Path | None:
    """Use this folder for the whole process, user data sets included; warn once if other users may open it."""
    if folder is not None:
        folder = folder.expanduser()
        os.environ["DDNMF_HOME"] = str(folder)
    told = context.meta.setdefault("ddnmf.exposure_told", [])  # shared by a command and its subcommand
    if not context.resilient_parsing and not told and (warning := exposure(default_root())):
        told.append(warning)
        typer.echo(f"Warning: {warning}", err=True)
    return folder


HomeOption = Annotated[Path | None, typer.Option(help="Folder of the run store.", envvar="DDNMF_HOME", callback=_set_home)]
RunArgument = Annotated[str, typer.Argument(help="Run id; see `ddnmf runs list`.", autocompletion=lambda: run_ids())]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")]

EXIT_CODES = (
    "Exit codes: 0 success. 1 the command ran, but a training failed or diverged, a file is damaged or a check disagrees. "
    "2 the command did not run: an invalid setting, something missing or no disk space; standard error gives the reason in one "
    "sentence. 130 interrupted, for example by Ctrl-C; run the same command again to resume."
)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print an expected error as one sentence on standard error and exit with code 2."""
    try:
        yield
    except typer.Exit:  # a RuntimeError, but no error
        raise
    except BrokenPipeError:  # `ddnmf runs list | head`
        raise typer.Exit(0) from None
    except (ValueError, RuntimeError, LookupError, CorruptFile, OSError) as error:
        typer.echo(f"ddnmf: {explain_os_error(error) if isinstance(error, OSError) else error}", err=True)
        raise typer.Exit(2) from None


@contextmanager
def progress_display() -> Iterator[Progress]:
    """Show a progress bar on a terminal, else one line on standard error per new message."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as ProgressBar

        columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        with ProgressBar(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda share, message: bar.update(task, completed=share, description=message)
        return
    last = [""]

    def print_line(share: float, message: str) -> None:
        text = message.split(".")[0]
        if text != last[0]:
            last[0] = text
            typer.echo(f"{share:4.0%} {message}", err=True)

    yield print_line


def follow_steps(steps: Iterable[tuple[float, str]], stop: Callable[[], object]) -> bool:
    """Show (share, message) steps until they end. On Ctrl-C call `stop` and return False."""
    try:
        with progress_display() as show:
            for share, message in steps:
                show(share, message)
    except KeyboardInterrupt:
        typer.echo("Stopping. Run the same command again to resume; press Ctrl-C again to quit at once.", err=True)
        stop()
        return False
    return True


def run_ids() -> list[tuple[str, str]]:
    """List every run with a description, newest first, for shell completion."""
    from ddnmf_core.store.run_store import Store

    return [(entry.id, f"{entry.config.model} {entry.config.dataset} seed {entry.config.seed}") for entry in Store().entries()]
