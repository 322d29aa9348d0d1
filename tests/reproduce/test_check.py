"""One published number computed again: identical, agrees, or does not."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import TINY, gathered, reproduce

from ddnmf_core.cli import reproduce as command
from ddnmf_core.reproduce import check, results
from ddnmf_core.store.entry import SCORES_FILE


def test_a_check_says_identical_or_agrees_or_does_not(two_seeds):
    store, made_of = two_seeds
    published = gathered("table1", made_of, store)
    record = check.choose_record(published, "DDNMF+GMM", seed=1)
    scores = store.entry(check.cell_of(replace(published, protocol=TINY.describe()), record).config).read_json(SCORES_FILE)
    assert check.compare_record(published, record, scores).identical
    spread = results.summarise([r for r in published.cells if r["method"] == "DDNMF+GMM"]).iloc[0]["acc_std"]
    limit = 12.706 * 2**0.5  # Student's t for 2 seeds; two draws differ by sqrt(2) s
    for shift, agrees in ((0.99 * limit, True), (1.01 * limit, False)):
        verdict = check.compare_record(published, record, scores | {"acc": scores["acc"] + shift * spread})
        assert (verdict.identical, verdict.agrees) == (False, agrees)
        assert ("does NOT agree" in str(verdict)) != agrees


def test_seeds_that_come_to_the_same_leave_room_for_rounding():
    records = [{"dataset": "mnist", "method": "K-means", "seed": seed, "acc": 0.5, "nmi": 0.5, "ari": 0.5} for seed in range(3)]
    of = results.Results("table1", "", "", {}, [0, 1, 2], 0, [], records)
    for shift, agrees in ((0.004, True), (0.006, False)):
        assert check.compare_record(of, records[0], {"acc": 0.5 + shift}).agrees == agrees


def test_an_honest_redraw_agrees_as_often_as_is_said():
    generator, n_agree = np.random.default_rng(1), 0
    for _ in range(400):
        seeds = [
            {"dataset": "mnist", "method": "GMM", "seed": seed, "acc": value, "nmi": 0.5, "ari": 0.5}
            for seed, value in enumerate(generator.normal(0.5, 0.1, 3), 1)
        ]
        of = results.Results("table1", "", "", {}, [1, 2, 3], 0, [], seeds)
        n_agree += check.compare_record(of, seeds[0], {"acc": generator.normal(0.5, 0.1)}).agrees
    assert 0.9 < n_agree / 400 < 0.99


def test_all_that_is_published_can_be_checked_at_once(published, monkeypatch):
    asked = []
    monkeypatch.setattr(command, "_check", lambda of, record, device: asked.append((of.target, record["method"])) or True)
    assert reproduce("all", "--check", "--method", "NMF+GMM", "--out", published).exit_code == 0
    assert reproduce("--check", "--out", published).exit_code == 0  # no target: Table 1
    assert asked == [("table1", "NMF+GMM"), ("table1", "K-means")]
    missing = reproduce("all", "--check", "--method", "DBSCAN", "--out", published)
    assert (missing.exit_code, "no cell with method 'DBSCAN'" in missing.output) == (2, True)
    assert reproduce().exit_code == 2


def test_without_a_folder_the_results_of_this_version_are_checked_unless_there_are_own_ones(published, tmp_path, monkeypatch):
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("DDNMF_RESULTS", str(published))
    monkeypatch.setattr(command, "_check", lambda of, record, device: record["acc"] == 0.5)
    assert reproduce("table1", "--check").exit_code == 0
    missing = reproduce("table1", "--check", "--quick")
    assert (missing.exit_code, "results/quick/table1.json" in missing.output) == (2, True)
    (here / "results").mkdir()
    (here / "results" / "table1.json").write_text((published / "table1.json").read_text().replace('"acc": 0.5', '"acc": 0.6'))
    assert reproduce("table1", "--check").exit_code == 1


def test_the_cell_that_took_least_time_is_checked_unless_one_is_named(two_seeds):
    store, made_of = two_seeds
    published = gathered("table1", made_of, store)
    for record in published.cells:  # a loaded machine may take longer for the pixels
        record["seconds"] = 1.0
    assert check.choose_record(published)["run"] is None  # pixels: nothing to train
    assert check.choose_record(published, "DDNMF+K-means", 2)["seed"] == 2
    with pytest.raises(ValueError, match=r"no cell with method 'DBSCAN'.*methods K-means, GMM"):
        check.choose_record(published, "DBSCAN")


def test_a_map_cannot_be_checked_and_that_is_said(published):
    found = reproduce("figure2", "--check", "--out", published)
    assert (found.exit_code, "has no scores to compare" in found.output) == (2, True)
