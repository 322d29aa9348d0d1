"""`ddnmf experiment`: everything that a file asks for, and a table of scores."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ddnmf_core.cli.terminal import HomeOption, JsonOption, plain_errors, progress_display
from ddnmf_core.config import check_device
from ddnmf_core.engine import estimate
from ddnmf_core.experiment import plan, scores
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.store.run_store import Store

if TYPE_CHECKING:
    import pandas as pd


def experiment(
    file: Annotated[Path, typer.Argument(help="A TOML file: [run], [grid], seeds, [[clusterings]].")],
    out: Annotated[Path | None, typer.Option(help="Save every row to this file: .csv, .json or .parquet.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; start nothing.")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu, instead of the file's")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Train and cluster all that a file asks for; what the store has is not done again. Ctrl-C stops it, the same command
    goes on from there."""
    with plain_errors():
        if out and out.suffix not in (".csv", ".json", ".parquet"):
            raise ValueError(f"--out {out}: should end in .csv, .json or .parquet")
        asked, store = plan.read_plan(file), Store(home)
        device = check_device(device or asked.device)
        wanted = plan.experiment_items(asked)
        work = WorkBatch(store, wanted)
        left = (
            f"; the others take about {estimate.format_duration(work.expected_seconds)} here" if work.expected_seconds else ""
        )
        typer.echo(f"{len(wanted)} results, {work.n_there} of them are there{left}.", err=True)
        if dry_run:
            return
        work.submit(device)
        _follow(work)
        failures = work.failures()
        _report(scores.score_rows(store, wanted), failures, out, as_json)
        if failures:
            raise typer.Exit(1)


def _follow(work: WorkBatch) -> None:
    """Show how far it is and how long it still takes. Ctrl-C stops what is under way."""
    began = time.monotonic()
    try:
        with progress_display() as show:
            for share, text in work.steps():
                left = (time.monotonic() - began) / share * (1 - share) if 0 < share < 1 else 0
                show(share, f"{text}. About {estimate.format_duration(left)} left." if left else f"{text}.")
    except KeyboardInterrupt:
        work.stop()
        typer.echo("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(130) from None


def _report(table: "pd.DataFrame", failures: Sequence[str], out: Path | None, as_json: bool) -> None:
    for failure in failures:
        typer.echo(failure, err=True)
    if out and len(table):
        _save(table.drop(columns="asked"), out)
        typer.echo(f"{len(table)} rows in {out}", err=True)
    if as_json:
        rows = json.loads(table.drop(columns="asked", errors="ignore").to_json(orient="records"))
        typer.echo(json.dumps({"results": rows, "failures": list(failures)}))
    elif len(table):
        typer.echo(scores.scores_markdown(scores.scores_over_seeds(table)))


def _save(table: "pd.DataFrame", out: Path) -> None:
    from ddnmf_core.export.csv import escape_formulas
    from ddnmf_core.files.atomic import write_bytes

    content = {
        ".csv": lambda: escape_formulas(table).to_csv(index=False).encode(),
        ".json": lambda: table.to_json(orient="records").encode(),
        ".parquet": lambda: table.to_parquet(index=False),
    }[out.suffix]()
    write_bytes(out, content)
