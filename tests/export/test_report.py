"""A run as one HTML file: whole, self-contained, and safe against what people type."""

import re

import pytest
from stored import trained

from ddnmf_core.config import InterpretationConfig, RunConfig
from ddnmf_core.export.report import report_html, write_report
from ddnmf_core.store.part_names import rename_part
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", layers=(16, 6), n_parts=4, epochs=2, output_activation="linear", gamma=0.1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(Store(tmp_path_factory.mktemp("report")), RUN)


def test_it_holds_parts_scores_examples_settings_and_provenance(run):
    text = report_html(run)
    assert [f"Part {k}" in text for k in (1, 4, 5)] == [True, True, False]
    assert all(word in text for word in (run.id, "torch", "learning_rate", "K-means on z", "<svg"))
    assert text.count('alt="clean:') == 10
    assert "are not computed yet" in text


def test_it_asks_nothing_of_the_network(run):
    text = re.sub(r"<svg.*?</svg>", "", report_html(run), flags=re.DOTALL)  # the drawing names its standard, w3.org
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "default-src 'none'" in text
    assert "<script" not in text


def test_names_that_people_type_are_text_and_nothing_else(run):
    rename_part(run, 1, "<img src=x onerror=alert(1)>")
    assert "Part 2, &lt;img src=x onerror=alert(1)&gt;" in report_html(run)
    rename_part(run, 1, "")


def test_what_was_measured_is_in_it(run):
    trained(Store(run.root), InterpretationConfig.of(run.config))
    text = report_html(run)
    assert "Deletion AUC" in text
    assert "importance" in text


def test_an_autoencoder_has_a_report_without_parts(run):
    text = report_html(trained(Store(run.root), RUN.replace(model="ae1")))
    assert "<h2>Parts</h2>" not in text
    assert "<h2>Examples</h2>" in text


def test_an_unfinished_run_has_none(run, tmp_path):
    with pytest.raises(ValueError, match="is not finished"):
        write_report(Store(run.root).create(RUN.replace(seed=9)), tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
