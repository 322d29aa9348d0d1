"""The scores of an experiment: one row a seed, and over seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ddnmf_core.analysis.metrics import ALL_SCORE_NAMES, SCORE_NAMES, SILHOUETTE
from ddnmf_core.config import RunConfig
from ddnmf_core.experiment.plan import ExperimentItem
from ddnmf_core.store.entry import SCORES_FILE
from ddnmf_core.store.run_store import Store

if TYPE_CHECKING:
    import pandas as pd

CLUSTERED_COLUMNS = ("images", "of", "transform", "n_components", "clusterer")  # what was clustered, and how


def score_rows(store: Store, experiment: Sequence[ExperimentItem]) -> "pd.DataFrame":
    """A row for each clustering of each run that is there: the grid's settings, seed, run, what was clustered, scores. One that
    was asked for takes the place of the same one that every run has."""
    import pandas as pd

    found = []
    for each in experiment:
        entry = store.entry(each.config)
        if not entry.available:
            continue
        run = each.run or each.config
        place = {**{name: _text(value) for name, value in each.point.items()}, "seed": run.seed, "run": run.id}
        table = entry.read_json(SCORES_FILE)
        found += [{**place, **row} for row in (_of_run(table) if isinstance(each.config, RunConfig) else [_of(each, table)])]
    asked = {_place(row) for row in found if row["asked"]}
    return pd.DataFrame([row for row in found if row["asked"] or _place(row) not in asked])


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["run"], *(row[name] for name in CLUSTERED_COLUMNS)


def scores_over_seeds(table: "pd.DataFrame") -> "pd.DataFrame":
    """Mean and deviation of each score, with its seeds: clean codes z of the runs, and whatever was asked for besides."""
    axes = list(table.columns[: table.columns.get_loc("seed")])
    shown = table[(table["images"] == "clean") & (table["of"] == "z") | table["asked"]]
    groups = shown.groupby([*axes, *CLUSTERED_COLUMNS], sort=False, dropna=False)
    scores = groups[_scores_in(table)].agg(["mean", "std"])
    scores.columns = [f"{score}_{number}" for score, number in scores.columns]
    return scores.assign(seeds=groups["seed"].apply(lambda seeds: " ".join(map(str, seeds)))).reset_index()


def scores_markdown(table: "pd.DataFrame") -> str:
    """The same to be read: mean ± deviation in one cell."""
    known = [score for score in ALL_SCORE_NAMES if f"{score}_mean" in table]
    left = [name for name in table if name != "seeds" and not str(name).endswith(("_mean", "_std")) and _says(table, str(name))]
    lines = [[*map(str, left), "seeds", *(score.upper() if score in SCORE_NAMES else score for score in known)]]
    lines.append(["---"] * len(lines[0]))
    for row in table.to_dict("records"):
        lines.append(
            [
                *(str(row[name]) for name in left),
                row["seeds"],
                *(_number(row[f"{score}_mean"], row[f"{score}_std"]) for score in known),
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _scores_in(table: "pd.DataFrame") -> list[str]:
    """The paper's three, or where no row has labels the silhouette."""
    return list(SCORE_NAMES) if table["acc"].notna().any() else [SILHOUETTE]


def _says(table: "pd.DataFrame", name: str) -> bool:
    """Whether a column tells rows apart: dimensions of a transform seldom do."""
    return name != "n_components" or table[name].nunique() > 1


def _of_run(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "images": row["input"],
            "of": row["representation"],
            "transform": "none",
            "n_components": 0,
            "clusterer": row["clusterer"],
            "asked": False,
            **{score: row.get(score) for score in ALL_SCORE_NAMES},
        }
        for row in table
    ]


def _of(each: ExperimentItem, table: dict[str, Any]) -> dict[str, Any]:
    config: Any = each.config
    images = f"noise {config.noise_level:g}" if config.noise_level else "clean"
    return {
        "images": images,
        "of": config.representation,
        "transform": config.transform,
        "n_components": config.n_components if config.transform != "none" else 0,
        "clusterer": config.clusterer,
        "asked": True,
        **{score: table.get(score) for score in ALL_SCORE_NAMES},
    }


def _text(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _number(mean: float, deviation: float) -> str:
    return f"{mean:.3f}" if deviation != deviation else f"{mean:.3f} ± {deviation:.3f}"
