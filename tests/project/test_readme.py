"""README and docs show what results/ holds, and name only files, modules and packages that exist."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fill = loaded(ROOT / "docs" / "fill.py")
TEXTS = [*fill.TEXTS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
SHOWING = [path for path in fill.TEXTS if fill.BLOCK.search(path.read_text("utf-8"))]


def test_there_are_tables_in_the_readme():
    assert ROOT / "README.md" in SHOWING


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: path.name)
def test_a_table_that_is_shown_is_the_one_in_results(path):
    text = path.read_text("utf-8")
    assert fill.filled(text) == text, "python docs/fill.py"


def test_what_the_readme_sums_up_is_of_the_published_figures():
    assert fill.SUMMARY.read_text("utf-8") == fill.summary(), "python docs/fill.py"
    assert fill.SPEED.read_text("utf-8") == fill.speed(), "python docs/fill.py"


def test_an_empty_block_is_filled_and_what_follows_stays():
    kept = "Text.\n\n<!-- results/parts.md -->\n\nold\n<!-- end -->\n"
    empty = f"<!-- results/table1.md -->\n\n<!-- end -->\n\n{kept}"
    found = fill.filled(empty)
    assert "Text." in found
    assert (ROOT / "results" / "table1.md").read_text("utf-8").rstrip() in found
    assert found == fill.filled(found)
    unclosed = f"<!-- results/table1.md -->\n\n{kept}"
    assert fill.filled(unclosed).startswith("<!-- results/table1.md -->\n\nText.")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_path_that_a_text_names_exists(path):
    named = re.findall(
        r"(?<![\w/.-])((?:ddnmf_core|dashboard|tests|benchmarks|docs|results)/[\w./-]*\w)", path.read_text("utf-8")
    )
    only_in_a_wheel = {"ddnmf_core/app"}
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists() and name not in only_in_a_wheel] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_module_that_a_text_names_exists(path):
    text = path.read_text("utf-8")
    if path.name == "CHANGELOG.md":
        text = re.sub(r"^\| `.*?` \|", "|", text, flags=re.MULTILINE)  # the old modules
    for name in set(re.findall(r"\b((?:ddnmf_core|benchmarks)(?:\.[a-z_]\w*)+)", text)):
        parts = name.split(".")
        places = [ROOT.joinpath(*parts[:n]) for n in range(len(parts), 0, -1)]
        place = next(place for place in places if place.is_dir() or place.with_suffix(".py").exists())
        rest = parts[len(place.relative_to(ROOT).parts) :]
        source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        assert not rest or re.search(rf"\b{rest[0]}\b", source.read_text("utf-8")), name


def test_the_plan_of_the_packages_is_the_one_that_is_tested():
    levels = loaded(ROOT / "tests" / "project" / "test_structure.py").LEVELS
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    plan = re.findall(r"^ ?(\d+)  (.{36})", text, re.MULTILINE)  # the level and its packages, before what they are
    assert {name: int(level) for level, names in plan for name in names.split()} == levels
