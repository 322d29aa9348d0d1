"""What the stories share: the runs of an experiment, and tables and figures where the text wants them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ddnmf_core.experiment import plan
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store

matplotlib.use("agg")
HERE = Path(__file__).parent
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"  # Okabe and Ito: safe for colour-blind readers


def runs_of(story: str) -> list[tuple[dict[str, Any], FinishedRun]]:
    """Each run of the story's experiment with its place in the grid; ends with what to do where one is missing."""
    store, found = Store(), []
    for wanted in plan.experiment_items(plan.read_plan(HERE / f"{story}.toml")):
        run = store.entry(wanted.config)
        if not run.available:
            raise SystemExit(f"run {run.id} is not there: ddnmf experiment docs/stories/{story}.toml")
        found.append((wanted.point, FinishedRun(run)))
    return found


def by_place(runs: Sequence[tuple[dict[str, Any], FinishedRun]]) -> Iterator[tuple[dict[str, Any], list[FinishedRun]]]:
    """The grid's places in order, each with its seeds."""
    places = [place for number, (place, _) in enumerate(runs) if place not in [each for each, _ in runs[:number]]]
    return ((place, [run for where, run in runs if where == place]) for place in places)


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean and deviation over seeds."""
    return f"{np.mean(values, dtype=float):.{digits}f} ± {np.std(values, ddof=1, dtype=float):.{digits}f}"


def tell(story: str, table: Sequence[dict[str, str]], figure: Figure) -> None:
    """Save the figure and put the table into the story's text."""
    figure.savefig(HERE / f"{story}.png", dpi=110)
    lines = [list(table[0]), ["---"] * len(table[0]), *(list(row.values()) for row in table)]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    page = HERE / f"{story}.md"
    filled = f"<!-- table -->\n\n{text}\n\n<!-- end -->"
    page.write_text(re.sub("<!-- table -->.*<!-- end -->", filled, page.read_text("utf-8"), flags=re.DOTALL), "utf-8")
