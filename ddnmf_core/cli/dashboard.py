"""`ddnmf dashboard`: the pages, from wherever the package is installed."""

import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ddnmf_core.cli.terminal import HomeOption, plain_errors

INSTALL_FOLDER = Path(__file__).parents[2]  # the packages are installed side by side
APP_FILE = INSTALL_FOLDER / "dashboard" / "app.py"
SETTINGS_FILES = (
    INSTALL_FOLDER / ".streamlit" / "config.toml",
    INSTALL_FOLDER / "dashboard" / "settings" / "config.toml",
)  # here, in a wheel


def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = 8501,
    address: Annotated[str, typer.Option(help="Beyond 127.0.0.1 every visitor needs the token in DDNMF_TOKEN.")] = "127.0.0.1",
    home: HomeOption = None,
    for_looking: Annotated[
        bool, typer.Option("--read-only", help="Show what is there: nothing can be trained, changed or deleted.")
    ] = False,
) -> None:
    """Serve the pages, on http://127.0.0.1:8501 unless told otherwise. Ctrl-C ends it; what the engine trains goes on."""
    with plain_errors():
        if not APP_FILE.exists():
            raise RuntimeError(f"there is no {APP_FILE}: install the whole package, pip install ddnmf")
        if for_looking:
            os.environ["DDNMF_READ_ONLY"] = "1"
        if home:
            os.environ["DDNMF_HOME"] = str(home.absolute())
        asked = {**streamlit_settings(), "server.address": address, "server.port": str(port)}
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(APP_FILE),
            *(f"--{name}={value}" for name, value in asked.items()),
        ]
        os.execv(sys.executable, command)  # the server takes the signals itself


def streamlit_settings() -> dict[str, str]:
    """Streamlit's options as the project sets them, by their full names: it would look for the file in the folder where the
    command is given."""
    path = next(path for path in SETTINGS_FILES if path.exists())
    return dict(_named(tomllib.loads(path.read_text("utf-8"))))


def _named(values: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _named(value, f"{section}{name}.")
        else:
            yield f"{section}{name}", value if isinstance(value, str) else json.dumps(value)
