"""Tables and figures over seeds: what is asked for, what is kept, what is said of it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from ddnmf_core import engine, tasks, train_task
from ddnmf_core.cli import app
from ddnmf_core.entries import CLUSTERS, INTERPRETATION, SCORES
from ddnmf_core.interpret.stability import matched_cosine
from ddnmf_core.metrics import SCORE_NAMES, ari
from ddnmf_core.reproduce import check, command, paper, results, tables
from ddnmf_core.reproduce.cells import TARGETS, cells
from ddnmf_core.reproduce.protocol import FULL, QUICK, Protocol
from ddnmf_core.reproduce.work import Work
from ddnmf_core.runs import Store

SMALL = {"layers": (32, 16, 6), "n_parts": 5, "epochs": 1, "batch_size": 64}
TINY = replace(QUICK, name="tiny", datasets=("digits", "mnist-10k"), n_samples=200, noise_levels=(0.1, 0.8), n_map_points=100,
               candidates={"chosen": SMALL, "gamma .1": {**SMALL, "gamma": 0.1}},
               models={title: {**settings, **SMALL} for title, settings in QUICK.models.items()},
               noise_models={title: {**settings, **SMALL} for title, settings in QUICK.noise_models.items()})


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    """The work is asked for; `do` does it here."""
    monkeypatch.setattr(engine, "ensure_started", lambda store: None)


def do(store, made_of):
    """Everything that the cells need, in this process."""
    work = Work(store, made_of)
    for config in work.configs:
        entry = store.create(config)
        assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    return work


def gathered(target, made_of, store, known=None, seeds=(1, 2)):
    return results.gather(target, made_of, TINY, seeds, store, "ddnmf reproduce", known)


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory):
    """A few rows of Table 1 for two seeds, on digits."""
    store = Store(tmp_path_factory.mktemp("two-seeds"))
    rows = ("K-means", "GMM", "NMF+GMM", "AE2+NMF+K-means", "DDNMF+K-means", "DDNMF+GMM", "DDNMF+UMAP+GMM")
    made_of = [cell for cell in cells("table1", TINY, (1, 2)) if cell.method in rows]
    do(store, made_of)
    return store, made_of


# ------------------------------------------------------------------------------------ what is asked for

@pytest.mark.parametrize(("target", "table"), [("table1", "table1"), ("table2", "table2")])
def test_every_row_of_the_paper_is_there(target, table):
    made_of = cells(target, FULL, [1])
    assert set(paper.results()[table]["rows"]) <= {cell.method for cell in made_of}
    assert all(paper.scores(cell.dataset, cell.method) for cell in made_of if results.ORIGIN_OF[cell.method] == "paper")
    assert not any(paper.scores(cell.dataset, cell.method) for cell in made_of if results.ORIGIN_OF[cell.method] != "paper")


def test_every_number_of_table_3_is_there_with_a_stronger_rival():
    made_of = cells("table3", FULL, [1])
    assert len(made_of) == 2 * 8 * 3                                # sets, levels, models; each has three scores
    assert {cell.method for cell in made_of} == {"DDNMF", "AE1", "DAE"}
    assert sum(paper.scores(cell.dataset, cell.method, cell.noise_level) is not None for cell in made_of) == 2 * 8 * 2
    assert all(cell.run.noise_level == cell.config.noise_level == cell.noise_level for cell in made_of)


def test_figure_3_tests_every_model_at_every_level_and_holds_table_3():
    everywhere = cells("figure3", FULL, [1])
    assert len(everywhere) == 2 * 8 * 3 * 9
    assert {cell.config.id for cell in cells("table3", FULL, [1])} < {cell.config.id for cell in everywhere}


def test_seeds_differ_in_everything_and_one_seed_is_itself():
    for target in TARGETS[:3]:
        first, again, other = cells(target, FULL, [1]), cells(target, FULL, [1]), cells(target, FULL, [2])
        assert [cell.config.id for cell in first] == [cell.config.id for cell in again]
        assert not {cell.config.id for cell in first} & {cell.config.id for cell in other}
        assert not {cell.run.id for cell in first if cell.run} & {cell.run.id for cell in other if cell.run}


def test_both_sets_have_the_same_settings():
    def settings(dataset):
        return [{**cell.run.model_dump(), "dataset": ""} for cell in cells("table3", FULL, [1]) if cell.dataset == dataset]
    assert settings("mnist") == settings("fashion-mnist")


def test_a_protocol_is_rebuilt_from_its_description():
    described = json.loads(json.dumps(FULL.describe()))
    for target in TARGETS:
        assert [cell.config.id for cell in cells(target, Protocol.described(described), [1])] == \
               [cell.config.id for cell in cells(target, FULL, [1])]


# ------------------------------------------------------------------------------------ what comes out

def test_one_seed_gives_the_same_numbers_twice_and_two_seeds_give_two(two_seeds, tmp_path):
    store, made_of = two_seeds
    of_seed_1 = [cell for cell in made_of if cell.seed == 1 and cell.method.startswith("DDNMF")]
    other = Store(tmp_path / "other")
    do(other, of_seed_1)
    numbers = {record["id"]: [record[score] for score in (*SCORE_NAMES, "contingency")]
               for record in gathered("table1", made_of, store).cells}
    for record in gathered("table1", of_seed_1, other).cells:
        assert [record[score] for score in (*SCORE_NAMES, "contingency")] == numbers[record["id"]]
    for method in ("DDNMF+K-means", "DDNMF+GMM", "NMF+GMM"):
        of_method = [cell.config.id for cell in made_of if cell.method == method]
        assert numbers[of_method[0]] != numbers[of_method[1]]


def test_means_and_deviations_are_numpys(two_seeds):
    store, made_of = two_seeds
    found = gathered("table1", made_of, store).cells
    for row in results.summary(found).to_dict("records"):
        for score in SCORE_NAMES:
            values = [record[score] for record in found if record["method"] == row["method"]]
            assert len(values) == row["n_seeds"] == 2
            assert row[f"{score}_mean"] == pytest.approx(np.mean(values), abs=1e-12)
            assert row[f"{score}_std"] == pytest.approx(np.std(values, ddof=1), abs=1e-12)


def test_the_distance_from_the_paper_is_in_our_deviations():
    records = [{"dataset": "mnist", "method": "DDNMF+K-means", "seed": seed, "acc": acc, "nmi": 0.5, "ari": 0.5}
               for seed, acc in ((1, 0.8), (2, 0.9))]
    row = results.summary(records).iloc[0]
    assert row["acc_paper"] == 0.8115
    assert row["acc_difference"] == pytest.approx(0.85 - 0.8115)
    assert row["acc_deviations"] == pytest.approx((0.85 - 0.8115) / np.std([0.8, 0.9], ddof=1))
    assert np.isnan(row["nmi_deviations"])                          # no deviation, no distance in deviations


def test_one_seed_has_no_deviation():
    row = results.summary([{"dataset": "mnist", "method": "GMM", "seed": 1, "acc": 0.5, "nmi": 0.5, "ari": 0.5}]).iloc[0]
    assert np.isnan(row["acc_std"])
    assert np.isnan(row["acc_deviations"])
    assert row["acc_difference"] == pytest.approx(0.5 - 0.5604)


def test_how_well_the_seeds_agree_needs_no_labels(two_seeds):
    store, made_of = two_seeds
    found = gathered("table1", made_of, store)
    for method in ("K-means", "DDNMF+GMM"):
        first, second = (record for record in found.cells if record["method"] == method)
        clusters = [store.entry(cell.config).read_table(CLUSTERS)["cluster"] for cell in made_of if cell.method == method]
        assert first["agreement"] == second["agreement"] == pytest.approx(ari(*clusters))
        assert first["agreement_with"] == [1, 2]
    again = gathered("table1", made_of, Store(store.root / "nothing"), found)
    assert [record["agreement"] for record in again.cells] == [record["agreement"] for record in found.cells]
    assert "agreement" not in gathered("table1", made_of[:1], store).cells[0]


def test_the_table_of_parts_holds_every_factorisation_and_how_stable_it_is_over_seeds(tmp_path):
    store = Store(tmp_path / "store")
    rows = ("DDNMF", "Strong AE units", "NMF", "PCA")
    made_of = [replace(cell, config=cell.config.replace(n_pictures=10)) for cell in cells("parts", TINY, (1, 2))
               if cell.dataset == "digits" and cell.method in rows]
    do(store, made_of)
    found = gathered("parts", made_of, store)
    by_method = results.summary(found.cells).set_index("method")
    assert by_method.loc["PCA", "stability_mean"] == pytest.approx(1)       # nothing in it depends on the seed
    assert 0 < by_method.loc["DDNMF", "stability_mean"] < 1
    first, second = (store.entry(cell.config).read_tensors(INTERPRETATION)["swings"] for cell in made_of
                     if cell.method == "Strong AE units")
    assert by_method.loc["Strong AE units", "stability_mean"] == pytest.approx(matched_cosine(first, second, signed=False))
    assert by_method.loc["DDNMF", "n_seeds"] == 2
    assert by_method.loc["PCA", "additivity_gap_mean"] < 1e-4
    again = gathered("parts", made_of, Store(store.root / "nothing"), found)
    assert [record["stability"] for record in again.cells] == [record["stability"] for record in found.cells]
    text = tables.markdown(found)
    assert "| digits | PCA* | 2 |" in text
    assert "Stability over seeds" in text
    assert r"\begin{tabular}{ll" in tables.latex(found)


def test_the_selection_shows_what_needs_no_labels(tmp_path):
    store = Store(tmp_path / "store")
    made_of = cells("selection", replace(TINY, datasets=("digits", "digits")), (1, 2))
    do(store, made_of)
    found = gathered("selection", made_of, store)
    assert {record["method"] for record in found.cells} == {"chosen+K-means", "chosen+GMM", "gamma .1+K-means", "gamma .1+GMM"}
    assert all({"agreement", "silhouette", "error"} <= set(record) for record in found.cells)
    table = tables.markdown(found)
    assert table.splitlines()[0] == "| Data | Method | Seeds | Agreement | Silhouette | Error | ACC | NMI | ARI |"
    assert len(re.findall(r"\| \*\*", table)) >= 2                  # the best agreement of each clusterer


def test_a_record_says_where_it_came_from(two_seeds):
    store, made_of = two_seeds
    found = gathered("table1", made_of, store)
    for record in found.cells:
        origin = found.provenance[record["provenance"]]
        assert {"python", "numpy", "scikit-learn", "platform"} <= set(origin)
        assert np.sum(record["contingency"]) == TINY.n_samples
        assert ("training_seconds" in record) == (record["run"] is not None) == ("precision" in origin)


# ------------------------------------------------------------------------------- stopping and going on

def test_what_is_there_is_not_done_again(two_seeds):
    store, made_of = two_seeds
    work = Work(store, made_of)
    assert work.configs == []
    assert work.done
    assert work.advance() == (0.0, "Everything is there.")


def test_an_interrupted_reproduction_goes_on_with_the_cells_that_are_missing(tmp_path):
    store = Store(tmp_path / "store")
    made_of = cells("table3", replace(TINY, datasets=("digits", "digits")), [1])
    asked = Work(store, made_of)
    asked.submit()
    done = asked.configs[:2] + [config for config in asked.configs if getattr(config, "run", "") == asked.configs[0].id]
    for config in done:
        entry = store.create(config)
        tasks.perform(str(store.root), entry.kind, entry.id, "cpu")
    asked.stop()
    left = Work(store, made_of)
    assert {config.id for config in left.configs} == {config.id for config in asked.configs} - {config.id for config in done}
    left.submit()
    assert not any(store.entry(config).stop_requested for config in left.configs)


def test_published_cells_need_neither_their_run_nor_their_clusters(two_seeds, tmp_path):
    store, made_of = two_seeds
    published = gathered("table1", made_of, store)
    published.write(tmp_path)
    known = results.read(tmp_path, "table1")
    elsewhere = Store(tmp_path / "elsewhere")
    assert Work(elsewhere, made_of, {record["id"] for record in known.cells}).configs == []
    again = gathered("table1", made_of, elsewhere, known)
    assert again.cells == published.cells
    assert again.provenance == published.provenance
    assert gathered("table1", made_of, elsewhere).n_missing == len(made_of)


def test_cells_of_another_protocol_are_not_taken_over(two_seeds, tmp_path):
    store, made_of = two_seeds
    known = gathered("table1", made_of, store)
    longer = TINY.with_epochs(2)
    again = results.gather("table1", cells("table1", longer, [1]), longer, [1], Store(tmp_path / "empty"), "", known)
    assert {record["run"] for record in again.cells} == {None}      # clusters of pixels have no epochs


def test_how_seeds_agree_is_kept_where_the_store_has_only_some_of_them(two_seeds, tmp_path):
    store, made_of = two_seeds
    known = gathered("table1", made_of, store)
    assert all(record["agreement_with"] == [1, 2] for record in known.cells)
    some = Store(tmp_path / "some")
    for cell in made_of[:1]:                                        # one of two seeds, computed again there
        do(some, [cell])
    again = gathered("table1", made_of, some, known)
    assert [record["agreement"] for record in again.cells] == [record["agreement"] for record in known.cells]


def test_seeds_count_when_they_are_whole(two_seeds, tmp_path):
    store, made_of = two_seeds
    whole, empty = gathered("table1", made_of, store), Store(tmp_path / "empty")
    assert whole.n_seeds == 2
    assert gathered("table1", made_of, empty, replace(whole, cells=whole.cells[:-1])).n_seeds == 1
    of_each = [record for record in whole.cells if record["method"] == "K-means"]
    assert gathered("table1", made_of, empty, replace(whole, cells=of_each)).n_seeds == 0       # as many of each, none whole


def test_what_is_written_is_not_replaced_by_the_same_seed_computed_elsewhere(two_seeds):
    store, made_of = two_seeds
    computed = gathered("table1", made_of, store)
    written = replace(computed, cells=[{**{name: value for name, value in record.items() if "agreement" not in name},
                                        "acc": record["acc"] + 0.01} for record in computed.cells])
    again = gathered("table1", made_of, store, written)
    assert [record["acc"] for record in again.cells] == [record["acc"] for record in written.cells]
    assert not any("agreement" in record for record in again.cells)     # the store's clusters are not those of these scores


def test_a_file_that_is_not_ours_is_named(tmp_path):
    (tmp_path / "table1.json").write_text('{"cells": 3}')
    with pytest.raises(ValueError, match=r"table1.json is not a file of `ddnmf reproduce`"):
        results.read(tmp_path, "table1")
    assert results.read(tmp_path, "table2") is None


def test_work_that_failed_is_said(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    made_of = [cell for cell in cells("table1", TINY, [1]) if cell.method == "AE2+K-means"]
    work = Work(store, made_of)
    work.submit()
    monkeypatch.setattr(train_task, "evaluate", lambda *_: 1 / 0)
    for config in work.configs:
        entry = store.entry(config)
        tasks.perform(str(store.root), entry.kind, entry.id, "cpu")
    for request in store.requests():
        store.settle(request)
    share, _ = work.advance()
    assert work.done
    assert share == pytest.approx(1.0)
    run, clustering = work.failures()
    assert "ZeroDivisionError" in run
    assert "is not finished" in clustering


# ------------------------------------------------------------------------------------- as they are shown

def test_latex_has_the_best_mean_alone_in_bold():
    records = [{"dataset": "mnist", "method": method, "seed": seed, "acc": acc + seed / 100, "nmi": acc, "ari": acc}
               for method, acc in (("K-means", 0.5), ("DDNMF+K-means", 0.8), ("Strong AE+K-means", 0.7)) for seed in (1, 3)]
    found = results.Results("table1", "ddnmf reproduce table1 --seeds 2", "2026-01-01", {}, [1, 3], 0, [], records)
    text = tables.latex(found)
    bold = re.findall(r"^(.*?) &.*mathbf", text, re.MULTILINE)
    assert bold == ["DDNMF+K-means"]
    assert r"$\mathbf{0.820} \pm 0.014$" in text
    assert r"$0.520 \pm 0.014$" in text
    assert "0.555" in text                                          # the paper's K-means
    assert "Strong AE+K-means$^\\ast$" in text
    assert "over 2 seeds" in text
    assert "| DDNMF+K-means | 2 | **0.820** ± 0.014 | **0.800** ± 0.000 |" in tables.markdown(found)
    assert "| Strong AE+K-means* | 2 | 0.720 ± 0.014 |" in tables.markdown(found)
    assert "over 1 to 2 seeds" in tables.latex(replace(found, cells=records[:-1]))


def test_latex_of_table_3_has_a_column_for_each_level():
    records = [{"dataset": "mnist", "method": model, "seed": 1, "noise_level": level, "test_level": level, "acc": acc,
                "nmi": acc, "ari": acc} for level in (0.1, 0.8) for model, acc in (("DDNMF", level), ("AE1", 0.5))]
    text = tables.latex(results.Results("table3", "", "", {}, [1], 0, [], records))
    assert r"10\% & 80\%" in text
    assert re.search(r"ACC & DDNMF & \$0.100\$ & \$\\mathbf\{0.800\}\$", text)
    assert re.search(r"ACC & AE1 & \$\\mathbf\{0.500\}\$ & \$0.500\$", text)


def test_a_table_3_that_is_not_whole_yet_has_dashes_and_its_levels_in_order():
    records = [{"dataset": "mnist", "method": model, "seed": 1, "noise_level": level, "test_level": level, "acc": 0.5,
                "nmi": 0.5, "ari": 0.5} for model, level in (("DDNMF", 0.8), ("AE1", 0.1), ("AE1", 0.8))]
    lines = tables.markdown(results.Results("table3", "", "", {}, [1], 0, [], records)).splitlines()
    assert lines[0] == "| Data | Score | Model | 10% | 80% |"
    assert lines[2] == "| mnist | ACC | DDNMF | – | **0.500** |"
    assert lines[3] == "| mnist | ACC | AE1 | **0.500** | **0.500** |"


# --------------------------------------------------------------------------------------------- checking

def test_a_check_says_identical_or_agrees_or_does_not(two_seeds):
    store, made_of = two_seeds
    published = gathered("table1", made_of, store)
    record = check.choose(published, "DDNMF+GMM", seed=1)
    scores = store.entry(check.cell_of(replace(published, protocol=TINY.describe()), record).config).read_json(SCORES)
    assert check.verdict(published, record, scores).identical
    spread = results.summary([r for r in published.cells if r["method"] == "DDNMF+GMM"]).iloc[0]["acc_std"]
    limit = 12.706 * 2**0.5                                         # Student's t for 2 seeds; two draws differ by sqrt(2) s
    for shift, agrees in ((0.99 * limit, True), (1.01 * limit, False)):
        verdict = check.verdict(published, record, scores | {"acc": scores["acc"] + shift * spread})
        assert (verdict.identical, verdict.agrees) == (False, agrees)
        assert ("does NOT agree" in str(verdict)) != agrees


def test_seeds_that_come_to_the_same_leave_room_for_rounding():
    records = [{"dataset": "mnist", "method": "K-means", "seed": seed, "acc": 0.5, "nmi": 0.5, "ari": 0.5} for seed in range(3)]
    of = results.Results("table1", "", "", {}, [0, 1, 2], 0, [], records)
    for shift, agrees in ((0.004, True), (0.006, False)):
        assert check.verdict(of, records[0], {"acc": 0.5 + shift}).agrees == agrees


def test_an_honest_redraw_agrees_as_often_as_is_said():
    generator, n_agree = np.random.default_rng(1), 0
    for _ in range(400):
        seeds = [{"dataset": "mnist", "method": "GMM", "seed": seed, "acc": value, "nmi": 0.5, "ari": 0.5}
                 for seed, value in enumerate(generator.normal(0.5, 0.1, 3), 1)]
        of = results.Results("table1", "", "", {}, [1, 2, 3], 0, [], seeds)
        n_agree += check.verdict(of, seeds[0], {"acc": generator.normal(0.5, 0.1)}).agrees
    assert 0.9 < n_agree / 400 < 0.99


def test_all_that_is_published_can_be_checked_at_once(published, monkeypatch):
    asked = []
    monkeypatch.setattr(command, "_check", lambda of, record, device: asked.append((of.target, record["method"])) or True)
    assert reproduce("all", "--check", "--method", "NMF+GMM", "--out", published).exit_code == 0
    assert reproduce("--check", "--out", published).exit_code == 0      # no target: Table 1
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


def test_the_protocol_tells_the_epochs_that_are_run():
    assert any("100 of Strong AE" in statement for statement in FULL.statements())
    assert any("Epochs: 8; in Table 3 and Figure 3 8" in statement for statement in QUICK.statements())
    assert not any("45" in statement for statement in QUICK.statements())


def test_the_cell_that_took_least_time_is_checked_unless_one_is_named(two_seeds):
    store, made_of = two_seeds
    published = gathered("table1", made_of, store)
    assert check.choose(published)["run"] is None                   # pixels: nothing to train
    assert check.choose(published, "DDNMF+K-means", 2)["seed"] == 2
    with pytest.raises(ValueError, match=r"no cell with method 'DBSCAN'.*methods K-means, GMM"):
        check.choose(published, "DBSCAN")


# ------------------------------------------------------------------------------------ what is written stays

def reproduce(*arguments):
    return CliRunner().invoke(app, ["reproduce", *map(str, arguments)])


@pytest.fixture
def published(tmp_path):
    """A written Table 1 of the quick protocol with made-up numbers, for two seeds; and an empty store."""
    records = [{"dataset": cell.dataset, "method": cell.method, "seed": cell.seed, "id": cell.config.id, "run": None,
                "acc": 0.5, "nmi": 0.5, "ari": 0.5, "seconds": 1.0, "provenance": 0} for cell in cells("table1", QUICK, [1, 2])]
    results.Results("table1", "ddnmf reproduce table1 --seeds 2 --quick", "2026-01-01", QUICK.describe(), [1, 2], 0,
                    [{"torch": "2"}], records).write(tmp_path)
    return tmp_path


def test_fewer_seeds_than_are_written_take_none_away(published):
    before = results.read(published, "table1")
    found = reproduce("table1", "--gather", "--quick", "--seeds", 1, "--out", published, "--home", published / "empty")
    assert found.exit_code == 0, found.output
    after = results.read(published, "table1")
    assert after.cells == before.cells
    assert (after.seeds, after.n_missing) == ([1, 2], 0)
    assert after.command == "ddnmf reproduce table1 --seeds 2 --quick"


@pytest.mark.parametrize("option", [("--epochs", 1), ("--samples", 500)])
def test_another_protocol_is_not_written_over_what_is_there(published, option):
    before = (published / "table1.json").read_bytes()
    found = reproduce("table1", "--gather", "--quick", "--seeds", 2, *option, "--out", published, "--home", published / "empty")
    assert found.exit_code == 2
    assert "cells of another protocol" in found.output
    assert (published / "table1.json").read_bytes() == before


def test_a_map_cannot_be_checked_and_that_is_said(published):
    found = reproduce("figure2", "--check", "--out", published)
    assert (found.exit_code, "has no scores to compare" in found.output) == (2, True)


def test_what_one_seed_cannot_have_is_a_dash():
    records = [{"dataset": "mnist", "method": "chosen+K-means", "seed": 1, "acc": 0.5, "nmi": 0.5, "ari": 0.5,
                "silhouette": 0.1, "error": 0.02}]
    found = results.Results("selection", "", "2026-01-01", {}, [1], 0, [], records)
    assert "| chosen+K-means | 1 | – | 0.100 |" in tables.markdown(found)
    assert "nan" not in tables.markdown(found) + tables.latex(found)


def test_latex_takes_no_sign_for_a_comment():
    records = [{"dataset": "mnist", "method": method, "seed": seed, "acc": 0.5, "nmi": 0.5, "ari": 0.5,
                "explained_variance": 0.665}
               for method in ("DDNMF", "DDNMF, W ≥ 0") for seed in (1, 2)]
    text = tables.latex(results.Results("parts", "", "2026-01-01", {}, [1, 2], 0, [], records))
    assert r"66.5\%" in text
    assert not re.search(r"(?<!\\)%", text)
    assert r"W $\geq$ 0$^\ast$" in text
    assert all(line.endswith(r"\\") for line in text.split("\\midrule")[1].split("\\bottomrule")[0].strip().splitlines())


def test_a_figure_2_that_is_whole_is_not_drawn_again_without_some_of_its_maps(tmp_path, monkeypatch):
    store, maps = Store(tmp_path / "store"), cells("figure2", TINY, [1])
    do(store, maps)
    made = lambda: command._maps(maps, store, tmp_path)                     # noqa: E731
    assert [path.name for path in made()] == ["figure2.csv", "figure2.png", "figure2.pdf"]
    before = (tmp_path / "figure2.csv").read_bytes()
    store.delete(store.entry(maps[0].config))
    assert made() == []
    assert (tmp_path / "figure2.csv").read_bytes() == before


def test_a_command_that_is_interrupted_writes_what_is_there_and_goes_on(tmp_path, monkeypatch):
    """Ctrl-C after some of the cells; the same command then does the others alone."""
    store, performed = Store(tmp_path / "store"), []

    def steps(work, most):
        for config in work.configs[:most]:
            entry = store.create(config)
            assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished"
            store.ticket(entry).unlink(missing_ok=True)
            performed.append(config.id)
            yield work.advance()
        if most:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "QUICK", replace(TINY, datasets=("digits", "digits"), models=TINY.models))
    monkeypatch.setattr(command, "cells", lambda target, protocol, seeds: [
        cell for cell in cells(target, protocol, seeds) if cell.method in ("K-means", "NMF+K-means", "AE1+K-means", "AE1+GMM")])
    again = ("table1", "--quick", "--seeds", 1, "--out", tmp_path / "out", "--home", store.root)
    monkeypatch.setattr(Work, "steps", lambda work: steps(work, 3))
    first = reproduce(*again)
    assert (first.exit_code, "The same command goes on from here" in first.output) == (130, True)
    written = results.read(tmp_path / "out", "table1")
    assert (len(written.cells), written.n_missing, len(performed)) == (2, 2, 3)
    monkeypatch.setattr(Work, "steps", lambda work: steps(work, None))
    second = reproduce(*again)
    assert second.exit_code == 0, second.output
    assert len(performed) == len(set(performed)) == 5               # a training and four clusterings, none twice
    assert results.read(tmp_path / "out", "table1").n_missing == 0
