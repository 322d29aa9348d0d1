"""Tables in LaTeX (booktabs) and Markdown: mean ± standard deviation, the best mean of each score in bold."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.interpret.measures import MEASURES, NOT_DEFINED
from ddnmf_core.reproduce.cells import Target
from ddnmf_core.reproduce.claims import sentences
from ddnmf_core.reproduce.results import Results, summarise

if TYPE_CHECKING:
    import pandas as pd

NumberFormatter = Callable[[float, float, bool], str]  # mean, standard deviation or NaN, whether it is the best
TEXT_COLUMNS = ("Method", "Data", "Score", "Model")
IN_TABLE = (
    "explained_variance",
    "stability",
    "hoyer_parts",
    "hoyer_H",
    "redundancy_mean",
    "purity",
    "additivity_gap",
    "cancellation",
    "deletion_auc",
    "deletion_random_auc",
    "constant_parts",
)  # of the measures of parts
ESCAPES = str.maketrans({character: f"\\{character}" for character in "&%$#_{}"})


def table_latex(results: Results) -> str:
    """Format a LaTeX table; the caption names seeds, command and date, comments above it state the protocol."""
    rows = summarise(results.cells)
    body = _body(results.target, rows, _latex_number).rename(columns=lambda name: name.translate(ESCAPES))
    body = body.map(lambda text: text if text.startswith("$") else _escaped(text))
    name = " and ".join(dict.fromkeys(record["dataset"] for record in results.cells))
    caption = (
        f"{name}: mean $\\pm$ standard deviation over {seeds_of(rows)}. "
        f"Made by \\texttt{{{results.command.translate(ESCAPES)}}}, {results.created}."
    )
    n_texts = sum(column in TEXT_COLUMNS for column in body.columns)
    protocol = "".join(f"% {statement}\n" for statement in results.protocol.get("statements", ()))
    columns = "l" * n_texts + "r" * (body.shape[1] - n_texts)
    return protocol + body.to_latex(
        index=False, escape=False, caption=caption, label=f"tab:{results.target}", column_format=columns
    )


def _escaped(text: str) -> str:
    """Escape LaTeX's special characters."""
    return text.translate(ESCAPES).replace("*", r"$^\ast$").replace("≥", r"$\geq$")


def seeds_of(rows: "pd.DataFrame") -> str:
    """Format the number of seeds: '2 seeds', or '1 to 2 seeds' if rows differ."""
    least, most = rows["n_seeds"].min(), rows["n_seeds"].max()
    return f"{f'{least} to ' if least < most else ''}{most} seed{'s' if most != 1 else ''}"


def table_markdown(results: Results) -> str:
    """Format a Markdown table, followed by claims, command and source file."""
    rows = summarise(results.cells)
    body = _body(results.target, rows, _markdown_number)
    lines: list[list[str]] = [list(body.columns), ["---"] * body.shape[1], *body.to_numpy().tolist()]
    counted, seeds = sentences(rows) if results.target == "table3" else [], seeds_of(rows)
    made = (f"Mean ± standard deviation over {seeds}" if "±" in "".join(map("".join, lines)) else seeds.capitalize()) + (
        f"; `{results.command}`, {results.created}. Protocol, versions and every seed: `{results.target}.json`."
    )
    return (
        "".join(f"| {' | '.join(line)} |\n" for line in lines)
        + "\n"
        + "".join(f"- {sentence}\n" for sentence in counted)
        + "\n" * bool(counted)
        + f"{made}\n"
    )


def _body(target: Target, rows: "pd.DataFrame", number: NumberFormatter) -> "pd.DataFrame":
    """Build the table's texts: rows are methods, or for Table 3 data set, score and model with a column per noise level."""
    import pandas as pd

    rows_of = {"table3": _noise_rows, "selection": _criteria_rows, "parts": _part_rows}.get(target, _method_rows)
    return pd.DataFrame(rows_of(rows, number))


def _method_rows(rows: "pd.DataFrame", number: NumberFormatter) -> list[dict[str, str]]:
    best = {score: rows[f"{score}_mean"].max() for score in SCORE_NAMES}
    return [
        {
            "Method": row["method"] + ("*" if row["origin"] != "paper" else ""),
            "Seeds": str(row["n_seeds"]),
            **{
                score.upper(): number(row[f"{score}_mean"], row[f"{score}_std"], row[f"{score}_mean"] == best[score])
                for score in SCORE_NAMES
            },
            **{f"{score.upper()}, paper": _plain(row[f"{score}_paper"]) for score in SCORE_NAMES},
        }
        for row in rows.to_dict("records")
    ]


