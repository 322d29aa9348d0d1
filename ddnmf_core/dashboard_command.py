"""`ddnmf dashboard`: the pages, from wherever the package is installed."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ddnmf_core.terminal import Home, plain_errors

APP = Path(__file__).parents[1] / "dashboard" / "app.py"           # the packages are installed side by side


def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = 8501,
    address: Annotated[str, typer.Option(help="Beyond 127.0.0.1 every visitor needs the token in DDNMF_TOKEN.")] = "127.0.0.1",
    home: Home = None,
) -> None:
    """Serve the pages, on http://127.0.0.1:8501 unless told otherwise. Ctrl-C ends it; what the engine trains goes on."""
    with plain_errors():
        if not APP.exists():
            raise RuntimeError(f"there is no {APP}: install the whole package, pip install ddnmf")
        if home:
            os.environ["DDNMF_HOME"] = str(home.absolute())
        command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.address", address, "--server.port", str(port)]
        os.execv(sys.executable, command)                           # the server takes the signals itself
