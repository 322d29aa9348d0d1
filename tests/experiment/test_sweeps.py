"""Sweeps: the grid that is asked for, the families that are found, the numbers of a cell, the choice, the progress."""

import math

import numpy as np
import pytest

from ddnmf_core.config import RunConfig
from ddnmf_core.engine.worker import tasks
from ddnmf_core.experiment import model_selection, sweeps
from ddnmf_core.experiment.progress import sweep_progress
from ddnmf_core.store.entry import CODES_FILE, SCORES_FILE, State
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store

BASE = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=2, gamma=0.1)
AXES = {"beta": [0.1, 1.0], "gamma": [0.1, 1.0, 10.0]}
ACC = "acc/clean/z/kmeans"


@pytest.fixture
def store(home):
    return Store(home)


def points(configs, *names):
    return [tuple(getattr(config, name) for name in names) for config in configs]


def table_of(store, **measured):
    """A table of the store's runs; `measured` maps the start of a run's id to what it has come to."""
    return sweeps.run_table(store.entries(), lambda entry: measured[f"r{entry.id}"])


# ------------------------------------------------------------------------------------------ the grid


def test_a_list_of_values_comes_ascending_and_each_once():
    assert sweeps.parse_values("gamma", "1, .01,0.1, 1,") == [0.01, 0.1, 1.0]
    assert sweeps.parse_values("n_parts", "20, 5") == [5, 20]
    assert sweeps.parse_values("gamma", "  ") == []


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [("gamma", "0.1, many", "gamma = '0.1, many': should be numbers"), ("n_parts", "5, 7.5", "should be whole numbers")],
)
def test_a_list_that_is_none_is_named(name, text, wanted):
    with pytest.raises(ValueError, match=wanted):
        sweeps.parse_values(name, text)


def test_a_grid_is_every_combination_and_the_first_seed_s_comes_first():
    configs = sweeps.make_grid(BASE, AXES, [1, 2])
    assert len(configs) == 2 * 3 * 2
    assert points(configs, "beta", "gamma", "seed")[:4] == [(0.1, 0.1, 1), (0.1, 1, 1), (0.1, 10, 1), (1, 0.1, 1)]
    assert [config.seed for config in configs] == [1] * 6 + [2] * 6
    assert {config.replace(beta=BASE.beta, gamma=0.1, seed=1) for config in configs} == {BASE}


def test_an_empty_axis_keeps_the_value_of_the_base():
    assert points(sweeps.make_grid(BASE, {"beta": [], "gamma": [1.0]}, [1]), "beta", "gamma") == [(BASE.beta, 1.0)]


def test_what_a_model_does_not_have_makes_no_second_run():
    configs = sweeps.make_grid(BASE.replace(model="ae1"), {"gamma": [0.1, 1.0], "noise_level": [0.2, 0.4]}, [1])
    assert points(configs, "noise_level") == [(0.2,), (0.4,)]


