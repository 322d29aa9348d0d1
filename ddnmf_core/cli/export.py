"""`ddnmf export`: export a run to the format of another tool."""

from pathlib import Path
from typing import Annotated

import typer

from ddnmf_core.cli.terminal import HomeOption, RunArgument, plain_errors, progress_display
from ddnmf_core.export.formats import EXPORT_FORMATS
from ddnmf_core.export.write import default_name
from ddnmf_core.export.write import export as write_export
from ddnmf_core.store.run_store import Store


def export_command(
    run: RunArgument,
    to: Annotated[str, typer.Option(help=f"{', '.join(EXPORT_FORMATS)}.", autocompletion=lambda: list(EXPORT_FORMATS))],
    out: Annotated[
        Path | None, typer.Option(help="Output file or folder; a folder ending in .zip becomes a zip file.", show_default=False)
    ] = None,
    home: HomeOption = None,
) -> None:
    """Export a finished run to another tool's format and print the path. Existing files are never overwritten."""
    with plain_errors():
        entry = Store(home).get("runs", run)
        path = out or Path(default_name(entry, to))
        with progress_display() as show:
            write_export(entry, to, path, show)
        typer.echo(str(path))
