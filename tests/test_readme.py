"""README and docs show what results/ holds, not what somebody typed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TABLES = [found for text in TEXTS
          for found in re.findall(r"<!-- (results/\S+\.md) -->\n\n(.*?)\n<!-- end -->", text.read_text(), re.DOTALL)]


def test_there_are_tables_in_the_readme():
    assert TABLES


@pytest.mark.parametrize(("path", "shown"), TABLES)
def test_a_table_in_the_readme_is_the_one_in_results(path, shown):
    assert f"{shown}\n" == (ROOT / path).read_text()