@pytest.mark.parametrize(
    ("axes", "wanted"),
    [
        ({"epochs": [1, 2]}, "epochs: cannot be swept"),
        ({"gamma": [-1.0]}, "gamma = -1.0"),
        ({"gamma": [0.01 * n for n in range(501)]}, "501 runs: should be at most 500"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(axes, wanted):
    with pytest.raises(ValueError, match=wanted):
        sweeps.make_grid(BASE, axes, [1])


# ---------------------------------------------------------------------------------------- the families


def test_runs_that_differ_in_swept_settings_alone_are_a_family(store):
    configs = sweeps.make_grid(BASE, AXES, [1, 2])
    for config in [*configs, BASE.replace(epochs=9), BASE.replace(epochs=9, seed=2), BASE.replace(model="ae1")]:
        store.create(config)
    (family,) = sweeps.find_sweeps(store.entries())
    assert family.axes == AXES
    assert {entry.id for entry in family.entries} == {config.id for config in configs}
    assert family.id == sweeps.sweep_id(configs[0]) == sweeps.sweep_id(configs[-1])


def test_seeds_of_one_grid_point_are_no_sweep(store):
    for seed in (1, 2, 3):
        store.create(BASE.replace(seed=seed))
    assert sweeps.find_sweeps(store.entries()) == []


def test_runs_of_which_no_two_share_an_axis_are_no_sweep(store):
    store.create(BASE.replace(beta=1.0, gamma=0.1, noise_level=0.3))
    store.create(BASE.replace(beta=2.0, gamma=0.5, noise_level=0.4))
    assert sweeps.find_sweeps(store.entries()) == []
    store.create(BASE.replace(beta=2.0, gamma=0.1, noise_level=0.3))
    assert len(sweeps.find_sweeps(store.entries())) == 1


def test_a_setting_that_does_not_vary_tells_no_families_apart(store):
    for gamma in (0.1, 1.0):
        store.create(BASE.replace(gamma=gamma, noise_level=0.7))
    (family,) = sweeps.find_sweeps(store.entries())
    assert family.axes == {"gamma": [0.1, 1.0]}
    assert family.base.noise_level == 0.7


# ------------------------------------------------------------------------------------------ the numbers


def test_what_a_finished_run_has_come_to_is_what_its_files_say(store):
    entry = store.create(BASE)
    assert tasks.perform(str(store.root), "runs", entry.id, "cpu") == "finished"
    found = FinishedRun(entry).results()
    row = entry.read_json(SCORES_FILE)[0]
    assert found[f"nmi/{row['input']}/{row['representation']}/{row['clusterer']}"] == row["nmi"]
    assert found["error/noisy"] == pytest.approx(entry.read_tensors(CODES_FILE)["noisy/error"].mean())
    last = entry.epochs()[-1]
    assert (found["L_in"], found["code_rms"]) == (last["L_in"], last["code_rms"])
    assert len([name for name in found if name.startswith("acc/")]) == 2 * 3 * 2


def test_a_cell_is_the_mean_and_deviation_of_its_finished_runs(store):
    runs = {seed: store.create(BASE.replace(seed=seed)) for seed in (1, 2, 3)}
    lone = store.create(BASE.replace(gamma=1.0))
    lost = store.create(BASE.replace(gamma=10.0))
    for entry, status in (
        (runs[1], "finished"),
        (runs[2], "finished"),
        (runs[3], "diverged"),
        (lone, "finished"),
        (lost, "failed"),
    ):
        entry.set_state(State(status))
    frame = table_of(store, **{f"r{runs[1].id}": {ACC: 0.5}, f"r{runs[2].id}": {ACC: 0.7}, f"r{lone.id}": {ACC: 0.9}})
    cells = sweeps.summarise_cells(frame, "gamma", None, ACC)
    assert list(cells["gamma"]) == [0.1, 1.0, 10.0]
    assert cells["mean"].tolist()[:2] == pytest.approx([0.6, 0.9])
    assert cells["std"][0] == pytest.approx(math.sqrt(0.02))  # two numbers, each 0.1 from their mean, by n - 1
    assert math.isnan(cells["std"][1])
    assert math.isnan(cells["mean"][2])
    assert cells["n"].tolist() == [2, 1, 0]
    assert cells["states"].tolist() == [{"finished": 2, "diverged": 1}, {"finished": 1}, {"failed": 1}]
    assert set(cells["runs"][0]) == {entry.id for entry in runs.values()}
    assert set(cells["measured"][0]) == {runs[1].id, runs[2].id}


def test_a_measure_that_no_run_has_is_no_number(store):
    store.create(BASE)
    cells = sweeps.summarise_cells(table_of(store), "gamma", "beta", "L_ap")
    assert cells["n"].tolist() == [0]


def test_runs_of_different_grid_points_are_never_averaged(store):
    for beta in (0.1, 1.0):
        store.create(BASE.replace(beta=beta))
    with pytest.raises(ValueError, match="beta: varies within a cell"):
        sweeps.summarise_cells(table_of(store), "gamma", "noise_level", ACC)


# ------------------------------------------------------------------------------------------- the choice


def judged_over(store, name):
    """Two cells with two seeds each: the first rebuilds better, the second is more stable."""
    measured = {}
    for value, error in ((0.1, 0.2), (0.5, 0.3)):
        for seed in (1, 2):
            entry = store.create(BASE.replace(**{name: value, "seed": seed}))
            entry.set_state(State("finished"))
            measured[f"r{entry.id}"] = {ACC: 0.5, "error/noisy": error, "L_in": 1 - error}
    frame = table_of(store, **measured)
    cells = sweeps.summarise_cells(frame, name, None, ACC)
    agreement = {tuple(cells["measured"][0]): 0.4, tuple(cells["measured"][1]): 0.8}
    return model_selection.score_criteria(frame, cells, name, None, lambda runs: agreement[tuple(runs)])


def test_each_criterion_chooses_its_own_cell(store):
    cells = judged_over(store, "noise_level")
    assert model_selection.best_cells(cells, "error", model_selection.CRITERIA["error"]) == [0]
    assert model_selection.best_cells(cells, "stability", model_selection.CRITERIA["stability"]) == [1]
    assert model_selection.best_cells(cells, "L_in", model_selection.CRITERIA["L_in"]) == [1]


def test_l_in_is_no_criterion_where_its_own_weights_vary(store):
    assert "L_in" not in judged_over(store, "gamma")


def test_cells_that_share_the_best_value_are_all_chosen_and_none_where_there_is_no_value(store):
    cells = judged_over(store, "gamma")
    assert model_selection.best_cells(cells, "mean", model_selection.HIGHEST) == [0, 1]
    assert model_selection.best_cells(cells.assign(mean=np.nan), "mean", model_selection.HIGHEST) == []


def test_one_seed_says_nothing_of_stability(store):
    store.create(BASE).set_state(State("finished"))
    frame = sweeps.run_table(store.entries(), lambda entry: {ACC: 0.5, "error/noisy": 0.1})
    cells = sweeps.summarise_cells(frame, "gamma", None, ACC)
    assert math.isnan(model_selection.score_criteria(frame, cells, "gamma", None, lambda runs: 1.0)["stability"][0])


# ----------------------------------------------------------------------------------------- the progress


def end(store, entry, status):
    entry.set_state(State(status, 1.0))
    (request,) = [request for request in store.requests() if request.entry == entry]
    store.close_request(request)


def test_progress_counts_the_runs_that_were_asked_for_together(store):
    old = store.create(BASE)
    old.set_state(State("finished", 1.0))
    entries = [store.request(config) for config in sweeps.make_grid(BASE.replace(epochs=3), AXES, [1])]
    asked = store.requests()[0].asked / 1e9
    assert sweep_progress(store, [old, *entries], seconds_each=10, now=asked + 5).seconds_left == 60
    end(store, entries[0], "finished")
    end(store, entries[1], "diverged")
    asked = store.requests()[0].asked / 1e9  # of the oldest that is left
    now = sweep_progress(store, [old, *entries], seconds_each=10, now=asked + 8)
    assert (now.n_runs, now.n_finished, now.n_lost) == (6, 1, 1)
    assert now.share == pytest.approx(2 / 6)
    assert now.seconds_left == pytest.approx(16, abs=0.1)  # two in 8 s, so four in 16


def test_nothing_asked_for_is_no_progress(store):
    assert sweep_progress(store, [store.create(BASE)], 1.0) is None
