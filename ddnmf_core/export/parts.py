"""CSV of the parts: a row for each part, with its number and name, a column for each feature by its name."""

from pathlib import Path

from ddnmf_core.export.csv import escape_formulas
from ddnmf_core.progress import Progress
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.part_names import part_names


def write(run: FinishedRun, path: Path, report: Progress) -> None:
    """Write the effects of the parts (`FinishedRun.part_effects`); raise ValueError for an autoencoder, which has none."""
    report(0.2, "Decoding the parts.")
    path.write_text(parts_csv(run), encoding="utf-8", newline="")


def parts_csv(run: FinishedRun) -> str:
    """Write the effects of the parts as CSV, safe for a spreadsheet.

    An effect is the change of a feature, values in [0, 1], over the 5-95 % range of the part's coefficient. Parts count from 1;
    pixels are named by row and column, from 0.
    """
    import pandas as pd

    effects, names = run.parts().frame(), part_names(run.entry)
    named = pd.DataFrame({"part": range(1, len(effects) + 1), "name": [names.get(part, "") for part in range(len(effects))]})
    table = pd.concat([escape_formulas(named), escape_formulas(effects.reset_index(drop=True))], axis=1)
    return table.to_csv(index=False, lineterminator="\n")
