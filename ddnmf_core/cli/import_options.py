"""Options of `ddnmf data add`: one for each field of ImportOptions, in panels of its help."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

import typer

from ddnmf_core.cli.terminal import plain_errors
from ddnmf_core.data.user.source import ImportOptions, shape_of

# panel of the help: field of ImportOptions: type, then what typer.Option takes
PANELS: dict[str, dict[str, tuple[Any, ...]]] = {
    "Options": {"title": (str, "Title; default: the file name.")},
    "Pictures": {
        "size": (int, "Resize images to this many pixels on the longer side."),
        "by_folder": (bool, "Use folder names as class labels.", "--folders/--no-folders"),
        "class_level": (int | None, "Folder that is the class: 1 is the first below the common folder, -1 the picture's own."),
        "class_from": (str | None, "Regular expression for file names; its one group is the class."),
        "pages": (bool, "Make every page of a TIFF stack or animation a sample.", "--pages"),
        "skip_damaged": (bool, "Leave out pictures that cannot be read, and count them.", "--skip-damaged"),
        "invert": (bool, "Invert (dark figures on a light background).", "--invert"),
    },
    "Arrays": {
        "x": (str | None, "Array of the samples in an .npz, .mat, HDF5 or zip file; matrix of an .h5ad file."),
        "y": (str | None, "Array of the class labels, or their column in the table of --labels beside pictures; '' for none."),
        "shape": (str | None, "Image shape of the rows of an array or table, such as 28x28."),
    },
    "Tables": {
        "labels": (
            str | None,
            "Table column (of .h5ad: of obs) with the labels; of pictures, a table of file names and classes.",
        ),
        "leave_out": (list[str] | None, "Table column to exclude. Repeatable."),
        "separator": (str | None, "Table separator; default: by its first lines."),
        "decimal": (str | None, "Decimal sign, . or ,; default: by its first lines."),
        "encoding": (str | None, "Text encoding, such as utf-8 or cp1252, also of names in a zip file; default: by its bytes."),
        "header": (bool | None, "The first line names the columns.", "--header/--no-header"),
        "index": (bool | None, "The first column numbers the rows.", "--index/--no-index"),
        "sheet": (str | None, "Sheet of a workbook; default: the first."),
        "transpose": (bool, "The table is features x samples: turn it.", "--transpose"),
    },
    "Values": {
        "log1p": (bool, "Take log(1 + x) of counts.", "--log1p"),
        "most_varying": (int | None, "Keep this many table columns, those with the largest variance."),
        "negative": (str, "Handling of negative values: refuse, shift or clip."),
        "missing": (str, "Handling of missing values: refuse, mean or zero."),
        "white": (float | None, "Value of white in pictures of more than 8 bits; default: the maximum of the set."),
        "scale": (str | None, "Scaling to [0, 1]: range (default for tables), maximum or set."),
    },
}
CONVERTERS: dict[str, Callable[[Any], Any]] = {  # from what was typed, if anything was
    "shape": shape_of,
    "leave_out": tuple,
    "separator": lambda text: {"tab": "\t", "\\t": "\t"}.get(text, text),
}
DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(ImportOptions)}


def with_import_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameter `options` of a command by an option for each field of ImportOptions."""
    given = inspect.signature(command).parameters
    own = {name: parameter for name, parameter in given.items() if name != "options"}
    added = [_parameter(field, panel, *about) for panel, options in PANELS.items() for field, about in options.items()]

    @functools.wraps(command)
    def wrapped(**values: Any) -> None:
        with plain_errors():
            chosen = {parameter.name: values.pop(parameter.name) for parameter in added}
            command(**values, options=_import_options(chosen))

    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own.values()]
    parameters[1:1] = added
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def _parameter(field: str, panel: str, kind: Any, text: str, *names: str) -> inspect.Parameter:
    default = DEFAULTS[field] if field not in CONVERTERS else None
    option = typer.Option(*names, help=text, rich_help_panel=panel, show_default=default not in (None, "", False))
    return inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _import_options(chosen: dict[str, Any]) -> ImportOptions:
    return ImportOptions(**{field: _converted(field, value) for field, value in chosen.items()})


def _converted(field: str, value: Any) -> Any:
    if value is None or (field in CONVERTERS and not value):
        return DEFAULTS[field]
    return CONVERTERS[field](value) if field in CONVERTERS else value
