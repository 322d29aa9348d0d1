"""All runs of a store as a table: settings, state, scores and error, a row a run."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ddnmf_core.config import CLUSTERERS
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.labels import CLUSTERER_TITLES, MODEL_TITLES, SCORE_TITLES
from ddnmf_core.store.cluster_scores import read_scores
from ddnmf_core.store.entry import PROVENANCE_FILE, STATE_FILE, RunEntry
from ddnmf_core.store.run_names import run_name, settings_text

SCORE_COLUMNS = {  # column to score and clusterer, of the codes z of the clean images
    f"{title} {CLUSTERER_TITLES[clusterer]}": (score, clusterer)
    for clusterer in CLUSTERERS
    for score, title in SCORE_TITLES.items()
}
HELD_OUT_COLUMNS = {f"{column}, held out": of for column, of in SCORE_COLUMNS.items()}


def table_of_runs(runs: Iterable[RunEntry]) -> list[dict[str, Any]]:
    """Return a row for each run; scores, error and seconds are None until it has them.

    Returns
    -------
    list of dict
        "run" (id), "name" (the user's), "model", "data", "settings" (what differs from a preset or the defaults), "seed",
        "state", "progress" (0 to 1), "scores" by SCORE_COLUMNS (0 to 1), "held_out_scores" by HELD_OUT_COLUMNS, "error" (mean
        squared error per pixel), "finished" (seconds since 1970) and "seconds" of training.
    """
    return [run_row(run) for run in runs]


def run_row(run: RunEntry) -> dict[str, Any]:
    """Return the row of one run as in `table_of_runs`; with damaged files its settings alone and the state "damaged"."""
    row = _of_settings(run)
    try:
        return row | (_of_results(run) if run.finished else _NO_RESULTS)
    except (CorruptFile, OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError):  # or unknown content
        return row | _NO_RESULTS | {"state": "damaged"}


_NO_RESULTS: dict[str, Any] = {
    "scores": dict.fromkeys(SCORE_COLUMNS),
    "held_out_scores": dict.fromkeys(HELD_OUT_COLUMNS),
    "error": None,
    "finished": None,
    "seconds": None,
}


def _of_settings(run: RunEntry) -> dict[str, Any]:
    config, state = run.config, run.state
    return {
        "run": run.id,
        "name": run_name(run),
        "model": MODEL_TITLES[config.model],
        "data": config.dataset,
        "settings": settings_text(config),
        "seed": config.seed,
        "state": state.status,
        "progress": state.progress,
    }


def _of_results(run: RunEntry) -> dict[str, Any]:
    ended = run.folder / STATE_FILE
    return _read_results(run, ended.stat().st_mtime_ns)


@lru_cache(maxsize=5_000)
def _read_results(run: RunEntry, changed: int) -> dict[str, Any]:
    """Read scores and error; cached, since a page draws its list of runs again at each click."""
    rows = [row for row in read_scores(run) if row.representation == "z" and not row.noisy]
    clean = {(row.held_out, row.clusterer): row.values for row in rows}
    last = run.last_row()
    return {
        "scores": {column: clean[False, clusterer].get(score) for column, (score, clusterer) in SCORE_COLUMNS.items()},
        "held_out_scores": {
            column: clean.get((True, clusterer), {}).get(score) for column, (score, clusterer) in HELD_OUT_COLUMNS.items()
        },
        "error": last.get("error_student", last.get("error")),
        "finished": changed / 1e9,
        "seconds": run.read_json(PROVENANCE_FILE).get("training_seconds"),
    }
