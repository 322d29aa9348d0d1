"""The scores of an experiment: one row a seed, and over seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ddnmf_core.config import RunConfig
from ddnmf_core.entries import SCORES
from ddnmf_core.experiment.plan import Wanted
from ddnmf_core.metrics import SCORE_NAMES
from ddnmf_core.runs import Store

if TYPE_CHECKING:
    import pandas as pd

OF = ("images", "of", "transform", "clusterer")                     # what was clustered, and how


def rows(store: Store, experiment: Sequence[Wanted]) -> "pd.DataFrame":
    """A row for each clustering of each run that is there: the grid's settings, seed, run, what was clustered, scores."""
    import pandas as pd
    found = []
    for each in experiment:
        entry = store.entry(each.config)
        if not entry.available:
            continue
        run = each.run or each.config
        place = {**{name: _text(value) for name, value in each.point.items()}, "seed": run.seed, "run": run.id}
        table = entry.read_json(SCORES)
        found += [{**place, **row} for row in (_of_run(table) if isinstance(each.config, RunConfig) else [_of(each, table)])]
    return pd.DataFrame(found)


def over_seeds(table: "pd.DataFrame") -> "pd.DataFrame":
    """Mean and deviation of each score, with its seeds: clean codes z of the runs, and whatever was asked for besides."""
    axes = list(table.columns[:table.columns.get_loc("seed")])
    shown = table[(table["images"] == "clean") & (table["of"] == "z") | table["asked"]]
    groups = shown.groupby([*axes, *OF], sort=False, dropna=False)
    scores = groups[list(SCORE_NAMES)].agg(["mean", "std"])
    scores.columns = [f"{score}_{number}" for score, number in scores.columns]
    return scores.assign(seeds=groups["seed"].apply(lambda seeds: " ".join(map(str, seeds)))).reset_index()


def markdown(table: "pd.DataFrame") -> str:
    """The same to be read: mean ± deviation in one cell."""
    left = [name for name in table if name != "seeds" and not str(name).startswith(SCORE_NAMES)]
    lines = [[*map(str, left), "seeds", *(score.upper() for score in SCORE_NAMES)]]
    lines.append(["---"] * len(lines[0]))
    for row in table.to_dict("records"):
        lines.append([*(str(row[name]) for name in left), row["seeds"],
                      *(_number(row[f"{score}_mean"], row[f"{score}_std"]) for score in SCORE_NAMES)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _of_run(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"images": row["input"], "of": row["representation"], "transform": "none", "clusterer": row["clusterer"],
             "asked": False, **{score: row[score] for score in SCORE_NAMES}} for row in table]


def _of(each: Wanted, table: dict[str, Any]) -> dict[str, Any]:
    config: Any = each.config
    images = f"noise {config.noise_level:g}" if config.noise_level else "clean"
    return {"images": images, "of": config.representation, "transform": config.transform, "clusterer": config.clusterer,
            "asked": True, **{score: table[score] for score in SCORE_NAMES}}


def _text(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _number(mean: float, deviation: float) -> str:
    return f"{mean:.3f}" if deviation != deviation else f"{mean:.3f} ± {deviation:.3f}"
