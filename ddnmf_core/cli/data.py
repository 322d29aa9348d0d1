"""`ddnmf data`: list and download data sets; import and remove your own."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ddnmf_core.cli.import_options import with_import_options
from ddnmf_core.cli.terminal import HomeOption, JsonOption, plain_errors, progress_display
from ddnmf_core.data import catalogue, suggestions
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.store import user_data

data_app = typer.Typer(help="List and download data sets; import and remove your own.", invoke_without_command=True)


@data_app.callback()
def show_data_sets(
    context: typer.Context,
    get: Annotated[str | None, typer.Option(help="Download this data set to the user cache.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """List all data sets with their location, or how to get them; `add`, `list` and `remove` manage your own."""
    if context.invoked_subcommand:
        return
    with plain_errors():
        if get:
            images = catalogue.load(get, download=True, report=lambda text: typer.echo(text, err=True))
            typer.echo(f"{get}: {len(images):,} images, verified.")
            return
        if as_json:
            catalogued = [
                {
                    "data": name,
                    "images": spec.n_samples,
                    "licence": spec.licence,
                    "found": (location := catalogue.find(name)) and location.source,
                }
                for name, spec in catalogue.DATASETS.items()
            ]
            imported = [
                {"data": name, "images": user_sets.user_spec(name).n_samples, "licence": "", "found": "your own"}
                for name in user_sets.names()
                if user_sets.is_readable(name)
            ]
            typer.echo(json.dumps(catalogued + imported))
            return
        for name, spec in catalogue.DATASETS.items():
            location = catalogue.find(name)
            where = f"{location.source}{f' ({location.folder})' if location.folder else ''}" if location else "not found"
            typer.echo(f"{name:<18} {spec.n_samples:>6,} images  {spec.licence:<13} {where}")
            if location is None:
                typer.echo(f"{'':<18} {catalogue.ways_to_get(name)}")
        _print_user_data()


@data_app.command("add")
@with_import_options
def add_data(
    path: Annotated[
        Path,
        typer.Argument(
            help="Folder or zip file of images, a .npy, .npz, .mat, .h5 or IDX file, or a table: .csv, .tsv, .parquet, .h5ad."
        ),
    ],
    options: ImportOptions,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Import your own images or table into the store. How a table is written is decided from its first lines, and said."""
    with plain_errors():
        with progress_display() as show:
            file_name = Path(os.path.abspath(path.expanduser())).name
            raw = user_sets.read_source(path.expanduser(), file_name, options, show)
            name = user_sets.add_read(raw, file_name, options, show)
        if as_json:
            typer.echo(json.dumps(user_sets.as_json(name) | {"notes": raw.notes, "warnings": raw.warnings}))
            return
        spec = user_sets.user_spec(name)
        typer.echo(f"{name}  {spec.title}: {user_sets.describe(name)}")
        if raw.notes:
            typer.echo(f"Read as: {'; '.join(raw.notes)}.")
        for warning in raw.warnings:
            typer.echo(f"Warning: {warning}")
        if skipped := user_sets.meta(name)["skipped_files"]:
            typer.echo(f"Skipped {skipped} files that are not images.")
        typer.echo(f"Suggested: {suggestions.suggest(spec).reason}\nTrain on it: ddnmf train --dataset {name}")


@data_app.command("list")
def list_user_data(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """List your own data sets, oldest first."""
    with plain_errors():
        if as_json:
            readable = list(filter(user_sets.is_readable, user_sets.names()))
            for name in user_sets.names():
                if name not in readable:
                    typer.echo(f"{name} is damaged: remove it and add it again", err=True)
            typer.echo(json.dumps([user_sets.as_json(name) for name in readable]))
            return
        _print_user_data()
        if not user_sets.names():
            typer.echo("No data sets of your own. Import one: ddnmf data add PATH")


def _print_user_data() -> None:
    for name in user_sets.names():
        try:
            typer.echo(f"{name:<20}  {user_sets.user_spec(name).title}: {user_sets.describe(name)}")
        except DataError as error:
            typer.echo(str(error), err=True)


@data_app.command("remove")
def remove_data(
    name: Annotated[str, typer.Argument(help="Id of the data set; see `ddnmf data list`.")], home: HomeOption = None
) -> None:
    """Remove a data set of your own; delete the runs trained on it first."""
    with plain_errors():
        user_data.remove_data_set(name)
        typer.echo(f"Removed {name}.")
