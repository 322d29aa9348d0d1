"""What is written stays: other seeds, stores and protocols take none of it away."""

from dataclasses import replace

import pytest
from tiny import TINY, do, gathered, reproduce

from ddnmf_core.cli import reproduce as command
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.reproduce import results
from ddnmf_core.reproduce.cells import target_cells
from ddnmf_core.store import trash
from ddnmf_core.store.run_store import Store


def test_cells_of_another_protocol_are_not_taken_over(two_seeds, tmp_path):
    store, made_of = two_seeds
    known = gathered("table1", made_of, store)
    longer = TINY.with_epochs(2)
    plan = results.TargetPlan("table1", target_cells("table1", longer, [1]), longer, [1], "")
    again = results.gather(plan, Store(tmp_path / "empty"), known)
    assert {record["run"] for record in again.cells} == {None}  # clusters of pixels have no epochs


def test_how_seeds_agree_is_kept_where_the_store_has_only_some_of_them(two_seeds, tmp_path):
    store, made_of = two_seeds
    known = gathered("table1", made_of, store)
    assert all(record["agreement_with"] == [1, 2] for record in known.cells)
    some = Store(tmp_path / "some")
    for cell in made_of[:1]:  # one of two seeds, computed again there
        do(some, [cell])
    again = gathered("table1", made_of, some, known)
    assert [record["agreement"] for record in again.cells] == [record["agreement"] for record in known.cells]


def test_what_is_written_is_not_replaced_by_the_same_seed_computed_elsewhere(two_seeds):
    store, made_of = two_seeds
    computed = gathered("table1", made_of, store)
    written = replace(
        computed,
        cells=[
            {**{name: value for name, value in record.items() if "agreement" not in name}, "acc": record["acc"] + 0.01}
            for record in computed.cells
        ],
    )
    again = gathered("table1", made_of, store, written)
    assert [record["acc"] for record in again.cells] == [record["acc"] for record in written.cells]
    assert not any("agreement" in record for record in again.cells)  # the store's clusters are not those of these scores


def test_a_file_that_is_not_ours_is_named(tmp_path):
    (tmp_path / "table1.json").write_text('{"cells": 3}')
    with pytest.raises(ValueError, match=r"table1.json is not a file of `ddnmf reproduce`"):
        results.read_results(tmp_path, "table1")
    assert results.read_results(tmp_path, "table2") is None


def test_published_cells_need_neither_their_run_nor_their_clusters(two_seeds, tmp_path):
    store, made_of = two_seeds
    published = gathered("table1", made_of, store)
    published.write(tmp_path)
    known = results.read_results(tmp_path, "table1")
    elsewhere = Store(tmp_path / "elsewhere")
    assert WorkBatch(elsewhere, made_of, {record["id"] for record in known.cells}).configs == []
    again = gathered("table1", made_of, elsewhere, known)
    assert again.cells == published.cells
    assert again.provenance == published.provenance
    assert gathered("table1", made_of, elsewhere).n_missing == len(made_of)


def test_figure_3_takes_over_the_cells_of_table_3_that_were_written(tmp_path):
    (cell, *_) = made_of = target_cells("table3", TINY, [1])
    record = {"dataset": cell.dataset, "method": "an earlier title", "seed": 1, "id": cell.config.id, "run": cell.run.id}
    scores = {
        "noise_level": cell.noise_level,
        "test_level": cell.test_level,
        "acc": 0.5,
        "nmi": 0.4,
        "ari": 0.3,
        "provenance": 0,
    }
    empty = Store(tmp_path / "empty")
    written = replace(gathered("table3", made_of, empty, seeds=[1]), cells=[record | scores], provenance=[{"device": "GPU"}])
    plan = results.TargetPlan("figure3", target_cells("figure3", TINY, [1]), TINY, [1], "")
    (found,) = results.gather(plan, empty, None, [written]).cells
    assert found == record | scores | {"method": cell.method}


def test_fewer_seeds_than_are_written_take_none_away(published):
    before = results.read_results(published, "table1")
    found = reproduce("table1", "--gather", "--quick", "--seeds", 1, "--out", published, "--home", published / "empty")
    assert found.exit_code == 0, found.output
    after = results.read_results(published, "table1")
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


def test_a_figure_2_that_is_whole_is_not_drawn_again_without_some_of_its_maps(tmp_path, monkeypatch):
    store, maps = Store(tmp_path / "store"), target_cells("figure2", TINY, [1])
    do(store, maps)
    made = lambda: command._maps(maps, store, tmp_path)  # noqa: E731
    assert [path.name for path in made()] == ["figure2.csv", "figure2.png", "figure2.pdf"]
    before = (tmp_path / "figure2.csv").read_bytes()
    trash.delete_entry(store.entry(maps[0].config))
    assert made() == []
    assert (tmp_path / "figure2.csv").read_bytes() == before
