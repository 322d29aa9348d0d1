"""`ddnmf experiment`: run a whole experiment from a TOML file and print a table of scores."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ddnmf_core.cli.terminal import HomeOption, JsonOption, follow_steps, plain_errors
from ddnmf_core.config import check_device
from ddnmf_core.engine import estimate
from ddnmf_core.experiment import plan, scores
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.store.run_store import Store

if TYPE_CHECKING:
    import pandas as pd


def experiment(
    file: Annotated[Path, typer.Argument(help="TOML file with run settings, grid, seeds and clusterings.")],
    out: Annotated[Path | None, typer.Option(help="Save all rows to this file: .csv, .json or .parquet.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan without starting anything.")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu; overrides the file's.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Train and cluster everything in a TOML file, except stored results. Ctrl-C stops it; the same command resumes it."""
    with plain_errors():
        if out and out.suffix not in (".csv", ".json", ".parquet"):
            raise ValueError(f"--out {out}: should end in .csv, .json or .parquet")
        asked, store = plan.read_plan(file), Store(home)
        device = check_device(device or asked.device)
        items = plan.experiment_items(asked)
        work = WorkBatch(store, items)
        typer.echo(f"{work.n_cells} results, {work.summary()}", err=True)
        if dry_run:
            return
        work.submit(device)
        if not follow_steps(_steps(work), work.stop):
            raise typer.Exit(130)
        failures = work.failures()
        _report(scores.score_rows(store, items), failures, out, as_json)
        if failures:
            raise typer.Exit(1)


def _steps(work: WorkBatch) -> Iterator[tuple[float, str]]:
    """Add the expected remaining time to each message, from the pace since the start: a part may have been done before."""
    began, before = time.monotonic(), None
    for share, text in work.steps():
        before = share if before is None else before
        left = (time.monotonic() - began) * (1 - share) / (share - before) if before < share < 1 else 0
        yield share, f"{text}. About {estimate.format_duration(left)} left." if left else f"{text}."


def _report(table: "pd.DataFrame", failures: Sequence[str], out: Path | None, as_json: bool) -> None:
    for failure in failures:
        typer.echo(failure, err=True)
    if out and len(table):
        _save(table.drop(columns="asked"), out)
        typer.echo(f"Saved {len(table)} rows to {out}.", err=True)
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
