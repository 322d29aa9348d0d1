"""The documentation site: built with warnings as errors, its tutorial executed, and nothing in it from another host."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from ddnmf_core.store.entry import Status

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "docs" / "tutorial").glob("[0-9]_*.py"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built from a copy of what it is made of, so that a working tree stays as it is."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name in ("README.md", "requirements.txt", "requirements.lock"):
        shutil.copy(ROOT / name, source)
    for name in ("docs", "results"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("_build", "examples"))
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(source / "docs"), str(source), str(built)],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=source,
        env=os.environ | {"MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr
    return built


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_tutorial_was_executed(site, name):
    page = (site / "docs" / "examples" / f"{name}.html").read_text("utf-8")
    assert "sphx-glr-script-out" in page
    assert "Traceback" not in page


def test_the_examples_show_their_pictures(site):
    page = (site / "docs" / "examples" / "1_first_parts.html").read_text("utf-8")
    assert page.count("sphx_glr_1_first_parts_00") >= 3


def test_the_api_names_what_is_used_most(site):
    page = (site / "docs" / "api.html").read_text("utf-8")
    for name in ("ddnmf_core.DDNMF.fit", "ddnmf_core.store.run_store.Store.entries", "ddnmf_core.interpret.shapley.shapley"):
        assert f'id="{name}"' in page


def test_settings_are_told_in_words(site):
    page = (site / "docs" / "api.html").read_text("utf-8")
    assert "FieldInfo" not in page
    assert "number from 0 up to 1<" in page  # a noise level
    assert "r, columns of W" in page  # the comment beside n_parts


def test_every_page_is_reached_from_the_first_one(site):
    first = (site / "README.html").read_text("utf-8")
    pages = [path.stem for path in (ROOT / "docs").glob("*.md")]
    assert [name for name in pages if f'href="docs/{name}.html"' not in first] == []
    assert "url=README.html" in (site / "index.html").read_text("utf-8")


ELSEWHERE = (
    r"""<(?:script|img|iframe|source|link)[^>]+(?:src|href)=["']?(?:https?:)?//[^\s>]+"""
    r"""|url\(["']?(?:https?:)?//|@import"""
)


def test_what_another_host_would_give_is_recognised():
    for text in (
        '<script async src="https://a.org/b.js">',
        "<link rel='stylesheet' href='//a.org/b.css'>",
        "url(http://a.org/f.woff2)",
    ):
        assert re.search(ELSEWHERE, text)
    assert not re.search(ELSEWHERE, '<a href="https://a.org">a</a><script src="_static/b.js"></script>url("f.woff2")')


def test_no_page_asks_another_host(site):
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    loads = [found for path in files for found in re.findall(ELSEWHERE, path.read_text("utf-8"))]
    assert len(files) > 20
    assert loads == []


def test_the_diagram_of_the_states_has_each_of_them():
    reached = set(re.findall(r" -> (\w+) ", (ROOT / "docs" / "states.dot").read_text()))
    assert reached - {"end", "set_aside", "deleted"} == set(get_args(Status)) - {"new"}


def test_the_diagram_is_drawn_from_its_source():
    source, picture = ((ROOT / "docs" / f"states.{suffix}").read_text() for suffix in ("dot", "svg"))
    arrows = re.findall(r"^    (\w+) -> (\w+) ", source, re.MULTILINE)
    assert sorted(arrows) == sorted(re.findall(r"<title>(\w+)&#45;&gt;(\w+)</title>", picture))
    words = [line for label in re.findall(r'label="(.+?)"', source) for line in label.split("\\n")]
    assert [line for line in words if line.replace("-", "&#45;") not in picture] == []


def test_every_line_of_security_that_names_a_test_has_it():
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"^\| (\d+) \| `(tests/[\w/]+\.py)::(\w+)` \|$", text, re.MULTILINE)
    missing = [name for _, file, name in named if f"def {name}(" not in (ROOT / file).read_text()]
    assert missing == []
    claims, _, _ = text.partition("## Tests")
    assert {int(number) for number in re.findall(r"\[(\d+)\]", claims)} == {int(number) for number, *_ in named}
    assert [int(number) for number, *_ in named] == list(range(1, len(named) + 1))
    guarantees = claims.partition("## Guarantees")[2].partition("## No protection")[0]
    assert all(re.search(r"\[\d+\]", line) for line in guarantees.split("\n- ")[1:])
