"""Names from data in reports, model cards and tables: text, and no formula of a spreadsheet."""

import csv
import json
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from benchmarks.common.hostile_names import KNOWN, store_of_names
from ddnmf_core.data.catalogue import spec
from ddnmf_core.display.text import WORD_JOINER, in_markdown
from ddnmf_core.export.csv import FORMULA_STARTS
from ddnmf_core.export.report import report_html
from ddnmf_core.export.safetensors import model_card
from ddnmf_core.export.write import export
from ddnmf_core.store.entry import PROVENANCE_FILE
from ddnmf_core.store.finished_run import FinishedRun


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDNMF_HOME", str(folder / "home"))
        store, config = store_of_names(folder)
        yield store.entry(config)


@pytest.fixture(autouse=True)
def home_of_names(run, monkeypatch):
    monkeypatch.setenv("DDNMF_HOME", str(run.root))


@pytest.mark.parametrize(("name", "wanted"), [("csv", KNOWN.classes), ("parts", (*KNOWN.features, KNOWN.part))])
def test_no_cell_of_a_csv_file_begins_like_a_formula(run, tmp_path, name, wanted):
    export(run, name, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    texts = {cell for row in rows for cell in row if not _is_number(cell)}
    assert not [text for text in texts if text.startswith(FORMULA_STARTS)]
    assert {f"'{text}" if text.startswith("=") else text for text in wanted} <= texts


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_a_model_card_holds_no_markup_of_a_name(run, tmp_path):
    provenance = run.read_json(PROVENANCE_FILE)
    host = "<img src=x> | **a** [x](http://e.example)"
    run.write_json(PROVENANCE_FILE, provenance | {"host": host})
    export(run, "safetensors", tmp_path / "model")
    run.write_json(PROVENANCE_FILE, provenance)
    card = (tmp_path / "model" / "README.md").read_text()
    assert not [name for name in (*KNOWN.all, "<img src=x>", "**a**", "[x](") if name in card]
    assert in_markdown(host) in card


@pytest.mark.parametrize("title", ["- a list", "# a heading", "1. a number", "_slanted_", ":material/home: an icon"])
def test_a_title_at_the_start_of_a_line_is_text(run, monkeypatch, title):
    monkeypatch.setattr("ddnmf_core.export.safetensors.spec", lambda name: replace(spec(name), title=title))
    page = MarkdownIt().render(model_card(FinishedRun(run), "0" * 64)).replace(WORD_JOINER, "")
    assert f"<p>{title}: 80 rows" in page


def test_a_report_holds_no_markup_of_a_name(run):
    text = report_html(run)
    assert not [name for name in KNOWN.all if "<" in name and name in text]
    assert "&lt;u&gt;x&lt;/u&gt;" in text


def test_settings_that_are_exported_are_those_of_the_run(run, tmp_path):
    export(run, "safetensors", tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text()) == json.loads(json.dumps(run.config.settings()))
