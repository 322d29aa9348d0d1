"""`ddnmf engine`: start, stop and inspect the process that trains."""

import json
from dataclasses import asdict

import typer

from ddnmf_core.cli.terminal import HomeOption, JsonOption, plain_errors
from ddnmf_core.engine import client as engine
from ddnmf_core.store.run_store import Store

engine_app = typer.Typer(help="The process that trains.", no_args_is_help=True)


@engine_app.command("start")
def start_engine(home: HomeOption = None) -> None:
    """Start the engine of this store and wait until it takes requests."""
    with plain_errors():
        running = engine.start(Store(home))
        typer.echo(f"The engine runs: process {running.pid}, {running.n_workers} workers, {running.scheduler}")


@engine_app.command("status")
def engine_status(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Whether the engine runs, and on what."""
    with plain_errors():
        running = engine.info(Store(home))
    if as_json:
        typer.echo(json.dumps(running and asdict(running)))
    elif running is None:
        typer.echo("The engine does not run; it starts with the next training.")
    else:
        typer.echo(
            f"The engine runs: process {running.pid}, {running.n_workers} workers, "
            f"{running.threads_per_run} threads a run, {running.device or 'warming up'}, {running.scheduler}"
        )


@engine_app.command("stop")
def stop_engine(home: HomeOption = None) -> None:
    """End the engine; unfinished runs go on when it is started again."""
    with plain_errors():
        typer.echo("Stopped." if engine.stop(Store(home)) else "The engine does not run.")


@engine_app.command("serve", hidden=True)
def serve_engine(home: HomeOption = None) -> None:
    """Be the engine (what `start` runs in a process of its own)."""
    from ddnmf_core.engine.coordinator import serve

    serve(Store(home))
