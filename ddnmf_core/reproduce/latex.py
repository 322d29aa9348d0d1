"""Tables as LaTeX (booktabs): mean ± deviation, the best mean of each score in bold, the paper's number beside it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ddnmf_core.reproduce.paper import SCORES
from ddnmf_core.reproduce.results import Results, summary

if TYPE_CHECKING:
    import pandas as pd

ESCAPES = str.maketrans({character: f"\\{character}" for character in "&%$#_{}"})


def table(results: Results) -> str:
    """Rows are methods, or for Table 3 data set, score and model with a column for each noise level."""
    import pandas as pd
    rows = summary(results.cells)
    body = pd.DataFrame(_noise_rows(rows) if results.target == "table3" else _method_rows(rows))
    name = " and ".join(rows["dataset"].unique())
    caption = (f"{name}: mean $\\pm$ standard deviation over {results.n_seeds} seed{'s' if results.n_seeds != 1 else ''}. "
               f"Made by \\texttt{{{results.command.translate(ESCAPES)}}}, {results.created}.")
    return body.to_latex(index=False, escape=False, caption=caption, label=f"tab:{results.target}",
                         column_format="l" * _n_names(body) + "r" * (body.shape[1] - _n_names(body)))


def _n_names(body: "pd.DataFrame") -> int:
    return sum(column in ("Method", "Data", "Score", "Model") for column in body.columns)


def _method_rows(rows: "pd.DataFrame") -> list[dict[str, str]]:
    best = {score: rows[f"{score}_mean"].max() for score in SCORES}
    return [{"Method": row["method"].translate(ESCAPES) + (r"$^\ast$" if row["origin"] != "paper" else ""),
             **{score.upper(): _number(row, score, row[f"{score}_mean"] == best[score]) for score in SCORES},
             **{f"{score.upper()} (paper)": _plain(row[f"{score}_paper"]) for score in SCORES}}
            for row in rows.to_dict("records")]


def _noise_rows(rows: "pd.DataFrame") -> list[dict[str, str]]:
    lines = []
    for dataset, of_set in rows.groupby("dataset", sort=False):
        best = of_set.groupby("noise_level")[[f"{score}_mean" for score in SCORES]].max()
        for score in SCORES:
            for model, of_model in of_set.groupby("method", sort=False):
                cells = {f"{row['noise_level']:.0%}".translate(ESCAPES):
                         _number(row, score, row[f"{score}_mean"] == best.loc[row["noise_level"], f"{score}_mean"])
                         for row in of_model.to_dict("records")}
                lines.append({"Data": str(dataset), "Score": score.upper(), "Model": str(model), **cells})
    return lines


def _number(row: Mapping[Any, Any], score: str, best: bool) -> str:
    mean, deviation = row[f"{score}_mean"], row[f"{score}_std"]
    text = rf"\mathbf{{{mean:.3f}}}" if best else f"{mean:.3f}"
    return f"${text}$" if deviation != deviation else rf"${text} \pm {deviation:.3f}$"


def _plain(value: float) -> str:
    return "--" if value != value else f"{value:.3f}"
