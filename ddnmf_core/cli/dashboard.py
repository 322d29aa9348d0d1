"""`ddnmf dashboard`: serve the dashboard, from wherever the package is installed."""

import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ddnmf_core.cli.terminal import HomeOption, plain_errors

PACKAGE_FOLDER = Path(__file__).parents[1]
WHEEL_FOLDER = PACKAGE_FOLDER / "app"  # a wheel has dashboard/ and pages/ here, so that they clash with no other project's
APP_FOLDER = WHEEL_FOLDER if WHEEL_FOLDER.exists() else PACKAGE_FOLDER.parent
APP_FILE = APP_FOLDER / "dashboard" / "app.py"
SETTINGS_FILES = (
    APP_FOLDER / ".streamlit" / "config.toml",  # in the source tree
    APP_FOLDER / "settings" / "config.toml",  # in an installed wheel
)


def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines reach requires the token in DDNMF_TOKEN.")
    ] = "127.0.0.1",
    home: HomeOption = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Disable training, changing and deleting.")] = False,
) -> None:
    """Serve the dashboard at http://127.0.0.1:8501. Ctrl-C stops it; running trainings continue."""
    with plain_errors():
        if not APP_FILE.exists():
            raise RuntimeError(f"{APP_FILE} not found: install the whole package with pip install ddnmf")
        if read_only:
            os.environ["DDNMF_READ_ONLY"] = "1"
        if home:
            os.environ["DDNMF_HOME"] = str(home.absolute())
        options = {**streamlit_settings(), "server.address": address, "server.port": str(port)}
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(APP_FILE),
            *(f"--{name}={value}" for name, value in options.items()),
        ]
        os.execv(sys.executable, command)  # replaces this process, so that the server receives signals itself


def streamlit_settings() -> dict[str, str]:
    """Read the project's Streamlit options by full name: Streamlit itself looks for the file in the working directory only."""
    path = next(path for path in SETTINGS_FILES if path.exists())
    return dict(_flatten(tomllib.loads(path.read_text("utf-8"))))


def _flatten(values: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{section}{name}.")
        else:
            yield f"{section}{name}", value if isinstance(value, str) else json.dumps(value)