def _criteria_rows(rows: "pd.DataFrame", number: NumberFormatter) -> list[dict[str, str]]:
    """Build rows with the label-free criteria first; the scores are for comparison, not for the choice."""
    best = {(dataset, clusterer): of_set["agreement_mean"].max() for (dataset, clusterer), of_set in _by_clusterer(rows)}
    lines = []
    for (dataset, clusterer), of_set in _by_clusterer(rows):
        for row in of_set.to_dict("records"):
            lines.append(
                {
                    "Data": str(dataset),
                    "Method": row["method"],
                    "Seeds": str(row["n_seeds"]),
                    "Agreement": number(row["agreement_mean"], math.nan, row["agreement_mean"] == best[dataset, clusterer]),
                    "Silhouette": _plain(row["silhouette_mean"]),
                    "Error": f"{row['error_mean']:.4f}",
                    **{score.upper(): number(row[f"{score}_mean"], row[f"{score}_std"], False) for score in SCORE_NAMES},
                }
            )
    return lines


def _part_rows(rows: "pd.DataFrame", number: NumberFormatter) -> list[dict[str, str]]:
    """Build rows with the scores, then the measures of parts."""
    best = rows.groupby("dataset").max(numeric_only=True)
    return [
        {
            "Data": str(row["dataset"]),
            "Method": row["method"] + ("*" if row["origin"] != "paper" else ""),
            "Seeds": str(row["n_seeds"]),
            **{
                score.upper(): number(
                    mean := row[f"{score}_mean"], row[f"{score}_std"], mean == best.loc[row["dataset"], f"{score}_mean"]
                )
                for score in SCORE_NAMES
            },
            **{
                measure.title: measure.text(row[f"{measure.name}_mean"]) + fewer_seeds(row, measure.name)
                for measure in MEASURES.values()
                if measure.name in IN_TABLE
            },
        }
        for row in rows.to_dict("records")
    ]


def fewer_seeds(row: "dict[str, Any]", measure: str) -> str:
    """Note if a measure covers only some of the row's seeds: ' (2 seeds)'."""
    n_seeds = row.get(f"{measure}_seeds", row["n_seeds"])
    return f" ({n_seeds} seeds)" if 0 < n_seeds < row["n_seeds"] else ""


def _by_clusterer(rows: "pd.DataFrame") -> Any:
    return rows.groupby(["dataset", rows["method"].str.rpartition("+")[2]], sort=False)


def _noise_rows(rows: "pd.DataFrame", number: NumberFormatter) -> list[dict[str, str]]:
    lines, levels = [], sorted(rows["noise_level"].unique())
    for dataset, of_set in rows.groupby("dataset", sort=False):
        best = of_set.groupby("noise_level")[[f"{score}_mean" for score in SCORE_NAMES]].max()
        for score in SCORE_NAMES:
            for model, of_model in of_set.groupby("method", sort=False):
                cells = {
                    row["noise_level"]: number(
                        row[f"{score}_mean"],
                        row[f"{score}_std"],
                        row[f"{score}_mean"] == best.loc[row["noise_level"], f"{score}_mean"],
                    )
                    for row in of_model.to_dict("records")
                }
                lines.append(
                    {
                        "Data": str(dataset),
                        "Score": score.upper(),
                        "Model": str(model),
                        **{f"{level:.0%}": cells.get(level, NOT_DEFINED) for level in levels},
                    }
                )
    return lines


def _latex_number(mean: float, deviation: float, best: bool) -> str:
    if mean != mean:
        return NOT_DEFINED
    text = rf"\mathbf{{{mean:.3f}}}" if best else f"{mean:.3f}"
    return f"${text}$" if deviation != deviation else rf"${text} \pm {deviation:.3f}$"


def _markdown_number(mean: float, deviation: float, best: bool) -> str:
    if mean != mean:
        return NOT_DEFINED
    text = f"**{mean:.3f}**" if best else f"{mean:.3f}"
    return text if deviation != deviation else f"{text} ± {deviation:.3f}"


def _plain(value: float) -> str:
    return NOT_DEFINED if value != value else f"{value:.3f}"
