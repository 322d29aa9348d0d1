"""Parquet export: the rows of a run, typed."""

from pathlib import Path

from ddnmf_core.export.rows import run_rows
from ddnmf_core.progress import Progress
from ddnmf_core.store.finished_run import FinishedRun


def write(run: FinishedRun, path: Path, report: Progress) -> None:
    """Write the rows of a run as Parquet."""
    report(0.2, "Collecting rows.")
    table = run_rows(run, run.images())
    report(0.7, f"Writing {len(table):,} rows.")
    table.to_parquet(path, index=False)
