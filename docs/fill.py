"""`python docs/fill.py`: README and docs show what results/ holds, in the blocks that name a file of it.

It first writes results/summary.md, a few rows of Tables 1 and 2 for the README.
"""

import json
import re
from pathlib import Path
from statistics import mean, stdev

from ddnmf_core.reproduce.paper import paper_scores

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(<!-- (results/\S+\.md) -->\n)(?:(?!<!-- results/).)*?(<!-- end -->)", re.DOTALL)


SUMMARY = ROOT / "results" / "summary.md"
SUMMARY_ROWS = ("NMF+K-means", "AE2+GMM", "Strong AE+GMM", "DDNMF+GMM", "DDNMF, fast+GMM", "Strong AE+UMAP+GMM")
SUMMARY_SETS = {"table1": ("mnist", "MNIST"), "table2": ("fashion-mnist", "Fashion-MNIST")}


def summary() -> str:
    """Return ACC and NMI of SUMMARY_ROWS on both sets, mean and deviation over seeds, with the paper's ACC."""
    columns = [f"{title}: {name}" for _, title in SUMMARY_SETS.values() for name in ("ACC", "NMI", "ACC, paper")]
    lines = [["Method", *columns], ["---"] * (1 + len(columns))]
    results = {target: json.loads((ROOT / "results" / f"{target}.json").read_text("utf-8"))["cells"] for target in SUMMARY_SETS}
    for method in SUMMARY_ROWS:
        line = [method]
        for target, (dataset, _) in SUMMARY_SETS.items():
            seeds = [cell for cell in results[target] if cell["method"] == method]
            for score in ("acc", "nmi"):
                values = [cell[score] for cell in seeds]
                line.append(f"{mean(values):.3f} ± {stdev(values):.3f}")
            reported = paper_scores(dataset, method)
            line.append(f"{reported['acc']:.3f}" if reported else "–")
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def filled(text: str) -> str:
    """The text with each block as its file is now."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{(ROOT / found[2]).read_text('utf-8').rstrip()}\n{found[3]}", text)


if __name__ == "__main__":
    SUMMARY.write_text(summary(), "utf-8")
    for path in TEXTS:
        path.write_text(filled(path.read_text("utf-8")), "utf-8")
