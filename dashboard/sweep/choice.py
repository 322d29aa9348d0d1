"""Tabulate the cells of a sweep with the choice of each criterion, without and with labels."""

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
MAX_VISIBLE_ROWS, TABLE_ROW_HEIGHT = 16, 35  # rows shown at once; pixels
MAX_NAMED_CELLS = 3  # cells tied for the best value


@st.cache_resource(max_entries=500, show_spinner="Comparing seeds …", hash_funcs=HASH_FUNCS)
def _stability(runs: list[RunEntry], representation: Representation, clusterer: ClustererName, noisy: bool) -> float:
    return metrics.stability([FinishedRun(run).clusters(representation, clusterer, noisy=noisy) for run in runs])


def show_choice(cells: pd.DataFrame, view: SweepView) -> pd.DataFrame:
    """Show the table and the choices; return the cells with their criteria."""

    def stability_of(runs: Sequence[str]) -> float:
        return _stability([store().get("runs", run) for run in runs], view.representation, view.clusterer, view.noisy)

    criteria = model_selection.score_criteria(view.runs, cells, view.x, view.y, stability_of)
    of_score = view.cells(view.column_of(view.score))
    criteria["score"], criteria["score_std"] = of_score["mean"], of_score["std"]
    by = "" if view.score == SILHOUETTE else " (by labels)"
    titles = CRITERION_TITLES | {"score": f"best {MEASURE_TITLES[view.score]}{by}"}
    picks = {
        titles[name]: None if _is_chance(criteria, name) else model_selection.best_cells(criteria, name, wanted)
        for name, wanted in (model_selection.CRITERIA | {"score": model_selection.HIGHEST}).items()
        if name in criteria
    }
    _table(criteria, view, picks)
    st.markdown("\n".join(_verdict(criteria, view, title, places) for title, places in picks.items()))
    return criteria


def _is_chance(criteria: pd.DataFrame, name: str) -> bool:
    """Return whether no cell is better than another beyond the deviation over seeds."""
    deviations = f"{name}_std"
    return deviations in criteria and model_selection.within_deviations(criteria[name], criteria[deviations])


def _table(criteria: pd.DataFrame, view: SweepView, picks: dict[str, list[int] | None]) -> None:
    """Show the cells as a table, also for keyboards and screen readers; a tick chooses the cell."""
    shown: dict[str, Any] = {SHORT_TITLES[name]: criteria[name] for name in view.axes}
    shown |= {view.title: criteria["mean"], "± SD": criteria["std"], "Seeds": criteria["n"]}
    shown["Chosen by"] = [
        "; ".join(title for title, places in picks.items() if row in (places or ())) for row in range(len(criteria))
    ]
    shown |= {"Error, noisy images": criteria["error"], "Stability": criteria["stability"]}
    if not view.is_score:
        shown[MEASURE_TITLES[view.score]] = criteria["score"]
    if any(failures := [state_text(states) for states in criteria["states"]]):
        shown["No result"] = failures
    decimals = st.column_config.NumberColumn(format="%.3f" if view.is_score else "%.4g")
    score = st.column_config.NumberColumn(format="%.3f")
    formats: dict[str, Any] = {
        view.title: decimals,
        "± SD": decimals,
        "Stability": score,
        MEASURE_TITLES[view.score]: score,
        "Error, noisy images": st.column_config.NumberColumn(format="%.4g"),
        "Chosen by": st.column_config.TextColumn(width="medium"),
    }
    st.dataframe(
        pd.DataFrame(shown),
        hide_index=True,
        column_config=formats,
        key=cells_key(criteria, view),
        selection_mode="single-row",
        on_select=lambda: keep_tick(criteria, view),
        placeholder="–",
        height=TABLE_ROW_HEIGHT * (min(len(criteria), MAX_VISIBLE_ROWS) + 1) + 2,
    )


def _verdict(criteria: pd.DataFrame, view: SweepView, title: str, places: list[int] | None) -> str:
    """Name the cell chosen by a criterion, and its score."""
    title = title[0].upper() + title[1:]
    if places is None:
        return f"- **{title}**: no choice; all cells lie within two SDs over seeds."
    if not places:
        return f"- **{title}**: not available yet" + (" (needs two seeds)." if "stability" in title else ".")
    if len(places) > MAX_NAMED_CELLS:
        return f"- **{title}**: {len(places)} cells tied; no choice"
    cells = [criteria.iloc[place].to_dict() for place in places]
    named = " or ".join(f"{cell_title(cell, view)} ({MEASURE_TITLES[view.score]} {cell['score']:.3f})" for cell in cells)
    return f"- **{title}**: {named}"


def how_to_choose(view: SweepView) -> str:
    """Explain the criteria and their limits."""
    warnings = {
        "L_in is not a criterion here: it contains the swept weights, so the smallest would win.": WEIGHTS,
        "Less noise is easier to reconstruct; the error cannot choose the noise level.": ("noise_level",),
        "More parts usually reconstruct better, whether or not they are meaningful.": ("n_parts",),
    }
    fitting = [sentence for sentence, names in warnings.items() if set(names) & set(view.axes)]
    alone = ["One seed per cell: differences may be chance. Train more seeds."] * (view.runs["seed"].nunique() == 1)
    return " ".join(
        [
            *alone,
            "Choosing by ACC, NMI or ARI uses the labels; the other criteria need none. Error: of the student's "
            f"reconstructions of noisy images. Stability: mean ARI between the seeds of a cell, {view.clustering_title}; 1 is "
            "full agreement, 0 chance. Collapsed models can also be stable; check the runs.",
            *fitting,
        ]
    )
