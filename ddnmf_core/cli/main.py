"""The `ddnmf` command and its subcommands."""

import typer

from ddnmf_core.cli.apply import apply_command
from ddnmf_core.cli.dashboard import dashboard
from ddnmf_core.cli.data import data_app
from ddnmf_core.cli.engine import engine_app
from ddnmf_core.cli.examples import examples_app
from ddnmf_core.cli.experiment import experiment
from ddnmf_core.cli.export import export_command
from ddnmf_core.cli.reproduce import reproduce
from ddnmf_core.cli.runs import runs_app
from ddnmf_core.cli.terminal import EXIT_CODES
from ddnmf_core.cli.train import train_command

main_app = typer.Typer(
    help="DDNMF Studio: train, inspect and compare deep non-negative factorisations.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
main_app.add_typer(runs_app, name="runs")
main_app.add_typer(engine_app, name="engine")
main_app.add_typer(data_app, name="data")
main_app.add_typer(examples_app, name="examples")
main_app.command("train")(train_command)
main_app.command()(reproduce)
main_app.command()(dashboard)
main_app.command()(experiment)
main_app.command("export")(export_command)
main_app.command("apply")(apply_command)
