"""CSV export, safe for spreadsheets: text that looks like a formula is prefixed with an apostrophe."""

from pathlib import Path
from typing import TYPE_CHECKING

from ddnmf_core.export.rows import run_rows
from ddnmf_core.progress import Progress
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")  # of a spreadsheet formula
ROWS_PER_REPORT = 20_000  # rows between progress reports


def write(run: FinishedRun, path: Path, report: Progress) -> None:
    """Write the rows of a run as CSV."""
    report(0.1, "Collecting rows.")
    table = escape_formulas(run_rows(run, run.images()))
    with path.open("w", newline="", encoding="utf-8") as file:
        for start in range(0, len(table), ROWS_PER_REPORT):
            report(0.1 + 0.85 * start / len(table), f"Row {start:,} of {len(table):,}.")
            table.iloc[start : start + ROWS_PER_REPORT].to_csv(file, index=False, header=start == 0)


def escape_formulas(table: "pd.DataFrame") -> "pd.DataFrame":
    """Prefix text and column names that begin like a formula with an apostrophe; leave numbers unchanged."""
    texts = {name: table[name].map(escape_formula) for name in table.select_dtypes(exclude=["number", "datetime"])}
    return table.assign(**texts).rename(columns=escape_formula)


def escape_formula(value: object) -> object:
    """Prefix a text that begins like a formula with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
