"""What is depended on is explained, and locked as it was tested."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement):
    return re.split(r"[<>=!~;\[ ]", requirement)[0].lower()


def pins(text):
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text.lower(), re.MULTILINE))


def test_each_requirement_has_a_line_in_the_docs_and_nothing_else_has():
    extras = [each for extra in PROJECT["optional-dependencies"].values() for each in extra]
    required = {name_of(each) for each in [*PROJECT["dependencies"], *extras]}
    required |= set(pins((ROOT / "requirements.txt").read_text()))
    tables = (ROOT / "docs" / "dependencies.md").read_text().split("## By hand")[0]
    explained = re.findall(r"^\| `([^`]+)` \|", tables.lower(), re.MULTILINE)
    assert sorted(explained) == sorted(required)


def test_a_line_says_why_instead_of_what_how_heavy_under_which_licence_and_what_would_replace_it():
    lines = [
        line
        for line in (ROOT / "docs" / "dependencies.md").read_text().split("## By hand")[0].splitlines()
        if line.startswith("| `")
    ]
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == 6, line
        assert all(cells), line
        assert re.fullmatch(r"[\d,]+", cells[3]), line


def test_the_lock_has_the_versions_that_were_tested():
    tested, locked = (pins((ROOT / name).read_text()) for name in ("requirements.txt", "requirements.lock"))
    assert {name: locked.get(name) for name in tested} == tested, "make lock"


def test_the_lock_has_hashes_and_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    packages = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in package for package in packages)
    assert not re.search(r"https?:|--index|--find-links", text)
