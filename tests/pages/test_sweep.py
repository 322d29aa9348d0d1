"""The Sweep page on an empty store, while a sweep is worked on, and on finished, failed and stopped runs."""

from itertools import product

import numpy as np
import opening
import pandas as pd
import pytest
from opening import text_of

from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.experiment import sweeps
from ddnmf_core.store.entry import CLUSTERS_FILE, CODES_FILE, SCORES_FILE, State
from ddnmf_core.store.run_store import Store

BASE = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=2, beta=1, gamma=0.1)
AXES = {"beta": [0.1, 1.0], "gamma": [0.1, 1.0]}


@pytest.fixture
def store(home):
    return Store(home)


def finish(store, config, error, clusters, acc=0.5):
    """A run as one that was trained leaves it, with these numbers."""
    entry = store.create(config)
    names = [
        f"{seen}/{representation}/{clusterer}"
        for seen, representation, clusterer in product(("clean", "noisy"), config.representations, ("kmeans", "gmm"))
    ]
    keys = ("input", "representation", "clusterer")
    entry.write_json(
        SCORES_FILE, [{**dict(zip(keys, name.split("/"), strict=True)), "acc": acc, "nmi": acc, "ari": acc} for name in names]
    )
    entry.write_tensors(CODES_FILE, {f"{seen}/error": np.full(4, error, np.float32) for seen in ("clean", "noisy")})
    entry.write_table(CLUSTERS_FILE, pd.DataFrame(dict.fromkeys(names, clusters)))
    entry.append_history(
        {
            "kind": "epoch",
            "epoch": 2,
            "step": 9,
            "seconds": 1.5,
            "L_sym": 1.0,
            "L_in": 2.0,
            "code_rms": 1.0,
            "constant_units": 0,
            "n_units": 6,
            "images_per_second": 1000.0,
            **({"L_ap": 0.5, "L_nc": 0.5} if config.model == "ddnmf" else {}),
        }
    )
    entry.seal_history()
    entry.set_state(State("finished", 1.0, device="CPU"))
    return entry


@pytest.fixture
def swept(store):
    """Four cells with two seeds: gamma 1 rebuilds better, beta 1 is more stable; the best score is elsewhere."""
    for config in sweeps.make_grid(BASE, AXES, [1, 2]):
        same = config.beta == 1.0 or config.seed == 1
        finish(
            store,
            config,
            error=0.2 if (config.beta, config.gamma) == (0.1, 1.0) else 0.3,
            clusters=[0, 0, 1, 1] if same else [0, 1, 0, 1],
            acc=0.9 if config.gamma == 0.1 and config.beta == 0.1 else 0.5,
        )
    return store


def open_page(**link):
    return opening.open_page("sweep", **link)


def fill(app, **lists):
    """The lists of the form, on digits; what is not named is not swept."""
    app.selectbox(key="sweep.dataset").set_value("digits")
    for name in sweeps.SWEEPABLE:
        app.text_input(key=f"sweep.list.{name}").set_value(lists.get(name, ""))
    return app.run()


# --------------------------------------------------------------------------------------------- starting


def test_an_empty_store_offers_a_sweep():
    app = open_page()
    assert not app.exception
    assert "No sweeps yet" in text_of(app)
    assert "3 values of β × 3 values of γ × 2 seeds = **18 runs**" in text_of(app)
    assert not app.button(key="sweep.start").disabled


def test_starting_asks_for_every_run_of_the_grid_and_shows_how_far_it_is(store):
    app = fill(open_page(), gamma="0.1, 0.5", n_parts="4,8, 16")
    app.number_input(key="sweep.n_seeds").set_value(3).run()
    app.button(key="sweep.start").click().run()
    assert not app.exception
    base = RunConfig(dataset="digits", epochs=5)
    wanted = sweeps.make_grid(base, {"gamma": [0.1, 0.5], "n_parts": [4, 8, 16]}, [1, 2, 3])
    assert len(wanted) == 2 * 3 * 3
    assert {request.entry.id for request in store.requests()} == {config.id for config in wanted}
    assert app.selectbox(key="sweep").value == sweeps.sweep_id(base)
    assert [button.label for button in app.button if button.key and button.key.startswith("sweep.stop.")] == ["Stop"]


