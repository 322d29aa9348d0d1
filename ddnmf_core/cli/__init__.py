"""The command line `ddnmf`: a file for each group of commands, a thin layer over store and engine."""

from ddnmf_core.cli.main import main_app as app

__all__ = ["app"]
