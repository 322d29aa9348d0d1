"""What every page's test does: open the page as its link opens it, and read it."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).parents[2] / "dashboard" / "main.py")


TABS_OF_PARTS = [f"parts?tab={tab}" for tab in ("gallery", "part", "training", "quality", "rank", "factors", "readout")]
TABS_OF_EXPLAIN = [f"explain?explain={tab}" for tab in ("parts", "steps", "edit", "new")]


def open_page(page: str, **link: str) -> AppTest:
    """Open a page such as "parts" or "parts?tab=part". AppTest has to pass through Home first."""
    page, _, query = page.partition("?")
    app = AppTest.from_file(APP, default_timeout=60)
    if page != "home":
        app.run().switch_page(f"../pages/{page}.py")
    for name, value in (dict(parse_qsl(query)) | link).items():
        app.query_params[name] = value
    return app.run()


def text_of(app: Any) -> str:
    """What the page says, also behind its question marks."""
    elements = [*app.markdown, *app.info, *app.warning, *app.error, *app.success, *app.caption, *app.header]
    helps = [element.proto.help for element in [*app.markdown, *app.header] if element.proto.help]
    return "\n".join([*(str(element.value) for element in elements), *helps])
