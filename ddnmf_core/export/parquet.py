"""Parquet: the rows of a run with their types."""

from pathlib import Path

from ddnmf_core.export.rows import images_of, rows
from ddnmf_core.export.write import Report
from ddnmf_core.store.entry import Entry


def write(run: Entry, path: Path, report: Report) -> None:
    report(0.2, "Gathering the rows.")
    table = rows(run, images_of(run))
    report(0.7, f"Writing {len(table):,} rows.")
    table.to_parquet(path, index=False)
