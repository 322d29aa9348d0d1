"""What every page's test does: open the page as its link opens it, and read it."""

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).parents[2] / "dashboard" / "main.py")


def open_page(page: str, **link: str) -> AppTest:
    """AppTest has to pass through Home first."""
    app = AppTest.from_file(APP, default_timeout=60)
    if page != "home":
        app.run().switch_page(f"../pages/{page}.py")
    for name, value in link.items():
        app.query_params[name] = value
    return app.run()


def text_of(app: Any) -> str:
    elements = [*app.markdown, *app.info, *app.warning, *app.error, *app.success, *app.caption, *app.header]
    return "\n".join(str(element.value) for element in elements)
