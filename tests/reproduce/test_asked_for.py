"""What a table or figure asks for: rows, seeds, levels, and a protocol that tells of itself."""

import json

import pytest

from ddnmf_core.reproduce import paper, results
from ddnmf_core.reproduce.cells import TARGETS, target_cells
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL, QUICK_PROTOCOL, Protocol


@pytest.mark.parametrize(("target", "table"), [("table1", "table1"), ("table2", "table2")])
def test_every_row_of_the_paper_is_there(target, table):
    made_of = target_cells(target, FULL_PROTOCOL, [1])
    assert set(paper.paper_results()[table]["rows"]) <= {cell.method for cell in made_of}
    assert all(paper.paper_scores(cell.dataset, cell.method) for cell in made_of if results.ORIGIN_OF[cell.method] == "paper")
    assert not any(
        paper.paper_scores(cell.dataset, cell.method) for cell in made_of if results.ORIGIN_OF[cell.method] != "paper"
    )


def test_every_number_of_table_3_is_there_with_a_stronger_rival():
    made_of = target_cells("table3", FULL_PROTOCOL, [1])
    assert len(made_of) == 2 * 8 * 4  # sets, levels, models; each has three scores
    assert {cell.method for cell in made_of} == {"DDNMF", "AE1", "AE1 (linear code)", "DAE"}
    assert sum(paper.paper_scores(cell.dataset, cell.method, cell.noise_level) is not None for cell in made_of) == 2 * 8 * 2
    assert all(cell.run.noise_level == cell.config.noise_level == cell.noise_level for cell in made_of)


def test_figure_3_tests_every_model_at_every_level_and_holds_table_3():
    everywhere = target_cells("figure3", FULL_PROTOCOL, [1])
    assert len(everywhere) == 2 * 8 * 4 * 9
    assert {cell.config.id for cell in target_cells("table3", FULL_PROTOCOL, [1])} < {cell.config.id for cell in everywhere}


def test_seeds_differ_in_everything_and_one_seed_is_itself():
    for target in TARGETS[:3]:
        first, again, other = (
            target_cells(target, FULL_PROTOCOL, [1]),
            target_cells(target, FULL_PROTOCOL, [1]),
            target_cells(target, FULL_PROTOCOL, [2]),
        )
        assert [cell.config.id for cell in first] == [cell.config.id for cell in again]
        assert not {cell.config.id for cell in first} & {cell.config.id for cell in other}
        assert not {cell.run.id for cell in first if cell.run} & {cell.run.id for cell in other if cell.run}


def test_both_sets_have_the_same_settings():
    def settings(dataset):
        return [
            {**cell.run.model_dump(), "dataset": ""}
            for cell in target_cells("table3", FULL_PROTOCOL, [1])
            if cell.dataset == dataset
        ]

    assert settings("mnist") == settings("fashion-mnist")


def test_a_protocol_is_rebuilt_from_its_description():
    described = json.loads(json.dumps(FULL_PROTOCOL.describe()))
    for target in TARGETS:
        assert [cell.config.id for cell in target_cells(target, Protocol.described(described), [1])] == [
            cell.config.id for cell in target_cells(target, FULL_PROTOCOL, [1])
        ]


def test_the_protocol_tells_the_epochs_that_are_run():
    assert any("100 of Strong AE" in statement for statement in FULL_PROTOCOL.statements())
    assert any("Epochs: 8; in Table 3 and Figure 3 8" in statement for statement in QUICK_PROTOCOL.statements())
    assert not any("45" in statement for statement in QUICK_PROTOCOL.statements())
