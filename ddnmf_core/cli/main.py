"""The command line: a thin layer over store and engine."""

import typer

from ddnmf_core.cli import data
from ddnmf_core.cli.dashboard import dashboard
from ddnmf_core.cli.engine import engine_app
from ddnmf_core.cli.experiment import experiment
from ddnmf_core.cli.export import export
from ddnmf_core.cli.reproduce import reproduce
from ddnmf_core.cli.runs import runs_app
from ddnmf_core.cli.terminal import EXIT_CODES

app = typer.Typer(
    help="DDNMF Studio: train, inspect and compare deep non-negative factorisations.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(runs_app, name="runs")
app.add_typer(engine_app, name="engine")
app.add_typer(data.app, name="data")
app.command()(reproduce)
app.command()(dashboard)
app.command()(experiment)
app.command()(export)

# ------------------------------------------------------------------------------------------ train


# ------------------------------------------------------------------------------------------ engine
