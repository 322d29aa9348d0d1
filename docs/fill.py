"""`python docs/fill.py`: README and docs show what results/ holds, in the blocks that name a file of it.

It first writes what the README sums up: results/summary.md, a few rows of Tables 1 and 2, and results/speed.md, a sentence.
"""

import json
import re
from math import isnan
from pathlib import Path

from ddnmf_core.reproduce.results import read_results, summarise

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(<!-- (results/\S+\.md) -->\n)(?:(?!<!-- results/).)*?(<!-- end -->)", re.DOTALL)
SUMMARY = ROOT / "results" / "summary.md"
SUMMARY_ROWS = (
    "NMF+K-means",
    "AE2+GMM",
    "Strong AE+GMM",
    "DDNMF+GMM",
    "DDNMF, fast+GMM",
    "DDNMF, NMF at the pixels+GMM",
    "Strong AE+UMAP+GMM",
)
SPEED = ROOT / "results" / "speed.md"
SUMMARY_SETS = {"table1": "MNIST", "table2": "Fashion-MNIST"}


def summary() -> str:
    """Return ACC and NMI of SUMMARY_ROWS on both sets, mean and deviation over seeds, with the paper's ACC."""
    columns = [f"{title}: {name}" for title in SUMMARY_SETS.values() for name in ("ACC", "NMI", "ACC, paper")]
    tables = [summarise(read_results(SUMMARY.parent, target).cells).set_index("method") for target in SUMMARY_SETS]
    lines = [["Method", *columns], ["---"] * (1 + len(columns))]
    for method in SUMMARY_ROWS:
        line = [method]
        for row in (table.loc[method] for table in tables):
            line += [f"{row[f'{score}_mean']:.3f} ± {row[f'{score}_std']:.3f}" for score in ("acc", "nmi")]
            line.append("–" if isnan(row["acc_paper"]) else f"{row['acc_paper']:.3f}")
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def speed() -> str:
    """Return in a sentence how much sooner the default is as good as the published setting in a plain loop."""
    measured = json.loads((ROOT / "results" / "benchmarks" / "quality.json").read_bytes())
    sooner = {(row["data"], row["at the end"]): row["times sooner"] for row in measured["rows"] if row["times sooner"]}
    times = {
        name: [f"{sooner[dataset, measure]:.1f}" for dataset in ("mnist-10k", "fashion-mnist-10k")]
        for name, measure in (("error", "student's error"), ("L_sym", "L_sym"))
    }
    return (
        "A plain PyTorch loop of the published setting takes {} (MNIST) and {} times (Fashion-MNIST) as long as the default\n"
        "to the same error of the student, {} and {} times to the same L_sym ({} images, {} seeds, {} CPU cores).\n"
    ).format(*times["error"], *times["L_sym"], f"{measured['images']:,}", measured["repeats"], measured["machine"]["cores"])


def filled(text: str) -> str:
    """The text with each block as its file is now."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{(ROOT / found[2]).read_text('utf-8').rstrip()}\n{found[3]}", text)


if __name__ == "__main__":
    for path, text in ((SUMMARY, summary()), (SPEED, speed())):
        path.write_text(text, "utf-8")
    for path in TEXTS:
        path.write_text(filled(path.read_text("utf-8")), "utf-8")
