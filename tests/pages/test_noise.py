"""The Noise page: published numbers, this store's, none at all; the slider, the models, the levels that are missing."""

import json
from dataclasses import replace

import opening
import pytest
from opening import text_of
from stored import trained

from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import load
from ddnmf_core.data.pictures import data_link
from ddnmf_core.reproduce import claims
from ddnmf_core.reproduce.cells import target_cells
from ddnmf_core.reproduce.protocol import QUICK_PROTOCOL
from ddnmf_core.reproduce.results import Results
from ddnmf_core.store.entry import CODES_FILE, MODEL_FILE, PROVENANCE_FILE, SCORES_FILE, State
from ddnmf_core.store.run_store import Store

BETWEEN = replace(QUICK_PROTOCOL, noise_levels=(0.35,))  # a level that the protocol leaves out
RUN = RunConfig(dataset="mnist-10k", n_samples=200, layers=(16, 8, 4), n_parts=3, epochs=1, noise_level=0.4)
RUNS = (RUN, RUN.replace(model="ae1", bottleneck_activation="relu"), RUN.replace(noise_level=0.8))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where published results are looked for."""
    monkeypatch.setenv("DDNMF_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture
def store(copy_of):
    """A DDNMF at two levels and an AE1 at one; none of them is the protocol's."""
    return copy_of(*RUNS)


def record(cell):
    """Made-up scores: DDNMF is always ahead of AE1, by less than DAE is ahead of it."""
    acc = (
        0.9
        - cell.noise_level / 4
        + {"DDNMF": 0.02, "AE1": 0.0, "AE1 (linear code)": 0.01, "DAE": 0.05}[cell.method]
        + cell.seed / 1000
    )
    return {
        "dataset": cell.dataset,
        "method": cell.method,
        "seed": cell.seed,
        "id": cell.config.id,
        "run": cell.run.id,
        "noise_level": cell.noise_level,
        "test_level": cell.test_level,
        "training_seconds": 1.0,
        "acc": acc,
        "nmi": acc - 0.1,
        "ari": acc - 0.2,
        "silhouette": 0.1,
        "seconds": 1.0,
        "provenance": 0,
    }


def publish(folder, target="figure3", seeds=(1, 2)):
    records = [record(cell) for cell in target_cells(target, QUICK_PROTOCOL, seeds)]
    Results(
        target,
        f"ddnmf reproduce {target} --quick",
        "2026-01-01",
        QUICK_PROTOCOL.describe(),
        list(seeds),
        0,
        [{"torch": "2"}],
        records,
    ).write(folder)


def finish(store, made_of):
    """As the engine would leave them, with made-up scores."""
    for cell in made_of:
        run, scored = store.create(cell.run), store.create(cell.config)
        run.write_json(PROVENANCE_FILE, {"training_seconds": 1.0})
        scored.write_json(PROVENANCE_FILE, {"seconds": 1.0})
        scored.write_json(SCORES_FILE, {score: record(cell)[score] for score in ("acc", "nmi", "ari")} | {"contingency": []})
        scored.set_state(State("finished", 1.0))


def settle(store):
    """Nobody asks any more for what is finished."""
    for request in store.requests():
        if request.entry.finished:
            store.close_request(request)


def open_noise(**link):
    return opening.open_page("noise", **link)


