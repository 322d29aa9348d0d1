"""`ddnmf apply`: coefficients, code, cluster and error of new samples, by a finished run."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from ddnmf_core.cli.import_options import with_import_options
from ddnmf_core.cli.terminal import HomeOption, RunArgument, plain_errors, progress_display
from ddnmf_core.config import CLUSTERERS, ClustererName, Representation
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.export.csv import escape_formulas
from ddnmf_core.files.atomic import write_bytes
from ddnmf_core.store.run_store import Store

if TYPE_CHECKING:
    import pandas as pd


@with_import_options
def apply_command(
    run: RunArgument,
    options: ImportOptions,
    file: Annotated[Path, typer.Argument(help="Pictures, arrays or a table, of the kind that the run was trained on.")],
    out: Annotated[
        Path | None, typer.Option(help="Output file, .csv or .parquet; default: CSV on standard output.", show_default=False)
    ] = None,
    representation: Annotated[str, typer.Option(help="Representation whose clusters are used: z, H or z_hat.")] = "z",
    clusterer: Annotated[str, typer.Option(help="Clusters of which method: kmeans or gmm.")] = "kmeans",
    home: HomeOption = None,
) -> None:
    """Compute coefficients, code, cluster and reconstruction error of new samples with a finished run.

    Values are scaled as the run's data set was; columns of a table are found by name. Existing files are never overwritten.
    """
    with plain_errors():
        from ddnmf_core.interpret.apply import apply_run

        finished = Store(home).run(run)
        _check(out, representation, finished.config.representations, clusterer)
        path = file.expanduser()
        with progress_display() as show:
            frame, notes, shift = apply_run(
                finished,
                path,
                Path(os.path.abspath(path)).name,
                options,
                cast(Representation, representation),
                cast(ClustererName, clusterer),
                show,
            )
        if notes:
            typer.echo(f"Read as: {'; '.join(notes)}.", err=True)
        if shift:
            typer.echo(f"Warning: {shift}", err=True)
        if out is None:
            typer.echo(escape_formulas(frame).to_csv(index=False), nl=False)
            return
        _write(frame, out)
        typer.echo(f"{out}: {len(frame):,} samples.")


def _check(out: Path | None, representation: str, available: tuple[str, ...], clusterer: str) -> None:
    if clusterer not in CLUSTERERS:
        raise ValueError(f"clusterer = {clusterer!r}: should be one of {', '.join(CLUSTERERS)}")
    if representation not in get_args(Representation) or representation not in available:
        raise ValueError(f"representation = {representation!r}: should be one of {', '.join(available)}")
    if out is None:
        return
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise ValueError(f"out = {str(out)!r}: should end in .csv or .parquet")
    if out.exists():
        raise ValueError(f"{out} exists already: choose another name or remove it")


def _write(frame: "pd.DataFrame", out: Path) -> None:
    content = (
        escape_formulas(frame).to_csv(index=False).encode() if out.suffix.lower() == ".csv" else frame.to_parquet(index=False)
    )
    write_bytes(out, content)
