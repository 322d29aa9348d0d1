"""The command line `ddnmf`: one file per command group, a thin layer over store and engine."""

from ddnmf_core.cli.main import main_app as app

__all__ = ["app"]
