"""A run without results that was chosen: every page says in what state it is and where to act, and shows what there is."""

import pytest
from opening import open_page, text_of
from stored import CONFIG

from ddnmf_core.engine import client as engine
from ddnmf_core.store.entry import State
from ddnmf_core.store.run_store import Store

PAGES = ("home", "latent", "parts", "explain", "noise")
DIVERGED = "The loss became infinite or not a number in epoch 4. Lower the learning rate, or choose mean losses."
LONG = "Unexpected KeyError: 'W' in the layer __init__ of [a](b) " + "and so on " * 40


@pytest.fixture
def store(copy_of):
    return copy_of(CONFIG)


def links_of(app):
    return [element.proto.label for element in app.get("page_link")]


def unfinished(store, status, message):
    entry = store.create(CONFIG.replace(seed=7))
    entry.set_state(State(status, 0.3, message))
    return entry


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("status", "message", "said", "remedy"),
    [
        ("failed", LONG, "** failed. Unexpected KeyError: 'W' in the layer \\_\\_init\\_\\_ of \\[a\\]", "Try again (Train)"),
        ("diverged", f"{DIVERGED} The checkpoint is kept.", f"** diverged. {DIVERGED}", "Change its settings (Train)"),
        ("stopped", "Stopped in epoch 1.", "**: Stopped in epoch 1.", "Resume it (Train)"),
    ],
)
def test_every_page_says_why_a_chosen_run_has_no_results_and_shows_another(store, page, status, message, said, remedy):
    app = open_page(page, run=unfinished(store, status, message).id)
    assert not app.exception
    (told,) = [box.value for box in [*app.main.warning, *app.main.info] if "seed 7" in box.value]
    assert said in told
    assert len(told) < 250  # the whole of a long message is on the Train page
    assert "checkpoint" not in told
    assert remedy in links_of(app)
    if page in ("latent", "parts", "explain"):
        assert app.session_state["run"] == CONFIG.id


@pytest.mark.parametrize("status", ["failed", "diverged", "stopped"])
def test_the_train_page_has_the_whole_message_as_text(store, status):
    app = open_page("train", run=unfinished(store, status, LONG).id)
    (told,) = [box.value for box in [*app.error, *app.info] if "KeyError" in box.value]
    assert "\\_\\_init\\_\\_" in told
    assert told.count("and so on") == 40
    assert status == "stopped" or told.startswith(f"**{status.capitalize()}.** ")


@pytest.mark.parametrize("page", ["home", "train"])
def test_work_that_waits_for_an_engine_that_cannot_start_says_so(store, page):
    engine.write_start_error(store, "No cluster at DDNMF_SCHEDULER=tcp://[x].")
    entry = unfinished(store, "queued", "Waiting for a free worker.")
    app = open_page(page, run=entry.id)
    assert not app.exception
    assert [box.value for box in app.main.warning] == [
        "Nothing is computed at the moment. No cluster at DDNMF\\_SCHEDULER\\=tcp\\://\\[x\\]."
    ]
    assert "Engine: not running" in text_of(app.sidebar)


def test_a_run_without_results_that_is_ticked_says_why(store, monkeypatch):
    from dashboard.compare import own_runs

    monkeypatch.setattr(own_runs, "show_run_list", lambda entries, *_: entries)
    unfinished(store, "diverged", "The loss became infinite.")
    assert "seed 7" in text_of(app := open_page("compare", compare="runs"))
    assert "Change its settings (Train)" in links_of(app)


def test_where_nothing_is_finished_the_reason_stands_above_the_published_map(home):
    app = open_page("latent", run=unfinished(Store(home), "failed", "It failed.").id)
    kinds = [element.type for element in app.main]
    assert kinds.index("warning") < kinds.index("image")