def test_a_sweep_that_waits_survives_a_reload_and_can_be_stopped(store):
    for config in sweeps.make_grid(BASE, AXES, [1]):
        store.request(config)
    app = open_page()
    assert not app.exception
    (stop,) = (button for button in app.button if button.key and button.key.startswith("sweep.stop."))
    stop.click().run()
    assert all(entry.stop_requested for entry in store.entries())


def test_stopped_runs_can_be_resumed(store):
    for config in sweeps.make_grid(BASE, AXES, [1]):
        store.create(config).set_state(State("stopped", 0.5, "Stopped in epoch 1."))
    app = open_page()
    assert app.button(key="sweep.resume").label == "Resume 4 stopped runs"
    app.button(key="sweep.resume").click().run()
    assert len(store.requests()) == 4


@pytest.mark.parametrize(
    ("lists", "wanted"),
    [
        ({"gamma": "0.1, many"}, "gamma = '0.1, many': should be numbers"),
        ({"gamma": "0.1, -1"}, "gamma = -1.0"),
        ({"noise_level": "0.5, 1.5"}, "noise_level = 1.5"),
        ({"n_parts": "5, 7.5"}, "n_parts = '5, 7.5': should be whole numbers"),
        ({"gamma": ", ".join(map(str, range(300)))}, "600 runs: should be at most 500"),
    ],
)
def test_a_bad_list_is_explained_and_cannot_be_started(lists, wanted):
    app = fill(open_page(), **lists)
    assert not app.exception
    assert wanted in app.error[0].value
    assert len([field for field in app.text_input if field.key.startswith("sweep.list.")]) == len(sweeps.SWEEPABLE)
    assert "sweep.start" not in [button.key for button in app.button]


def test_one_value_alone_is_no_sweep():
    app = fill(open_page(), gamma="0.5")
    assert "at least two values of one setting" in text_of(app)
    assert "sweep.start" not in [button.key for button in app.button]


def test_alpha_under_adam_is_said_to_change_nothing():
    assert "Adam cancels" in text_of(fill(open_page(), alpha="1, 2"))


def test_the_base_can_be_what_the_train_page_s_form_says(store):
    app = opening.open_page("train")
    app.text_input(key="train.layers").set_value("32, 16, 6").run()
    app.slider(key="train.noise_level").set_value(0.7).run()
    app.switch_page("../pages/sweep.py").run()
    app.selectbox(key="sweep.base").set_value("train").run()
    app = fill(app, gamma="0.1, 0.5")
    app.button(key="sweep.start").click().run()
    configs = [request.entry.config for request in store.requests()]
    assert len(configs) == 4
    assert {(config.layers, config.noise_level) for config in configs} == {((32, 16, 6), 0.7)}


# ---------------------------------------------------------------------------------------------- looking


def test_a_finished_sweep_is_shown_cell_by_cell(swept):
    app = open_page()
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="sweep").value == sweeps.sweep_id(BASE)
    table = app.dataframe[0].value
    assert list(zip(table["γ"], table["β"], table["ACC"], table["Seeds"], strict=True)) == [
        (0.1, 0.1, 0.9, 2),
        (0.1, 1.0, 0.5, 2),
        (1.0, 0.1, 0.5, 2),
        (1.0, 1.0, 0.5, 2),
    ]


def test_each_criterion_names_the_cell_that_it_would_choose(swept):
    app = open_page()
    assert list(app.dataframe[0].value["Chosen by"]) == [
        "best ACC (by labels)",
        "highest stability",
        "lowest error",
        "highest stability",
    ]
    text = text_of(app)
    assert "**Lowest error**: γ 1, β 0.1 (ACC 0.500)" in text
    assert "**Highest stability**: γ 0.1, β 1 (ACC 0.500) or γ 1, β 1 (ACC 0.500)" in text
    assert "**Best ACC (by labels)**: γ 0.1, β 0.1 (ACC 0.900)" in text
    assert "L_in is not a criterion here" in text
    assert "uses the labels" in text


def test_a_criterion_that_many_cells_share_chooses_none(store):
    for config in sweeps.make_grid(BASE, {"gamma": [0.1, 0.2, 0.5, 1.0]}, [1]):
        finish(store, config, error=0.2, clusters=[0, 0, 1, 1])
    assert "**Lowest error**: 4 cells tied; no choice" in text_of(open_page())


