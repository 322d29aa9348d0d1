"""Parquet: the rows of a run with their types."""

from pathlib import Path

from ddnmf_core.export.rows import rows
from ddnmf_core.export.write import Report
from ddnmf_core.store.finished_run import FinishedRun


def write(run: FinishedRun, path: Path, report: Report) -> None:
    report(0.2, "Gathering the rows.")
    table = rows(run, run.images())
    report(0.7, f"Writing {len(table):,} rows.")
    table.to_parquet(path, index=False)
