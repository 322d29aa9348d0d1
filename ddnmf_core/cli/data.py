"""`ddnmf data`: which data sets there are, and the user's own added and removed."""

import json
from pathlib import Path
from typing import Annotated, cast

import typer

from ddnmf_core.cli.terminal import HomeOption, JsonOption, plain_errors, progress_display
from ddnmf_core.data import catalogue, suggestions
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions, Missing, Negative, Scale, shape_of
from ddnmf_core.store import user_data

data_app = typer.Typer(help="The data sets: ours, and your own.", invoke_without_command=True)


@data_app.callback()
def show_data_sets(
    context: typer.Context,
    get: Annotated[str | None, typer.Option(help="Download this set into the user cache.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Each data set: where it was found, or how to get it. With `add`, `list` and `remove`: your own."""
    if context.invoked_subcommand:
        return
    with plain_errors():
        if get:
            images = catalogue.load(get, download=True, report=lambda text: typer.echo(text, err=True))
            typer.echo(f"{get}: {len(images):,} images, verified.")
            return
        if as_json:
            ours = [
                {
                    "data": name,
                    "images": spec.n_samples,
                    "licence": spec.licence,
                    "found": (place := catalogue.find(name)) and place.source,
                }
                for name, spec in catalogue.DATASETS.items()
            ]
            own = [
                {"data": name, "images": user_sets.user_spec(name).n_samples, "licence": "", "found": "your own"}
                for name in user_sets.names()
                if user_sets.is_readable(name)
            ]
            typer.echo(json.dumps(ours + own))
            return
        for name, spec in catalogue.DATASETS.items():
            location = catalogue.find(name)
            where = f"{location.source}{f' ({location.folder})' if location.folder else ''}" if location else "not found"
            typer.echo(f"{name:<18} {spec.n_samples:>6,} images  {spec.licence:<13} {where}")
            if location is None:
                typer.echo(f"{'':<18} {catalogue.ways_to_get(name)}")
        _list()


@data_app.command("add")
def add_data(
    path: Annotated[Path, typer.Argument(help="A folder or zip file of pictures; .npy, .npz, .csv, .tsv or .parquet.")],
    title: Annotated[str, typer.Option(help="What to call it; default: the file's name.")] = "",
    labels: Annotated[str | None, typer.Option(help="Column of a table that holds the classes.")] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="Column that is no feature; may be given often.")] = None,
    size: Annotated[int, typer.Option(help="Pictures are resized: pixels of the longer side.")] = 28,
    shape: Annotated[str | None, typer.Option(help="Of the pictures in the rows of an array, as 28x28.")] = None,
    invert: Annotated[bool, typer.Option("--invert", help="Dark figures on a light ground: turn them round.")] = False,
    folders: Annotated[bool, typer.Option(help="A picture's class is the name of its folder.")] = True,
    negative: Annotated[str, typer.Option(help="What becomes of negative values: refuse, shift or clip.")] = "refuse",
    missing: Annotated[str, typer.Option(help="What becomes of missing values: refuse, mean or zero.")] = "refuse",
    scale: Annotated[str | None, typer.Option(help="To [0, 1]: range (a table's default), maximum or set.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Add your own images or table; it is then a data set like the others, kept in the store."""
    with plain_errors():
        choices = ImportOptions(
            title,
            size,
            invert,
            folders,
            labels,
            tuple(leave_out or ()),
            shape_of(shape) if shape else None,
            cast(Negative, negative),
            cast(Missing, missing),
            cast(Scale | None, scale),
        )
        with progress_display() as show:
            name = user_sets.add(path.expanduser(), path.expanduser().resolve().name, choices, show)
        if as_json:
            typer.echo(json.dumps(user_sets.as_json(name)))
            return
        spec = user_sets.user_spec(name)
        typer.echo(f"{name}  {spec.title}: {user_sets.describe(name)}")
        if skipped := user_sets.meta(name)["skipped_files"]:
            typer.echo(f"{skipped} files that are no pictures were left out.")
        typer.echo(f"Suggested: {suggestions.suggest(spec).reason}\nTrain on it: ddnmf train --dataset {name}")


@data_app.command("list")
def list_user_data(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Your own data sets, the newest last."""
    with plain_errors():
        if as_json:
            whole = list(filter(user_sets.is_readable, user_sets.names()))
            for name in user_sets.names():
                if name not in whole:
                    typer.echo(f"{name} is damaged: remove it and add it again", err=True)
            typer.echo(json.dumps([user_sets.as_json(name) for name in whole]))
            return
        _list()
        if not user_sets.names():
            typer.echo("There is no data set of your own yet. Add one: ddnmf data add PATH")


def _list() -> None:
    for name in user_sets.names():
        try:
            typer.echo(f"{name:<20}  {user_sets.user_spec(name).title}: {user_sets.describe(name)}")
        except DataError as error:
            typer.echo(str(error), err=True)


@data_app.command("remove")
def remove_data(name: str, home: HomeOption = None) -> None:
    """Remove a data set of your own; runs that were trained on it have to be deleted first."""
    with plain_errors():
        user_data.remove_data_set(name)
        typer.echo(f"Removed {name}.")
