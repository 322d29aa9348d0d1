"""`ddnmf engine`: start, stop and inspect the engine, the background process that trains."""

import json
from dataclasses import asdict

import typer

from ddnmf_core.cli.terminal import HomeOption, JsonOption, plain_errors
from ddnmf_core.engine import client as engine
from ddnmf_core.store.run_store import Store

engine_app = typer.Typer(help="Start, stop and inspect the engine, the background process that trains.", no_args_is_help=True)


@engine_app.command("start")
def start_engine(home: HomeOption = None) -> None:
    """Start the engine of this store and wait until it is ready."""
    with plain_errors():
        running = engine.start(Store(home))
        typer.echo(f"Engine running: process {running.pid}, {running.n_workers} workers, {running.scheduler}")


@engine_app.command("status")
def engine_status(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Show whether the engine is running, and its workers, threads and device."""
    with plain_errors():
        running = engine.info(Store(home))
    if as_json:
        typer.echo(json.dumps(running and asdict(running)))
    elif running is None:
        typer.echo("Engine not running; it starts with the next training.")
    else:
        typer.echo(
            f"Engine running: process {running.pid}, {running.n_workers} workers, "
            f"{running.threads_per_run} threads per run, {running.device or 'warming up'}, {running.scheduler}"
        )


@engine_app.command("stop")
def stop_engine(home: HomeOption = None) -> None:
    """Stop the engine; unfinished runs resume when it starts again."""
    with plain_errors():
        typer.echo("Engine stopped." if engine.stop(Store(home)) else "Engine not running.")


@engine_app.command("serve", hidden=True)
def serve_engine(home: HomeOption = None) -> None:
    """Run the engine in this process (`start` runs this command in the background)."""
    from ddnmf_core.engine.coordinator import serve

    serve(Store(home))
