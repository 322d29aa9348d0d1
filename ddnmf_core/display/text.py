"""Names from data are text: escape them for what reads markup. Classes, features, files, data sets and parts have such names.

Widget options (except those of segmented controls and pills), tables, galleries and maps show text as it is.
"""

import html
import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>$~|#^=&]|:(?=\S))")  # a colon before a word may begin a colour
_SHORTCODE = re.compile(r":(?=(?:material/)?[\w+-]+:)")  # of an icon or emoji: Streamlit makes one of it, escaped or not
_LIST = re.compile(r"^(?:([-+](?=[-+\s]|$))|(\d+)([.)])(?=\s|$))")  # a name may stand at the start of a line
_ADDRESS = re.compile(r"(https?:(?=//)|\bwww(?=\.)|@(?=\w))", re.IGNORECASE)  # Markdown makes links of them, escaped or not
WORD_JOINER = "\u2060"  # takes no room


def in_markdown(name: str) -> str:
    """Escape a name for Markdown: `HLA-A*02:01` keeps its star, `price($)` is no formula, an address is no link."""
    parted = _SHORTCODE.sub(f":{WORD_JOINER}", _ADDRESS.sub(rf"\1{WORD_JOINER}", " ".join(name.split())))
    text = _MARKDOWN.sub(r"\\\1", parted)
    return _LIST.sub(lambda found: f"{found[2] or ''}\\{found[1] or found[3]}", text)


def in_plotly(name: str) -> str:
    """Escape a name for a Plotly figure, whose texts are a kind of HTML: `<unk>` is shown."""
    return html.escape(name, quote=False).replace("%{", "%&#123;")  # as %{x} in a template


def in_html(name: str) -> str:
    """Escape a name for HTML, in text and in attributes."""
    return html.escape(name)
