"""Every page on an empty store, while a run is trained, on finished runs and on damaged ones."""

import gc
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from opening import TABS_OF_EXPLAIN, TABS_OF_PARTS, open_page, text_of

from dashboard.figures import charts
from dashboard.figures.charts import log_axis
from dashboard.frame import warm_up
from dashboard.latent.map import nearest_on_map, with_classes
from dashboard.session.run_data import images
from dashboard.train.live_run import explain_losses
from ddnmf_core.config import PRESETS, EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.store import trash
from ddnmf_core.store.entry import CODES_FILE, MODEL_FILE, SCORES_FILE, State
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store

PAGES = ("home", "train", "latent", "parts", "explain")
DDNMF = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=2)
AE1 = DDNMF.replace(model="ae1")
AT_PIXELS = DDNMF.replace(nmf_at="pixels", n_parts=24)


@pytest.fixture
def store(copy_of):
    """A DDNMF and an AE1, their maps and an NMF of the pixels."""
    maps = [EmbeddingConfig(run=run.id, n_points=5000, method="t-sne", perplexity=30) for run in (DDNMF, AE1)]
    return copy_of(DDNMF, AE1, PixelNMFConfig(dataset="digits", n_parts=5), *maps)


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_store_says_what_to_do(page):
    app = open_page(page)
    assert not app.exception
    wanted = {"home": "Train your first model", "train": "No runs yet. Adjust the settings"}
    assert wanted.get(page, "No trained model yet") in text_of(app)


def test_the_published_figure_2_says_how_it_was_made(store):
    assert not open_page("latent", run=DDNMF.id).get("image")  # there are maps of this store's own
    for entry in store.entries():
        trash.delete_entry(entry)
    caption = open_page("latent").get("image")[0].proto.imgs[0].caption
    assert "3,000 images of each set, seed 1" in caption
    assert "`ddnmf reproduce figure2 --seeds" in caption


@pytest.mark.parametrize("page", PAGES)
def test_while_a_run_is_trained_every_page_says_so(page, home):
    entry = Store(home).create(DDNMF)
    with entry.lock():
        entry.set_state(State("running", 0.3, "Epoch 0.3 of 2."))
        app = open_page(page)
        assert not app.exception
        wanted = {"home": "Train your first model", "train": "Waiting for the first batch"}
        assert wanted.get(page, "A model is being trained") in text_of(app)


