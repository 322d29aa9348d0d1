"""Scores of an experiment: one row per seed, and summarised over seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ddnmf_core.analysis.metrics import ALL_SCORE_NAMES, SCORE_NAMES, SILHOUETTE
from ddnmf_core.config import ClusteringConfig, RunConfig
from ddnmf_core.experiment.plan import ExperimentItem
from ddnmf_core.store.cluster_scores import HELD_OUT, images_title
from ddnmf_core.store.entry import SCORES_FILE
from ddnmf_core.store.run_store import Store

if TYPE_CHECKING:
    import pandas as pd

CLUSTERED_COLUMNS = ("images", "of", "transform", "n_components", "clusterer")  # identify a clustering of a run


def score_rows(store: Store, experiment: Sequence[ExperimentItem]) -> "pd.DataFrame":
    """Build a table with one row per clustering of each finished run: grid settings, seed, run, clustering, scores.

    A clustering from the plan replaces the same one that every run has.
    """
    import pandas as pd

    rows = []
    for item in experiment:
        entry = store.entry(item.config)
        if not entry.available:
            continue
        run = item.run or item.config
        point = {**{name: _cell_value(value) for name, value in item.point.items()}, "seed": run.seed, "run": run.id}
        scores = entry.read_json(SCORES_FILE)
        clusterings = _run_rows(scores) if isinstance(item.config, RunConfig) else [_clustering_row(item.config, scores)]
        rows += [{**point, **row} for row in clusterings]
    asked = {_key(row) for row in rows if row["asked"]}
    return pd.DataFrame([row for row in rows if row["asked"] or _key(row) not in asked])


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["run"], *(row[name] for name in CLUSTERED_COLUMNS)


def scores_over_seeds(table: "pd.DataFrame") -> "pd.DataFrame":
    """Compute mean and standard deviation of each score over seeds, for clean codes z, training and held-out, and the plan's
    clusterings."""
    axes = list(table.columns[: table.columns.get_loc("seed")])
    shown = table[table["images"].isin(["clean", images_title("clean", held_out=True)]) & (table["of"] == "z") | table["asked"]]
    groups = shown.groupby([*axes, *CLUSTERED_COLUMNS], sort=False, dropna=False)
    scores = groups[_scores_in(table)].agg(["mean", "std"])
    scores.columns = [f"{score}_{number}" for score, number in scores.columns]
    return scores.assign(seeds=groups["seed"].apply(lambda seeds: " ".join(map(str, seeds)))).reset_index()


def scores_markdown(table: "pd.DataFrame") -> str:
    """Format the summary as Markdown, with mean ± deviation in one cell."""
    present = [score for score in ALL_SCORE_NAMES if f"{score}_mean" in table]
    settings = [
        name
        for name in table
        if name != "seeds" and not str(name).endswith(("_mean", "_std")) and _is_informative(table, str(name))
    ]
    lines = [[*map(str, settings), "seeds", *(score.upper() if score in SCORE_NAMES else score for score in present)]]
    lines.append(["---"] * len(lines[0]))
    for row in table.to_dict("records"):
        lines.append(
            [
                *(str(row[name]) for name in settings),
                row["seeds"],
                *(_number(row[f"{score}_mean"], row[f"{score}_std"]) for score in present),
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _scores_in(table: "pd.DataFrame") -> list[str]:
    """List the score columns: ACC, NMI and ARI, or the silhouette if no row has labels."""
    return list(SCORE_NAMES) if table["acc"].notna().any() else [SILHOUETTE]


def _is_informative(table: "pd.DataFrame", name: str) -> bool:
    """Whether to show a column: n_components only if it varies."""
    return name != "n_components" or table[name].nunique() > 1


def _run_rows(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "images": images_title(row["input"], bool(row.get(HELD_OUT))),
            "of": row["representation"],
            "transform": "none",
            "n_components": 0,
            "clusterer": row["clusterer"],
            "asked": False,
            **{score: row.get(score) for score in ALL_SCORE_NAMES},
        }
        for row in scores
    ]


def _clustering_row(config: ClusteringConfig, scores: dict[str, Any]) -> dict[str, Any]:
    images = f"noise {config.noise_level:g}" if config.noise_level else "clean"
    return {
        "images": images,
        "of": config.representation,
        "transform": config.transform,
        "n_components": config.n_components if config.transform != "none" else 0,
        "clusterer": config.clusterer,
        "asked": True,
        **{score: scores.get(score) for score in ALL_SCORE_NAMES},
    }


def _cell_value(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _number(mean: float, deviation: float) -> str:
    return f"{mean:.3f}" if deviation != deviation else f"{mean:.3f} ± {deviation:.3f}"
