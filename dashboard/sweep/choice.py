"""Every cell of a sweep as a row, with the one that each criterion would choose: without labels, and with them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.session.run_data import HASH_FUNCS
from dashboard.session.store import store
from dashboard.sweep.cells import cell_title, cells_key, keep_tick
from dashboard.sweep.charts import SHORT_TITLES, state_text
from dashboard.sweep.view import MEASURE_TITLES, SweepView
from ddnmf_core.analysis import metrics
from ddnmf_core.analysis.metrics import SILHOUETTE
from ddnmf_core.config import ClustererName, Representation
from ddnmf_core.experiment import model_selection
from ddnmf_core.experiment.sweeps import WEIGHTS
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import FinishedRun

CRITERION_TITLES = {"error": "lowest error", "L_in": "lowest L_in", "stability": "highest stability"}
MAX_VISIBLE_ROWS, TABLE_ROW_HEIGHT = 16, 35  # shown at once; pixels
MAX_NAMED_CELLS = 3  # cells that share the best value


@st.cache_resource(max_entries=500, show_spinner="Comparing the seeds.", hash_funcs=HASH_FUNCS)
def _stability(runs: list[RunEntry], representation: Representation, clusterer: ClustererName, noisy: bool) -> float:
    return metrics.stability([FinishedRun(run).clusters(representation, clusterer, noisy=noisy) for run in runs])


def show_choice(cells: pd.DataFrame, view: SweepView) -> pd.DataFrame:
    """The table and the verdicts; returns the cells with their criteria."""

    def stability_of(runs: Sequence[str]) -> float:
        return _stability([store().get("runs", run) for run in runs], view.representation, view.clusterer, view.noisy)

    judged = model_selection.score_criteria(view.runs, cells, view.x, view.y, stability_of)
    judged["score"] = view.cells(view.column_of(view.score))["mean"]
    picks = {
        CRITERION_TITLES[name]: model_selection.best_cells(judged, name, wanted)
        for name, wanted in model_selection.CRITERIA.items()
        if name in judged
    }
    by = "" if view.score == SILHOUETTE else " (by labels)"
    picks[f"best {MEASURE_TITLES[view.score]}{by}"] = model_selection.best_cells(judged, "score", model_selection.HIGHEST)
    _table(judged, view, picks)
    st.markdown("\n".join(_verdict(judged, view, title, places) for title, places in picks.items()))
    st.caption(_how_to_choose(view))
    return judged


def _table(judged: pd.DataFrame, view: SweepView, picks: dict[str, list[int]]) -> None:
    """For keyboards and screen readers too; a tick chooses the cell."""
    shown: dict[str, Any] = {SHORT_TITLES[name]: judged[name] for name in view.axes}
    shown |= {view.title: judged["mean"], "± deviation": judged["std"], "Seeds": judged["n"]}
    shown["Chosen by"] = ["; ".join(title for title, places in picks.items() if row in places) for row in range(len(judged))]
    shown |= {"Error, noisy images": judged["error"], "Stability": judged["stability"]}
    if not view.is_score:
        shown[MEASURE_TITLES[view.score]] = judged["score"]
    if any(lost := [state_text(states) for states in judged["states"]]):
        shown["Without a result"] = lost
    decimals = st.column_config.NumberColumn(format="%.3f" if view.is_score else "%.4g")
    score = st.column_config.NumberColumn(format="%.3f")
    formats: dict[str, Any] = {
        view.title: decimals,
        "± deviation": decimals,
        "Stability": score,
        MEASURE_TITLES[view.score]: score,
        "Error, noisy images": st.column_config.NumberColumn(format="%.4g"),
        "Chosen by": st.column_config.TextColumn(width="medium"),
    }
    st.dataframe(
        pd.DataFrame(shown),
        hide_index=True,
        column_config=formats,
        key=cells_key(judged, view),
        selection_mode="single-row",
        on_select=lambda: keep_tick(judged, view),
        placeholder="–",
        height=TABLE_ROW_HEIGHT * (min(len(judged), MAX_VISIBLE_ROWS) + 1) + 2,
    )
    st.caption("Tick a row to see the runs of that cell above.")


def _verdict(judged: pd.DataFrame, view: SweepView, title: str, places: list[int]) -> str:
    """The cell that a criterion would choose, and what it has with labels."""
    title = title[0].upper() + title[1:]
    if not places:
        return f"- **{title}**: no cell has it" + (", because it takes two seeds." if "stability" in title else ".")
    if len(places) > MAX_NAMED_CELLS:
        return f"- **{title}**: {len(places)} cells share it, so it chooses none of them"
    cells = [judged.iloc[place].to_dict() for place in places]
    named = " or ".join(f"{cell_title(cell, view)} ({MEASURE_TITLES[view.score]} {cell['score']:.3f})" for cell in cells)
    return f"- **{title}**: {named}"


def _how_to_choose(view: SweepView) -> str:
    """What the criteria say and what they do not."""
    warnings = {
        "L_in is no criterion here: the swept weights are a part of it, and the smallest would win.": WEIGHTS,
        "Less noise is easier to rebuild, which says nothing about the noise to choose.": ("noise_level",),
        "More parts rebuild better as a rule, whether they mean more or not.": ("n_parts",),
    }
    fitting = [sentence for sentence, names in warnings.items() if set(names) & set(view.axes)]
    return " ".join(
        [
            "ACC, NMI and ARI use the true classes: choosing by them uses the labels. The other criteria need none. Error: of "
            "the student's reconstructions of noisy images. Stability: agreement between the seeds of a cell of "
            f"{view.words}, as the mean ARI of all pairs; 1 is full agreement, 0 is none. A collapsed model can be very "
            "stable: look at its runs.",
            *fitting,
        ]
    )
