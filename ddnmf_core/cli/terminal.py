"""What every command shares: its common options, its progress, its errors in one sentence."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ddnmf_core.files.atomic import CorruptFile


def _is_home(folder: Path | None) -> Path | None:
    """From here on the home of everything in this process, the user's own data sets too."""
    if folder is not None:
        os.environ["DDNMF_HOME"] = str(folder)
    return folder


HomeOption = Annotated[Path | None, typer.Option(help="Folder of the run store.", envvar="DDNMF_HOME", callback=_is_home)]
RunArgument = Annotated[str, typer.Argument(help="Its id; `ddnmf runs list` shows them.", autocompletion=lambda: run_ids())]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]

EXIT_CODES = (
    "Exit codes: 0 done. 1 carried out, and the answer is bad: a training failed or diverged, a file is damaged, a "
    "check does not agree. 2 not carried out: a wrong setting, something missing, no room; one sentence on standard "
    "error says what. 130 stopped before its end, as with Ctrl-C; the same command goes on from there."
)


@contextmanager
def plain_errors() -> Iterator[None]:
    """What goes wrong as one sentence on standard error, and exit code 2."""
    try:
        yield
    except typer.Exit:  # a RuntimeError, but not one
        raise
    except BrokenPipeError:  # `ddnmf runs list | head`
        raise typer.Exit(0) from None
    except (ValueError, RuntimeError, LookupError, CorruptFile, OSError) as error:
        typer.echo(f"ddnmf: {error}", err=True)
        raise typer.Exit(2) from None


@contextmanager
def progress_display() -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal; elsewhere a line on standard error for each new message."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda share, message: bar.update(task, completed=share, description=message)
        return
    shown = [""]

    def line(share: float, message: str) -> None:
        text = message.split(".")[0]
        if text != shown[0]:
            shown[0] = text
            typer.echo(f"{share:4.0%} {message}", err=True)

    yield line


def run_ids() -> list[tuple[str, str]]:
    """For the shell's completion: every run and what it is, newest first."""
    from ddnmf_core.store.run_store import Store

    return [(entry.id, f"{entry.config.model} {entry.config.dataset} seed {entry.config.seed}") for entry in Store().entries()]
