"""`python docs/fill.py`: README and docs show what results/ holds, in the blocks that name a file of it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(<!-- (results/\S+\.md) -->\n)(?:(?!<!-- results/).)*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The text with each block as its file is now."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{(ROOT / found[2]).read_text('utf-8').rstrip()}\n{found[3]}", text)


if __name__ == "__main__":
    for path in TEXTS:
        path.write_text(filled(path.read_text("utf-8")), "utf-8")