def test_cells_that_differ_by_less_than_their_seeds_have_no_best(store):
    for config in sweeps.make_grid(BASE, {"gamma": [0.1, 1.0]}, [1, 2]):
        worse = 0.01 if config.gamma == 1.0 else 0.0
        finish(store, config, error=0.2 + worse + 0.1 * config.seed, clusters=[0, 0, 1, 1], acc=0.5 + 0.1 * config.seed - worse)
    app = open_page()
    assert "**Lowest error**: no choice; all cells lie within two SDs over seeds" in text_of(app)
    assert "**Best ACC (by labels)**: no choice" in text_of(app)
    assert "ACC: all cells lie within two SDs over seeds" in text_of(app)
    assert list(app.dataframe[0].value["Chosen by"]) == ["highest stability"] * 2


def test_two_cells_are_a_sweep_and_all_runs_are_a_table_too(store):
    for config in sweeps.make_grid(BASE, {"gamma": [0.1, 1.0]}, [1]):
        finish(store, config, error=config.gamma, clusters=[0, 0, 1, 1])
    app = open_page()
    assert "One seed per cell: differences may be chance" in text_of(app)
    assert "**Lowest error**: γ 0.1" in text_of(app)
    app = open_page(sweep_tab="runs")
    assert not app.exception
    assert app.dataframe[0].value["γ"].tolist() == [0.1, 1.0]


def test_a_link_opens_the_cell_with_its_seeds(swept):
    text = text_of(open_page(cell="gamma=0.1,beta=1"))
    assert "γ 0.1, β 1" in text
    assert all(f"**Seed {seed}** · `{BASE.replace(seed=seed).id[:6]}`" in text for seed in (1, 2))


def test_a_link_brings_back_axes_measure_and_what_is_held(swept):
    app = open_page(x="beta", y="none", measure="L_nc", **{"at.gamma": "1"})
    assert app.selectbox(key="at.gamma").value == "1"
    assert list(app.dataframe[0].value["L_nc"]) == [0.5, 0.5]


def test_runs_without_a_result_are_named_and_stay_out_of_the_means(swept):
    for seed, status in ((3, "diverged"), (4, "failed")):
        swept.create(BASE.replace(seed=seed)).set_state(State(status, 0.5, "The loss became infinite."))
    app = open_page(cell="gamma=0.1,beta=1")
    assert "1 run diverged and 1 run failed" in text_of(app)
    assert "diverged. The loss became infinite." in text_of(app)
    row = app.dataframe[0].value.iloc[1]
    assert (row["Seeds"], row["No result"]) == (2, "1 diverged, 1 failed")


def test_a_sweep_of_which_nothing_has_finished_is_no_error(store):
    for config in sweeps.make_grid(BASE, AXES, [1]):
        store.create(config).set_state(State("diverged", 0.5, "The loss became infinite."))
    app = open_page(measure="L_nc")
    assert not app.exception
    assert "not available yet" in text_of(app)


def test_an_autoencoder_is_swept_over_the_noise_and_has_no_parts(store):
    for level in (0.2, 0.4):
        finish(store, BASE.replace(model="ae1", noise_level=level), 0.1, [0, 0, 1, 1])
    app = open_page(representation="H", measure="L_ap")
    assert not app.exception
    assert app.selectbox(key="representation").options == ["z, the code"]
    assert "L_ap" not in app.selectbox(key="measure").options
    assert "needs two seeds" in text_of(app)


def test_an_unknown_sweep_in_the_link_is_said_so(swept):
    app = open_page(sweep="0123456789abcdef")
    assert "not in this store" in text_of(app)


def test_a_damaged_run_is_set_aside_and_the_page_says_so(swept):
    entry = swept.get("runs", BASE.id)
    (entry.folder / SCORES_FILE).write_bytes(b"[]")
    app = open_page()
    assert not app.exception
    assert not entry.folder.exists()
    assert "set aside" in text_of(app)


def test_a_store_that_is_no_folder_is_explained(home):
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    app = open_page()
    assert not app.exception
    assert "cannot be used" in app.error[0].value


def test_a_store_that_nobody_may_write_to_can_still_be_looked_at(swept, monkeypatch):
    def refuse(store):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(engine, "ensure_started", refuse)
    app = open_page()
    assert not app.exception
    assert not app.error
    assert "training is disabled" in app.warning[0].value
    assert len(app.dataframe[0].value) == 4
