"""Names from data in Markdown."""

import html
import re

import pytest
from markdown_it import MarkdownIt

from benchmarks.common.hostile_names import MARKUP
from ddnmf_core.display.text import WORD_JOINER, in_markdown

NAMES = [f"{before}word{after}" for before, after in MARKUP]


@pytest.mark.parametrize("name", [*NAMES, "+ a", "12) a", "---", "-", "1.", "===", "-1", "3.5 mm", "a - b", "a 1. b"])
def test_a_name_in_markdown_is_read_as_it_is(name):
    rendered = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(in_markdown(name)).strip()
    assert re.findall(r"</?(\w+)", rendered) == ["p", "p"]
    assert not re.search(r":(material/)?[\w+-]+:", html.unescape(rendered))  # which Streamlit replaces in the text of Markdown
    assert html.unescape(rendered).replace(WORD_JOINER, "") == f"<p>{' '.join(name.split())}</p>"
