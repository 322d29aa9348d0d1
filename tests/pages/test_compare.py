"""The Compare page: published numbers, this store's, none at all."""

import json
from dataclasses import replace

import opening
import pytest
from opening import text_of

from ddnmf_core.reproduce import paper
from ddnmf_core.reproduce.cells import target_cells
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL, QUICK_PROTOCOL
from ddnmf_core.reproduce.results import Results, read_results, summarise
from ddnmf_core.store.run_store import Store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where published results are looked for."""
    monkeypatch.setenv("DDNMF_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


def publish(folder, target, seeds=(1, 2)):
    """Made-up numbers for every cell of a table."""
    made_of = target_cells(target, FULL_PROTOCOL, seeds)
    records = [
        {
            "dataset": cell.dataset,
            "method": cell.method,
            "seed": cell.seed,
            "id": cell.config.id,
            "run": cell.run.id if cell.run else None,
            "acc": 0.5 + cell.seed / 100 + index % (len(made_of) // len(seeds)) / 100,
            "nmi": 0.6,
            "ari": 0.4,
            "silhouette": 0.1,
            "seconds": 2.0,
            "contingency": [[7, 0], [1, 2]],
            "provenance": 0,
        }
        for index, cell in enumerate(made_of)
    ]
    Results(
        target,
        f"ddnmf reproduce {target} --seeds {len(seeds)}",
        "2026-01-01",
        FULL_PROTOCOL.describe(),
        list(seeds),
        0,
        [{"torch": "2"}],
        records,
    ).write(folder)


def open_compare(**link):
    return opening.open_page("compare", **link)


def test_with_nothing_published_and_nothing_trained_it_offers_the_quick_table(folder):
    app = open_compare()
    assert not app.exception
    assert "No results in this store yet" in text_of(app)
    assert any("Compute Table 1, MNIST (46 cells, about" in button.label for button in app.button)


def test_published_numbers_are_shown_before_anything_is_trained(folder):
    publish(folder, "table1")
    app = open_compare()
    assert not app.exception
    table = app.dataframe[0].value
    assert set(paper.paper_results()["table1"]["rows"]) <= set(table["Method"])
    assert set(table["Seeds"]) == {2}
    assert table.set_index("Method").loc["K-means", "ACC"] == "0.515 ± 0.007"
    assert table.set_index("Method").loc["K-means", "ACC, paper"] == paper.paper_scores("mnist", "K-means")["acc"]
    assert "12 of these runs are not in this store" in text_of(app)  # six models, two seeds
    assert "Published 2026-01-01" in text_of(app)
    assert not any("Compute" in button.label for button in app.button)


def test_a_table_without_ddnmf_yet_does_not_call_another_row_its_best(folder):
    publish(folder, "table1")
    path = folder / "table1.json"
    content = json.loads(path.read_text())
    content["cells"] = [cell for cell in content["cells"] if cell["method"] in ("K-means", "GMM")]
    path.write_text(json.dumps(content))
    app = open_compare()
    assert not app.exception
    assert "best other model" not in text_of(app)


def test_the_headline_compares_rows_of_the_same_clustering(folder):
    publish(folder, "table1")
    rows = summarise(read_results(folder, "table1").cells).set_index("method")
    app = open_compare()
    lines = [line for element in app.markdown for line in element.value.split("\n") if "best other model" in line]
    assert {line.partition(":")[0] for line in lines} >= {"K-means", "GMM", "UMAP + GMM"}
    for line in lines:
        end = "+" + line.partition(":")[0].replace(" + ", "+")
        others = [row for row in rows.index if row.endswith(end) and row.partition("+")[2] == end[1:] and "DDNMF" not in row]
        best = rows.loc[others, "acc_mean"]
        assert f"best other model: **{best.idxmax().partition('+')[0]}** ACC {best.max():.3f}" in line


def test_the_distance_to_the_paper_is_in_points(folder):
    publish(folder, "table1")
    row = open_compare().dataframe[0].value.set_index("Method").loc["K-means"]
    assert row["ACC, Δ"] == pytest.approx(100 * (0.515 - row["ACC, paper"]))


def test_the_table_in_the_link_is_shown(folder):
    publish(folder, "table1")
    publish(folder, "table2")
    app = open_compare(table="table2", score="ari")
    row = app.dataframe[0].value.set_index("Method").loc["K-means"]
    assert row["ACC, paper"] == paper.paper_scores("fashion-mnist", "K-means")["acc"]
    app.segmented_control(key="scores").set_value("seeds").run()
    assert app.session_state["score"] == "ari"


def test_one_view_of_a_table_is_shown_at_a_time_and_ticks_hold_in_all(folder):
    publish(folder, "table1")
    app = open_compare(scores="seeds")
    assert not app.dataframe
    assert chart_of(app).count("K-means") > 1
    app.session_state["compare.ticked"] = ["GMM"]
    app.run()
    assert "1 row ticked in the table." in text_of(app)
    assert "NMF+GMM" not in chart_of(app)
    app.segmented_control(key="scores").set_value("confusion").run()
    assert app.selectbox(key="compare.method").options == ["GMM"]
    app.segmented_control(key="scores").set_value("table").run()
    assert not app.exception
    assert not app.get("plotly_chart")
    assert app.session_state["compare.ticked"] == ["GMM"]  # ticked again in the table


def chart_of(app):
    (chart,) = app.get("plotly_chart")
    return chart.proto.spec


def publish_parts(folder):
    made_of = target_cells("parts", FULL_PROTOCOL, (1, 2))
    records = [
        {
            "dataset": cell.dataset,
            "method": cell.method,
            "seed": cell.seed,
            "id": cell.config.id,
            "run": cell.run.id if cell.run else None,
            "acc": 0.5,
            "nmi": 0.6,
            "ari": 0.4,
            "hoyer_parts": 0.3 + index / 100,
            "explained_variance": 0.5,
            "seconds": 2.0,
            "provenance": 0,
        }
        for index, cell in enumerate(made_of)
    ]
    Results(
        "parts", "ddnmf reproduce parts --seeds 2", "2026-01-01", FULL_PROTOCOL.describe(), [1, 2], 0, [{"torch": "2"}], records
    ).write(folder)


def test_what_parts_are_worth_stands_beside_the_scores(folder):
    publish_parts(folder)
    app = open_compare(table="parts", images="fashion-mnist")
    assert not app.exception
    table = app.dataframe[0].value.set_index("Method")
    assert {"DDNMF", "NMF", "PCA", "AE2+NMF", "AE1 units"} <= set(table.index)
    assert table.loc["DDNMF", "Explained variance"] == "50.0% ± 0.0%"
    assert table.loc["DDNMF", "Stability over seeds"] == "–"
    assert "Better: further right" in text_of(app)
    assert "Pictures of these parts are not included" in text_of(app)  # the pictures of the parts
    app.selectbox(key="measure").set_value("stability").run()
    assert not app.exception
    assert "needs at least two seeds" in text_of(app)


def test_rows_are_filtered(folder):
    publish(folder, "table1")
    app = open_compare()
    app.text_input(key="compare.text").set_value("ddnmf").run()
    assert list(app.dataframe[0].value["Method"]) == [
        "DDNMF+K-means",
        "DDNMF+GMM",
        "DDNMF (H)+K-means",
        "DDNMF (H)+GMM",
        "DDNMF, fast+K-means",
        "DDNMF, fast+GMM",
        *(f"DDNMF, NMF at the pixels{of}+{by}" for of in ("", " (H)") for by in ("K-means", "GMM")),
        "DDNMF, fast, unit length+K-means",
        "DDNMF, NMF at the pixels, unit length+K-means",
        "DDNMF+UMAP+GMM",
    ]
    app.text_input(key="compare.text").set_value("nonsense").run()
    assert "No matching rows" in text_of(app)
    assert not app.exception


def test_computing_asks_the_engine_for_every_cell_and_shows_how_far_it_is(folder, home):
    app = open_compare(numbers="quick", seeds="1")
    next(button for button in app.button if "Compute" in button.label).click().run()
    assert not app.exception
    made_of = target_cells("table1", QUICK_PROTOCOL, [1])
    wanted = {cell.config.id for cell in made_of} | {cell.run.id for cell in made_of if cell.run}
    assert {request.entry.id for request in Store(home).requests()} == wanted
    assert any(button.label == "Stop" for button in app.button)
    next(button for button in app.button if button.label == "Stop").click().run()
    assert all(request.entry.stop_requested for request in Store(home).requests())


def test_a_file_that_is_not_ours_is_a_sentence(folder):
    folder.mkdir()
    (folder / "table1.json").write_text(json.dumps({"cells": 3}))
    app = open_compare()
    assert not app.exception
    assert "table1.json is not a file of `ddnmf reproduce`" in text_of(app)


def test_the_runs_that_the_store_has_can_be_opened(folder, home):
    publish(folder, "table1")
    app = open_compare()
    run = next(cell.run for cell in target_cells("table1", FULL_PROTOCOL, [1]) if cell.method == "DDNMF+K-means")
    entry = Store(home).create(run)
    entry.set_state(replace(entry.state, status="finished"))
    app.run()
    assert "11 of these runs are not in this store" in text_of(app)
    assert f"`{run.id[:6]}`" in text_of(app)