def test_what_is_worked_on_is_watched_and_what_waits_is_listed_in_its_turn(home, monkeypatch):
    monkeypatch.setattr(engine, "ensure_started", lambda store: None)
    entries = []
    for seed in range(1, 17):
        entry = Store(home).create(DDNMF.replace(seed=seed))
        os.utime(f"{entry.folder}/config.json", (seed, seed))
        entry.set_state(State("queued", 0.0, "Waiting for a free worker."))
        entries.append(entry)
    with entries[4].lock():
        entries[4].set_state(State("running", 0.3, "Epoch 0.6 of 2."))
        app = open_page("train")
        assert app.selectbox(key="run").value == entries[4].id
        stops = [button.key.rpartition(".")[2] for button in app.button if (button.key or "").startswith("train.stop.")]
        assert stops == [entry.id for entry in (entries[:4] + entries[5:])[:12]]
        assert "And 3 more: select one under **Run**" in text_of(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_finished_run_fills_every_page(page, store):
    app = open_page(page)
    assert not app.exception
    assert not app.error
    wanted = {
        "home": "Clusters of the clean images",
        "train": "Finished on CPU",
        "latent": "Near points have similar codes",
        "parts": "explains",
        "explain": "Contributions of the parts",
    }
    assert wanted[page] in text_of(app)


@pytest.mark.parametrize("page", PAGES)
def test_an_autoencoder_is_shown_for_what_it_is(page, store):
    app = open_page(page, run=AE1.id)
    assert not app.exception
    assert not app.error
    if page in ("parts", "explain"):
        assert "An autoencoder has no parts of its own" in text_of(app)


@pytest.mark.parametrize("page", [*PAGES, *TABS_OF_PARTS[1:-1], *TABS_OF_EXPLAIN[1:], "compare", "noise"])
def test_a_run_with_the_nmf_module_at_the_pixels_is_shown_on_every_page(page, copy_of):
    nmf = PixelNMFConfig(dataset="digits", n_parts=24)
    copy_of(
        AT_PIXELS,
        nmf,
        InterpretationConfig.of(AT_PIXELS),
        EmbeddingConfig(run=AT_PIXELS.id, n_points=5000, method="t-sne", perplexity=30),
    )
    app = open_page(page, run=AT_PIXELS.id)
    assert not app.exception
    assert not app.error
    if page == "explain?explain=edit":
        sliders = [slider for slider in app.slider if slider.label.startswith("part ")]
        assert {slider.max for slider in sliders} == {max(slider.max for slider in sliders)}
        assert all(slider.value <= slider.max for slider in sliders)


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("home", SCORES_FILE),
        ("home", "config.json"),
        ("train", "history.jsonl"),
        ("train", "snapshots/000002.safetensors"),
        ("latent", CODES_FILE),
        ("parts", MODEL_FILE),
        ("parts", "manifest.json"),
        ("explain", MODEL_FILE),
    ],
)
def test_a_damaged_run_is_set_aside_and_the_page_says_so(page, name, store):
    entry = store.get("runs", DDNMF.id)
    content = bytearray((entry.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (entry.folder / name).write_bytes(content)
    app = open_page(page, run=DDNMF.id)
    assert not app.exception
    assert not entry.folder.exists()
    assert len(store.notices()) == 1
    assert DDNMF.id in text_of(open_page("home"))


@pytest.mark.parametrize("page", PAGES)
def test_an_unknown_run_in_the_link_is_named(page, store):
    app = open_page(page, run="0123456789abcdef")
    assert not app.exception
    assert "0123456789abcdef" in text_of(app)


def test_the_link_chooses_run_and_sample(store):
    app = open_page("explain", run=DDNMF.id, sample="42")
    assert app.number_input(key="sample").value == 42
    assert app.selectbox(key="run").value == DDNMF.id


@pytest.mark.parametrize(
    ("status", "message"),
    [("failed", "The disk is full."), ("diverged", "The loss became infinite"), ("stopped", "Stopped in epoch 2")],
)
def test_a_run_that_ended_early_says_why_and_can_go_on(home, status, message):
    entry = Store(home).create(DDNMF)
    entry.set_state(State(status, 0.5, message))
    app = open_page("train")
    assert not app.exception
    assert message in text_of(app)
    app.button(key="train.resume").click().run()
    assert Store(home).is_requested(entry)


def test_starting_asks_for_exactly_what_the_widgets_say(home):
    app = open_page("train")
    app.number_input(key="train.gamma").set_value(0.5)
    app.slider(key="train.noise_level").set_value(0.7)
    app.number_input(key="train.epochs").set_value(3)
    app.run()
    app.button(key="train.start").click().run()
    (request,) = Store(home).requests()
    assert request.entry.config == RunConfig(**PRESETS["recommended"] | {"gamma": 0.5, "noise_level": 0.7, "epochs": 3})


def test_a_preset_sets_its_fields_and_leaves_the_others(home):
    app = open_page("train")
    app.slider(key="train.noise_level").set_value(0.7).run()
    app.button_group(key="train.preset").set_value("paper").run()
    app.button(key="train.start").click().run()
    config = Store(home).requests()[0].entry.config
    assert (config.loss_reduction, config.gamma, config.noise_level) == ("sum", 1.0, 0.7)


def test_settings_that_make_no_sense_are_explained_and_cannot_be_started(home):
    app = open_page("train")
    app.text_input(key="train.layers").set_value("500, many").run()
    assert "layers" in app.error[0].value
    assert "train.start" not in [button.key for button in app.button]


@pytest.mark.parametrize("page", PAGES)
def test_a_store_that_is_no_folder_is_explained(page, home):
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    app = open_page(page)
    assert not app.exception
    assert "cannot be used" in app.error[0].value


def test_a_read_only_store_can_still_be_looked_at(store, monkeypatch):
    def refuse(store):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(engine, "ensure_started", refuse)
    app = open_page("parts", run=DDNMF.id)
    assert not app.exception
    assert not app.error
    assert "training is disabled" in app.warning[0].value


def test_no_room_for_a_new_run_is_a_sentence(home, monkeypatch):
    def full(path, content, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ddnmf_core.store.run_store.write_bytes", full)
    app = open_page("train")
    app.button(key="train.start").click().run()
    assert not app.exception
    assert "No space left on device" in app.error[0].value


def test_the_rival_of_figure_2_is_offered_and_shown_once_it_is_trained(store):
    app = open_page("latent", run=DDNMF.id, other=DDNMF.id)
    assert "Both maps show the same run" in text_of(app)
    app.button(key="latent.show").click().run()
    assert app.selectbox(key="other").value == AE1.id
    trash.delete_entry(store.get("runs", AE1.id))
    app = open_page("latent", run=DDNMF.id)
    app.button(key="latent.rival").click().run()
    assert store.requests()[0].entry.config == AE1


def test_sliders_follow_the_sample_when_the_noise_changes(store):
    app = open_page("explain", run=DDNMF.id, explain="edit")
    before = [slider.value for slider in app.slider if slider.label.startswith("part")]
    app.slider(key="noise").set_value(1.0).run()
    assert [slider.value for slider in app.slider if slider.label.startswith("part")] != before


def test_sliders_reach_a_coefficient_that_is_larger_than_those_of_the_data(copy_of, monkeypatch):
    """As of a noisy image or a drawing: with the NMF module at the pixels nothing limits it."""
    copy_of(AT_PIXELS)
    monkeypatch.setattr(FinishedRun, "max_coefficient", lambda run: 0.01)
    app = open_page("explain", run=AT_PIXELS.id, explain="edit")
    assert not app.exception
    sliders = [slider for slider in app.slider if slider.label.startswith("part ")]
    assert max(slider.value for slider in sliders) > 0.01


def test_a_deleted_run_is_gone_from_the_pages(store):
    trash.delete_entry(store.get("runs", DDNMF.id))
    app = open_page("parts", run=DDNMF.id)
    assert not app.exception
    assert "not in this store" in text_of(app)


def test_a_collapsed_run_is_called_collapsed(store):
    entry = store.get("runs", DDNMF.id)
    running = Store(store.root).create(DDNMF.replace(seed=99))
    row = {**entry.history()[-1], "dead_units": 6, "constant_units": 6}
    running.append_history(row)
    running.set_state(replace(running.state, status="stopped", message="Stopped."))
    app = open_page("train", run=running.id)
    assert "Collapsed" in text_of(app)


def test_a_collapse_after_the_first_look_is_seen_too(store):
    row = store.get("runs", DDNMF.id).epochs()[-1] | {"dead_units": 0, "constant_units": 0}
    running = store.create(DDNMF.replace(seed=99))
    with running.lock():
        running.set_state(State("running", 0.3, "Epoch 1 of 2."))
        running.append_history(row | {"epoch": 1.0})
        app = open_page("train", run=running.id)
        assert "Collapsed" not in text_of(app)
        running.append_history(row | {"epoch": 2.0, "dead_units": 6, "constant_units": 6})
        assert "Collapsed" in text_of(app.run())


def test_a_denoising_autoencoder_is_not_called_a_plain_one():
    assert "against the clean images" in explain_losses(AE1.replace(model="dae"), "raw")
    assert "clean" not in explain_losses(AE1, "raw")


@pytest.mark.parametrize(
    ("run", "colour", "seen"),
    [
        (DDNMF, "part", "part 1"),
        (DDNMF, "cluster", "cluster 1"),
        (AE1, "part", "An autoencoder has no parts: coloured by class"),
    ],
)
def test_a_map_is_coloured_by_what_was_asked_for(store, monkeypatch, run, colour, seen):
    app = open_page("latent", run=run.id, other=run.id, colour=colour, points="5000")
    assert not app.exception
    maps = [element.proto.json for element in app.get("bidi_component") if "latent.left" in element.proto.id]
    assert seen in text_of(app) + "".join(maps)


def test_coordinates_are_downloaded_with_the_names_of_the_classes(store):
    run = store.entry(DDNMF)
    told = with_classes(run, pd.DataFrame({"sample": [3, 5]}))
    labels = images(run).labels[[3, 5]]
    assert list(told["class"]) == list(labels)
    assert list(told["class_name"]) == [images(run).class_names[label] for label in labels]


def test_a_sample_that_the_map_lacks_is_marked_at_its_nearest_neighbour(store):
    run, config = FinishedRun(store.entry(DDNMF)), EmbeddingConfig(run=DDNMF.id)
    z, mapped = run.codes("z"), np.arange(1, 400)
    distances = ((z[mapped] - z[0]) ** 2).sum(axis=1)
    assert nearest_on_map(run, config, 0, mapped) == 1 + distances.argmin()
    assert nearest_on_map(run, config, 7, mapped) is None  # on the map itself
    assert nearest_on_map(run, config, len(z), mapped) is None  # of other data


def test_a_log_axis_is_labelled_within_few_decades():
    assert log_axis([0.008, 0.08])["dtick"] == "D2"  # 0.01, 0.02, 0.05
    assert log_axis([0.008, 8.0, 0.0])["dtick"] == 1  # 0.01, 0.1, 1


def test_a_legend_over_a_chart_covers_no_line():
    row = {"kind": "epoch", "epoch": 1.0, "L_sym": 0.5}
    terms = {name: {"L_sym": 0.5, "L_ap": 2.1, "L_nc": 1.2} for name in ("relative", "weighted")}
    for figure in (
        charts.relative_losses([row | terms]),
        charts.loss_curves([row | terms], weighted=True),
        charts.line_chart([row], {"L_sym": "loss"}, "Loss"),
    ):
        assert figure.layout.legend.y >= 1
        assert figure.layout.legend.yanchor == "bottom"
        assert figure.layout.xaxis.dtick == 1  # whole epochs


def test_a_choice_is_not_undone_by_an_address_that_arrives_late(store):
    app = open_page("parts", run=DDNMF.id, view="raised")
    app.button_group(key="view").set_value("difference").run()
    app.query_params["view"] = "raised"  # what a quick second click still carries
    app.number_input(key="part").set_value(2).run()
    assert app.button_group(key="view").value == "difference"
    app.query_params["view"] = "alone"  # a link that somebody follows
    assert app.run().button_group(key="view").value == "alone"


def test_what_was_loaded_is_not_searched_for_garbage_after_each_run_of_a_page():
    gc.unfreeze()
    try:
        warm_up._load()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