def figures(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def stacks(app):
    """The pictures of each sample, from top to bottom: 'src' and 'caption'."""
    (shown,) = [json.loads(gallery.proto.json) for gallery in app.get("bidi_component") if gallery.proto.json]
    return [shown["tiles"][sample :: shown["columns"]] for sample in range(shown["columns"])]


def open_tab(app, name):
    """Open another tab of the page."""
    app.query_params["noise_tab"] = app.session_state["noise_tab"] = name
    return app.run()


def names_of(figure):
    return {trace.get("name") for trace in figure["data"]}


def test_with_nothing_published_and_nothing_trained_it_shows_the_paper_and_what_to_do():
    app = open_noise()
    assert not app.exception
    assert "No results in this store yet" in text_of(app)
    assert "No finished DDNMF, AE1, AE1 (linear code) or DAE on these images of MNIST" in text_of(app)
    assert any("Compute 40% noise, MNIST and Fashion-MNIST (16 cells" in button.label for button in app.button)
    assert [names_of(figure) for figure in figures(app)] == [{"DDNMF, paper", "AE1, paper"}] * 3
    assert [names_of(figure) for figure in figures(open_tab(app, "curves"))] == [{"DDNMF, paper", "AE1, paper"}] * 6


def test_published_numbers_are_drawn_counted_and_explained(folder):
    publish(folder)
    app = open_noise()
    assert not app.exception
    assert not app.error
    assert {"DDNMF", "DDNMF, ± 1 SD", "AE1", "DAE", "DDNMF, paper"} <= names_of(figures(app)[0])
    open_tab(app, "curves")
    theirs = claims.count_wins(claims.paper_rows(), "DDNMF", "AE1")
    assert "above AE1 in **18 of 18** cells (noise level, data set, score)" in text_of(app)
    assert f"in the paper in **{theirs.won} of {theirs.cells}**" in text_of(app)
    assert "above DAE in **0 of 18**" in text_of(app)
    assert "Loss of ACC of DDNMF under noise of 10% to 80%, in points: **17.5 on MNIST" in text_of(app)  # (.8 - .1) / 4
    assert "Our results use 10,000 images of each set, the paper's all 70,000" in text_of(app)
    open_tab(app, "mismatch")
    assert "Means over 2 seeds" in text_of(app)
    assert "Blank:" not in text_of(app)


def test_a_published_table_alone_leaves_the_heat_maps_their_diagonal(folder):
    publish(folder, "table3")
    app = open_noise(noise_tab="mismatch")
    assert not app.exception
    assert "Blank: not published" in text_of(app)
    assert [[value is not None for value in line] for line in figures(app)[0]["data"][0]["z"]] == [
        [False, True, False, False],
        [False, False, True, False],
        [False, False, False, True],
    ]


def test_the_slider_moves_the_marker_in_every_panel(folder):
    publish(folder)
    for tab, n_panels in (("level", 3), ("curves", 6)):
        app = open_noise(level="15", noise_tab=tab)
        assert [figure["layout"]["shapes"][0]["x0"] for figure in figures(app)] == [0.15] * n_panels
        app.slider(key="level").set_value(70).run()
        assert [figure["layout"]["shapes"][0]["x0"] for figure in figures(app)] == [0.7] * n_panels


def test_without_a_model_of_the_protocol_another_run_stands_in_and_is_named(store):
    app = open_noise(level="40")
    assert not app.exception
    assert "No DDNMF or AE1 with the protocol's settings on these images" in text_of(app)
    assert RUNS[0].id[:6] in text_of(app)
    assert RUNS[1].id[:6] in text_of(app)
    assert "No finished AE1 (linear code) or DAE" in text_of(app)


def test_the_models_follow_the_slider_unless_their_noise_is_chosen(store):
    app = open_noise(level="80")
    assert RUNS[2].id[:6] in text_of(app)
    assert "No AE1 in this store was trained at 80% noise; showing the nearest level" in text_of(app)
    app.selectbox(key="trained_at").set_value("0.4").run()
    assert RUNS[2].id[:6] not in text_of(app)
    assert RUNS[0].id[:6] in text_of(app)
    assert "showing the nearest level" not in text_of(app)


def test_runs_with_the_settings_of_the_chosen_run_come_first_and_any_other_can_be_picked(store):
    other = RUN.replace(gamma=0.5, noise_level=0.45)
    trained(store, other)
    app = open_noise(level="45")
    for chosen, shown in ((RUN, RUN), (other, other)):  # 40 % is the nearest level of the first one's settings
        app.session_state["run"] = chosen.id
        app.run()
        assert not app.exception
        assert shown.id[:6] in text_of(app)
    app.selectbox(key="noise.run.DDNMF").set_value(RUNS[2].id).run()
    assert RUNS[2].id[:6] in text_of(app)
    assert other.id[:6] not in text_of(app)


def test_the_noise_is_that_of_each_sample_and_the_error_that_of_the_run(store):
    app = open_noise(level="40")
    samples = load(RUN.dataset, RUN.n_samples).one_of_each_class()
    errors = store.get("runs", RUN.id).read_tensors(CODES_FILE)["noisy/error"][
        samples
    ]  # when it was scored, all images at once
    assert [stack[2]["caption"] for stack in stacks(app)] == [f"DDNMF\n{error:.4f}" for error in errors]
    before = stacks(app)
    app.slider(key="level").set_value(45).run()
    assert all(old[0] == new[0] and old[1]["src"] != new[1]["src"] for old, new in zip(before, stacks(app), strict=True))


def test_images_that_are_not_here_are_a_sentence(store, monkeypatch):
    from dashboard.noise import samples
    from ddnmf_core.data.dataset import DataError

    def absent(*arguments):
        raise DataError("MNIST: not found. Set DDNMF_DATA.")

    monkeypatch.setattr(samples, "dataset_images", absent)
    app = open_noise(level="40")
    assert not app.exception
    assert "MNIST: not found. Set DDNMF_DATA." in text_of(app)


def test_the_sample_that_other_pages_show_comes_first_where_it_is_of_these_images(store):
    run, elsewhere = RUNS[0].id, store.create(RunConfig(dataset="digits")).id
    images = load(RUN.dataset, RUN.n_samples)
    for chosen, n_stacks in ((run, 11), (elsewhere, 10)):
        app = open_noise(level="40")
        app.session_state["run"], app.session_state["sample"] = chosen, 7
        app.run()
        assert not app.exception
        assert len(stacks(app)) == n_stacks
    app.session_state["run"] = run
    app.run()
    assert stacks(app)[0][0]["caption"] == f"{images.class_names[images.labels[7]]}, sample 7"


def test_a_sample_that_these_images_do_not_have_is_left_out(store):
    app = open_noise(level="40")
    app.session_state["run"], app.session_state["sample"] = RUNS[0].id, 5000
    app.run()
    assert not app.exception
    assert len(stacks(app)) == 10


def test_other_images_of_each_class_can_be_shown(store):
    app = open_noise(level="0")
    app.number_input(key="nth").set_value(2).run()
    images = load(RUN.dataset, RUN.n_samples)
    second = [data_link(images.pixels[sample].reshape(images.image_shape)) for sample in images.one_of_each_class(1)]
    assert [stack[0]["src"] for stack in stacks(app)] == second
    assert [stack[1]["src"] for stack in stacks(app)] == second  # no noise at all
    assert (images.labels[images.one_of_each_class(1)] == range(10)).all()


def test_a_level_that_the_protocol_leaves_out_is_asked_for_with_one_click(home):
    app = open_noise(level="35", seeds="1", on="mnist")
    app.button(key="noise.level.compute").click().run()
    assert not app.exception
    wanted = {cell.config for cell in target_cells("table3", BETWEEN, [1]) if cell.dataset == "mnist-10k"}
    wanted |= {cell.run for cell in target_cells("table3", BETWEEN, [1]) if cell.dataset == "mnist-10k"}
    assert {request.entry.config for request in Store(home).requests()} == wanted
    assert "Computing 35% noise, MNIST: 0 of 4 models trained" in app.get("progress")[0].proto.text


def test_numbers_are_shown_as_they_come_and_those_that_are_done_count(home):
    app = open_noise(level="35", seeds="1", on="mnist", dataset="fashion-mnist")
    app.button(key="noise.level.compute").click().run()
    first, *others = [cell for cell in target_cells("table3", BETWEEN, [1]) if cell.dataset == "mnist-10k"]
    finish(Store(home), [first])
    Store(home).entry(first.run).set_state(State("finished", 1.0))
    settle(Store(home))
    app.run()
    assert "1 of 4 models trained, 1 of 4 clusterings" in app.get("progress")[0].proto.text
    assert "DDNMF" in names_of(figures(open_tab(app, "curves"))[0])
    open_tab(app, "level")
    finish(Store(home), others)
    for cell in others:
        Store(home).entry(cell.run).set_state(State("finished", 1.0))
    settle(Store(home))
    app.run()
    assert not app.get("progress")
    assert "35% noise: all models trained and scored" in text_of(app)


def test_every_level_can_be_asked_for_at_once(home):
    app = open_noise(scope="all", seeds="1")
    app.button(key="noise.level.compute").click().run()
    assert {request.entry.config.noise_level for request in Store(home).requests()} == set(QUICK_PROTOCOL.noise_levels)


def test_a_point_between_the_protocols_levels_is_drawn_but_not_counted(home):
    app = open_noise(seeds="1", level="35", on="mnist", dataset="fashion-mnist")  # whose models are not to be loaded
    between = [cell for cell in target_cells("table3", BETWEEN, [1]) if cell.dataset == "mnist-10k"]
    finish(Store(home), [*target_cells("table3", QUICK_PROTOCOL, [1]), *between])
    for cell in between:
        Store(home).entry(cell.run).set_state(State("finished", 1.0))
    app.run()
    assert not app.exception
    assert "35% noise: all models trained and scored" in text_of(app)
    open_tab(app, "curves")
    curve = next(trace for trace in figures(app)[0]["data"] if trace["name"] == "DDNMF")
    assert curve["customdata"][1].startswith("0.834")  # .9 - .35 / 4 + .02 + .001
    assert len(curve["customdata"]) == 4
    assert "above AE1 in **18 of 18** cells" in text_of(app)


def test_published_numbers_lead_to_this_store(folder):
    publish(folder)
    app = open_noise(level="35")
    assert "No published result at 35%. Published levels: 10%, 40%, 80%" in text_of(app)
    app.button(key="noise.quick").click().run()
    assert app.button_group(key="numbers").value == "quick"
    assert any("Compute 35% noise" in button.label for button in app.button)


def test_the_heat_maps_offer_what_they_lack(home):
    app = open_noise(model="AE1", seeds="1", noise_tab="mismatch")
    app.button(key="noise.heat.fashion-mnist.compute").click().run()
    requested = {request.entry.config for request in Store(home).requests() if request.entry.kind == "clusterings"}
    assert requested == {
        cell.config
        for cell in target_cells("figure3", QUICK_PROTOCOL, [1])
        if (cell.dataset, cell.method) == ("fashion-mnist-10k", "AE1")
    }


def test_a_run_that_diverged_is_said_once_and_offered_again(home):
    cell = next(cell for cell in target_cells("table3", QUICK_PROTOCOL, [1]) if cell.noise_level == 0.4)
    Store(home).create(cell.run).set_state(State("diverged", 0.5, "The loss became infinite in epoch 2."))
    Store(home).create(cell.config).set_state(State("failed", 0.0, f"run {cell.run.id} is not finished: train it first"))
    app = open_noise(seeds="1", level="40")
    assert not app.exception
    assert "diverged: The loss became infinite in epoch 2." in app.warning[0].value
    assert "train it first" not in text_of(app)
    assert any("Compute 40% noise" in button.label for button in app.button)


def test_a_damaged_model_is_set_aside_and_the_page_says_so(store):
    entry = store.get("runs", RUN.id)
    content = bytearray((entry.folder / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (entry.folder / MODEL_FILE).write_bytes(content)
    app = open_noise(level="40")
    assert not app.exception
    assert "It was set aside" in text_of(app)
    assert not entry.folder.exists()
