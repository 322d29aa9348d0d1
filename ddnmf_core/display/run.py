"""A finished run as a notebook shows it: its name, the settings that differ from the defaults, its scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from ddnmf_core.display.markup import table, titled
from ddnmf_core.labels import CLUSTERER_TITLES, INPUT_TITLES, SCORE_TITLES


def run_html(title: str, settings: Mapping[str, Any], scores: Sequence[Mapping[str, Any]], errors: Mapping[str, float]) -> str:
    """Draw a run.

    Parameters
    ----------
    title : str
        Title of the run.
    settings : mapping of str to value
        Settings that differ from the defaults.
    scores : sequence of mapping
        Rows with "input", "representation", "clusterer" and the scores by name.
    errors : mapping of str to float
        Mean squared error of the reconstruction by input, "clean" and "noisy".
    """
    names = list(dict.fromkeys(name for row in scores for name in row if name not in ("input", "representation", "clusterer")))
    heading = ["images", "code", "clusters", *(SCORE_TITLES.get(name, name) for name in names)]
    rows = [
        [
            INPUT_TITLES[row["input"]],
            row["representation"],
            CLUSTERER_TITLES[row["clusterer"]],
            *(f"{row[name]:.3f}" if name in row else "" for name in names),
        ]
        for row in scores
    ]
    note = "Mean squared error: " + ", ".join(f"{INPUT_TITLES[seen]} {error:.3g}" for seen, error in errors.items()) + "."
    changed = [(name.replace("_", " "), _value_text(value)) for name, value in settings.items()]
    return titled(
        title, table(changed) if changed else "<div>All settings are the defaults.</div>", table(rows, heading), note=note
    )


def _value_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
