"""What comes out over seeds: the same twice, means and deviations, agreement, where each number came from."""

import re
from dataclasses import replace

import numpy as np
import pytest
from tiny import TINY, do, gathered

from ddnmf_core.analysis.metrics import SCORE_NAMES, ari
from ddnmf_core.interpret.stability import matched_cosine
from ddnmf_core.reproduce import results, tables
from ddnmf_core.reproduce.cells import target_cells
from ddnmf_core.store.entry import CLUSTERS_FILE, INTERPRETATION_FILE
from ddnmf_core.store.run_store import Store


def test_one_seed_gives_the_same_numbers_twice_and_two_seeds_give_two(two_seeds, tmp_path):
    store, made_of = two_seeds
    of_seed_1 = [cell for cell in made_of if cell.seed == 1 and cell.method.startswith("DDNMF")]
    other = Store(tmp_path / "other")
    do(other, of_seed_1)
    numbers = {
        record["id"]: [record[score] for score in (*SCORE_NAMES, "contingency")]
        for record in gathered("table1", made_of, store).cells
    }
    for record in gathered("table1", of_seed_1, other).cells:
        assert [record[score] for score in (*SCORE_NAMES, "contingency")] == numbers[record["id"]]
    for method in ("DDNMF+K-means", "DDNMF+GMM", "NMF+GMM"):
        of_method = [cell.config.id for cell in made_of if cell.method == method]
        assert numbers[of_method[0]] != numbers[of_method[1]]


def test_means_and_deviations_are_numpys(two_seeds):
    store, made_of = two_seeds
    found = gathered("table1", made_of, store).cells
    for row in results.summarise(found).to_dict("records"):
        for score in SCORE_NAMES:
            values = [record[score] for record in found if record["method"] == row["method"]]
            assert len(values) == row["n_seeds"] == 2
            assert row[f"{score}_mean"] == pytest.approx(np.mean(values), abs=1e-12)
            assert row[f"{score}_std"] == pytest.approx(np.std(values, ddof=1), abs=1e-12)


def test_the_distance_from_the_paper_is_in_our_deviations():
    records = [
        {"dataset": "mnist", "method": "DDNMF+K-means", "seed": seed, "acc": acc, "nmi": 0.5, "ari": 0.5}
        for seed, acc in ((1, 0.8), (2, 0.9))
    ]
    row = results.summarise(records).iloc[0]
    assert row["acc_paper"] == 0.8115
    assert row["acc_difference"] == pytest.approx(0.85 - 0.8115)
    assert row["acc_deviations"] == pytest.approx((0.85 - 0.8115) / np.std([0.8, 0.9], ddof=1))
    assert np.isnan(row["nmi_deviations"])  # no deviation, no distance in deviations


def test_one_seed_has_no_deviation():
    row = results.summarise([{"dataset": "mnist", "method": "GMM", "seed": 1, "acc": 0.5, "nmi": 0.5, "ari": 0.5}]).iloc[0]
    assert np.isnan(row["acc_std"])
    assert np.isnan(row["acc_deviations"])
    assert row["acc_difference"] == pytest.approx(0.5 - 0.5604)


def test_how_well_the_seeds_agree_needs_no_labels(two_seeds):
    store, made_of = two_seeds
    found = gathered("table1", made_of, store)
    for method in ("K-means", "DDNMF+GMM"):
        first, second = (record for record in found.cells if record["method"] == method)
        clusters = [store.entry(cell.config).read_table(CLUSTERS_FILE)["cluster"] for cell in made_of if cell.method == method]
        assert first["agreement"] == second["agreement"] == pytest.approx(ari(*clusters))
        assert first["agreement_with"] == [1, 2]
    again = gathered("table1", made_of, Store(store.root / "nothing"), found)
    assert [record["agreement"] for record in again.cells] == [record["agreement"] for record in found.cells]
    assert "agreement" not in gathered("table1", made_of[:1], store).cells[0]


def test_the_table_of_parts_holds_every_factorisation_and_how_stable_it_is_over_seeds(tmp_path):
    store = Store(tmp_path / "store")
    rows = ("DDNMF", "Strong AE units", "NMF", "PCA")
    made_of = [
        replace(cell, config=cell.config.replace(n_pictures=10))
        for cell in target_cells("parts", TINY, (1, 2))
        if cell.dataset == "digits" and cell.method in rows
    ]
    do(store, made_of)
    found = gathered("parts", made_of, store)
    by_method = results.summarise(found.cells).set_index("method")
    assert by_method.loc["PCA", "stability_mean"] == pytest.approx(1)  # nothing in it depends on the seed
    assert 0 < by_method.loc["DDNMF", "stability_mean"] < 1
    first, second = (
        store.entry(cell.config).read_tensors(INTERPRETATION_FILE)["swings"]
        for cell in made_of
        if cell.method == "Strong AE units"
    )
    assert by_method.loc["Strong AE units", "stability_mean"] == pytest.approx(matched_cosine(first, second, signed=False))
    assert by_method.loc["DDNMF", "n_seeds"] == 2
    assert by_method.loc["PCA", "additivity_gap_mean"] < 1e-4
    again = gathered("parts", made_of, Store(store.root / "nothing"), found)
    assert [record["stability"] for record in again.cells] == [record["stability"] for record in found.cells]
    text = tables.table_markdown(found)
    assert "| digits | PCA* | 2 |" in text
    assert "Stability over seeds" in text
    assert r"\begin{tabular}{ll" in tables.table_latex(found)


def test_the_selection_shows_what_needs_no_labels(tmp_path):
    store = Store(tmp_path / "store")
    made_of = target_cells("selection", replace(TINY, datasets=("digits", "digits")), (1, 2))
    do(store, made_of)
    found = gathered("selection", made_of, store)
    assert {record["method"] for record in found.cells} == {"chosen+K-means", "chosen+GMM", "gamma .1+K-means", "gamma .1+GMM"}
    assert all({"agreement", "silhouette", "error"} <= set(record) for record in found.cells)
    table = tables.table_markdown(found)
    assert table.splitlines()[0] == "| Data | Method | Seeds | Agreement | Silhouette | Error | ACC | NMI | ARI |"
    assert len(re.findall(r"\| \*\*", table)) >= 2  # the best agreement of each clusterer


def test_a_record_says_where_it_came_from(two_seeds):
    store, made_of = two_seeds
    found = gathered("table1", made_of, store)
    for record in found.cells:
        origin = found.provenance[record["provenance"]]
        assert {"python", "numpy", "scikit-learn", "platform"} <= set(origin)
        assert np.sum(record["contingency"]) == TINY.n_samples
        assert ("training_seconds" in record) == (record["run"] is not None) == ("precision" in origin)


def test_seeds_count_when_they_are_whole(two_seeds, tmp_path):
    store, made_of = two_seeds
    whole, empty = gathered("table1", made_of, store), Store(tmp_path / "empty")
    assert whole.n_seeds == 2
    assert gathered("table1", made_of, empty, replace(whole, cells=whole.cells[:-1])).n_seeds == 1
    of_each = [record for record in whole.cells if record["method"] == "K-means"]
    assert gathered("table1", made_of, empty, replace(whole, cells=of_each)).n_seeds == 0  # as many of each, none whole
