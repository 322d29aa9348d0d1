"""README and docs show what results/ holds, not what somebody typed."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("fill", ROOT / "docs" / "fill.py")
fill = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fill)
SHOWING = [path for path in fill.TEXTS if fill.BLOCK.search(path.read_text("utf-8"))]


def test_there_are_tables_in_the_readme():
    assert ROOT / "README.md" in SHOWING


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: path.name)
def test_a_table_that_is_shown_is_the_one_in_results(path):
    text = path.read_text("utf-8")
    assert fill.filled(text) == text, "python docs/fill.py"


def test_an_empty_block_is_filled_and_what_follows_stays():
    kept = "Text.\n\n<!-- results/parts.md -->\n\nold\n<!-- end -->\n"
    empty = f"<!-- results/table1.md -->\n\n<!-- end -->\n\n{kept}"
    found = fill.filled(empty)
    assert "Text." in found
    assert (ROOT / "results" / "table1.md").read_text("utf-8").rstrip() in found
    assert found == fill.filled(found)
    unclosed = f"<!-- results/table1.md -->\n\n{kept}"
    assert fill.filled(unclosed).startswith("<!-- results/table1.md -->\n\nText.")
